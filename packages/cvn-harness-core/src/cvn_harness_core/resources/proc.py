"""Figures that the kernel tells, by name, in files of lines such as ``VmRSS:  1024 kB``."""

from __future__ import annotations

import re
from pathlib import Path

MEMINFO = "proc/meminfo"
STATUS = "proc/self/status"


def total_memory(root: Path = Path("/")) -> int | None:
    """Return the bytes of memory that the machine has; None where the kernel does not tell it.

    ``root`` stands for the file system.
    """
    return kernel_bytes("MemTotal", MEMINFO, root)


def kernel_bytes(field: str, file: str, root: Path = Path("/")) -> int | None:
    """Return a figure of a file under ``root`` in bytes; None where it is not told."""
    return kernel_figures(file, root, field)[0]


def kernel_figures(file: str, root: Path, *fields: str) -> tuple[int | None, ...]:
    """Return figures of one reading of a file, as ``kernel_bytes``."""
    try:
        text = (root / file).read_text()
    except OSError:
        return (None,) * len(fields)
    found = (re.search(rf"^{field}:\s*(\d+) kB$", text, re.MULTILINE) for field in fields)
    return tuple(None if line is None else int(line[1]) * 1024 for line in found)
