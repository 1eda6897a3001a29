"""What a cut must satisfy, and which demand leaves nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from cvn_harness_core.contracts.checks import real
from cvn_harness_core.contracts.cuts import Cuts
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.errors import InputError

Constraint: TypeAlias = tuple[str, Callable[[Cuts], Array]]
"""A reason code, and a demand: of some cuts (j,), which satisfy it, (j,) boolean."""


def first_unmet(cuts: Cuts, *constraints: Constraint) -> tuple[Array, str | None]:
    """Return which cuts satisfy every demand, (k,), and the reason of the first that left none.

    A demand is asked only of the cuts between the first and the last that are left, so cheap ones
    stand before dear ones.
    """
    feasible = np.ones(cuts.theta.size, dtype=bool)
    first, last = 0, cuts.theta.size
    for reason, satisfied in constraints:
        feasible[first:last] &= satisfied(cuts[first:last])
        left = np.flatnonzero(feasible[first:last])
        if not left.size:
            feasible[:] = False
            return feasible, reason
        first, last = first + int(left[0]), first + int(left[-1]) + 1
        feasible[:first] = False
        feasible[last:] = False
    return feasible, None


def check_band(rule: str, least: float | None, most: float | None) -> None:
    """Raise InputError ``setting_invalid`` unless a band is within [0, 1] and not empty."""
    for name, value in (("min_buy_rate", least), ("max_buy_rate", most)):
        if value is not None and real(f"{rule}.{name}", value, low=0) > 1.0:
            message = f"{rule}.{name} is {value!r}; it must lie within [0, 1]."
            raise InputError("setting_invalid", message)
    if most == 0:
        message = f"{rule}.max_buy_rate is 0; nothing could ever be bought."
        raise InputError("setting_invalid", message)
    if least is not None and most is not None and least > most:
        message = f"{rule}: the band is empty, min_buy_rate {least} is above max_buy_rate {most}."
        raise InputError("setting_invalid", message)
