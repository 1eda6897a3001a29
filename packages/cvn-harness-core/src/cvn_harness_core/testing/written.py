"""Which files this process opens to write."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

_TO_WRITE = os.O_WRONLY | os.O_RDWR


class Written:
    """Knows what Python's code opens to write from now on; C libraries do it unseen.

    It listens until the process ends: an audit hook cannot be taken away.
    """

    def __init__(self) -> None:
        self._opened: set[Path] = set()
        sys.addaudithook(self._see)

    def files(self) -> list[Path]:
        """Return those that are there, except compiled modules and those that are the kernel's."""
        there = sorted(path for path in self._opened if path.is_file())
        return [p for p in there if p.parent.name != "__pycache__" and p.parts[1] != "proc"]

    def _see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes | os.PathLike) and flags & _TO_WRITE:
                self._opened.add(Path.cwd() / os.fsdecode(path))
