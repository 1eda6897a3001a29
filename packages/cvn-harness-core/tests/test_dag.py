"""The path of one fit: timed node by node, open to a model's own nodes, and safe in threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from cvn_harness_core import MODEL_REGISTRY, Datasets, FitError, HPOParams, dag_dot, train_one

MODELS = "cvn_harness.models.v1"

PLUGIN = """
import acme_nodes
from sample_models.plugins import PARAMS, _logistic
from cvn_harness_core import ModelSpec, hookimpl

@hookimpl
def cvn_model():
    return ModelSpec(
        name="acme", adapter=_logistic, params=PARAMS, dag=acme_nodes, diagnostics={diagnostics}
    )
"""

REPLACES = """
from cvn_harness_core.contracts.probability import Probability
from cvn_harness_core.nodes.class_balance import ClassBalance

def probability(class_balance: ClassBalance) -> Probability:
    return Probability("prior_corrected", 7.0)
"""

OWN_NODE = """
from typing import Any

def loudest(native: Any) -> int:
    {body}
"""


def install(site: Any, nodes: str, diagnostics: tuple[str, ...] = ()) -> None:
    source = PLUGIN.format(diagnostics=diagnostics)
    site.add("acme-models", MODELS, {"acme": "acme_door"}, acme_door=source, acme_nodes=nodes)
    MODEL_REGISTRY.refresh()


def test_every_node_is_timed(models: Any, datasets: Datasets) -> None:
    timings = train_one("logreg", datasets).timings
    nodes = {
        "prepared",
        "fitted",
        "scores",
        "theta_sweep",
        "eval_metrics",
        "training_health",
        "coefficients",
    }
    assert nodes < set(timings)
    assert all(seconds >= 0 for seconds in timings.values())
    assert sum(timings[name] for name in set(timings) - {"total"}) <= timings["total"]


def test_a_model_may_replace_a_shared_node_by_name(
    models: Any, site: Any, datasets: Datasets
) -> None:
    install(site, REPLACES)
    assert train_one("acme", datasets).probability.positive_weight == 7.0
    assert train_one("logreg", datasets).probability.positive_weight == 1.0


def test_a_models_own_node_is_a_diagnostic_if_it_says_so(
    models: Any, site: Any, datasets: Datasets
) -> None:
    body = "return int(abs(native.coef_[0]).argmax())"
    install(site, OWN_NODE.format(body=body), diagnostics=("loudest",))
    assert train_one("acme", datasets).diagnostics == {"loudest": 0}


def test_an_exception_in_a_models_own_node_is_the_plugins_fault(
    models: Any, site: Any, datasets: Datasets
) -> None:
    install(site, OWN_NODE.format(body="raise ValueError('bad day')"), diagnostics=("loudest",))
    with pytest.raises(FitError, match="'loudest': ValueError: bad day") as caught:
        train_one("acme", datasets)
    assert isinstance(caught.value.__cause__, ValueError)
    (event,) = [event for event in models.events if event.event == "training_failed"]
    assert (event.stage, event.code) == ("loudest", "fit_failed")


def test_threads_do_not_disturb_one_another(models: Any, datasets: Datasets) -> None:
    values = [0.01, 0.1, 1.0, 10.0] * 4

    def fit(C: float) -> Any:
        if C == 10.0:
            with pytest.raises(FitError):
                train_one("faulty", datasets, HPOParams(params={"fault": "fit"}))
        return train_one("logreg", datasets, HPOParams(params={"C": C}), tags={"variant": str(C)})

    alone = {C: fit(C).predict_proba(datasets.test.X) for C in set(values)}
    with ThreadPoolExecutor(4) as pool:
        artifacts = list(pool.map(fit, values))
    assert len({artifact.run_id for artifact in artifacts}) == len(values)
    for C, artifact in zip(values, artifacts, strict=True):
        assert artifact.params == {"C": C}
        assert artifact.tags["variant"] == str(C)
        np.testing.assert_array_equal(artifact.predict_proba(datasets.test.X), alone[C])
        assert 0 < artifact.timings["fitted"] <= artifact.timings["total"]


def test_the_path_of_a_model_can_be_drawn(models: Any) -> None:
    pytest.importorskip("graphviz")
    drawing = dag_dot("logreg")
    assert drawing.startswith("//") or "digraph" in drawing
    for node in ("class_balance", "fitted", "theta_sweep", "coefficients"):
        assert node in drawing
