"""`cvn results`: the runs of a database, or the cells of one, for people and for machines."""

from __future__ import annotations

import argparse
import io
import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from cvn_harness_core import InputError
from cvn_orchestrator.results.database import Results, open_results
from cvn_orchestrator.results.rows import CellRow, RunRow
from cvn_orchestrator.results.text import cells_text, failed_text, progress, runs_text
from cvn_orchestrator.results.url import results_url
from cvn_orchestrator.target import writing

if TYPE_CHECKING:
    import polars as pl

_BY_SUFFIX = {".csv": "csv", ".parquet": "parquet", ".json": "json"}


def run(arguments: argparse.Namespace) -> int:
    """Print the results, or write them to a file."""
    out: Path | None = arguments.out
    form = arguments.format or _BY_SUFFIX.get(out.suffix.lower() if out else "", "table")
    if form == "parquet" and out is None and _is_for_eyes(arguments.answer):
        message = "Parquet is no text: name a file, with -o FILE.parquet, or lead it into one."
        raise InputError("setting_invalid", message)
    if arguments.failed and arguments.of is None:
        message = "--failed is about the cells of a run: name one."
        raise InputError("setting_invalid", message)
    with open_results(results_url(arguments.results), must_exist=True) as results:
        shown = _listing if arguments.of is None else _cells
        data = shown(results, arguments, form)
    _give(data, form, out, arguments)
    return 0


def _is_for_eyes(answer: TextIO) -> bool:
    return answer.isatty() or not hasattr(answer, "buffer")


def _listing(results: Results, arguments: argparse.Namespace, form: str) -> bytes:  # noqa: ARG001
    runs, counts = results.runs(), results.counts()
    if form == "table":
        return f"{runs_text(runs, counts, results.where)}\n".encode()
    facts = [{**_run_facts(row), **_progress(row, counts)} for row in runs]
    if form == "json":
        return _json({"runs": facts})
    return _frame(_runs_frame(facts), form)


def _cells(results: Results, arguments: argparse.Namespace, form: str) -> bytes:
    found = results.run(arguments.of)
    rows = [
        row
        for row in results.rows(found.run, trades=False)
        if row.state == "failed" or not arguments.failed
    ]
    if form == "table":
        text = failed_text(rows) if arguments.failed else cells_text(found, rows)
        return f"{text}\n".encode()
    if form == "json":
        return _json({"run": _run_facts(found), "cells": [_cell_facts(row) for row in rows]})
    from cvn_orchestrator.results.frames import cells_frame

    return _frame(cells_frame(rows), form)


def _runs_frame(facts: list[dict[str, Any]]) -> pl.DataFrame:
    import polars as pl

    names = ("run", "name", "started", "done", "failed", "open", "baseline")
    kinds = dict.fromkeys(("done", "failed", "open"), pl.Int64)
    return pl.DataFrame(
        [pl.Series(name, [f[name] for f in facts], kinds.get(name, pl.String)) for name in names]
    )


def _frame(frame: pl.DataFrame, form: str) -> bytes:
    buffer = io.BytesIO()
    if form == "csv":
        frame.write_csv(buffer)
    else:
        frame.write_parquet(buffer)
    return buffer.getvalue()


def _run_facts(row: RunRow) -> dict[str, Any]:
    facts = {field.name: getattr(row, field.name) for field in fields(row)}
    return {**facts, "started": row.started.isoformat()}


def _progress(row: RunRow, counts: Any) -> dict[str, int]:
    return dict(zip(("done", "failed", "open"), progress(row, counts), strict=True))


def _cell_facts(row: CellRow) -> dict[str, Any]:
    facts = {f.name: getattr(row, f.name) for f in fields(row) if f.name != "trades"}
    return {**facts, "finished": row.finished.isoformat()}


def _json(document: dict[str, Any]) -> bytes:
    return f"{json.dumps(document, indent=1)}\n".encode()


def _give(data: bytes, form: str, out: Path | None, arguments: argparse.Namespace) -> None:
    if out is None:
        if form == "parquet":
            arguments.answer.buffer.write(data)
        else:
            arguments.answer.write(data.decode())
        return
    with writing(out):
        out.write_bytes(data)
    print(f"cvn: wrote {out}", file=sys.stderr)
