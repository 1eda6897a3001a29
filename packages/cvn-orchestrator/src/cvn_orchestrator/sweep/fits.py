"""How many fits the variants of one symbol and fold take, what they share counted once.

Derived from what is declared: two trainings are one if model, parameters (and who chose them),
policy, search, seed and threads are the same; two forward folds are one if everything that their
fits depend on is, whatever else the policies say. Searches count in full: pruning, a timeout and
what an earlier run left make them fewer, and two searches that find the same share more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cvn_harness_core import (
    ENSEMBLE_REGISTRY,
    MODEL_REGISTRY,
    Calibration,
    HPOParams,
    OutOfFold,
    TrainingPolicy,
    resolve_parameters,
)
from cvn_orchestrator.plan.variants import Variant


@dataclass(frozen=True)
class Fit:
    """One kind of fit that is counted ``times``: whose, what for, and on which share of train.

    Parameters
    ----------
    kind
        ``model`` (the artifact's own), ``fold`` (a forward fold's), ``trial`` or ``combiner``.
    name
        The registered name.
    hpo_params, policy
        How it is trained.
    share
        Rows that it is fitted on, as a share of the training rows, on average.
    key
        Equal for fits that are one.
    """

    kind: str
    name: str
    hpo_params: HPOParams
    policy: TrainingPolicy
    share: float
    key: str
    times: int = 1


KINDS = ("model", "fold", "trial", "combiner")


def fits_of(variants: Sequence[Variant]) -> tuple[Fit, ...]:
    """Return the fits of these variants together, each once."""
    found: dict[str, Fit] = {}
    for variant in variants:
        for fit in _of_variant(variant):
            found.setdefault(fit.key, fit)
    return tuple(found.values())


def counts(fits: Sequence[Fit]) -> dict[str, int]:
    """Return the number of fits by kind."""
    return {kind: sum(fit.times for fit in fits if fit.kind == kind) for kind in KINDS}


def _of_variant(variant: Variant) -> Iterator[Fit]:
    if variant.kind == "model":
        yield from _of_model(variant.trains, variant.hpo_params[variant.trains], variant.policy)
    else:
        yield from _of_ensemble(variant, variant.trains, variant.bases)


def _of_ensemble(variant: Variant, name: str, bases: Sequence[str]) -> Iterator[Fit]:
    own = variant.hpo_params[name]
    policy = _policy_of_bases(variant.policy)
    below: list[Fit] = []
    for base in bases:
        if base in MODEL_REGISTRY:
            below.extend(_of_model(base, variant.hpo_params[base], policy))
        else:
            below.extend(_of_ensemble(variant, base, ENSEMBLE_REGISTRY[base].bases))
    yield from below
    values = sorted(resolve_parameters(ENSEMBLE_REGISTRY[name], own).values.items())
    key = repr(
        (
            "combiner",
            name,
            values,
            variant.policy,
            own.seed,
            own.n_threads,
            [fit.key for fit in below],
        )
    )
    yield Fit("combiner", name, own, policy, 0.0, key)


def _policy_of_bases(policy: TrainingPolicy) -> TrainingPolicy:
    """Return what ``train_ensemble`` gives to bases: with forward folds, and calibrated."""
    return replace(
        policy,
        out_of_fold=policy.out_of_fold or OutOfFold(),
        calibration=policy.calibration or Calibration(),
    )


def _of_model(name: str, own: HPOParams, policy: TrainingPolicy) -> Iterator[Fit]:
    values, space = resolve_parameters(MODEL_REGISTRY[name], own)
    who = (name, own.seed, own.n_threads)
    training: tuple[object, ...] = (*who, sorted(values.items()), policy)
    folds = policy.out_of_fold
    if own.n_trials:
        studied = (*training, space, own.n_trials, own.timeout_s, own.objective, own.evaluate_on)
        training = (*studied, own.sampler, own.pruner, own.max_concurrent)
        in_folds = own.evaluate_on == "forward_folds"
        each = (folds or OutOfFold()).n_folds if in_folds else 1
        share = 0.5 if in_folds else 1.0
        yield Fit("trial", name, own, policy, share, repr(("trial", training)), own.n_trials * each)
        if in_folds:  # else the best trial's own fit is the artifact's
            yield Fit("model", name, own, policy, 1.0, repr(("model", training)))
        fitted: tuple[object, ...] = ("found", training)
    else:
        yield Fit("model", name, own, policy, 1.0, repr(("model", training)))
        chosen = [
            (name, p.value, p.source == "default" and not p.overridden)
            for name, p in sorted(values.items())
        ]
        weights = (policy.class_balance, policy.prior_correction)
        fitted = (*who, chosen, policy.early_stopping, *weights)
    if folds is not None:
        yield Fit("fold", name, own, policy, 0.5, repr(("fold", fitted, folds)), folds.n_folds)
