"""Hyperparameters: refused when unknown, ambiguous or out of range; each with its source."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvn_harness_core import Datasets, HPOParams, ModelSpec, Param, ParameterError, train_one
from cvn_harness_core.contracts.params import ResolvedParam, reserved
from cvn_harness_core.harness.parameters import resolve_parameters

SPEC = ModelSpec(
    name="sample",
    adapter=lambda: None,
    params=(
        Param("learning_rate", float, default=0.05, low=0, open_low=True, aliases=("eta",)),
        Param("n_estimators", int, default=500, low=1, aliases=("num_trees", "iterations")),
        Param("subsample", float, low=0, high=1, open_low=True),
        Param("extra_trees", bool),
        Param("booster", str, choices=("gbtree", "dart")),
        Param("monotone_constraints", tuple),
    ),
    reserved=reserved(
        seed=("random_state",), threads=("n_jobs",), stopping=("early_stopping_rounds",)
    ),
)


def resolve(**params: Any) -> dict[str, ResolvedParam]:
    return resolve_parameters(SPEC, HPOParams(params)).values


def test_defaults_stand_unless_the_user_says_otherwise() -> None:
    assert resolve(subsample=0.5, n_estimators=10) == {
        "learning_rate": ResolvedParam(0.05, "default"),
        "n_estimators": ResolvedParam(10, "user"),
        "subsample": ResolvedParam(0.5, "user"),
    }


def test_the_users_value_is_the_users_even_if_it_is_the_default() -> None:
    assert resolve(learning_rate=0.05)["learning_rate"] == ResolvedParam(0.05, "user")


def test_an_alias_is_the_parameter() -> None:
    assert resolve(eta=0.3, num_trees=9) == resolve(learning_rate=0.3, n_estimators=9)


@pytest.mark.parametrize(
    ("params", "code", "said"),
    [
        ({"learning_rat": 0.1}, "parameter_unknown", "Did you mean 'learning_rate'?"),
        ({"estimators": 9}, "parameter_unknown", "Did you mean 'n_estimators'?"),
        ({"earlystopping_rounds": 9}, "parameter_unknown", "'early_stopping_rounds'"),
        ({"zzz": 1}, "parameter_unknown", "It accepts: learning_rate, n_estimators, subsample"),
        ({"Learning_Rate": 0.1}, "parameter_unknown", "'learning_rate'"),
        ({"eta": 0.1, "learning_rate": 0.1}, "parameter_duplicate", "'eta' and 'learning_rate'"),
        ({"num_trees": 1, "iterations": 2}, "parameter_duplicate", "give 'n_estimators' only"),
        ({"random_state": 1}, "parameter_reserved", "HPOParams(seed=...)"),
        ({"n_jobs": 1}, "parameter_reserved", "HPOParams(n_threads=...)"),
        ({"early_stopping_rounds": 5}, "parameter_reserved", "early_stopping=EarlyStopping("),
        ({"learning_rate": 0}, "parameter_invalid", "within (0, inf)"),
        ({"learning_rate": -1}, "parameter_invalid", "learning_rate=-1"),
        ({"learning_rate": float("nan")}, "parameter_invalid", "within (0, inf)"),
        ({"learning_rate": float("inf")}, "parameter_invalid", "within (0, inf)"),
        ({"subsample": 1.01}, "parameter_invalid", "within (0, 1]"),
        ({"n_estimators": 0}, "parameter_invalid", "within [1, inf)"),
        ({"n_estimators": 10.5}, "parameter_invalid", "of type int"),
        ({"n_estimators": True}, "parameter_invalid", "of type int"),
        ({"n_estimators": np.True_}, "parameter_invalid", "of type int"),
        ({"n_estimators": "10"}, "parameter_invalid", "of type int"),
        ({"n_estimators": None}, "parameter_invalid", "of type int"),
        ({"n_estimators": [10]}, "parameter_invalid", "of type int"),
        ({"n_estimators": float("nan")}, "parameter_invalid", "of type int"),
        ({"n_estimators": np.array([3])}, "parameter_invalid", "of type int"),
        ({"learning_rate": "0.1"}, "parameter_invalid", "of type float"),
        ({"extra_trees": 1}, "parameter_invalid", "of type bool"),
        ({"extra_trees": "yes"}, "parameter_invalid", "of type bool"),
        ({"booster": "forest"}, "parameter_invalid", "one of gbtree, dart"),
        ({"booster": 1}, "parameter_invalid", "of type str"),
        ({"monotone_constraints": "1,0"}, "parameter_invalid", "monotone_constraints"),
        ({"monotone_constraints": 1}, "parameter_invalid", "monotone_constraints"),
        ({"monotone_constraints": (0.9, 1.7)}, "parameter_invalid", "monotone_constraints"),
        ({"monotone_constraints": ("up",)}, "parameter_invalid", "monotone_constraints"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_parameter_that_cannot_be_meant_is_refused(
    params: dict[str, Any], code: str, said: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        resolve(**params)
    assert caught.value.code == code
    assert said in str(caught.value)
    assert "sample" in str(caught.value)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"c": 1.0}, "parameter_unknown"),
        ({"C": 1.0, "inverse_l2": 1.0}, "parameter_duplicate"),
        ({"random_state": 7}, "parameter_reserved"),
        ({"C": -1.0}, "parameter_invalid"),
    ],
    ids=str,
)
def test_it_is_refused_before_any_training(
    params: dict[str, Any],
    code: str,
    datasets: Datasets,
    refused: Any,
) -> None:
    check: AbstractContextManager[Any] = refused(ParameterError, code)
    with check:
        train_one("logreg", datasets, HPOParams(params=params))


@pytest.mark.parametrize("value", [7, 7.0, np.int64(7), np.float64(7), np.uint8(7), np.array(7)])
def test_whole_numbers_of_any_kind_are_ints(value: object) -> None:
    found = resolve(n_estimators=value)["n_estimators"].value
    assert found == 7
    assert type(found) is int


@pytest.mark.parametrize("value", [1, np.int64(1), np.float64(1.0), 1.0])
def test_numbers_of_any_kind_are_floats(value: object) -> None:
    assert type(resolve(subsample=value)["subsample"].value) is float


@pytest.mark.parametrize("value", [[1, 0, -1], (1, 0, -1), [np.int64(1), 0, -1]])
def test_a_sequence_of_whole_numbers_is_a_tuple(value: object) -> None:
    assert resolve(monotone_constraints=value)["monotone_constraints"].value == (1, 0, -1)


@given(st.floats(-10, 10), st.floats(-5, 5), st.floats(-5, 5), st.booleans(), st.booleans())
def test_a_value_passes_exactly_if_it_lies_in_the_interval(
    value: float, one: float, other: float, open_low: bool, open_high: bool
) -> None:
    low, high = min(one, other), max(one, other)
    param = Param("p", float, low=low, high=high, open_low=open_low, open_high=open_high)
    inside = (low < value or (low == value and not open_low)) and (
        value < high or (value == high and not open_high)
    )
    if inside:
        assert param.check(value) == value
    else:
        with pytest.raises(ParameterError) as caught:
            param.check(value)
        assert caught.value.code == "parameter_invalid"
        assert param.range() in str(caught.value)


@pytest.mark.parametrize(
    ("param", "interval"),
    [
        (Param("p", float), "(-inf, inf)"),
        (Param("p", float, low=0), "[0, inf)"),
        (Param("p", float, low=0, high=1, open_low=True), "(0, 1]"),
        (Param("p", float, high=0.5, open_high=True), "(-inf, 0.5)"),
    ],
)
def test_an_interval_is_written_as_in_a_book(param: Param, interval: str) -> None:
    assert param.range() == interval


def test_a_reserved_name_says_where_to_set_it_instead() -> None:
    places = reserved(class_balance=("scale_pos_weight",), fixed=("objective",))
    assert places["scale_pos_weight"] == "TrainingPolicy(class_balance=...)"
    assert "the contract fixes it" in places["objective"]
