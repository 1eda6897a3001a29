"""What a process has around a fit: what is open or runs, settings and state, to be compared."""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np

Surroundings = Mapping[str, Mapping[str, Any]]


def surroundings() -> Surroundings:
    """Return, by what they are, things by name, in values that are equal where nothing changed."""
    import sklearn.metrics  # with all that the harness measures by

    kind, keys, *rest = np.random.get_state()
    root = logging.getLogger()
    return {
        "threads": {f"{t.name} ({t.ident})": t.name for t in threading.enumerate()},
        "processes": {str(child): "running" for child in children()},
        "open files": _descriptors(),
        "current folder": {"": str(Path.cwd())},
        "os.environ": dict(os.environ),
        "numpy.random": {"state": (kind, np.asarray(keys).tobytes(), *rest)},
        "random": {"state": random.getstate()},
        "warnings.filters": {str(n): f for n, f in enumerate(map(str, reversed(warnings.filters)))},
        "numpy.geterr": dict(np.geterr()),
        "sklearn.get_config": dict(sklearn.get_config()),
        "sys": {
            "switchinterval": sys.getswitchinterval(),
            "recursionlimit": sys.getrecursionlimit(),
        },
        "signal handlers": {s.name: signal.getsignal(s) for s in signal.Signals},
        "logging": {
            "level": root.level,
            "disabled": root.manager.disable,
            "handlers": [*root.handlers],
        },
        "functions and classes": _functions(),
    }


def differences(before: Surroundings, now: Surroundings) -> list[str]:
    """Return what is otherwise now than before, in words."""
    found = []
    for what, held in before.items():
        others = now[what]
        # Modules that are imported bring functions of their own.
        names = held.keys() if what == "functions and classes" else {**held, **others}
        for name in names:
            if name not in others:
                found.append(f"{what}: {name} is gone")
            elif name not in held:
                found.append(f"{what}: {name} is new ({_short(others[name])})")
            elif others[name] != held[name]:
                found.append(f"{what}: {name} is {_short(others[name])}, not {_short(held[name])}")
    return found


def children() -> set[int]:
    """Return the processes that this one started and that have not ended; none without /proc."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = stat.read_text().rpartition(")")[2].split()[1]
        except OSError:  # it ended
            continue
        if int(parent) == os.getpid():
            found.add(int(stat.parent.name))
    return found


def _descriptors() -> dict[str, str]:
    """Return where open file descriptors lead; none without /proc."""
    found = {}
    for link in Path("/proc/self/fd").glob("*"):
        try:
            found[link.name] = str(link.readlink())
        except OSError:  # the one that reads the folder
            continue
    return found


def _functions() -> dict[str, Any]:
    """Return every function and class that an imported module has as an attribute."""
    kinds = (FunctionType, BuiltinFunctionType, type)
    return {
        f"{module}.{name}": value
        for module, held in list(sys.modules.items())
        for name, value in list(getattr(held, "__dict__", {}).items())
        if isinstance(value, kinds)
    }


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
