"""The nodes of an ensemble, laid over the shared ones: bases' scores in, one score out.

Which rows are whose: validation stopped the boosting of the bases themselves, and of each forward
fold the rows before those that it scores. Of the training rows with an out-of-fold score, in time,
the earlier half calibrated the bases. The later half belongs to the ensemble: where it learns, it
learns from the earlier part and theta is picked on the later one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cvn_harness_core.artifact.ensemble import Combined
from cvn_harness_core.artifact.trained import TrainedArtifact
from cvn_harness_core.contracts.calibration import CalibrationReport
from cvn_harness_core.contracts.curve import CurveSummary
from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.ensemble import Combiner, EnsembleSpec, MetaRows
from cvn_harness_core.contracts.model import FitRequest
from cvn_harness_core.contracts.out_of_fold import OutOfFoldScores
from cvn_harness_core.contracts.params import EffectiveParam, ResolvedParam
from cvn_harness_core.contracts.plain import plain
from cvn_harness_core.contracts.probability import Probability
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.contracts.theta import ThetaRule
from cvn_harness_core.errors import InputError
from cvn_harness_core.events.log import RunLog
from cvn_harness_core.events.schema import BaseDominates, Event
from cvn_harness_core.folds.holdout import Holdout, in_time
from cvn_harness_core.nodes.calibration import Calibrated
from cvn_harness_core.nodes.class_balance import ClassBalance
from cvn_harness_core.nodes.fit import Scores
from cvn_harness_core.policy import TrainingPolicy
from cvn_harness_core.scoring import as_probabilities, map_scores

DOMINANT = 0.8
"""The share of the total weight above which a base makes the others ornaments."""

Bases = Mapping[str, TrainedArtifact]


@dataclass(frozen=True, eq=False)
class EnsembleRows:
    """Row numbers within the training split: ``learning`` ones (None if it learns nothing)."""

    learning: Array | None
    theta: Array
    scored: Array


def base_scores(bases: Bases, datasets: Datasets, n_threads: int) -> dict[str, Array]:
    """Return the bases' probabilities on each split, (n, k) each, in the bases' order."""
    return {
        name: np.column_stack(
            [base.predict_proba(split.X, n_threads=n_threads)[:, 1] for base in bases.values()]
        )
        for name, split in datasets.splits()
    }


def unseen_base_scores(bases: Bases, datasets: Datasets) -> Array:
    """Return the bases' out-of-fold probabilities, (n_train, k); NaN where a base has none."""
    columns = []
    for name, base in bases.items():
        unseen = base.out_of_fold_scores
        if unseen is None:
            message = f"the base {name} has no out-of-fold scores; it was not trained for this."
            raise InputError("out_of_fold_missing", message)
        column = np.full(len(datasets.train), np.nan)
        column[unseen.rows] = map_scores(base.score_map, unseen.scores)
        columns.append(column)
    return np.column_stack(columns)


def uncalibrated(bases: Bases) -> Probability:
    """Return what the combined scores are; refuse to mix probabilities with inflated scores."""
    kinds = {name: base.probability for name, base in bases.items()}
    inflated = {name: kind for name, kind in kinds.items() if kind.inflated}
    if not inflated:
        return Probability("raw")
    weights = {kind.positive_weight for kind in inflated.values()}
    if len(inflated) == len(kinds) and len(weights) == 1:
        return next(iter(inflated.values()))
    said = ", ".join(f"{name}: {kind}" for name, kind in kinds.items())
    message = (
        f"the bases' scores are of different kinds ({said}) and cannot be combined; leave "
        "TrainingPolicy.prior_correction on, or give every base enough rows to be calibrated."
    )
    raise InputError("probability_kinds_differ", message)


def ensemble_rows(
    unseen_base_scores: Array,
    uncalibrated: Probability,
    ensemble: EnsembleSpec,
    datasets: Datasets,
    policy: TrainingPolicy,
) -> EnsembleRows:
    """Return whose rows are whose; rows without a score of every base belong to nobody.

    The bases' embargo lies between the parts too.

    Raises InputError ``history_too_short`` where a part is left without both classes.
    """
    del uncalibrated  # asked for so that scores of different kinds are refused first
    train = datasets.train
    scored = np.flatnonzero(np.isfinite(unseen_base_scores).all(axis=1))
    halves = (0.5, 0.5)
    _, own = in_time(train, scored, halves, policy.embargo)
    learning, theta = None, own
    if ensemble.learns:
        learning, theta = in_time(train, own, halves, policy.embargo)
    for what, rows in (("learn from", learning), ("pick theta on", theta)):
        if rows is not None and len(set(train.y[rows].tolist())) < 2:
            message = (
                f"{ensemble.name} is left with {rows.size} out-of-fold rows to {what}, not of both "
                "classes; bring a longer history, or lower OutOfFold.n_folds."
            )
            raise InputError("history_too_short", message)
    return EnsembleRows(learning, theta, scored)


def meta_rows(
    ensemble_rows: EnsembleRows, unseen_base_scores: Array, datasets: Datasets
) -> MetaRows | None:
    """Return what the combiner learns from; None if it learns nothing."""
    rows, train = ensemble_rows.learning, datasets.train
    if rows is None:
        return None
    weight = None if train.weight is None else train.weight[rows]
    return MetaRows(unseen_base_scores[rows], train.y[rows], weight)


def fit_request(parameters: dict[str, ResolvedParam], seed: int, n_threads: int) -> FitRequest:
    """Return what the combiner is asked to do."""
    return FitRequest({name: p.value for name, p in parameters.items()}, seed, n_threads)


def native(
    combiner: Combiner, bases: Bases, meta_rows: MetaRows | None, fit_request: FitRequest
) -> Combined:
    """Learn, where there is something to learn."""
    return Combined(tuple(bases.values()), combiner.fit(meta_rows, fit_request))


def native_scores(combiner: Combiner, native: Combined, base_scores: dict[str, Array]) -> Scores:
    """Combine the bases' scores on all splits that have rows."""
    parts = {
        name: as_probabilities(combiner.combine(native.learnt, scores), len(scores))
        for name, scores in base_scores.items()
    }
    return Scores(**parts)


def unseen_scores(
    combiner: Combiner,
    native: Combined,
    unseen_base_scores: Array,
    ensemble_rows: EnsembleRows,
) -> Array:
    """Return the combined out-of-fold scores of theta's rows, (n_train,); NaN elsewhere."""
    rows = ensemble_rows.theta
    scores = np.full(len(unseen_base_scores), np.nan)
    combined = combiner.combine(native.learnt, unseen_base_scores[rows])
    scores[rows] = as_probabilities(combined, rows.size)
    return scores


def out_of_fold(
    bases: Bases, unseen_scores: Array, ensemble_rows: EnsembleRows, datasets: Datasets
) -> OutOfFoldScores:
    """Return the scores of the rows that an ensemble over this one may use, and the proof."""
    rows = ensemble_rows.theta
    proofs = {base.out_of_fold for base in bases.values()}
    folds = max(proofs, key=len)
    return OutOfFoldScores(
        rows, unseen_scores[rows], folds, len(datasets.train) - ensemble_rows.scored.size
    )


def holdout(ensemble_rows: EnsembleRows) -> Holdout:
    """Return the rows that decide theta."""
    return Holdout("out_of_fold", ensemble_rows.theta)


def rows_behind(bases: Bases, ensemble_rows: EnsembleRows) -> int:
    """Return how many rows the probabilities rest on: learnt ones, else the bases' fewest."""
    if ensemble_rows.learning is not None:
        return int(ensemble_rows.learning.size)
    fewest = [
        base.probability.rows or min(fold.n_train for fold in base.out_of_fold)
        for base in bases.values()
    ]
    return min(fewest)


def calibration(holdout: Holdout) -> Calibrated:
    """Return nothing: the bases are calibrated, and what is combined of them is not again."""
    del holdout
    return None, CalibrationReport()


def theta_rule(datasets: Datasets, holdout: Holdout, policy: TrainingPolicy) -> ThetaRule:
    """Return the policy's rule; an ensemble declares none of its own."""
    return policy.rule_for(None, money_known=holdout.money_known(datasets))


def training_data(datasets: Datasets) -> Datasets:
    """Return what the bases were trained on."""
    return datasets


def class_balance(bases: Bases) -> ClassBalance:
    """Return the weight of positives: the bases weighed them, the ensemble does not."""
    del bases
    return ClassBalance(1.0, "none")


def learning_curve(native: Combined) -> CurveSummary:
    """Return nothing: an ensemble does not boost."""
    del native
    return CurveSummary()


def base_weights(combiner: Combiner, native: Combined, bases: Bases) -> dict[str, float]:
    """Return each base's share of the total weight; empty where that is undefined."""
    weights = combiner.base_weights(native.learnt, len(bases))
    if weights is None or not np.sum(weights) > 0:
        return {}
    shares = np.asarray(weights, dtype=np.float64) / np.sum(weights)
    return dict(zip(bases, shares.tolist(), strict=True))


def log_dominance(run_log: RunLog, base_weights: dict[str, float]) -> Event | None:
    """Emit ``base_dominates`` where one base has more than 80 % of the weight."""
    if len(base_weights) < 2:
        return None
    base, share = max(base_weights.items(), key=lambda item: item[1])
    if share <= DOMINANT:
        return None
    return run_log.emit(BaseDominates, base=base, share=share, limit=DOMINANT)


def effective_params(
    combiner: Combiner,
    native: Combined,
    ensemble: EnsembleSpec,
    parameters: dict[str, ResolvedParam],
) -> dict[str, EffectiveParam]:
    """Return what the combiner says it used, and who chose each value."""
    said = {name: plain(value) for name, value in combiner.effective_params(native.learnt).items()}
    found = {}
    for name, chosen in parameters.items():
        param = ensemble.param(name)
        reported = said.pop((param.native if param else None) or name, None)
        found[name] = EffectiveParam(
            reported,
            chosen.source,
            requested=chosen.value,
            overridden=chosen.overridden,
            origin=chosen.origin,
        )
    found.update({name: EffectiveParam(value, "library") for name, value in said.items()})
    return found
