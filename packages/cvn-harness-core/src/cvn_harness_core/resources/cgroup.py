"""What the kernel's control groups leave of the memory that they allow.

Sources: "Control Group v2" (``memory.max``, ``memory.current``, ``memory.stat``) and "Memory
Resource Controller" (version 1) of the Linux kernel's documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class _Files:
    """Where a version of control groups tells its figures."""

    limit: str
    used: str
    cache: str


_V1 = _Files("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_V2 = _Files("memory.max", "memory.current", "inactive_file")


def memory_left(root: Path = Path("/")) -> int | None:
    """Return the bytes that the control groups of this process leave; None if none is limited.

    It is the least, over the group and the groups that it is in, of the limit less what is used;
    cache of files that can be dropped at once does not count as used.
    """
    left = [
        max(0, limit - used)
        for folder, files in _groups(root)
        if (limit := _number(folder / files.limit)) is not None
        and (used := _used(folder, files)) is not None
    ]
    return min(left, default=None)


def _groups(root: Path) -> Iterator[tuple[Path, _Files]]:
    """Yield the folder of the group of this process and those above it, in both versions."""
    paths = {}
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if not controllers or "memory" in controllers.split(","):
            paths["cgroup" if controllers else "cgroup2"] = path
    for line in _lines(root / "proc/self/mountinfo"):
        mount, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ", 2)
        if kind not in paths or (kind == "cgroup" and "memory" not in options.split(",")):
            continue
        top, point = mount.split(" ")[3:5]
        place = root / point.lstrip("/")
        # In a container the mount may begin at the container's own group, or the path may name a
        # group outside it; the top of the mount is the innermost group that can be seen.
        inside = paths[kind].removeprefix(top.rstrip("/")).strip("/")
        folder = place / inside
        if ".." in inside.split("/") or not folder.is_dir():
            folder = place
        files = _V1 if kind == "cgroup" else _V2
        yield folder, files
        while folder != place:
            folder = folder.parent
            yield folder, files


def _used(folder: Path, files: _Files) -> int | None:
    used = _number(folder / files.used)
    if used is None:
        return None
    cache = [
        int(value)
        for name, _, value in (line.partition(" ") for line in _lines(folder / "memory.stat"))
        if name == files.cache and value.isdigit()
    ]
    return used - sum(cache)


def _number(path: Path) -> int | None:
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdigit() else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
