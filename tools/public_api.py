"""Write tests/public_api.txt: the signatures of everything public in cvn-harness-core, one a line.

`--check` only prints what changed, and exits with 1 if anything did.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import GenericAlias
from typing import Any

from cvn_harness_core.plugins import hookspecs
from cvn_harness_core.plugins.record import CONTRACT_VERSION

SNAPSHOT = Path(__file__).parents[1] / "tests" / "public_api.txt"
MODULES = ("cvn_harness_core", "cvn_harness_core.testing")
OURS = "cvn_harness_core."
CHANGES_BY_ITSELF = {"__version__"}
HEAD = "# Written by `python tools/public_api.py`. A change here is a change for plugin authors."


def public_api() -> str:
    """Return the snapshot: the contract's version, hooks, then each public module's names."""
    lines = [HEAD, "", f"CONTRACT_VERSION = {CONTRACT_VERSION}", "", "# hooks", *_hooks()]
    for name in MODULES:
        module = importlib.import_module(name)
        lines += ["", f"# {name}"]
        for public in sorted(set(module.__all__) - CHANGES_BY_ITSELF):
            lines += _described(public, getattr(module, public))
    return "\n".join(lines) + "\n"


def difference(before: str, now: str) -> str:
    """Return what was removed (-) and added (+), without the lines around; empty if nothing."""
    found = difflib.unified_diff(before.splitlines(), now.splitlines(), lineterm="", n=0)
    return "\n".join(line for line in found if not line.startswith(("---", "+++", "@@")))


def _hooks() -> Iterator[str]:
    for name, hook in sorted(vars(hookspecs).items()):
        options = getattr(hook, f"{hookspecs.PROJECT}_spec", None)
        if inspect.isfunction(hook) and options is not None:
            chosen = "".join(f" [{key}]" for key, value in sorted(options.items()) if value)
            yield f"{name}{_signature(hook)}{chosen}"


def _described(name: str, value: Any) -> Iterator[str]:
    """Describe one public name; what belongs to a class has a line of its own, with its name."""
    if inspect.isclass(value):
        yield f"class {name}({', '.join(base.__name__ for base in value.__bases__)})"
        yield from (f"{name}.{line}" for line in sorted(_members(value)))
    elif inspect.isfunction(value):
        yield f"{name}{_signature(value)}"
    elif type(value).__module__.startswith((OURS, "pluggy.")):
        yield f"{name}: {type(value).__name__}"
    else:
        yield f"{name} = {_shown(value)}"


def _members(cls: type) -> Iterator[str]:
    """Describe fields and public methods that this class has from us; not scikit-learn's, say."""
    if is_dataclass(cls):
        yield from (_field(field) for field in fields(cls))
    else:
        made_by = inspect.getattr_static(cls, "__init__")
        if inspect.isfunction(made_by) and made_by.__module__.startswith(OURS):
            yield f"__init__{_signature(made_by)}"
    known = {field.name for field in fields(cls)} if is_dataclass(cls) else set()
    for name in {name for owner in cls.__mro__ for name in _own(owner)} - known:
        value = inspect.getattr_static(cls, name)
        if isinstance(value, property):
            returned = inspect.signature(value.fget).return_annotation if value.fget else "None"
            yield f"{name}: property -> {_annotation(returned)}"
        elif isinstance(value, classmethod | staticmethod):
            yield f"{name}{_signature(value.__func__)} [{type(value).__name__}]"
        elif inspect.isfunction(value):
            yield f"{name}{_signature(value)}"
        elif not inspect.isclass(value):
            yield name


def _own(owner: type) -> set[str]:
    if not owner.__module__.startswith(OURS):
        return set()
    declared = {*vars(owner), *inspect.get_annotations(owner)}
    return {name for name in declared if not name.startswith("_") and hasattr(owner, name)}


def _field(field: Any) -> str:
    if field.default is not MISSING:
        default = f" = {_shown(field.default)}"
    elif field.default_factory is not MISSING:
        default = f" = {field.default_factory.__name__}()"
    else:
        default = ""
    return f"{field.name}: {_annotation(field.type)}{default}{' [keyword]' * bool(field.kw_only)}"


def _signature(function: Any) -> str:
    """Return names, kinds, annotations and defaults of a function's parameters."""
    signature = inspect.signature(function)
    parameters = [
        parameter.replace(
            annotation=_Text(_annotation(parameter.annotation)),
            default=parameter.empty
            if parameter.default is parameter.empty
            else _Text(_shown(parameter.default)),
        )
        if parameter.annotation is not parameter.empty
        else parameter
        for parameter in signature.parameters.values()
    ]
    returned = signature.return_annotation
    if returned is not signature.empty:
        returned = _Text(_annotation(returned))
    return str(signature.replace(parameters=parameters, return_annotation=returned))


class _Text(str):
    """Text that `inspect` shows without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _annotation(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _shown(value: Any) -> str:
    """Return a value as text that is the same in every process."""
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(map(_shown, value))) + "}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_shown(value[key])}" for key in value) + "}"
    if isinstance(value, GenericAlias):
        return f"{value.__origin__.__name__}[...]"  # what is inside, NumPy's versions differ on
    if inspect.isroutine(value) or inspect.isclass(value):
        return str(value.__name__)
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def main() -> int:
    """Write the snapshot; with --check, only say what changed."""
    before = SNAPSHOT.read_text() if SNAPSHOT.exists() else ""
    now = public_api()
    if "--check" not in sys.argv[1:]:
        SNAPSHOT.write_text(now)
    if changed := difference(before, now):
        print(changed)
    return 1 if changed and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
