"""How a check fails: with what was expected, what was seen, and how to mend it.

The kit has no ``assert``: pytest explains those of test files only, and the kit's modules are none.
"""

from __future__ import annotations

import numpy as np
import pytest

from cvn_harness_core.contracts.split import Array


def require(holds: bool, expected: object, seen: object, mend: str) -> None:
    """Fail the test unless ``holds``, saying what was expected, what was seen and what to do."""
    __tracebackhide__ = True
    if not holds:
        pytest.fail(f"expected {expected}; saw {seen}. To mend it: {mend}.")


def largest_gap(one: Array, other: Array) -> float:
    """Return the largest absolute difference between two arrays of scores of one shape."""
    return float(np.abs(one - other).max())
