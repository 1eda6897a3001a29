"""From the name that a user gives to those of the plugin, its distribution and its package."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass

from cvn_harness_core import CORE_THETA_RULES, discover
from cvn_orchestrator.errors import NewPluginError
from cvn_orchestrator.new_plugin.kinds import KINDS, Kind

LONGEST = 32

_SOUND = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")
_RESERVED = {"theta-rule": CORE_THETA_RULES}


@dataclass(frozen=True)
class Names:
    """The names of a new plugin: what it is called, its distribution, its import package."""

    plugin: str
    distribution: str
    package: str


def names_of(given: str, kind: Kind) -> Names:
    """Return the names for what a user gave, such as ``fast-trees`` or ``fast_trees``.

    Raises
    ------
    NewPluginError
        ``plugin_name_invalid`` for what can be no name; ``plugin_name_taken`` for one that an
        installed plugin or the core has.
    """
    _check_form(given, kind)
    dashed = given.replace("_", "-")
    distribution = f"{kind.prefix}{dashed}"
    names = Names(dashed.replace("-", "_"), distribution, distribution.replace("-", "_"))
    owner = _owner(names, kind)
    if owner is not None:
        message = f"the name {names.plugin!r} is taken: {owner}; choose another."
        raise NewPluginError("plugin_name_taken", message)
    return names


def _check_form(given: str, kind: Kind) -> None:
    prefix = next((k.prefix for k in KINDS.values() if given.startswith(k.prefix)), None)
    if prefix is not None and given != prefix:
        message = (
            f"{given!r} begins with {prefix!r}, which --kind puts before the name of a "
            f"distribution; give the rest, {given.removeprefix(prefix)!r}."
        )
    elif not _SOUND.fullmatch(given):
        message = (
            f"{given!r} is no name for a plugin; give lower-case letters and digits, a letter "
            "first, words joined by - or _, for instance fast-trees."
        )
    elif len(given) > LONGEST:
        message = f"{given!r} has {len(given)} letters; a name has {LONGEST} at most."
    elif kind.name == "theta-rule" and given in ("inf", "infinity", "nan"):
        message = (
            f"{given!r} is read as a number wherever a rule for theta is named; choose a word."
        )
    else:
        return
    raise NewPluginError("plugin_name_invalid", message)


def _owner(names: Names, kind: Kind) -> str | None:
    if names.plugin.startswith("stand_in") and kind.checked:
        return f"{names.plugin} is kept for the conformance kit's own models"
    if names.plugin in _RESERVED.get(kind.name, ()):
        return f"{names.plugin} is a {kind.name} of cvn-harness-core itself"
    for record in discover():
        if record.name == names.plugin and record.kind in kind.rivals:
            return f"{record.distribution} {record.version} offers the {record.kind}"
    if importlib.util.find_spec(names.package) is not None:
        return f"a package {names.package} can be imported already"
    return None
