"""Many hypotheses at once."""

from __future__ import annotations

from collections.abc import Sequence


def benjamini_hochberg(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Return p values adjusted for the false discovery rate over the whole family, in order.

    An undefined p counts as 1 and stays None, so that a hole never makes the family smaller.
    Benjamini and Hochberg (1995), "Controlling the false discovery rate"; where all hypotheses are
    true it bounds the chance of any rejection. It holds for independent and for positively
    dependent tests (Benjamini and Yekutieli, 2001), which those of variants on the same dates are
    in the main.
    """
    from scipy.stats import false_discovery_control

    if not p_values:
        return ()
    values = false_discovery_control([1.0 if p is None else p for p in p_values], method="bh")
    return tuple(None if p is None else float(q) for p, q in zip(p_values, values, strict=True))
