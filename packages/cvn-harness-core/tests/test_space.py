"""Search spaces: narrowed, added to, fixed; conditional dimensions; what is no dimension."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvn_harness_core import (
    Choice,
    HPOParams,
    ModelSpec,
    Param,
    ParamConfig,
    ParameterError,
    Range,
)
from cvn_harness_core.contracts.space import check_dimension, space_text
from cvn_harness_core.harness.parameters import active, resolve_parameters

SPEC = ModelSpec(
    name="sample",
    adapter=lambda: None,
    params=(
        Param(
            "temperature",
            float,
            low=0,
            search=Range(0.0, 2.0),
            needs={"bootstrap": ("Bayesian",)},
        ),
        Param(
            "bootstrap", str, choices=("Bayesian", "MVS", "No"), search=Choice("Bayesian", "MVS")
        ),
        Param("mvs_reg", float, low=0, needs={"bootstrap": (None, "MVS")}),
        Param(
            "rate", float, low=0, open_low=True, aliases=("eta",), search=Range(0.01, 0.3, log=True)
        ),
        Param("depth", int, default=6, low=1, high=16, search=Range(3, 8)),
        Param("leaves", int, low=2),
        Param("shrink", float, low=0),
        Param("shrink_mode", str, choices=("a", "b"), needs={"shrink": ()}),
        Param("trees", int, default=500, low=1),
        Param("flag", bool),
        Param("signs", tuple),
    ),
    iterations_param="trees",
)


def space(
    params: dict[str, Any] | None = None,
    config: ParamConfig | None = None,
    **dimensions: Any,
) -> dict[str, Any]:
    hpo = HPOParams(params or {}, n_trials=5, config=config, space=dimensions)
    return resolve_parameters(SPEC, hpo).space


def refusal(code: str, call: Any) -> str:
    with pytest.raises(ParameterError) as caught:
        call()
    assert caught.value.code == code
    assert "sample" in str(caught.value)
    return str(caught.value)


# --- what is searched -----------------------------------------------------------------------


def test_the_plugins_space_is_searched_unless_somebody_says_otherwise() -> None:
    assert set(space()) == {"bootstrap", "temperature", "rate", "depth"}
    assert space()["rate"] == Range(0.01, 0.3, log=True)


def test_nothing_is_searched_without_trials() -> None:
    assert resolve_parameters(SPEC, HPOParams()).space == {}


def test_a_dimension_is_narrowed_by_configuration_and_by_the_user() -> None:
    config = ParamConfig(space={"depth": Range(4, 7), "rate": Range(0.02, 0.1)})
    found = space(config=config, depth=Range(5, 6))
    assert found["depth"] == Range(5, 6)
    assert found["rate"] == Range(0.02, 0.1)


def test_a_dimension_is_narrowed_under_an_alias() -> None:
    found = space(eta=Range(0.05, 0.06))
    assert found["rate"] == Range(0.05, 0.06)
    assert "eta" not in found


def test_a_dimension_is_added() -> None:
    found = space(leaves=Range(4, 64, log=True), flag=Choice(True, False))
    assert found["leaves"] == Range(4, 64, log=True)
    assert found["flag"] == Choice(True, False)


def test_what_is_fixed_is_not_searched() -> None:
    assert "depth" not in space({"depth": 4})
    assert "rate" not in space({"eta": 0.1})
    assert "depth" not in space(config=ParamConfig({"depth": 4}))
    assert "depth" not in space({"depth": 4}, ParamConfig(space={"depth": Range(3, 5)}))


def test_the_users_space_opens_what_the_configuration_fixed() -> None:
    hpo = HPOParams(n_trials=5, config=ParamConfig({"depth": 4}), space={"depth": Range(3, 5)})
    found = resolve_parameters(SPEC, hpo)
    assert found.space["depth"] == Range(3, 5)
    assert found.values["depth"].value == 4  # what the search will override


def test_a_default_is_what_a_search_overrides() -> None:
    found = resolve_parameters(SPEC, HPOParams(n_trials=5))
    assert found.values["depth"].value == 6
    assert "depth" in found.space


def test_a_parameter_fixed_and_searched_at_once_is_refused() -> None:
    said = refusal("parameter_duplicate", lambda: space({"depth": 4}, depth=Range(3, 5)))
    assert "fixed and searched at once" in said
    refusal("parameter_duplicate", lambda: space({"rate": 0.1}, eta=Range(0.1, 0.2)))


@pytest.mark.parametrize("value", ["4", 4.5, True, None, [4]])
def test_a_fixed_value_outside_its_type_is_refused(value: Any) -> None:
    refusal("parameter_invalid", lambda: space({"depth": value}))


def test_an_unknown_dimension_is_refused() -> None:
    assert "'depth'" in refusal("parameter_unknown", lambda: space(dept=Range(3, 5)))


# --- conditional dimensions -----------------------------------------------------------------


def test_a_parent_comes_before_what_needs_it() -> None:
    assert list(space()).index("bootstrap") < list(space()).index("temperature")


def test_a_dimension_without_effect_is_left_out() -> None:
    assert "temperature" not in space({"bootstrap": "MVS"})
    assert "temperature" not in space(bootstrap=Choice("MVS", "No"))
    assert "temperature" in space({"bootstrap": "Bayesian"})
    config = ParamConfig(space={"temperature": Range(0, 1)})
    assert "temperature" not in space({"bootstrap": "MVS"}, config)


def test_a_dimension_without_effect_that_the_user_asks_for_is_refused() -> None:
    said = refusal(
        "parameter_invalid", lambda: space({"bootstrap": "MVS"}, temperature=Range(0, 1))
    )
    assert "temperature has no effect unless bootstrap is 'Bayesian'; it is 'MVS'" in said
    said = refusal(
        "parameter_invalid",
        lambda: space(bootstrap=Choice("MVS", "No"), temperature=Range(0, 1)),
    )
    assert "searched over MVS | No" in said


def test_a_dimension_with_an_effect_in_some_trials_is_searched() -> None:
    assert "mvs_reg" in space(mvs_reg=Range(0.1, 1))


def test_none_among_the_choices_is_the_librarys_own() -> None:
    assert "mvs_reg" in space(bootstrap=Choice(None, "No"), mvs_reg=Range(0.1, 1))
    assert "mvs_reg" in space({"trees": 9}, ParamConfig(space={"mvs_reg": Range(0.1, 1)}))


def test_a_range_sets_its_parameter_and_promises_no_value() -> None:
    found = list(space(shrink=Range(0.1, 0.2), shrink_mode=Choice("a", "b")))
    assert found.index("shrink") < found.index("shrink_mode")
    assert "it is None" in refusal("parameter_invalid", lambda: space(shrink_mode=Choice("a", "b")))


def test_what_is_fixed_must_have_an_effect_in_every_trial() -> None:
    said = refusal("parameter_invalid", lambda: space({"temperature": 1.0}))
    assert "bootstrap is searched" not in said
    assert "it is searched over Bayesian | MVS; fix or narrow that, too" in said
    assert "temperature" not in space({"temperature": 1.0, "bootstrap": "Bayesian"})
    said = refusal(
        "parameter_invalid",
        lambda: space(
            config=ParamConfig({"temperature": 1.0}, origins={"temperature": "hpo.toml [sample]"})
        ),
    )
    assert said.startswith("hpo.toml [sample]: sample: ")


def test_an_effect_is_told_of_values() -> None:
    temperature, mode = SPEC.param("temperature"), SPEC.param("shrink_mode")
    assert temperature is not None
    assert mode is not None
    assert active(temperature, {"bootstrap": "Bayesian"})
    assert not active(temperature, {"bootstrap": "MVS"})
    assert not active(temperature, {})
    assert active(mode, {"shrink": 0.0})
    assert not active(mode, {"shrink": None})


def test_parameters_that_need_one_another_are_refused() -> None:
    circle = ModelSpec(
        name="sample",
        adapter=lambda: None,
        params=(
            Param("a", int, search=Range(1, 2), needs={"b": ()}),
            Param("b", int, search=Range(1, 2), needs={"a": ()}),
        ),
    )
    said = refusal("space_invalid", lambda: resolve_parameters(circle, HPOParams(n_trials=1)))
    assert "a, b need one another" in said


# --- what is no dimension -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "dimension", "said"),
    [
        ("depth", Range(5, 5), "from 5 to 5 there is nothing"),
        ("depth", Range(8, 3), "from 8 to 3 there is nothing"),
        ("depth", Range(0, 3), "low: depth=0 must be within [1, 16]"),
        ("depth", Range(3, 99), "high: depth=99 must be within [1, 16]"),
        ("depth", Range(3.5, 8), "low: depth=3.5 must be of type int"),
        ("depth", Range(3, 7.5), "high: depth=7.5 must be of type int"),
        ("depth", Range(3, 8, step=0.5), "must be a whole number"),
        ("depth", Range(3, 8, step=9), "no longer than the range"),
        ("depth", Range(3, 8, step=0), "must be above 0"),
        ("depth", Range(3, 8, step=float("nan")), "must be above 0"),
        ("depth", Range(3, 8, log=True, step=1), "has no step"),
        ("depth", Range(3, 8, step="2"), "step '2' must be a number"),  # type: ignore[arg-type]
        ("depth", Range(3, 8, step=True), "step True must be a number"),
        ("rate", Range(0.1, 0.5, step=np.float32(0.1)), "must be a number"),  # type: ignore[arg-type]
        ("depth", Range(3, 8, log="linear"), "log 'linear' must be True or False"),  # type: ignore[arg-type]
        ("depth", Range(3, 8, log=np.bool_(True)), "must be True or False"),  # type: ignore[arg-type]
        ("leaves", Range(2, 1e30), "high: leaves=1e+30 must be within [2, 2147483647]"),
        ("rate", Range(0.1, 10**400), "high: rate=1000"),
        ("trees", Choice(None, 50), "the number of iterations cannot be left to the library"),
        ("depth", Range("3", 8), "low: depth='3' must be of type int"),  # type: ignore[arg-type]
        ("depth", Range(True, 8), "low: depth=True must be of type int"),
        ("depth", Choice(), "two or more values"),
        ("depth", Choice(4), "two or more values"),
        ("depth", Choice(4, 4.0), "two or more values, each once"),
        ("depth", Choice(4, 99), "depth=99 must be within"),
        ("depth", (3, 8), "is no Range and no Choice"),
        ("depth", {"low": 3, "high": 8}, "is no Range and no Choice"),
        ("rate", Range(0.1, float("inf")), "high: rate=inf"),
        ("rate", Range(float("nan"), 0.1), "low: rate=nan"),
        ("rate", Range(0, 0.1), "low: rate=0 must be within (0, inf)"),
        ("shrink", Range(0, 0.1, log=True), "a log range begins above 0"),
        ("bootstrap", Range(0, 1), "a str has no range; give a Choice"),
        ("bootstrap", Choice("MVS", "mvs"), "one of Bayesian, MVS, No"),
        ("flag", Range(0, 1), "a bool has no range"),
        ("flag", Choice(0, 1), "of type bool"),
        ("signs", Range(0, 1), "a tuple has no range"),
    ],
    ids=str,
)
def test_what_is_no_dimension_is_refused(name: str, dimension: Any, said: str) -> None:
    assert said in refusal("space_invalid", lambda: space(**{name: dimension}))
    config = ParamConfig(space={name: dimension}, origins={name: "hpo.toml [sample]"})
    with pytest.raises(ParameterError, match=r"^hpo\.toml \[sample\]: sample: ") as caught:
        resolve_parameters(SPEC, HPOParams(config=config))  # also where nothing is searched
    assert caught.value.code == "space_invalid"


@given(st.integers(1, 16), st.integers(1, 16))
def test_a_range_of_whole_numbers_keeps_them(low: int, high: int) -> None:
    depth = SPEC.param("depth")
    assert depth is not None
    if low < high:
        found = check_dimension(depth, Range(float(low), float(high)))
        assert found == Range(low, high)
        assert {type(found.low), type(found.high)} == {int}  # type: ignore[union-attr]
    else:
        with pytest.raises(ParameterError):
            check_dimension(depth, Range(low, high))


@pytest.mark.parametrize(
    ("name", "given", "searched"),
    [
        ("depth", Range(3, 10, step=4), Range(3, 7, step=4)),
        ("depth", Range(3, 11, step=4.0), Range(3, 11, step=4)),
        ("shrink", Range(0.5, 1, step=0.3), Range(0.5, 0.8, step=0.3)),
        ("shrink", Range(0.1, 0.4, step=0.1), Range(0.1, 0.4, step=0.1)),
        ("shrink", Range(0.2, 0.3, step=0.1), Range(0.2, 0.3, step=0.1)),
    ],
)
def test_a_range_ends_with_its_last_step(name: str, given: Range, searched: Range) -> None:
    param = SPEC.param(name)
    assert param is not None
    found = check_dimension(param, given)
    assert found == searched
    assert check_dimension(param, found) == found
    assert {type(found.low), type(found.high), type(found.step)} == {param.type}  # type: ignore[union-attr]
    low, high, step = found.low, found.high, found.step  # type: ignore[union-attr]
    optuna = pytest.importorskip("optuna")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Optuna warns where it has to shorten a range itself
        optuna.distributions.FloatDistribution(low, high, step=step)


def test_what_a_plugin_declares_is_checked_as_any_space() -> None:
    def declaring(search: Range) -> ModelSpec:
        params = (Param("share", float, low=0, search=search),)
        return ModelSpec(name="sample", adapter=lambda: None, params=params)

    found = resolve_parameters(declaring(Range(0.5, 1, step=0.3)), HPOParams(n_trials=1)).space
    assert found["share"] == Range(0.5, 0.8, step=0.3)
    wrong = declaring(Range(-1, 1))
    refusal("space_invalid", lambda: resolve_parameters(wrong, HPOParams(n_trials=1)))


@pytest.mark.parametrize(
    ("dimension", "text"),
    [
        (Range(8, 256, log=True), "[8, 256] log"),
        (Range(0.5, 1, step=0.1), "[0.5, 1] step 0.1"),
        (Choice("Bayesian", "MVS"), "Bayesian | MVS"),
        (Choice(None, True), "library's | True"),
    ],
)
def test_a_dimension_is_told_in_short(dimension: Any, text: str) -> None:
    assert space_text(dimension) == text
