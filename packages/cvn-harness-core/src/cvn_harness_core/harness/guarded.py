"""One execution of the nodes, with the library's exceptions and its memory accounted for."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from cvn_harness_core.errors import FitError, HarnessError
from cvn_harness_core.harness.driver import Trace, execute
from cvn_harness_core.resources.budget import Budget
from cvn_harness_core.resources.exhausted import is_out_of_memory
from cvn_harness_core.resources.peak import Peak, peak_memory
from cvn_harness_core.resources.size import readable


def guarded(
    dags: tuple[ModuleType, ...],
    outputs: list[str],
    inputs: dict[str, Any],
    trace: Trace,
    known: dict[str, Any],
) -> dict[str, Any]:
    """Run the nodes as ``execute`` does; whatever the library raises becomes a FitError.

    Raises FitError ``out_of_memory`` or ``fit_failed``, its cause chained.
    """
    budget = Budget.current()
    try:
        with peak_memory() as peak:
            return execute(dags, outputs, inputs, trace, known)
    except HarnessError:
        raise
    except Exception as error:
        message = (
            f"{inputs['spec'].name} failed in the stage {trace.stage!r}: "
            f"{type(error).__name__}: {error}"
        )
        if is_out_of_memory(error):
            message = f"{message.rstrip('.')}. {_memory(budget, peak)}"
            raise FitError("out_of_memory", message) from error
        raise FitError("fit_failed", message) from error


def _memory(budget: Budget, peak: Peak) -> str:
    """Return what was there, what was held, and what to do."""
    free = "unknown" if budget.memory_bytes is None else readable(budget.memory_bytes)
    held = "unknown" if peak.peak_bytes is None else readable(peak.peak_bytes)
    return (
        f"Memory ran out. Budget before the fit: {free} ({budget.memory_source}); most that the "
        f"process held: {held}{f' ({peak.reason})' if peak.reason else ''}. Run fewer fits at once "
        "or fewer threads, use fewer bins, shallower trees or fewer rows, or give more memory "
        "(a higher CVN_MEMORY, if that is what limits)."
    )
