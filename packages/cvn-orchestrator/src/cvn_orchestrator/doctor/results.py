"""The database of results: whether it answers, and whether this release can use it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cvn_orchestrator.doctor.finding import Asked, Finding
from cvn_orchestrator.errors import ResultsError
from cvn_orchestrator.results.url import DEFAULT_URL, VARIABLE

_ELSEWHERE = f"mend --results URL or ${VARIABLE}; it is like {DEFAULT_URL}"


def check(asked: Asked) -> Iterator[Finding]:
    """Yield the finding on the database; SQLAlchemy is imported only if there may be one."""
    if not asked.results_named and not Path(DEFAULT_URL.removeprefix("sqlite:///")).exists():
        yield Finding("results", "ok", "none yet", facts={"schema": None})
        return
    from cvn_orchestrator.doctor.database import look_at

    try:
        yield look_at(asked.results)
    except ResultsError as error:
        facts = {"code": error.code}
        yield Finding("results", "problem", str(error), _ELSEWHERE, facts)
    except ImportError as error:  # psycopg without libpq
        advice = 'pip install "cvn-orchestrator[postgresql]"'
        yield Finding("results", "problem", f"its driver does not load: {error}", advice)
