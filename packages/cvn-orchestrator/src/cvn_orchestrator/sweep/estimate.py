"""How long a sweep takes and how much memory a fit holds, by one real fit of each kind.

Each distinct training of a model is fitted once, with its own parameters (of a search: without the
search), on the symbol and fold with the most training rows. Another fit is expected to take as long
per training row. Widths and threads are the plan's own, so they need no scaling; that boosting
stops as early elsewhere is an assumption, and searches count in full, so the figure is rather too
high than too low. Combiners, scoring and reading are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cvn_harness_core import OBSERVERS, HPOParams, TrainedArtifact, peak_memory, train_one
from cvn_orchestrator.splits.survey import FoldFacts
from cvn_orchestrator.sweep.cell import import_what_trains
from cvn_orchestrator.sweep.fits import Fit, fits_of
from cvn_orchestrator.sweep.prepared import PreparedSweep


@dataclass(frozen=True)
class Probe:
    """One real fit: of what, on how many rows, how long, and the most memory it held beside data.

    ``total_seconds`` are with scoring, theta and metrics, which only a model's own fit needs.
    ``bytes`` is None where the kernel does not tell.
    """

    model: str
    symbol: str
    fold: int
    rows: int
    iterations: int | None
    seconds: float
    total_seconds: float
    bytes: int | None


@dataclass(frozen=True)
class Estimate:
    """Seconds of all fits one after another, and what they are derived from."""

    seconds: float
    probes: tuple[Probe, ...]

    @property
    def bytes_per_fit(self) -> int | None:
        """The most that a fit held; None if it is unknown for one."""
        held = [probe.bytes for probe in self.probes]
        return None if None in held else max((b for b in held if b is not None), default=None)


def estimate(sweep: PreparedSweep) -> Estimate:
    """Fit each distinct training of a model once, and return what follows for the sweep.

    Observers see nothing of it.

    Raises as ``train_one``.
    """
    fits = [fit for fit in fits_of(sweep.plan.variants) if fit.kind != "combiner"]
    complete = [facts for facts in sweep.survey.facts if not facts.lacks]
    most = max(complete, key=lambda facts: facts.train.rows)
    import_what_trains()
    probes: dict[str, Probe] = {}
    for fit in fits:
        if _settings(fit) not in probes:
            probes[_settings(fit)] = _probe(sweep, fit, most)
    rows = sum(facts.train.rows for facts in complete)
    seconds = 0.0
    for fit in fits:
        probe = probes[_settings(fit)]
        each = probe.total_seconds if fit.kind == "model" else probe.seconds
        seconds += each / probe.rows * rows * fit.share * fit.times
    return Estimate(seconds, tuple(probes.values()))


def _settings(fit: Fit) -> str:
    """Return what decides how long a fit takes, on given rows."""
    policy = fit.policy
    weights = (policy.class_balance, policy.prior_correction)
    return repr((fit.name, _unsearched(fit.hpo_params), policy.early_stopping, weights))


def _unsearched(own: HPOParams) -> HPOParams:
    return HPOParams(
        own.params,
        seed=own.seed,
        n_threads=own.n_threads,
        config=own.config,
        timeframe=own.timeframe,
    )


def _probe(sweep: PreparedSweep, fit: Fit, at: FoldFacts) -> Probe:
    datasets = sweep.datasets(at.symbol, at.fold)
    policy = replace(fit.policy, out_of_fold=None, calibration=None)
    with OBSERVERS.unseen(), peak_memory() as peak:
        artifact = train_one(fit.name, datasets, _unsearched(fit.hpo_params), policy=policy)
    return Probe(
        model=fit.name,
        symbol=at.symbol,
        fold=at.fold,
        rows=at.train.rows,
        iterations=artifact.best_iteration,
        seconds=_fitting(artifact),
        total_seconds=artifact.timings["total"],
        bytes=peak.growth_bytes,
    )


def _fitting(artifact: TrainedArtifact) -> float:
    """Return the seconds of preparing and fitting, without scoring, theta and metrics."""
    return artifact.timings["prepared"] + artifact.timings["fitted"]
