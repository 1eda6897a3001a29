"""Engines by name: whatever is installed under the group of entry points."""

from __future__ import annotations

from importlib.metadata import entry_points

from cvn_orchestrator.engines.contract import Engine, EngineSettings
from cvn_orchestrator.errors import SweepError

GROUP = "cvn_orchestrator.engines.v1"


def engine_names() -> tuple[str, ...]:
    """Return the names of the installed engines; imports none."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def engine_of(name: str, settings: EngineSettings) -> Engine:
    """Return the engine of that name.

    Raises SweepError ``engine_unknown``, with the names that there are, or ``engine_failed`` if it
    cannot be loaded, two distributions offer it, or it refuses the settings.
    """
    found = {point.value: point for point in entry_points(group=GROUP, name=name)}
    if not found:
        message = f"there is no engine {name!r}; installed: {', '.join(engine_names())}."
        raise SweepError("engine_unknown", message)
    if len(found) > 1:
        message = f"the engine {name!r} is offered twice: {', '.join(sorted(found))}."
        raise SweepError("engine_failed", message)
    (point,) = found.values()
    try:
        make = point.load()
    except ImportError as error:
        message = (
            f"the engine {name!r} cannot be loaded: {error}. Install what it needs, for instance "
            f"pip install 'cvn-orchestrator[{name}]'."
        )
        raise SweepError("engine_failed", message) from error
    engine: Engine = make(settings)
    return engine
