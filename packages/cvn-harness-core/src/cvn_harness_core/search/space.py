"""From declared dimensions to Optuna's suggestions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cvn_harness_core.contracts.params import Param, ParamValue, ResolvedParam
from cvn_harness_core.contracts.space import Choice, Dimension
from cvn_harness_core.harness.parameters import Spec, active

if TYPE_CHECKING:
    from optuna.trial import Trial


def suggest(
    trial: Trial,
    spec: Spec,
    space: Mapping[str, Dimension],
    fixed: Mapping[str, ResolvedParam],
) -> None:
    """Have the trial sample every dimension that has an effect beside the others."""
    values: dict[str, ParamValue] = {n: p.value for n, p in fixed.items() if n not in space}
    for name, dimension in space.items():
        param = spec.param(name)
        assert param is not None
        if active(param, values):
            values[name] = _sampled(trial, param, dimension)


def _sampled(trial: Trial, param: Param, dimension: Dimension) -> ParamValue:
    if isinstance(dimension, Choice):
        return trial.suggest_categorical(param.name, dimension.values)  # type: ignore[arg-type]
    low, high, log, step = dimension.low, dimension.high, dimension.log, dimension.step
    if param.type is int:
        return trial.suggest_int(param.name, int(low), int(high), step=int(step or 1), log=log)
    return trial.suggest_float(param.name, low, high, step=step, log=log)


def with_trial(
    fixed: Mapping[str, ResolvedParam],
    space: Mapping[str, Dimension],
    params: Mapping[str, ParamValue],
) -> dict[str, ResolvedParam]:
    """Return the parameters of one trial, over what was fixed or a default.

    Of a dimension that this trial did not try, and of one that it leaves to the library, nothing
    is passed on.
    """
    found = {name: param for name, param in fixed.items() if name not in space}
    for name, value in params.items():
        if value is None:
            continue
        known = fixed.get(name)
        found[name] = (
            ResolvedParam(value, "search") if known is None else known.replaced(value, "search")
        )
    return found
