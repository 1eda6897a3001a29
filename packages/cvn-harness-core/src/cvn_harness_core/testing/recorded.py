"""Events as users see them, lines of JSON: recorded, and held against their declaration."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import msgspec

from cvn_harness_core import configure_logging
from cvn_harness_core.events.log import LOGGER
from cvn_harness_core.events.schema import EVENTS


@contextmanager
def recorded_events() -> Iterator[list[dict[str, Any]]]:
    """Yield a list that holds, after the block, every event of it, read from its line of JSON."""
    logger = logging.getLogger(LOGGER)
    before = logger.handlers[:], logger.level, logger.propagate
    stream, events = io.StringIO(), list[dict[str, Any]]()
    configure_logging("json", stream=stream)
    try:
        yield events
    finally:
        logger.handlers[:], logger.level, logger.propagate = before
        events.extend(json.loads(line) for line in stream.getvalue().splitlines())


def event_faults(line: Mapping[str, Any]) -> list[str]:
    """Return in what one event, read from its line of JSON, departs from its declaration."""
    name = str(line.get("event"))
    if name not in EVENTS:
        return [f"{name!r} is not an event of the schema ({', '.join(EVENTS)})"]
    declared = {f.name for f in fields(EVENTS[name])}
    stamps = {"event", "schema", "level", "timestamp"}
    faults = [f"{name} lacks {field!r}" for field in sorted((declared | stamps) - set(line))]
    faults += [f"{name} has {f!r}, undeclared" for f in sorted(set(line) - declared - stamps)]
    try:
        values = {field: value for field, value in line.items() if field in declared}
        msgspec.convert(values, EVENTS[name], strict=True)
    except msgspec.ValidationError as error:
        faults.append(f"{name}: {error}")
    return faults
