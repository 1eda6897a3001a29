"""How many cores the control groups give.

Sources: "Control Group v2" (``cpu.max``) and "CFS Bandwidth Control" (version 1) of the Linux
kernel's documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def cpu_quota(root: Path = Path("/")) -> float | None:
    """Return the cores' worth of time that this process's groups give; None if none is limited.

    It is the least over the group and the groups that it is in, as far as they can be seen.
    """
    return min((q for folder in _groups(root) if (q := _quota(folder)) is not None), default=None)


def _groups(root: Path) -> Iterator[Path]:
    paths = {}
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if not controllers or "cpu" in controllers.split(","):
            paths["cgroup" if controllers else "cgroup2"] = path
    for line in _lines(root / "proc/self/mountinfo"):
        mount, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ", 2)
        if kind not in paths or (kind == "cgroup" and "cpu" not in options.split(",")):
            continue
        top, point = mount.split(" ")[3:5]
        place = root / point.lstrip("/")
        inside = Path(paths[kind].removeprefix(top.rstrip("/")).strip("/"))
        if ".." not in inside.parts:
            yield from (place / part for part in (inside, *inside.parents))
        else:
            yield place


def _quota(folder: Path) -> float | None:
    quota, period = [*" ".join(_lines(folder / "cpu.max")).split(), "", ""][:2]
    if not quota:
        quota = "".join(_lines(folder / "cpu.cfs_quota_us"))
        period = "".join(_lines(folder / "cpu.cfs_period_us"))
    known = quota.isdigit() and period.isdigit() and int(quota) and int(period)
    return int(quota) / int(period) if known else None  # "max" and -1 are no limit


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
