"""Hyperparameters in environment variables: ``CVN_HPO_<MODEL>_<PARAM>``.

Names are in upper case, with ``_`` for whatever is no letter and no digit. ``..._MIN`` and
``..._MAX`` are a range for a search, ``..._SCALE`` is ``linear`` or ``log``. A variable whose rest
is a parameter sets it, even if it ends like a part of a range.

A variable is that of the longest registered name that it begins with, and refused if a shorter
one knows the rest as well. One that begins with the name of no installed plugin is ignored, since
it may be meant for another machine (``unclaimed`` lists them); of an installed one, every variable
must make sense.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from cvn_harness_core.config.names import registered_names
from cvn_harness_core.config.text import from_text
from cvn_harness_core.contracts.config import ParamConfig
from cvn_harness_core.contracts.space import Range
from cvn_harness_core.errors import ParameterError
from cvn_harness_core.harness.layers import Spec, check_layer, spellings, unknown

PREFIX = "CVN_HPO_"
_PARTS = ("MIN", "MAX", "SCALE")


def read_environment(environ: Mapping[str, str], spec: Spec, names: Sequence[str]) -> ParamConfig:
    """Return what variables say of one model.

    Parameters
    ----------
    names
        Every registered name, to tell apart two of which one begins like the other.

    Raises
    ------
    ParameterError
        ``parameter_unknown``; ``config_invalid`` for half a range, a scale that is none, an empty
        text, or a variable that can be read as two parameters; what ``check_layer`` raises. It
        names the variable.
    """
    own, known = _prefix(spec.name), _known(spec)
    others = [_prefix(name) for name in names if name != spec.name]
    texts: dict[str, str] = {}
    ranges: dict[str, dict[str, str]] = {}
    origins: dict[str, str] = {}
    for variable in sorted(v for v in environ if v.startswith(own)):
        spelling, part = _meant(variable, variable.removeprefix(own), known)
        if any(variable.startswith(p) and len(p) >= len(own) for p in others):
            if spelling is None:
                continue
            _refuse(variable, "may be meant for two models; set it in a TOML file instead")
        if spelling is None:
            raise unknown(spec, variable.removeprefix(own).lower()).at(variable)
        if not environ[variable].strip():
            _refuse(variable, "is empty; give a value, or unset it")
        if part:
            ranges.setdefault(spelling, {})[part] = environ[variable]
            origins[spelling] = f"{own}{_shouted(spelling)}_MIN, _MAX"
        else:
            texts[spelling] = environ[variable]
            origins[spelling] = variable
    typed = {name: _typed(spec, name, text) for name, text in texts.items()}
    space = {name: _range(spec, name, own, parts) for name, parts in ranges.items()}
    return check_layer(spec, ParamConfig(typed, space, origins))


def unclaimed(environ: Iterable[str]) -> list[str]:
    """Return the variables that begin with ``CVN_HPO_`` and then with no registered name."""
    prefixes = tuple(map(_prefix, registered_names()))
    return sorted(v for v in environ if v.startswith(PREFIX) and not v.startswith(prefixes))


def _shouted(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def _prefix(name: str) -> str:
    return f"{PREFIX}{_shouted(name)}_"


def _known(spec: Spec) -> dict[str, list[str]]:
    """Return the spellings by upper case; those that the harness reserves are told apart later."""
    found: dict[str, list[str]] = {}
    canonical = {**dict.fromkeys(spec.reserved, ""), **spellings(spec)}
    for spelling, name in canonical.items():
        alike = found.setdefault(_shouted(spelling), [])
        if not any(canonical[other] == name for other in alike):
            alike.append(spelling)
    return found


def _meant(variable: str, rest: str, known: Mapping[str, list[str]]) -> tuple[str | None, str]:
    """Return the parameter's spelling and the part of its range, or an empty part."""
    stem, _, part = rest.rpartition("_")
    for name, found in ((rest, ""), *([(stem, part)] if part in _PARTS else [])):
        if name in known:
            if len(known[name]) > 1:
                alike = " and ".join(known[name])
                _refuse(variable, f"may mean {alike}; set it in a TOML file instead")
            return known[name][0], found
    return None, ""


def _typed(spec: Spec, spelling: str, text: str) -> Any:
    param = spec.param(spellings(spec).get(spelling, spelling))
    return text if param is None else from_text(param, text)


def _range(spec: Spec, spelling: str, own: str, parts: Mapping[str, str]) -> Range:
    stem = f"{own}{_shouted(spelling)}"
    for part in ("MIN", "MAX"):
        if part not in parts:
            there = ", ".join(f"{stem}_{found}" for found in parts)
            _refuse(f"{stem}_{part}", f"is missing beside {there}; a range needs _MIN and _MAX")
    scale = parts.get("SCALE", "linear").strip().lower()
    if scale not in ("linear", "log"):
        _refuse(f"{stem}_SCALE", f"is {parts['SCALE']!r}; it must be linear or log")
    low, high = (_typed(spec, spelling, parts[part]) for part in ("MIN", "MAX"))
    return Range(low, high, log=scale == "log")


def _refuse(variable: str, fault: str) -> NoReturn:
    raise ParameterError("config_invalid", f"{variable} {fault}.")
