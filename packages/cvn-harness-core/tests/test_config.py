"""Hyperparameters from files and from the environment: what is read, and what is refused where."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cvn_harness_core import (
    MODEL_REGISTRY,
    Choice,
    Datasets,
    HPOParams,
    InputError,
    ParamConfig,
    ParameterError,
    PluginNotInstalledError,
    Range,
    SearchError,
    read_config,
    resolve_parameters,
    train_ensemble,
    train_one,
    unclaimed_variables,
)
from cvn_harness_core.config.environment import read_environment
from cvn_harness_core.config.text import from_text, to_text
from cvn_harness_core.contracts.params import Overridden, Param
from cvn_harness_core.harness.parameters import replaced_ranges
from cvn_harness_core.search.space import with_trial

pytestmark = pytest.mark.usefixtures("models")

FILE = """\
[searched]
max_iter = 50
fit_intercept = false

[searched.search]
C = { low = 0.1, high = 1, log = true }
solver = { choices = ["lbfgs", "newton-cholesky"], unset = true }
verbose = { low = 0, high = 4, step = 2 }

[logreg]
C = 7
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "hpo.toml"
    file.write_text(FILE)
    return file


def refusal(code: str, call: Callable[[], object]) -> str:
    with pytest.raises(ParameterError) as caught:
        call()
    assert caught.value.code == code, caught.value
    return str(caught.value)


# --- TOML -----------------------------------------------------------------------------------


def test_a_file_has_a_table_for_each_model(path: Path) -> None:
    found = read_config("searched", toml=path)
    assert found.values == {"max_iter": 50, "fit_intercept": False}
    assert found.space == {
        "C": Range(0.1, 1.0, log=True),
        "solver": Choice(None, "lbfgs", "newton-cholesky"),
        "verbose": Range(0, 4, step=2),
    }
    assert found.origins["max_iter"] == f"{path} [searched]"
    assert found.origins["C"] == f"{path} [searched.search]"
    assert read_config("logreg", toml=str(path)).values == {"C": 7.0}
    assert read_config("weighted", toml=path) == ParamConfig()


def test_an_alias_in_a_file_is_the_parameter(path: Path) -> None:
    path.write_text("[searched]\niterations = 9")
    found = read_config("searched", toml=path)
    assert found.values == {"max_iter": 9}
    assert found.origins == {"max_iter": f"{path} [searched]"}


def test_the_number_of_iterations_cannot_be_left_to_the_library(path: Path) -> None:
    path.write_text("[descent.search]\nn_steps = { choices = [5, 9], unset = true }")
    said = refusal("space_invalid", lambda: read_config("descent", toml=path))
    assert f"{path} [descent.search]: descent: the search space of n_steps" in said


def test_an_ensemble_has_a_table_like_a_model(path: Path) -> None:
    path.write_text("[mean]\npower = 2")
    assert read_config("mean", toml=path).values == {"power": 2.0}


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("[searched", "config_unreadable", "is no TOML"),
        ("\x00", "config_unreadable", "is no TOML"),
        ("C = 1", "config_invalid", "'C' must stand in the table of a model"),
        ("[serched]", "config_invalid", "[serched]: no installed package offers 'serched'. Did "),
        ("[searched]\nserch = 1", "parameter_unknown", "[searched]: searched has no parameter"),
        ("[searched]\nmax_iter = '9'", "parameter_invalid", "[searched]: searched: max_iter='9'"),
        ("[searched]\nmax_iter = true", "parameter_invalid", "of type int"),
        ("[searched]\nmax_iter = 0", "parameter_invalid", "within [1, 2147483647]"),
        ("[searched]\nmax_iter = {low = 1}", "parameter_invalid", "of type int"),
        ("[searched]\nsigns = {a = 1}", "parameter_invalid", "of type tuple"),
        ("[searched]\nC = 2020-01-01", "parameter_invalid", "of type float"),
        ("[searched]\nC = nan", "parameter_invalid", "within (0, inf)"),
        ("[searched]\nrandom_state = 1", "parameter_reserved", "[searched]: searched: 'random_st"),
        ("[searched]\nmax_iter = 1\niterations = 1", "parameter_duplicate", "two spellings"),
        ("[searched]\nsearch = 1", "config_invalid", "search = 1 must be a table"),
        ("[searched.search]\nD = {low = 1, high = 2}", "parameter_unknown", "[searched.search]"),
        ("[searched.search]\nC = 3", "config_invalid", "C = 3 must be { low"),
        ("[searched.search]\nC = [1, 3]", "config_invalid", "[searched.search]: C = [1, 3] must"),
        ("[searched.search]\nC = {low = 1}", "config_invalid", "C has no high"),
        ("[searched.search]\nC = {}", "config_invalid", "C has no low"),
        ("[searched.search]\nC = {low = 1, hi = 2}", "config_invalid", "C has hi, which"),
        ("[searched.search]\nC = {choices = [1, 2], low = 1}", "config_invalid", "C has low, "),
        ("[searched.search]\nC = {choices = 1}", "config_invalid", "choices = 1 must be a list"),
        ("[searched.search]\nC = {choices = [1]}", "space_invalid", "two or more values"),
        ("[searched.search]\nC = {low = 1, high = 2, log = 1}", "config_invalid", "true or false"),
        ("[searched.search]\nC = {low = 1, high = 2, step = 'a'}", "config_invalid", "a number"),
        ("[searched.search]\nC = {low = 2, high = 1}", "space_invalid", "[searched.search]: sear"),
        ("[searched.search]\nC = {low = 0, high = 1, log = true}", "space_invalid", "within (0"),
        ("[searched.search]\nC = {low = 1, high = inf}", "space_invalid", "high: C=inf"),
        ("[searched.search]\nmax_iter = {low = 1.5, high = 9}", "space_invalid", "of type int"),
        ("[searched.search]\nsolver = {low = 1, high = 2}", "space_invalid", "no range"),
        (
            "[searched]\nC = 1\n[searched.search]\nC = {low = 1, high = 2}",
            "parameter_duplicate",
            "fixed and searched at once",
        ),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_mistake_in_a_file_names_file_and_table(
    text: str, code: str, said: str, path: Path
) -> None:
    path.write_text(text)
    message = refusal(code, lambda: read_config("searched", toml=path))
    assert said in message
    assert message.startswith(str(path))


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    said = refusal("config_unreadable", lambda: read_config("logreg", toml=tmp_path / "no.toml"))
    assert said == f"{tmp_path / 'no.toml'} cannot be read: No such file or directory."
    assert "directory" in refusal("config_unreadable", lambda: read_config("logreg", toml=tmp_path))


def test_a_model_that_is_not_installed_is_told(path: Path) -> None:
    with pytest.raises(PluginNotInstalledError, match="Did you mean 'searched'"):
        read_config("serched", toml=path)


# --- environment ----------------------------------------------------------------------------


def test_variables_are_read_by_the_parameters_type() -> None:
    environ = {
        "CVN_HPO_SEARCHED_MAX_ITER": " 50 ",
        "CVN_HPO_SEARCHED_C": "1e-2",
        "CVN_HPO_SEARCHED_FIT_INTERCEPT": "False",
        "CVN_HPO_SEARCHED_SOLVER": "lbfgs",
        "CVN_HPO_SEARCHED_SIGNS": "[1, 0, -1]",
        "CVN_HPO_LOGREG_C": "3",
        "HOME": "/root",
    }
    found = read_config("searched", environ=environ)
    assert found.values == {
        "max_iter": 50,
        "C": 0.01,
        "fit_intercept": False,
        "solver": "lbfgs",
        "signs": (1, 0, -1),
    }
    assert found.origins["max_iter"] == "CVN_HPO_SEARCHED_MAX_ITER"
    assert read_config("searched") == ParamConfig()


def test_a_range_is_two_variables_and_a_scale() -> None:
    environ = {
        "CVN_HPO_SEARCHED_C_MIN": "0.1",
        "CVN_HPO_SEARCHED_C_MAX": "1",
        "CVN_HPO_SEARCHED_C_SCALE": "log",
        "CVN_HPO_SEARCHED_VERBOSE_MIN": "0",
        "CVN_HPO_SEARCHED_VERBOSE_MAX": "3",
    }
    found = read_config("searched", environ=environ)
    assert found.space == {"C": Range(0.1, 1.0, log=True), "verbose": Range(0, 3)}
    assert found.origins["C"] == "CVN_HPO_SEARCHED_C_MIN, _MAX"


def test_an_alias_may_be_shouted() -> None:
    found = read_config("searched", environ={"CVN_HPO_SEARCHED_ITERATIONS": "9"})
    assert found.values == {"max_iter": 9}


def test_a_name_that_ends_like_a_part_of_a_range_is_the_parameter() -> None:
    found = read_config("searched", environ={"CVN_HPO_SEARCHED_ITER_MIN": "3"})
    assert found.values == {"iter_min": 3}
    said = refusal(
        "config_invalid",
        lambda: read_config(
            "searched",
            environ={"CVN_HPO_SEARCHED_ITER_MIN": "3", "CVN_HPO_SEARCHED_ITER_MAX": "5"},
        ),
    )
    assert "CVN_HPO_SEARCHED_ITER_MIN is missing beside CVN_HPO_SEARCHED_ITER_MAX" in said


@pytest.mark.parametrize(
    ("environ", "code", "said"),
    [
        ({"MAX_ITR": "5"}, "parameter_unknown", "_MAX_ITR: searched has no parameter 'max_itr'. D"),
        ({"": "5"}, "parameter_unknown", "CVN_HPO_SEARCHED_: searched has no parameter"),
        ({"C_": "5"}, "parameter_unknown", "no parameter 'c_'"),
        ({"max_iter": "5"}, "parameter_unknown", "CVN_HPO_SEARCHED_max_iter"),
        ({"DEPTH_MIN": "5"}, "parameter_unknown", "_DEPTH_MIN"),
        ({"RANDOM_STATE": "5"}, "parameter_reserved", "_RANDOM_STATE: searched: 'random_state'"),
        ({"MAX_ITER": ""}, "config_invalid", "_MAX_ITER is empty"),
        ({"MAX_ITER": "many"}, "parameter_invalid", "_MAX_ITER: searched: max_iter='many' must"),
        ({"MAX_ITER": "0"}, "parameter_invalid", "_MAX_ITER: searched: max_iter=0 must"),
        ({"MAX_ITER": "1.5"}, "parameter_invalid", "of type int"),
        ({"C": "nan"}, "parameter_invalid", "_C: searched: C=nan"),
        ({"FIT_INTERCEPT": "1"}, "parameter_invalid", "of type bool"),
        ({"SOLVER": "LBFGS"}, "parameter_invalid", "one of lbfgs"),
        ({"SIGNS": "1,0"}, "parameter_invalid", "of type tuple"),
        ({"SIGNS": "[0.5]"}, "parameter_invalid", "of type tuple"),
        ({"C_MIN": "1"}, "config_invalid", "_C_MAX is missing beside CVN_HPO_SEARCHED_C_MIN"),
        ({"C_MAX": "1"}, "config_invalid", "_C_MIN is missing beside CVN_HPO_SEARCHED_C_MAX"),
        ({"C_SCALE": "log"}, "config_invalid", "_C_MIN is missing"),
        ({"C_MIN": "a", "C_MAX": "1"}, "space_invalid", "_C_MIN, _MAX: searched: the search"),
        ({"C_MIN": "2", "C_MAX": "1"}, "space_invalid", "from 2 to 1"),
        ({"C_MIN": "1", "C_MAX": "2", "C_SCALE": "lg"}, "config_invalid", "_C_SCALE is 'lg'"),
        ({"SOLVER_MIN": "1", "SOLVER_MAX": "2"}, "space_invalid", "a str has no range"),
        ({"C_MIN": "1", "C_MAX": "2", "C": "1"}, "parameter_duplicate", "fixed and searched"),
        ({"MAX_ITER": "1", "ITERATIONS": "1"}, "parameter_duplicate", "two spellings"),
    ],
    ids=str,
)
def test_a_mistake_in_a_variable_names_it(environ: dict[str, str], code: str, said: str) -> None:
    given = {f"CVN_HPO_SEARCHED_{name}": text for name, text in environ.items()}
    message = refusal(code, lambda: read_config("searched", environ=given))
    assert said in message
    assert message.startswith("CVN_HPO_SEARCHED_")


def test_a_variable_is_that_of_the_longest_name() -> None:
    logreg = MODEL_REGISTRY["logreg"]
    names = ("logreg", "logreg.C", "logreg-deep")
    found = read_environment(
        {"CVN_HPO_LOGREG_DEEP_C": "3", "CVN_HPO_LOGREG_TOL": "0.1"}, logreg, names
    )
    assert found.values == {"tol": 0.1}
    for variable in ("CVN_HPO_LOGREG_C_MIN", "CVN_HPO_LOGREG_C_MAX"):
        said = refusal(
            "config_invalid",
            lambda variable=variable: read_environment({variable: "3"}, logreg, names),  # type: ignore[misc]
        )
        assert said.startswith(f"{variable} may be meant for two models")
    assert read_environment({"CVN_HPO_LOGREG_C": "3"}, logreg, names).values == {"C": 3.0}


def test_a_variable_of_two_names_that_are_shouted_alike_is_refused() -> None:
    names = ("log-reg", "logreg", "LOGREG")
    said = refusal(
        "config_invalid",
        lambda: read_environment({"CVN_HPO_LOGREG_C": "3"}, MODEL_REGISTRY["logreg"], names),
    )
    assert "two models" in said


def test_a_variable_of_no_installed_plugin_is_ignored_and_listed() -> None:
    environ = {"CVN_HPO_LOGRGE_C": "x", "CVN_HPO_LOGREG_C": "2", "CVN_HPO_": "", "CVN_STORE": "/"}
    assert read_config("logreg", environ=environ).values == {"C": 2.0}
    assert unclaimed_variables(environ) == ["CVN_HPO_", "CVN_HPO_LOGRGE_C"]


@pytest.mark.parametrize(
    ("param", "value"),
    [
        (Param("p", int), 7),
        (Param("p", float), 1e-7),
        (Param("p", bool), True),
        (Param("p", str), "true"),
        (Param("p", tuple), (1, 0, -1)),
        (Param("p", tuple, of_floats=True), (0.1, 2.0)),
    ],
)
def test_a_value_comes_back_from_its_text(param: Param, value: Any) -> None:
    assert param.check(from_text(param, to_text(value))) == value


# --- both, and training ---------------------------------------------------------------------


def test_the_environment_is_over_the_file(path: Path) -> None:
    environ = {
        "CVN_HPO_SEARCHED_MAX_ITER": "60",
        "CVN_HPO_SEARCHED_C": "2",
        "CVN_HPO_SEARCHED_FIT_INTERCEPT": "true",
    }
    found = read_config("searched", toml=path, environ=environ)
    assert found.values == {"max_iter": 60, "fit_intercept": True, "C": 2.0}
    assert set(found.space) == {"solver", "verbose"}
    assert found.origins["max_iter"] == (
        f"CVN_HPO_SEARCHED_MAX_ITER, in place of {path} [searched]"
    )
    assert found.origins["C"] == f"CVN_HPO_SEARCHED_C, in place of {path} [searched.search]"
    ranged = {"CVN_HPO_SEARCHED_MAX_ITER_MIN": "5", "CVN_HPO_SEARCHED_MAX_ITER_MAX": "9"}
    found = read_config("searched", toml=path, environ=ranged)
    assert found.values == {"fit_intercept": False}
    assert found.space["max_iter"] == Range(5, 9)


def test_what_is_configured_reaches_the_fit_and_the_artifact(
    path: Path, models: Any, datasets: Datasets
) -> None:
    path.write_text("[logreg]\nC = 0.5\nmax_iter = 300")
    config = read_config("logreg", toml=path, environ={"CVN_HPO_LOGREG_MAX_ITER": "400"})
    artifact = train_one("logreg", datasets, HPOParams({"C": 0.25}, config=config))
    _, request = models.fits[-1]
    assert (request.params["C"], request.params["max_iter"]) == (0.25, 400)
    found = artifact.effective_params
    assert (found["max_iter"].source, found["max_iter"].value) == ("config", 400)
    where = f"{path} [logreg]"
    assert found["C"].overridden == (Overridden(1.0, "default"), Overridden(0.5, "config", where))
    assert found["C"].origin is None
    assert found["max_iter"].origin == "CVN_HPO_LOGREG_MAX_ITER"
    assert found["max_iter"].overridden[-1] == Overridden(300, "config", where)


def test_what_a_range_of_the_configuration_replaces_is_dead_in_a_search(path: Path) -> None:
    path.write_text("[searched]\nC = 0.5")
    ranged = {"CVN_HPO_SEARCHED_C_MIN": "0.1", "CVN_HPO_SEARCHED_C_MAX": "0.4"}
    config, spec = read_config("searched", toml=path, environ=ranged), MODEL_REGISTRY["searched"]
    found = resolve_parameters(spec, HPOParams(n_trials=3, config=config))
    dead = with_trial(found.values, found.space, {"C": 0.2})["C"].overridden
    assert dead[-1] == Overridden(0.5, "config", f"{path} [searched]")
    assert resolve_parameters(spec, HPOParams(config=config)).values["C"].source == "default"


def test_ranges_that_were_replaced_are_told_with_their_places(path: Path) -> None:
    path.write_text(
        "[searched.search]\nC = {low = 0.1, high = 0.9}\nmax_iter = {low = 5, high = 8}"
    )
    ranged = {"CVN_HPO_SEARCHED_C_MIN": "0.1", "CVN_HPO_SEARCHED_C_MAX": "0.4"}
    config, spec = read_config("searched", toml=path, environ=ranged), MODEL_REGISTRY["searched"]
    before = f"[0.1, 0.9] ({path} [searched.search])"
    assert replaced_ranges(spec, HPOParams(config=config)) == {"C": (before,)}
    user = HPOParams({"max_iter": 6}, n_trials=2, space={"C": Range(0.2, 0.3)}, config=config)
    c, max_iter = replaced_ranges(spec, user).values()
    assert c[0] == before
    assert c[1].startswith("[0.1, 0.4] (CVN_HPO_SEARCHED_C")
    assert max_iter == (f"[5, 8] ({path} [searched.search])",)


def test_a_configuration_that_was_changed_since_says_what_holds(path: Path) -> None:
    path.write_text("[logreg]\nC = 0.5")
    read = read_config("logreg", toml=path, environ={"CVN_HPO_LOGREG_C": "0.25"})
    assert [said.value for said in read.history["C"]] == [0.5, 0.25]
    changed = replace(read, values={"C": 0.75})
    spec = MODEL_REGISTRY["logreg"]
    found = resolve_parameters(spec, HPOParams(config=changed)).values["C"]
    assert (found.value, found.source) == (0.75, "config")
    assert [old.source for old in found.overridden] == ["default"]


def test_a_configured_value_that_is_wrong_fails_before_training(
    path: Path, datasets: Datasets, refused: Any
) -> None:
    config = ParamConfig({"max_iter": "many"}, origins={"max_iter": "hpo.toml [logreg]"})
    with refused(ParameterError, "parameter_invalid", match=r"^hpo\.toml \[logreg\]: logreg"):
        train_one("logreg", datasets, HPOParams(config=config))


def test_a_configured_space_is_searched(path: Path) -> None:
    config = read_config("searched", toml=path)
    found = resolve_parameters(MODEL_REGISTRY["searched"], HPOParams(n_trials=3, config=config))
    assert found.space["C"] == Range(0.1, 1.0, log=True)
    assert found.values["max_iter"].source == "config"


def test_a_configuration_of_an_ensemble_says_whose_it_is(datasets: Datasets, refused: Any) -> None:
    config = ParamConfig({"C": 2.0})
    with refused(InputError, "setting_invalid", match="HPOParams\\(config=...\\) of an ensemble"):
        train_ensemble("mean", datasets, HPOParams(config=config))
    wrong = ParamConfig({"power": 0}, origins={"power": "hpo.toml [mean]"})
    with refused(ParameterError, "parameter_invalid", match=r"^hpo\.toml \[mean\]: mean: power=0"):
        train_ensemble("mean", datasets, {"mean": HPOParams(config=wrong)})
    searched = ParamConfig(
        space={"power": Range(1, 2)}, origins={"power": "hpo.toml [mean.search]"}
    )
    with refused(SearchError, "search_unsupported", match=r"^hpo\.toml \[mean\.search\]: mean is"):
        train_ensemble("mean", datasets, {"mean": HPOParams(config=searched)})


def test_reading_imports_no_database_and_no_model(
    path: Path, run_python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = run_python(
        "import sys; from cvn_harness_core import read_config\n"
        f"read_config('searched', toml={str(path)!r}, environ={{}})\n"
        "print({'sqlalchemy', 'tomlkit', 'sklearn', 'optuna'} & set(sys.modules))"
    )
    assert done.stdout.strip() == "set()", done.stderr
