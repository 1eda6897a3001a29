"""Faults of what was made: what the derived rows give, done again, is not what is recorded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cvn_harness_core.artifact.ensemble import Combined, EnsembleAdapter
from cvn_harness_core.artifact.record import ArtifactRecord
from cvn_harness_core.contracts.calibration import ScoreMap
from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.params import ResolvedParam
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.events.log import RunLog
from cvn_harness_core.harness.driver import Trace, execute
from cvn_harness_core.leaks.derived import Derived
from cvn_harness_core.nodes.calibration import calibration
from cvn_harness_core.nodes.ensemble import EnsembleRows, fit_request, meta_rows
from cvn_harness_core.plugins.registry import MODEL_REGISTRY
from cvn_harness_core.scoring import as_probabilities
from cvn_harness_core.store.folds import keep_nothing


def again_faults(derived: Derived, datasets: Datasets, *, refit: bool) -> Iterator[str]:
    """Yield where an artifact, or one below it, is not what its rows give, bit for bit.

    ``refit`` fits the forward folds of every model again.
    """
    for one in derived.all():
        if one.theta.size != one.artifact.decision.n:
            yield f"theta of {one.artifact.name} was picked on another number of rows"
        if one.holdout is None:
            yield from _of_combiner(one, datasets)
            continue
        yield from _of_folds(one)
        yield from _of_calibrator(one, datasets)
        if refit and not np.array_equal(_fold_scores(one, datasets), one.unseen.scores):
            yield f"the out-of-fold scores of {one.artifact.name} are not what its folds give"


def _of_folds(one: Derived) -> Iterator[str]:
    name = one.artifact.name
    if tuple(fold.proof for fold in one.folds) != one.artifact.out_of_fold:
        yield f"the folds that {name} recorded are not those of its data and policy"
    if not np.array_equal(np.concatenate([f.scored for f in one.folds]), one.unseen.rows):
        yield f"the rows that {name} has out-of-fold scores of are not those that its folds score"


def _of_calibrator(one: Derived, datasets: Datasets) -> Iterator[str]:
    assert one.holdout is not None
    recorded = one.artifact.score_map
    found = calibration(
        _unseen_column(one, datasets),
        ScoreMap(recorded.undo_weight),
        one.holdout,
        datasets,
        one.policy,
    )
    if found != (recorded.calibrator, one.artifact.calibration):
        yield f"the calibrator of {one.artifact.name} is not what its calibration rows give"


def _unseen_column(one: Derived, datasets: Datasets) -> Array:
    """Return the library's out-of-fold scores, (n_train,); NaN for unscored."""
    column = np.full(len(datasets.train), np.nan)
    column[one.unseen.rows] = one.unseen.scores
    return column


def _of_combiner(one: Derived, datasets: Datasets) -> Iterator[str]:
    name, native, adapter = one.artifact.name, one.artifact.native, one.artifact.adapter
    assert isinstance(native, Combined)
    assert isinstance(adapter, EnsembleAdapter)
    assert one.base_scores is not None
    if not np.array_equal(one.theta, one.unseen.rows):
        yield f"theta of {name} was picked on other rows than its data and bases give"
        return
    scores = one.base_scores[one.theta]
    learnt = _learnt_again(one, adapter, datasets)
    kept, again = (
        as_probabilities(adapter.combiner.combine(each, scores), len(scores))
        for each in (native.learnt, learnt)
    )
    if not np.array_equal(kept, one.unseen.scores):
        yield f"the scores of {name} are not what its bases' out-of-fold scores combine to"
    if not np.array_equal(kept, again):
        yield f"what {name} learnt is not what the rows that it learns from give"


def _learnt_again(one: Derived, adapter: EnsembleAdapter, datasets: Datasets) -> object:
    artifact = one.artifact
    request = fit_request(_parameters(artifact), artifact.seed, artifact.n_threads)
    assert one.base_scores is not None
    rows = EnsembleRows(one.learning, one.theta, one.unseen.rows)
    return adapter.combiner.fit(meta_rows(rows, one.base_scores, datasets), request)


def _parameters(artifact: ArtifactRecord) -> dict[str, ResolvedParam]:
    """Return what was asked for, whoever chose it; the policy chooses its part again."""
    return {
        name: ResolvedParam(param.requested, param.source)
        for name, param in artifact.effective_params.items()
        if param.requested is not None and param.source not in ("library", "policy")
    }


def _fold_scores(one: Derived, datasets: Datasets) -> Array:
    """Return a model's out-of-fold scores by fits of its folds, with nothing from a store."""
    artifact = one.artifact
    spec = MODEL_REGISTRY[artifact.name]
    inputs = {
        "datasets": datasets,
        "spec": spec,
        "adapter": artifact.adapter,
        "policy": one.policy,
        "parameters": _parameters(artifact),
        "seed": artifact.seed,
        "n_threads": artifact.n_threads,
        "run_log": RunLog(artifact.run_id, artifact.kind, artifact.name, {}),
        "keep_fold": keep_nothing,
        "prepare": artifact.adapter.prepare,
        "watch": None,
    }
    dags = () if spec.dag is None else (spec.dag,)
    scores: Array = execute(dags, ["out_of_fold"], inputs, Trace())["out_of_fold"].scores
    return scores
