"""Hyperparameters: refused when unknown, ambiguous or out of range; each with its source."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvn_harness_core import (
    Choice,
    Datasets,
    HPOParams,
    InputError,
    ModelSpec,
    Param,
    ParamConfig,
    ParameterError,
    Range,
    TrainingPolicy,
    train_one,
)
from cvn_harness_core.contracts.params import Overridden, ResolvedParam, reserved
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
        "n_estimators": ResolvedParam(10, "user", (Overridden(500, "default"),)),
        "subsample": ResolvedParam(0.5, "user"),
    }


def test_the_users_value_is_the_users_even_if_it_is_the_default() -> None:
    assert resolve(learning_rate=0.05)["learning_rate"] == ResolvedParam(
        0.05, "user", (Overridden(0.05, "default"),)
    )


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
        ({"n_estimators": 0}, "parameter_invalid", "within [1, 2147483647]"),
        (
            {"n_estimators": 2**31},
            "parameter_invalid",
            "=2147483648 must be within [1, 2147483647]",
        ),
        ({"n_estimators": 10**400}, "parameter_invalid", "... must be within [1, 2147483647]"),
        ({"learning_rate": 10**400}, "parameter_invalid", "of type float"),
        ({"monotone_constraints": (0, -(2**40))}, "parameter_invalid", "within [-2147483648, 2147"),
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


def test_a_number_that_python_does_not_write_out_is_refused() -> None:
    with pytest.raises(
        ParameterError, match="n_estimators=a value of very many digits must be within"
    ):
        resolve(n_estimators=10**5000)


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
        (Param("p", int, low=0), "[0, 2147483647]"),
        (Param("p", int, low=0, high=2**40), "[0, 1099511627776]"),
    ],
)
def test_an_interval_is_written_as_in_a_book(param: Param, interval: str) -> None:
    assert param.range() == interval


def test_a_reserved_name_says_where_to_set_it_instead() -> None:
    places = reserved(class_balance=("scale_pos_weight",), fixed=("objective",))
    assert places["scale_pos_weight"] == "TrainingPolicy(class_balance=...)"
    assert "the contract fixes it" in places["objective"]


# --- layers ---------------------------------------------------------------------------------

LAYERED = ModelSpec(
    name="layered",
    adapter=lambda: None,
    params=(
        Param("rate", float, default=0.05, low=0, aliases=("eta",), search=Range(0.01, 0.2)),
        Param("leaves", int, default=31, low=2, by_timeframe={"1h": 15, "1d": 7}),
        Param("bins", int, low=2, by_timeframe={"1d": 63}),
        Param("dart", bool),
        Param("drop", float, low=0, high=1, needs={"dart": (True,)}),
    ),
    reserved=reserved(seed=("random_state",)),
)


def layered(
    params: dict[str, Any] | None = None, config: ParamConfig | None = None, **settings: Any
) -> Any:
    return resolve_parameters(LAYERED, HPOParams(params or {}, config=config, **settings))


def test_the_user_is_over_the_configuration_is_over_the_default() -> None:
    config = ParamConfig({"rate": 0.1, "leaves": 63})
    assert layered({"rate": 0.2}, config).values == {
        "rate": ResolvedParam(
            0.2, "user", (Overridden(0.05, "default"), Overridden(0.1, "config"))
        ),
        "leaves": ResolvedParam(63, "config", (Overridden(31, "default"),)),
    }


def test_layers_meet_under_the_canonical_name() -> None:
    found = layered({"eta": 1}, ParamConfig({"rate": 2})).values["rate"]
    assert found.value == 1.0
    assert Overridden(2.0, "config") in found.overridden


def test_a_value_that_nothing_stood_in_place_of_overrides_nothing() -> None:
    assert layered({"bins": 99}).values["bins"] == ResolvedParam(99, "user")


@pytest.mark.parametrize(
    ("timeframe", "leaves", "bins"),
    [(None, 31, None), ("1h", 15, None), ("1d", 7, 63), ("5m", 31, None)],
)
def test_a_default_may_depend_on_the_timeframe(
    timeframe: str | None, leaves: int, bins: int | None
) -> None:
    values = layered(timeframe=timeframe).values
    assert values["leaves"] == ResolvedParam(leaves, "default")
    assert values.get("bins") == (None if bins is None else ResolvedParam(bins, "default"))


def test_what_was_overridden_by_timeframe_is_the_default_that_held() -> None:
    values = layered({"leaves": 9}, timeframe="1h").values
    assert values["leaves"].overridden == (Overridden(15, "default"),)


@pytest.mark.parametrize(
    ("values", "space", "code", "said"),
    [
        ({"leafs": 3}, {}, "parameter_unknown", "Did you mean 'leaves'?"),
        ({"random_state": 3}, {}, "parameter_reserved", "HPOParams(seed=...)"),
        ({"leaves": "many"}, {}, "parameter_invalid", "of type int"),
        ({"leaves": 1}, {}, "parameter_invalid", "within [2, 2147483647]"),
        ({"rate": 1, "eta": 1}, {}, "parameter_duplicate", "two spellings"),
        ({"drop": 0.5}, {}, "parameter_invalid", "no effect unless dart is True; it is None"),
        ({}, {"leafs": Range(3, 9)}, "parameter_unknown", "Did you mean 'leaves'?"),
        ({}, {"leaves": Range(9, 3)}, "space_invalid", "from 9 to 3"),
        ({"leaves": 5}, {"leaves": Range(3, 9)}, "parameter_duplicate", "fixed and searched"),
        ({"rate": 1}, {"eta": Range(3, 9)}, "parameter_duplicate", "fixed and searched"),
    ],
)
def test_a_mistake_in_a_configuration_says_where_it_stands(
    values: dict[str, Any], space: dict[str, Any], code: str, said: str
) -> None:
    origins = {name: f"hpo.toml ({name})" for name in (*values, *space)}
    with pytest.raises(ParameterError) as caught:
        layered(config=ParamConfig(values, space, origins))
    assert caught.value.code == code
    assert said in str(caught.value)
    assert str(caught.value).startswith("hpo.toml (")
    assert "layered" in str(caught.value)


def test_the_users_mistake_is_not_blamed_on_the_configuration() -> None:
    config = ParamConfig({"leaves": 5}, origins={"leaves": "hpo.toml [layered]"})
    with pytest.raises(ParameterError) as caught:
        layered({"leaves": 1}, config)
    assert str(caught.value).startswith("layered: leaves=1")


def test_one_layer_may_provide_what_another_needs() -> None:
    values = layered({"dart": True}, ParamConfig({"drop": 0.5})).values
    assert values["drop"] == ResolvedParam(0.5, "config")
    with pytest.raises(ParameterError, match="it is False"):
        layered({"dart": False}, ParamConfig({"drop": 0.5, "dart": True}))


@pytest.mark.parametrize(
    "settings", [{"config": {"leaves": 3}}, {"timeframe": 60}, {"config": "hpo.toml"}], ids=str
)
def test_a_layer_of_another_type_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"HPOParams\.(config|timeframe) is") as caught:
        HPOParams(**settings)
    assert caught.value.code == "setting_invalid"


@pytest.mark.usefixtures("models")
def test_the_artifact_lists_what_was_overridden(datasets: Datasets) -> None:
    config = ParamConfig({"C": 2.0, "max_iter": 300})
    artifact = train_one("logreg", datasets, HPOParams({"C": 3.0}, config=config))
    found = artifact.effective_params
    assert (found["C"].value, found["C"].source) == (3.0, "user")
    assert found["C"].overridden == (Overridden(1.0, "default"), Overridden(2.0, "config"))
    assert (found["max_iter"].value, found["max_iter"].source) == (300, "config")
    assert artifact.params == {"C": 3.0}


@pytest.mark.usefixtures("models")
def test_a_class_weight_of_the_configuration_is_over_the_policys(datasets: Datasets) -> None:
    policy = TrainingPolicy(class_balance=5.0)
    configured = HPOParams(config=ParamConfig({"positive_weight": 2.0}))
    artifact = train_one("weighted", datasets, configured, policy=policy)
    found = artifact.effective_params["positive_weight"]
    assert (found.value, found.source) == (2.0, "config")
    plain = train_one("weighted_by_default", datasets, policy=policy)
    found = plain.effective_params["positive_weight"]
    assert (found.value, found.source) == (5.0, "policy")
    assert found.overridden == (Overridden(1.0, "default"),)


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(
    ("balance", "replaced"), [(5.0, 5.0), ("auto", "auto"), ("none", None)], ids=str
)
def test_a_class_weight_of_the_policy_that_the_users_replaces_is_listed(
    datasets: Datasets, balance: Any, replaced: Any
) -> None:
    user = HPOParams({"positive_weight": 3.0}, config=ParamConfig({"positive_weight": 2.0}))
    policy = TrainingPolicy(class_balance=balance)
    artifact = train_one("weighted_by_default", datasets, user, policy=policy)
    found = artifact.effective_params["positive_weight"]
    assert (found.value, found.source) == (3.0, "user")
    y = datasets.train.y
    weight = (y == 0).sum() / (y == 1).sum() if replaced == "auto" else replaced
    of_policy = () if weight is None else (Overridden(weight, "policy"),)
    assert found.overridden == (
        Overridden(1.0, "default"), *of_policy, Overridden(2.0, "config"),
    )  # fmt: skip


@pytest.mark.usefixtures("models")
def test_what_the_best_trial_leaves_to_the_library_is_listed_with_what_it_replaced(
    datasets: Datasets,
) -> None:
    pytest.importorskip("optuna")
    tiny = 1e-12  # scores by it are all but equal
    artifact = train_one(
        "searched",
        datasets,
        HPOParams(
            config=ParamConfig({"C": 2.0}),
            space={"C": Choice(None, tiny)},
            n_trials=12,
            sampler="random",
            objective="log_loss",
        ),
    )
    assert {trial.params["C"] for trial in artifact.search.trials} == {None, tiny}
    found = artifact.effective_params["C"]
    assert (found.value, found.source, found.requested) == (1.0, "search", None)
    assert found.overridden == (Overridden(1.0, "default"), Overridden(2.0, "config"))
