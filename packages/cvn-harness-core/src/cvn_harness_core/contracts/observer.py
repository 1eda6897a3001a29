"""How long training may wait for an observer, how far that may fall behind, and what it sees."""

from __future__ import annotations

from dataclasses import dataclass

from cvn_harness_core.errors import PluginContractError

_DAY_S = 86_400


@dataclass(frozen=True)
class ObserverLimits:
    """What an observer declares of its own speed, in seconds; see ``cvn_observer_limits``.

    Raises PluginContractError ``plugin_contract`` unless all times are numbers from 0 to a day, and
    ``events`` and ``variables`` tuples of names.

    Parameters
    ----------
    per_fit
        How long one training waits for it, in all its calls together. After that it is still told
        everything, in order, but nobody waits for it until it has caught up.
    behind
        How old a call that it has not finished may be when the next one comes; one that is older
        has it cut off.
    at_exit
        How long the process waits in the end for what it has not finished.
    events
        The names of the events that ``cvn_event`` is called for; None for all. Each call is handed
        to the observer's thread, so an observer of few is the cheaper for saying so.
    variables
        Environment variables that switch it on: it is told something while one of them is set, and
        not to nothing. None: it is always told. One that is switched off costs nothing.
    """

    per_fit: float = 0.25
    behind: float = 30.0
    at_exit: float = 5.0
    events: tuple[str, ...] | None = None
    variables: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("per_fit", "behind", "at_exit"):
            value = getattr(self, name)
            known = isinstance(value, int | float) and not isinstance(value, bool)
            if not known or not 0 <= value <= _DAY_S:
                message = (
                    f"ObserverLimits.{name} is {value!r}, not a number of seconds from 0 to "
                    f"{_DAY_S}."
                )
                raise PluginContractError("plugin_contract", message)
        for name in ("events", "variables"):
            value = getattr(self, name)
            named = isinstance(value, tuple) and all(isinstance(n, str) for n in value)
            if value is not None and not named:
                message = f"ObserverLimits.{name} is {value!r}, not a tuple of names of {name}."
                raise PluginContractError("plugin_contract", message)
