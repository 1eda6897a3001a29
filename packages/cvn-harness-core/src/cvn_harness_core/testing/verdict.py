"""How a check ends: it returns, or raises what was expected, what was seen, and how to mend it.

The kit has no ``assert``: pytest explains those of test files only, and the kit's modules are none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import numpy as np

from cvn_harness_core.contracts.split import Array
from cvn_harness_core.said import said


class CheckFailed(AssertionError):  # noqa: N818  a verdict, as CheckSkipped is
    """A check found what the contract does not allow."""

    def __init__(self, expected: object, seen: object, mend: str) -> None:
        self.expected, self.seen, self.mend = str(expected), str(seen), mend
        super().__init__(f"expected {expected}; saw {seen}. To mend it: {mend}.")


class CheckSkipped(Exception):  # noqa: N818  no error: a model cannot be asked everything
    """A check does not apply to this plugin, or not on this machine."""


def require(holds: bool, expected: object, seen: object, mend: str) -> None:
    """Raise CheckFailed unless ``holds``."""
    if not holds:
        raise CheckFailed(expected, seen, mend)


def skip(reason: str) -> NoReturn:
    """End a check that does not apply."""
    raise CheckSkipped(reason)


@contextmanager
def expecting(expected: object, mend: str) -> Iterator[None]:
    """Make CheckFailed of whatever the block raises."""
    try:
        yield
    except (CheckFailed, CheckSkipped):
        raise
    except (Exception, SystemExit) as error:
        raise CheckFailed(expected, f"{type(error).__name__}: {said(error)}", mend) from error


def refusal(error: type[Exception]) -> Refusal:
    """Return a block that takes an error of this type and keeps what it said."""
    return Refusal(error)


class Refusal:
    """Takes an error of one type; ``said`` is its code and text, or that there was none."""

    def __init__(self, error: type[Exception]) -> None:
        self._error, self.said, self.raised = error, "no error", False

    def __enter__(self) -> Refusal:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, self._error):
            return False
        code = getattr(error, "code", type(error).__name__)
        self.raised, self.said = True, f"{code}: {said(error)}"
        return True


def largest_gap(one: Array, other: Array) -> float:
    """Return the largest absolute difference between two arrays of scores of one shape."""
    return float(np.abs(one - other).max())
