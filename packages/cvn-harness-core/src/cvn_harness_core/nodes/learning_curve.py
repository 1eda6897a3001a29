"""The learning curve of the fit, in summary."""

from __future__ import annotations

import math

from cvn_harness_core.contracts.curve import CurveSummary
from cvn_harness_core.contracts.model import FitRequest, Fitted, ModelSpec


def learning_curve(fitted: Fitted, fit_request: FitRequest, spec: ModelSpec) -> CurveSummary:
    """Return first, best and last values on both splits, and the iterations behind them."""
    ceiling = fit_request.params.get(spec.iterations_param or "")
    stopping = fit_request.stopping
    values: dict[str, float | None] = {}
    if fitted.curve is not None and fitted.best_iteration is not None:
        for split in ("train", "val"):
            points = getattr(fitted.curve, split)
            if points is None:
                continue
            values[f"{split}_first"] = _finite(points[0])
            values[f"{split}_best"] = _finite(points[fitted.best_iteration - 1])
            values[f"{split}_last"] = _finite(points[-1])
    return CurveSummary(
        metric=fitted.curve.metric if fitted.curve is not None else None,
        best_iteration=fitted.best_iteration,
        n_iterations=fitted.n_iterations,
        ceiling=ceiling if isinstance(ceiling, int) else None,
        stopping_rounds=stopping.rounds if stopping is not None else None,
        **values,
    )


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
