"""The checks of an ensemble, in the order in which they are run."""

from __future__ import annotations

from cvn_harness_core.testing.check import Check
from cvn_harness_core.testing.checks import (
    combining,
    events,
    leftovers,
    parameters,
    persistence,
    registration,
    reproducibility,
    scores,
)

ENSEMBLE_CHECKS: tuple[Check, ...] = (
    registration.registration,
    registration.specification,
    registration.light_specification,
    registration.signatures,
    parameters.parameter_values,
    parameters.parameter_names,
    scores.probabilities,
    scores.training,
    scores.learning,
    scores.row_alone,
    scores.figures,
    reproducibility.same_seed,
    scores.label_leak,
    persistence.saved,
    persistence.no_pickle,
    parameters.effective_parameters,
    combining.any_bases,
    combining.extreme_scores,
    combining.few_rows,
    combining.learns_as_declared,
    combining.weights_in_learning,
    combining.rows_untouched,
    combining.base_weights,
    combining.out_of_fold_proof,
    events.events,
    events.silence,
    leftovers.leftovers,
)
