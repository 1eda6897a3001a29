"""The figures of one split: the same names for every model, every ensemble and every split."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from functools import cache

from cvn_harness_core.contracts.read_only import freeze
from cvn_harness_core.errors import InputError


@dataclass(frozen=True, kw_only=True)
class SplitMetrics:
    """Figures of one split. An undefined figure is None and ``undefined`` says why; never NaN.

    Parameters
    ----------
    n, prevalence
        Rows, and the share of positive labels.
    roc_auc, pr_auc, log_loss, brier
        As scikit-learn defines them (``pr_auc`` is average precision; ``log_loss`` in nats).
    ece
        Expected calibration error over ten bins of equal width (Naeini et al., 2015).
    f1_buy, precision_buy, recall_buy
        Of the positive class at the chosen theta.
    buy_rate, n_signals
        Share and number of rows with p >= theta.
    win_rate
        Share of signals whose net return is positive.
    expectancy
        Mean net return of a signal, in the payoff's unit.
    profit_factor
        Sum of gains over sum of losses, over signals.
    sortino
        Mean net return of a signal over its downside deviation, target 0; per signal, not
        annualised (Sortino and van der Meer, 1991).
    max_drawdown
        Largest fall of the running sum of net returns from its peak (0 at the start), positive,
        in the payoff's unit; signals in order of time.
    undefined
        Name of each figure that is None, and the reason.
    """

    n: int
    prevalence: float
    roc_auc: float | None
    pr_auc: float | None
    log_loss: float | None
    brier: float | None
    ece: float | None
    f1_buy: float | None
    precision_buy: float | None
    recall_buy: float | None
    buy_rate: float
    n_signals: int
    win_rate: float | None
    expectancy: float | None
    profit_factor: float | None
    sortino: float | None
    max_drawdown: float | None
    undefined: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        freeze(self)
        for name in metric_names():
            value = getattr(self, name)
            if value is None and name not in self.undefined:
                message = f"SplitMetrics.{name} is None without a reason in `undefined`."
                raise InputError("figure_invalid", message)
            if value is not None and (name in self.undefined or not math.isfinite(value)):
                message = f"SplitMetrics.{name} is {value!r}; it must be finite, or None."
                raise InputError("figure_invalid", message)

    def figures(self) -> dict[str, float | None]:
        """Return every figure by name, without the reasons."""
        return {name: getattr(self, name) for name in metric_names()}


@cache
def metric_names() -> tuple[str, ...]:
    """Return the names of the figures, in order."""
    return tuple(f.name for f in fields(SplitMetrics) if f.name != "undefined")
