"""Write docs/errors.md and docs/events.md from the declarations in the code."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path

from cvn_harness_core import errors
from cvn_harness_core.events.schema import EVENTS, SCHEMA_VERSION, Event
from cvn_orchestrator import errors as orchestrator_errors
from cvn_tracking_mlflow import errors as tracking_errors

DOCS = Path(__file__).parents[1] / "docs"


def errors_page() -> str:
    """Return every error class with its codes."""
    lines = [
        "# Errors",
        "",
        "Every error raised on purpose derives from `HarnessError`, has a stable `code`, and says",
        "what was wrong, where, and what to do. Written by `python tools/reference.py`.",
        "",
        "| class | when | codes |",
        "|---|---|---|",
    ]
    modules = (errors, orchestrator_errors, tracking_errors)
    for cls in (cls for module in modules for cls in vars(module).values()):
        if isinstance(cls, type) and issubclass(cls, errors.HarnessError) and cls.codes:
            codes = ", ".join(f"`{code}`" for code in sorted(cls.codes))
            summary = (cls.__doc__ or "").strip().partition("\n")[0]
            lines.append(f"| `{cls.__name__}` | {summary} | {codes} |")
    return "\n".join(lines) + "\n"


def events_page() -> str:
    """Return every event with its fields and types."""
    common = [f.name for f in fields(Event)]
    lines = [
        f"# Events, schema version {SCHEMA_VERSION}",
        "",
        "One JSON object a line, the same for every model (`cvn train ... --log json`, or",
        "`configure_logging('json')`). Fields that do not apply are null. Written by",
        "`python tools/reference.py`.",
        "",
        "Every line carries `event`, `schema`, `level`, `timestamp` and "
        + ", ".join(f"`{name}`" for name in common)
        + ".",
    ]
    for name, cls in EVENTS.items():
        lines += [
            "",
            f"## {name}",
            "",
            (cls.__doc__ or "").strip(),
            "",
            "| field | type |",
            "|---|---|",
        ]
        for field in fields(cls):
            if field.name not in common:
                kind = str(field.type).replace("|", "\\|")
                lines.append(f"| `{field.name}` | `{kind}` |")
    return "\n".join(lines) + "\n"


PAGES = {"errors.md": errors_page, "events.md": events_page}


def main() -> int:
    """Write the pages; with --check, only say whether they are up to date."""
    stale = [n for n, page in PAGES.items() if (DOCS / n).read_text() != page()] if CHECK else []
    if not CHECK:
        for name, page in PAGES.items():
            (DOCS / name).write_text(page())
    for name in stale:
        print(f"docs/{name} is out of date: run python tools/reference.py")
    return 1 if stale else 0


CHECK = "--check" in sys.argv[1:]

if __name__ == "__main__":
    sys.exit(main())
