"""An ensemble of somebody else, over models of somebody else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cvn_harness_core import (
    ENSEMBLE_REGISTRY,
    MODEL_REGISTRY,
    Datasets,
    HPOParams,
    dag_dot,
    train_ensemble,
)
from cvn_harness_core.errors import InputError

MODELS = "cvn_harness.models.v1"
ENSEMBLES = "cvn_harness.ensembles.v1"
TWINS = ("a-b", "a_b", "a.b")

MODEL = """
from sample_models.plugins import PARAMS, _logistic
from cvn_harness_core import ModelSpec, Param, hookimpl

@hookimpl
def cvn_model():
    return ModelSpec(name={name!r}, adapter=_logistic, params=PARAMS)
"""

ENSEMBLE = """
import numpy as np
from cvn_harness_core import Combiner, EnsembleSpec, InputError, Param, hookimpl

class First(Combiner):
    def check(self, params, n_bases):
        if params["last"] > n_bases:
            raise InputError("setting_invalid", f"there are only {n_bases} bases")

    def combine(self, learnt, scores):
        return scores[:, 0]

    def base_weights(self, learnt, n_bases):
        return np.array([8.0] + [1.0] * (n_bases - 1))

@hookimpl
def cvn_ensemble():
    return EnsembleSpec(
        name="first",
        bases=("a-b", "a_b", "a.b"),
        combiner=First,
        params=(Param("last", int, default=1),),
        learns=False,
    )
"""


@pytest.fixture
def data(parts: Any, names: Any, models: Any, site: Any) -> Datasets:
    """With time; and three models whose names differ in what no Python name may hold."""
    doors = {f"twin{i}": MODEL.format(name=name) for i, name in enumerate(TWINS)}
    site.add("twins", MODELS, {name: f"twin{i}" for i, name in enumerate(TWINS)}, **doors)
    site.add("firsts", ENSEMBLES, {"first": "first_door"}, first_door=ENSEMBLE)
    MODEL_REGISTRY.refresh()
    ENSEMBLE_REGISTRY.refresh()
    return Datasets.from_arrays(**parts, feature_names=names)


def test_bases_whose_names_differ_in_a_sign_are_all_there(data: Datasets, models: Any) -> None:
    artifact = train_ensemble("first", data)
    assert tuple(base.name for base in artifact.native.bases) == TWINS
    started = [e.model for e in models.events if e.event == "training_started"]
    assert sorted(started) == sorted([*TWINS, "first"])


def test_each_base_has_a_node_of_its_own(data: Datasets) -> None:
    pytest.importorskip("graphviz")
    drawn = dag_dot("first")
    assert all(f"base{number}__a_b" in drawn for number in (1, 2, 3))


def test_the_weights_of_bases_are_kept_whoever_wrote_the_ensemble(data: Datasets) -> None:
    artifact = train_ensemble("first", data)
    assert artifact.diagnostics == {"base_weights": {"a-b": 0.8, "a_b": 0.1, "a.b": 0.1}}
    first = artifact.native.bases[0]
    assert np.array_equal(artifact.predict_proba(data.test.X), first.predict_proba(data.test.X))


def test_a_combiner_has_its_say_about_its_parameters_before_any_fit(
    data: Datasets, models: Any
) -> None:
    with pytest.raises(InputError, match="first: there are only 3 bases"):
        train_ensemble("first", data, {"first": HPOParams({"last": 4})})
    assert models.fits == []
