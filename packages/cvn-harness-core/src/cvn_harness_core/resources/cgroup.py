"""What the kernel's control groups leave of memory, and what they give of the cores.

Sources: "Control Group v2" (``memory.max``, ``memory.current``, ``memory.stat``, ``cpu.max``),
"Memory Resource Controller" and "CFS Bandwidth Control" (version 1) of the Linux kernel's
documentation.
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
        for folder, version_1 in _groups(root, "memory")
        for files in [_V1 if version_1 else _V2]
        if (limit := _number(folder / files.limit)) is not None
        and (used := _used(folder, files)) is not None
    ]
    return min(left, default=None)


def cpu_quota(root: Path = Path("/")) -> float | None:
    """Return the cores' worth of time that the control groups of this process give; None: no limit.

    It is the least over the group and the groups that it is in, as far as they can be seen.
    """
    known = [_quota(folder, version_1) for folder, version_1 in _groups(root, "cpu")]
    return min((quota for quota in known if quota is not None), default=None)


def _groups(root: Path, controller: str) -> Iterator[tuple[Path, bool]]:
    """Yield the folder of the group of this process and those above it, and if it is version 1."""
    paths = {}
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if not controllers or controller in controllers.split(","):
            paths["cgroup" if controllers else "cgroup2"] = path
    for line in _lines(root / "proc/self/mountinfo"):
        mount, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ", 2)
        if kind not in paths or (kind == "cgroup" and controller not in options.split(",")):
            continue
        top, point = mount.split(" ")[3:5]
        place = root / point.lstrip("/")
        # In a container the mount may begin at the container's own group, or the path may name a
        # group outside it; the top of the mount is the innermost group that can be seen.
        inside = paths[kind].removeprefix(top.rstrip("/")).strip("/")
        folder = place / inside
        if ".." in inside.split("/") or not folder.is_dir():
            folder = place
        yield folder, kind == "cgroup"
        while folder != place:
            folder = folder.parent
            yield folder, kind == "cgroup"


def _quota(folder: Path, version_1: bool) -> float | None:
    if version_1:
        quota, period = (
            "".join(_lines(folder / f"cpu.cfs_{name}_us")).strip() for name in ("quota", "period")
        )
    else:
        quota, period = [*" ".join(_lines(folder / "cpu.max")).split(), "", ""][:2]
    known = quota.isdigit() and period.isdigit() and int(quota) and int(period)
    return int(quota) / int(period) if known else None  # "max" and -1 are no limit


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
