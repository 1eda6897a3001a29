"""Observers that fail, told on standard error where no log tells of them."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from cvn_harness_core import EVENT_LOGGER, configure_logging

_NAME = "cvn-rejections"


def log_as(style: Literal["off", "human", "json"], told: Path | None = None) -> None:
    """Have events written to standard error in a style; with ``off``, no more than such failures.

    Parameters
    ----------
    told
        A folder that several processes have together, each of which may meet the same failure: it
        is told once.
    """
    logger = logging.getLogger(EVENT_LOGGER)
    for earlier in [h for h in logger.handlers if h.get_name() == _NAME]:
        logger.removeHandler(earlier)
    if style == "off":
        logger.addHandler(_Rejections(told))
    else:
        configure_logging(style)


class _Rejections(logging.Handler):
    def __init__(self, told: Path | None) -> None:
        super().__init__(logging.WARNING)
        self.set_name(_NAME)
        self._told = told

    def emit(self, record: logging.LogRecord) -> None:
        """Print a line for ``plugin_rejected`` of an observer; other plugins raise as they fail."""
        event: Any = record.msg
        if not isinstance(event, dict) or event.get("event") != "plugin_rejected":
            return
        if event["kind"] == "observer" and self._is_first(f"{event['plugin']}.{event['code']}"):
            with suppress(
                Exception
            ):  # it may be closed, or its disk full: no training ends of that
                sys.stderr.write(f"cvn: warning: {_line(event)}\n")

    def _is_first(self, failure: str) -> bool:
        if self._told is None:
            return True  # an event is published once in a process
        try:
            os.close(os.open(self._told / failure.replace("/", "_"), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        except OSError:  # a worker on another machine has no such folder
            return True
        return True


def _line(event: dict[str, Any]) -> str:
    who = f"the observer plugin {event['plugin']!r}"
    said = " ".join(str(event["message"]).split())
    if said.startswith(who):
        return f"{said} [{event['code']}]"
    where = f"{event['distribution']} {event['version']}, {event['target']}"
    return f"{who} ({where}) failed: {event['code']}: {said}"
