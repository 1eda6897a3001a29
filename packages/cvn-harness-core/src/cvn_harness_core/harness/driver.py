"""The Hamilton driver of a model: built once per process, executed once per fit."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hamilton.driver import Driver

_AUTOLOAD = "HAMILTON_AUTOLOAD_EXTENSIONS"
_NOISY = ("hamilton.execution.graph_functions", "hamilton.driver")


@dataclass
class Trace:
    """What one execution did: seconds by node, and the node it is at or failed in."""

    stage: str = "inputs"
    seconds: dict[str, float] = field(default_factory=dict)


def execute(
    dags: tuple[ModuleType, ...],
    outputs: list[str],
    inputs: dict[str, Any],
    trace: Trace,
    known: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Run the shared nodes, with those of ``dags`` over them, once; return the outputs by name.

    ``known`` are nodes whose values are there already; what only they need is not run. Whatever a
    node raises passes through; ``trace.stage`` then names the node.
    """
    driver, tracer = _driver(dags)
    tracer.record_in(trace)
    with _without_hamilton_errors():
        results: dict[str, Any] = driver.execute(outputs, inputs=inputs, overrides=known or {})
    return results


def driver_for(dags: tuple[ModuleType, ...]) -> Driver:
    """Return the driver over the shared nodes and a model's own, for drawing and inspection."""
    return _driver(dags)[0]


@lru_cache(maxsize=256)
def _driver(dags: tuple[ModuleType, ...]) -> tuple[Driver, Any]:
    _import_hamilton()
    from hamilton.base import DictResult
    from hamilton.driver import Builder
    from hamilton.lifecycle import NodeExecutionHook

    from cvn_harness_core.nodes import (
        calibration,
        class_balance,
        eval_metrics,
        fit,
        holdout,
        learning_curve,
        log_emit,
        out_of_fold,
        theta_sweep,
        tradability,
        training_health,
    )

    class Tracer(NodeExecutionHook):  # type: ignore[misc]
        """Times every node of the execution that runs in this thread."""

        def __init__(self) -> None:
            self._local = threading.local()

        def record_in(self, trace: Trace) -> None:
            self._local.trace = trace

        def run_before_node_execution(self, *, node_name: str, **_: Any) -> None:
            self._local.trace.stage = node_name
            self._local.trace.seconds[node_name] = -time.perf_counter()

        def run_after_node_execution(self, *, node_name: str, **_: Any) -> None:
            self._local.trace.seconds[node_name] += time.perf_counter()

    shared = (
        class_balance,
        holdout,
        fit,
        learning_curve,
        out_of_fold,
        calibration,
        theta_sweep,
        eval_metrics,
        tradability,
        training_health,
        log_emit,
    )
    tracer = Tracer()
    builder = Builder().with_modules(*shared, *dags)
    builder = builder.allow_module_overrides().with_adapters(tracer, DictResult())
    return builder.build(), tracer


def _import_hamilton() -> None:
    """Import Hamilton without the plotting and ML extensions that it would load by itself.

    They cost 1.5 s. An application that imported Hamilton first, or that set the variable, keeps
    what it chose; the environment is as before afterwards.
    """
    if "hamilton.driver" in sys.modules or _AUTOLOAD in os.environ:
        import hamilton.driver

        return
    os.environ[_AUTOLOAD] = "0"
    try:
        import hamilton.driver  # noqa: F401
    finally:
        os.environ.pop(_AUTOLOAD, None)


@contextmanager
def _without_hamilton_errors() -> Iterator[None]:
    """Keep Hamilton from logging the errors of this thread: they are raised and reported once."""
    thread = threading.get_ident()

    def ours(record: logging.LogRecord) -> bool:
        return record.thread != thread

    loggers = [logging.getLogger(name) for name in _NOISY]
    for logger in loggers:
        logger.addFilter(ours)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(ours)
