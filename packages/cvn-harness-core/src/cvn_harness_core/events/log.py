"""From an event to the log and to the observers.

Events go to the standard logger ``cvn_harness`` as structured records, so a library user hears
nothing unless the application configures logging; ``configure`` is what a command line calls.
"""

from __future__ import annotations

import logging
import sys
import weakref
from collections.abc import MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal, TextIO

import structlog

from cvn_harness_core.errors import HarnessError
from cvn_harness_core.events.schema import (
    Event,
    PluginRejected,
    TrainingComplete,
    TrainingFailed,
    TrainingStarted,
)
from cvn_harness_core.plugins.isolation import count_caused, within_observer
from cvn_harness_core.plugins.observers import Observers
from cvn_harness_core.plugins.record import PluginRecord
from cvn_harness_core.said import said

LOGGER = "cvn_harness"
logging.getLogger(LOGGER).addHandler(logging.NullHandler())  # silent until someone listens

_SECRET_NAMES = frozenset(
    {"api_key", "apikey", "authorization", "credentials", "password", "secret", "storage", "token"}
)


def _redact(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {k: _redacted(k, v) for k, v in entry.items()}


def _redacted(name: str, value: Any) -> Any:
    if name.lower() in _SECRET_NAMES and value is not None:
        return "[redacted]"
    if isinstance(value, dict):
        return {k: _redacted(str(k), v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(name, v) for v in value]
    return value


_STAMPS: list[structlog.typing.Processor] = [
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _redact,
]

_logger = structlog.wrap_logger(
    logging.getLogger(LOGGER),
    processors=[
        structlog.stdlib.filter_by_level,
        *_STAMPS,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    wrapper_class=structlog.stdlib.BoundLogger,
)


def configure(
    style: Literal["json", "human"], *, stream: TextIO | None = None, level: str = "INFO"
) -> logging.Handler:
    """Send events to a stream (standard error by default), one line each; return the handler.

    A second call replaces the handler of the first.

    Parameters
    ----------
    style
        ``json`` writes one JSON object a line, ``human`` aligned text, coloured on a terminal.
    """
    stream = stream or sys.stderr
    if style == "json":
        renderer: structlog.typing.Processor = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    handler = logging.StreamHandler(stream)
    handler.set_name(LOGGER)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
        )
    )
    logger = logging.getLogger(LOGGER)
    for earlier in [h for h in logger.handlers if h.get_name() == LOGGER]:
        logger.removeHandler(earlier)
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False
    return handler


def publish(event: Event) -> None:
    """Write an event to the log and show it to every observer."""
    if within_observer():
        count_caused()
    level = logging.getLevelNamesMapping()[event.level.upper()]
    if logging.getLogger(LOGGER).isEnabledFor(level):
        line = event.as_dict()
        _logger.log(level, line.pop("event"), **line)
    OBSERVERS.notify("cvn_event", event=event)


def plugin_rejected(record: PluginRecord, error: BaseException) -> None:
    """Report a plugin that cannot be used."""
    publish(
        PluginRejected(
            kind=record.kind,
            plugin=record.name,
            distribution=record.distribution,
            version=record.version,
            target=record.target,
            code=error.code if isinstance(error, HarnessError) else type(error).__name__,
            message=said(error),
        )
    )


OBSERVERS = Observers(on_failure=plugin_rejected)
"""The installed observers."""


_innermost: ContextVar[weakref.ref[RunLog] | None] = ContextVar("cvn_training", default=None)
"""The training under way in this context. Weak: of one that ended without a word nothing stays."""


def _under_way() -> RunLog | None:
    innermost = _innermost.get()
    return None if innermost is None else innermost()


@dataclass(frozen=True, eq=False)
class RunLog:
    """The events of one run: what they all carry is said once.

    A run that is made while another trains, where that one trains, is part of it.
    """

    run_id: str
    kind: str
    model: str
    tags: dict[str, str] = field(default_factory=dict)
    _outer: RunLog | None = field(default_factory=_under_way, init=False, repr=False)

    @property
    def part_of(self) -> str | None:
        """The id of the run that this one is part of, or None."""
        return None if self._outer is None else self._outer.run_id

    def emit(self, event: type[Event], **values: Any) -> Event:
        """Publish an event of this run and return it."""
        common = {name: self.tags.get(name) for name in ("symbol", "fold", "variant")}
        made = event(
            run_id=self.run_id,
            part_of=self.part_of,
            kind=self.kind,
            model=self.model,
            **common,
            **values,
        )
        if isinstance(made, TrainingStarted):
            _innermost.set(weakref.ref(self))
        elif isinstance(made, TrainingComplete | TrainingFailed):
            _innermost.set(None if self._outer is None else weakref.ref(self._outer))
        publish(made)
        return made
