"""Figures that the kernel tells, by name, in files of lines such as ``VmRSS:  1024 kB``."""

from __future__ import annotations

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
    try:
        lines = (root / file).read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, rest = line.partition(":")
        words = rest.split()
        if name == field and len(words) == 2 and words[1] == "kB" and words[0].isdigit():
            return int(words[0]) * 1024
    return None
