"""What may still be taken of memory, and limits under which libraries crash."""

from __future__ import annotations

from collections.abc import Iterator

from cvn_harness_core import Budget, InputError, readable_bytes, total_memory
from cvn_orchestrator.doctor.finding import Asked, Finding

MEMORY, THREADS = Budget.MEMORY, Budget.THREADS

LITTLE, TOO_LITTLE = 2 << 30, 256 << 20
"""CatBoost reserves 1 GiB at its first fit, and the libraries alone hold 200 MiB."""

_LIMITS = {"RLIMIT_AS": "-v", "RLIMIT_DATA": "-d"}


def check(asked: Asked) -> Iterator[Finding]:
    """Yield a finding for the budget of memory, and one for each limit on the process."""
    environ = {name: value for name, value in asked.environ.items() if name != THREADS}
    try:
        budget = Budget.current(environ, root=asked.root)
    except InputError as error:
        yield Finding("memory", "problem", str(error), f"unset {MEMORY}")
    else:
        yield _free(budget, total_memory(asked.root))
    yield from _limits()


def _free(budget: Budget, total: int | None) -> Finding:
    free, source = budget.memory_bytes, budget.memory_source
    facts = {"free_bytes": free, "source": source, "total_bytes": total}
    if free is None:
        found, advice = (
            f"what is free is not known: {source}",
            f"export {MEMORY}=8G, or what may be",
        )
        return Finding("memory", "warning", found, advice, facts)
    of = f" of {readable_bytes(total)}" if total else ""
    found = f"{readable_bytes(free)} free{of} ({source})"
    if free >= LITTLE:
        return Finding("memory", "ok", found, facts=facts)
    advice = "end other processes, or train fewer at once (--workers 1)"
    if source.startswith(MEMORY):
        advice = f"raise {MEMORY}, or unset it"
    elif "group" in source:
        advice = "give the container or the job more memory"
    return Finding("memory", "problem" if free < TOO_LITTLE else "warning", found, advice, facts)


def _limits() -> Iterator[Finding]:
    import resource

    for name, option in _LIMITS.items():
        soft, _ = resource.getrlimit(getattr(resource, name))
        if soft != resource.RLIM_INFINITY:
            yield Finding(
                name,
                "warning",
                f"{readable_bytes(soft)}: LightGBM and CatBoost may crash or hang at it",
                f"ulimit {option} unlimited",
                {"bytes": soft},
            )
