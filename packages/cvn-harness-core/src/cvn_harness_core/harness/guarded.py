"""One execution of the nodes, with the library's exceptions and its memory accounted for."""

from __future__ import annotations

import signal
from types import ModuleType
from typing import Any

from cvn_harness_core.errors import FitError, HarnessError
from cvn_harness_core.harness.driver import Trace, execute
from cvn_harness_core.resources.budget import check_variables, free_memory
from cvn_harness_core.resources.exhausted import is_out_of_memory
from cvn_harness_core.resources.peak import Peak, peak_memory
from cvn_harness_core.resources.size import readable
from cvn_harness_core.said import said


def guarded(
    dags: tuple[ModuleType, ...],
    outputs: list[str],
    inputs: dict[str, Any],
    trace: Trace,
    known: dict[str, Any],
) -> dict[str, Any]:
    """Run the nodes as ``execute`` does; whatever the library raises becomes a FitError.

    Its ``sys.exit`` too: a process that ends with 0 would say that all is well. What a signal's
    handler raises (an alarm's TimeoutError, ``sys.exit``) passes as it is meant to.

    Raises FitError ``out_of_memory`` or ``fit_failed``, its cause chained.
    """
    import sklearn.metrics  # noqa: F401  so that no fit's memory and time hold its import

    check_variables()
    try:
        with peak_memory() as peak:
            return execute(dags, outputs, inputs, trace, known)
    except HarnessError:
        raise
    except (Exception, SystemExit) as error:
        if _is_of_a_signal(error):
            raise
        message = (
            f"{inputs['spec'].name} failed in the stage {trace.stage!r}: "
            f"{type(error).__name__}: {said(error)}"
        )
        if is_out_of_memory(error):
            message = f"{message.rstrip('.')}. {_memory(peak)}"
            raise FitError("out_of_memory", message) from error
        raise FitError("fit_failed", message) from error


def _is_of_a_signal(error: BaseException) -> bool:
    """Return whether a handler of a signal raised it, or what a handler called."""
    handlers = (signal.getsignal(number) for number in signal.valid_signals())
    functions = {getattr(handler, "__func__", handler) for handler in handlers}
    codes = {getattr(function, "__code__", None) for function in functions}
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in codes:
            return True
        trace = trace.tb_next
    return False


def _memory(peak: Peak) -> str:
    """Return what is there, what was held, and what to do."""
    free_bytes, source = free_memory()
    free = "unknown" if free_bytes is None else readable(free_bytes)
    held = "unknown" if peak.peak_bytes is None else readable(peak.peak_bytes)
    return (
        f"Memory ran out. Free now: {free} ({source}); most that the "
        f"process held: {held}{f' ({peak.reason})' if peak.reason else ''}. Run fewer fits at once "
        "or fewer threads, use fewer bins, shallower trees or fewer rows, or give more memory "
        "(a higher CVN_MEMORY, if that is what limits)."
    )
