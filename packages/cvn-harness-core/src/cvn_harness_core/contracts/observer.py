"""How long training may wait for an observer, and how far that may fall behind."""

from __future__ import annotations

from dataclasses import dataclass, fields

from cvn_harness_core.errors import PluginContractError

_DAY_S = 86_400


@dataclass(frozen=True)
class ObserverLimits:
    """What an observer declares of its own speed, in seconds; see ``cvn_observer_limits``.

    Raises PluginContractError ``plugin_contract`` unless all are numbers from 0 to a day.

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
    """

    per_fit: float = 0.25
    behind: float = 30.0
    at_exit: float = 5.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            known = isinstance(value, int | float) and not isinstance(value, bool)
            if not known or not 0 <= value <= _DAY_S:
                message = (
                    f"ObserverLimits.{field.name} is {value!r}, not a number of seconds from 0 to "
                    f"{_DAY_S}."
                )
                raise PluginContractError("plugin_contract", message)
