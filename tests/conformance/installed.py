"""Plugins from source, installed for a while as an installer would leave them."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cvn_harness_core import ENSEMBLE_REGISTRY, MODEL_REGISTRY


@contextmanager
def installed(
    folder: Path, kind: str, name: str, target: str, sources: Mapping[str, str]
) -> Iterator[None]:
    """Have one plugin installed in this block, here and in the interpreters that it starts."""
    info = folder / "broken-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[cvn_harness.{kind}s.v1]\n{name} = {target}\n")
    for module, source in sources.items():
        (folder / f"{module}.py").write_text(textwrap.dedent(source))
    sys.path.append(str(folder))
    _look_again()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for module in sources:
            sys.modules.pop(module, None)
        _look_again()


def _look_again() -> None:
    importlib.invalidate_caches()
    MODEL_REGISTRY.refresh()
    ENSEMBLE_REGISTRY.refresh()


def mutated(source: str, sound: str, broken: str) -> str:
    """Return the source with one text replaced, which must be there once."""
    assert source.count(sound) == 1, f"{sound!r} is there {source.count(sound)} times"
    return source.replace(sound, broken)
