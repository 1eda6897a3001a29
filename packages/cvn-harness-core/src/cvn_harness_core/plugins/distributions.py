"""The entry points of installed distributions, one of which may be damaged in any way."""

from __future__ import annotations

from collections.abc import Iterable
from functools import wraps
from typing import Any

import importlib_metadata

_FILE = "entry_points.txt"
_PROPERTY: Any = vars(importlib_metadata.Distribution)["entry_points"]
_READ: Any = getattr(_PROPERTY, "fget", None) or _PROPERTY.func  # a property, or a cached one


def entry_points_text(distribution: Any) -> str:
    """Return the text of a distribution's entry points, also of one whose bytes are no text."""
    try:
        return distribution.read_text(_FILE) or ""
    except Exception:  # noqa: BLE001  metadata may be damaged in any way
        try:
            folder: Any = vars(distribution)["_path"]
            raw: bytes = folder.joinpath(_FILE).read_bytes()
        except Exception:  # noqa: BLE001
            return ""
        return raw.decode("ascii", errors="replace").replace("\0", "")  # UTF-16 has those


def entry_points_of(distribution: Any, text: str) -> Iterable[Any]:
    """Return a distribution's entry points, of which this is the text; what is raised passes."""
    no_text = "\ufffd" in text  # reading it says what is wrong with its bytes
    found: Iterable[Any] = _READ(distribution if no_text else _Text(text))
    return found


def pass_over_damaged() -> None:
    """Have whoever reads the entry points of everything in this process see none of damaged ones.

    LightGBM and scikit-learn do, through Narwhals, and fsspec, SQLAlchemy and MLflow: one damaged
    distribution of anybody would end every training. Such a reader gets its distributions from
    ``importlib_metadata``, which takes the standard library's place as the finder of them.
    """

    @wraps(_READ)
    def entry_points(distribution: Any) -> Any:
        try:
            return _READ(distribution)
        except Exception:  # noqa: BLE001  `discover` tells of it
            return importlib_metadata.EntryPoints()

    anybodys: Any = importlib_metadata.Distribution
    anybodys.entry_points = property(entry_points)


class _Text(importlib_metadata.Distribution):
    """The entry points of a distribution that were read, so that they are not read again."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read_text(self, filename: str) -> str:  # noqa: ARG002
        return self._text

    def locate_file(self, path: Any) -> Any:
        raise NotImplementedError
