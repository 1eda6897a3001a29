"""From a trained artifact, or an error, to the row of its cell."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from cvn_harness_core import (
    Array,
    Datasets,
    HarnessError,
    TrainedArtifact,
    error_text,
    net_returns,
    trading_figures,
)
from cvn_orchestrator.engines.contract import Task
from cvn_orchestrator.facts import searches_of
from cvn_orchestrator.results.cell_facts import cell_facts
from cvn_orchestrator.results.rows import CellRow, Trades

if TYPE_CHECKING:
    from cvn_harness_core import TrainingOutcome

_OF_MONEY = ("expectancy", "sortino", "profit_factor", "max_drawdown")
_TRACE = 4000
OUT_OF_MEMORY = "out_of_memory"


def done_row(
    run: str,
    task: Task,
    outcome: TrainingOutcome,
    datasets: Datasets,
    costs: tuple[float, ...],
    seconds: float,
) -> CellRow:
    """Return the row of a cell that was trained, or found in the store."""
    artifact = outcome.artifact
    scores = artifact.predict_proba(datasets.test.X)[:, 1]
    trades = test_trades(artifact, datasets, scores)
    inside = 0.0 if datasets.payoff is None else datasets.payoff.cost
    return CellRow(
        run=run,
        **_who(task),
        state="done",
        finished=datetime.now(UTC),
        seconds=seconds,
        theta=artifact.theta,
        health=artifact.health.verdict,
        tradability=artifact.tradability.verdict,
        metrics={split: metrics.figures() for split, metrics in artifact.metrics.items()},
        by_cost={str(cost): at_cost(trades, cost - inside) for cost in costs},
        facts=cell_facts(artifact, datasets, scores),
        artifact_key=artifact.content_key,
        cache_hit=outcome.cache_hit,
        n_trials=max(1, sum(len(search.trials) for _, search in searches_of(artifact))),
        timings=artifact.timings,
        trades=trades,
    )


def failed_row(run: str, task: Task, error: BaseException, seconds: float) -> CellRow:
    """Return the row of a cell that failed; of an error that nobody foresaw, with its traceback."""
    typed = isinstance(error, HarnessError)
    found = "".join(traceback.format_exception(error))[-_TRACE:]
    return CellRow(
        run=run,
        **_who(task),
        state="failed",
        finished=datetime.now(UTC),
        seconds=seconds,
        error_type=type(error).__name__,
        error_code=_code(error),
        error_message=error_text(error),
        facts={} if typed else {"traceback": found},
    )


def _code(error: BaseException) -> str | None:
    if isinstance(error, HarnessError):
        return error.code
    return OUT_OF_MEMORY if isinstance(error, MemoryError) else None


def test_trades(artifact: TrainedArtifact, datasets: Datasets, scores: Array) -> Trades:
    """Return the signals on test, in order of time; ``scores`` (n,) are the artifact's there."""
    test = datasets.test
    assert test.time is not None
    signals = artifact.signals(scores).astype(bool)
    net = net_returns(test, datasets.payoff)
    order = np.argsort(test.time[signals], kind="stable")
    return Trades(
        test.time[signals][order],
        None if net is None else net[signals][order].astype(np.float64),
    )


def at_cost(trades: Trades, more: float) -> Mapping[str, float | None]:
    """Return what the trades earned at a cost so much higher than the one that is in them."""
    if trades.net is None:
        return {}
    net: Array = trades.net - more
    figures, _ = trading_figures(np.ones(net.size, dtype=bool), net, trades.time)
    return {"total": float(net.sum()), **{name: figures[name] for name in _OF_MONEY}}


def _who(task: Task) -> dict[str, Any]:
    return {
        "cell": task.cell,
        "symbol": task.symbol,
        "fold": task.fold,
        "variant": task.variant,
        "attempt": task.attempt,
    }
