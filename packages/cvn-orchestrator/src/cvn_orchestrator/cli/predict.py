"""`cvn predict`: scores and signals for the rows of a file."""

from __future__ import annotations

import argparse

import polars as pl

from cvn_harness_core import InputError, TrainedArtifact
from cvn_orchestrator.data.tables import read_table, write_table


def run(arguments: argparse.Namespace) -> int:
    """Write every column that is no feature, with ``p_buy`` and ``signal`` appended."""
    artifact = TrainedArtifact.load(arguments.bundle)
    table = read_table(arguments.data)
    features = list(artifact.feature_version.feature_names)
    missing = [name for name in features if name not in table.columns]
    if missing:
        message = (
            f"{arguments.data} lacks {len(missing)} of the {len(features)} features that the model "
            f"was trained on: {missing[:5]}."
        )
        raise InputError("data_column_missing", message)
    text = [
        n for n in features if not (table[n].dtype.is_numeric() or table[n].dtype == pl.Boolean)
    ]
    if text:
        message = f"{arguments.data}: columns {text[:5]} are features and do not hold numbers."
        raise InputError("features_not_numeric", message)
    single = artifact.feature_version.dtype == "float32"
    chosen = table.select(features).cast(pl.Float32 if single else pl.Float64)
    scores = artifact.predict_proba(chosen, n_threads=arguments.threads)[:, 1]
    signals = artifact.signals(scores)
    scored = table.drop(features).with_columns(
        pl.Series("p_buy", scores), pl.Series("signal", signals)
    )
    if arguments.out is not None:
        write_table(scored, arguments.out)
    if arguments.json:
        arguments.answer.write(scored.write_ndjson())
    elif arguments.out is None:
        arguments.answer.write(scored.write_csv())
    else:
        bought = int(signals.sum())
        rule = "NO_TRADE" if artifact.theta is None else f"theta {artifact.theta:.4f}"
        line = f"{arguments.out}: {len(scored)} rows, {bought} signals, {rule}"
        print(line, file=arguments.answer)
    return 0
