"""The budget of threads, and variables that have libraries take more of them or fewer."""

from __future__ import annotations

import os
from collections.abc import Iterator

from cvn_harness_core import Budget, InputError, cpu_quota
from cvn_orchestrator.doctor.finding import Asked, Finding

MEMORY, THREADS = Budget.MEMORY, Budget.THREADS

_TEAMS = ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT")
"""What XGBoost takes no more than; LightGBM and CatBoost do not ask (``docs/resources.md``)."""
_POOLS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""What numpy's pools take; few there slow no fit down."""


def check(asked: Asked) -> Iterator[Finding]:
    """Yield a finding for the budget, and one for each variable that is set."""
    environ = {name: value for name, value in asked.environ.items() if name != MEMORY}
    try:
        threads = Budget.current(environ, root=asked.root).threads
    except InputError as error:
        yield Finding("threads", "problem", str(error), f"unset {THREADS}")
        return
    yield _budget(asked, threads)
    for name in (*_TEAMS, *_POOLS):
        if given := asked.environ.get(name, "").strip():
            yield _variable(name, given, threads)


def _budget(asked: Asked, threads: int) -> Finding:
    machine, quota = os.cpu_count() or 1, cpu_quota(asked.root)
    given = asked.environ.get(THREADS, "").strip()
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else machine
    facts = {
        "budget": threads,
        "cores": machine,
        "affinity": affinity,
        "cgroup_cores": quota,
        THREADS: int(given) if given else None,
    }
    said = [f"{threads} may run at once on {machine} core{'s' if machine > 1 else ''}"]
    said += [f"affinity {affinity}"] if affinity < machine else []
    said += [f"control group {quota:.3g} cores"] if quota is not None else []
    said += [f"{THREADS}={given}"] if given else []
    found = "; ".join(said)
    if given and int(given) > threads:
        found = f"{found}: more than there are cores is never taken"
        return Finding("threads", "warning", found, f"export {THREADS}={threads}", facts)
    return Finding("threads", "ok", found, facts=facts)


def _variable(name: str, given: str, threads: int) -> Finding:
    first = given.partition(",")[0].strip()  # OpenMP takes a list, of which the first is the outer
    if not first.isdecimal() or int(first) < 1:
        found = f"{given!r} is no number of threads, so that libraries do as they like"
        return Finding(name, "warning", found, f"unset {name}", {"value": given})
    facts = {"value": given, "budget": threads}
    if int(first) > threads and name != "OMP_THREAD_LIMIT":
        found = f"{given}, and {threads} may run at once: libraries that go by it oversubscribe"
        return Finding(name, "warning", found, f"export {name}={threads}", facts)
    if int(first) < threads and name in _TEAMS:
        found = f"{given}, and {threads} may run at once: XGBoost takes no more than {first} a fit"
        advice = f"unset {name}, and say --threads where a fit is to take fewer"
        return Finding(name, "warning", found, advice, facts)
    return Finding(name, "ok", given, facts=facts)
