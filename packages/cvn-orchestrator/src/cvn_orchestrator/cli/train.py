"""`cvn train`: one model or ensemble on one file."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

import polars as pl

from cvn_harness_core import (
    Datasets,
    InputError,
    Payoff,
)
from cvn_orchestrator.cli.interrupt import STOPPING, postponed
from cvn_orchestrator.cli.job import job_of
from cvn_orchestrator.cli.policy import policy_of, require_money
from cvn_orchestrator.cli.search import searched
from cvn_orchestrator.cli.storage import storage_of
from cvn_orchestrator.cli.supervised import supervised
from cvn_orchestrator.cli.trained import report
from cvn_orchestrator.data.tables import read_table, share_boundaries
from cvn_orchestrator.facts import artifact_facts
from cvn_orchestrator.observers.rejections import log_as
from cvn_orchestrator.target import require_writable


def run(arguments: argparse.Namespace) -> int:
    """Train, write the bundle, and print what came out."""
    if storage_of(arguments) is not None and not arguments.in_process:
        return supervised(arguments)
    log_as(arguments.log)
    job = job_of(arguments)  # an unknown name is reported before any data are read
    embargo = _embargo(arguments.embargo_days)
    policy = policy_of(arguments, embargo)
    path = arguments.out or Path(f"cvn-{arguments.model}")
    if path.exists() and arguments.overwrite and not (path / "manifest.json").is_file():
        message = f"{path} exists and is no bundle, so it is not overwritten; choose another --out."
        raise InputError("setting_invalid", message)
    if path.exists() and not arguments.overwrite:
        message = f"{path} exists already; choose another --out, or pass --overwrite."
        raise InputError("setting_invalid", message)
    require_writable(path)  # and not only after hours of training
    datasets = _datasets(arguments, embargo)
    require_money(arguments, datasets)
    with postponed(*(STOPPING if arguments.trials else (signal.SIGINT,))) as stop:
        artifact = searched(arguments, stop, partial(job, datasets, policy=policy))
    artifact.save(path, overwrite=arguments.overwrite, self_contained=True)
    if arguments.json:
        facts = artifact_facts(artifact, curve=arguments.curve)
        print(json.dumps({**facts, "bundle": str(path)}, indent=1), file=arguments.answer)
    else:
        print(report(artifact, path))
    return 0


def _embargo(days: float) -> timedelta:
    try:
        return timedelta(days=days)
    except (ValueError, OverflowError):
        message = f"--embargo-days {days} is no length of time; give days, for instance 5."
        raise InputError("setting_invalid", message) from None


def _datasets(arguments: argparse.Namespace, embargo: timedelta) -> Datasets:
    table = read_table(arguments.data)
    windows = {
        "train_from": arguments.train_from,
        "val_from": arguments.val_from,
        "test_from": arguments.test_from,
        "test_until": arguments.test_until,
    }
    if arguments.split is None and arguments.val_from is None and arguments.test_from is None:
        if arguments.time is None:
            message = "name a --time column to divide the rows by time, or a --split column."
            raise InputError("time_missing", message)
        windows["val_from"], windows["test_from"] = share_boundaries(
            table,
            arguments.time,
            val_share=arguments.val_share,
            test_share=arguments.test_share,
        )
    if arguments.label_end is None:
        print("cvn: note: no --label-end, so nothing can be purged", file=sys.stderr)
    return Datasets.from_frame(
        _without(table, _names(arguments.exclude) or []),
        label=arguments.label,
        features=_names(arguments.features),
        time=arguments.time,
        label_end=arguments.label_end,
        returns=arguments.returns,
        weight=arguments.weight,
        symbol=arguments.symbol,
        split=arguments.split,
        **windows,
        embargo=embargo,
        feature_version=arguments.feature_version,
        payoff=_payoff(arguments.payoff),
    )


def _without(table: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    missing = [n for n in names if n not in table.columns]
    if missing:
        message = f"--exclude names {missing}, which the table has not; it has {table.columns}."
        raise InputError("data_column_missing", message)
    return table.drop(names)


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [n.strip() for n in text.split(",") if n.strip()]


def _payoff(text: str | None) -> Payoff | None:
    if text is None:
        return None
    try:
        sides = [float(part) for part in text.split("/")]
        take_profit, stop_loss, cost = (*sides, 0.0)[:3] if len(sides) < 3 else sides
    except ValueError:
        message = f"--payoff {text!r} is not TP/SL or TP/SL/COST, for instance 1.5/0.5/0.05."
        raise InputError("setting_invalid", message) from None
    return Payoff(take_profit, stop_loss, cost=cost)
