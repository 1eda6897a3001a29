"""The demo as a sweep: its table and its plan, as a user would write them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from cvn_orchestrator.demo import market

MODELS = ("xgboost", "lightgbm", "catboost")
"""What the demo compares; any registered model would do."""

ENSEMBLES = ("blend_avg", "stack_logreg", "stack_xgb_meta")
"""What the demo combines of `MODELS`; any registered ensemble of these would do."""

POLICIES = ("economic", "adr0089")
"""The default and the original design, side by side, for each model.

Ensembles are trained under the first alone: the original design has none.
"""

_HEAD = f"""\
# The demo's plan. It runs by itself, too: cvn sweep plan.toml

[data]
path = "market.parquet"
symbol = "symbol"
time = "date"
label = "label"
label_end = "label_end"
returns = "net_return" # net of the payoff's cost
feature_version = "demo-1"
payoff = "{market.TAKE_PROFIT:g}/{market.STOP_LOSS:g}/{market.COST:g}" # in ATR

[splits]
kind = "walk_forward"
val_days = 730
test_days = 365
embargo_days = 5
"""


def write_table(folder: Path) -> Path:
    """Write the table of all the demo's symbols, and return the file."""
    tables = [
        market.frame(
            symbol,
            take_profit=market.TAKE_PROFIT,
            stop_loss=market.STOP_LOSS,
            horizon=market.HORIZON,
            cost=market.COST,
        )
        for symbol in market.SYMBOLS
    ]
    path = folder / "market.parquet"
    pl.concat(tables).write_parquet(path)
    return path


def write_plan(
    folder: Path,
    *,
    n_folds: int,
    n_threads: int,
    models: Sequence[str] = MODELS,
    ensembles: Sequence[str] = ENSEMBLES,
) -> Path:
    """Write the plan beside its table, and return the file.

    Variants of one symbol and fold follow one another: models under each policy, the bases of
    ensembles, ensembles.
    """
    variants = [
        _variant(f"{model}-{policy}", "model", model, f'"{policy}"')
        for model in models
        for policy in POLICIES
    ]
    if ensembles:
        policy = '{ preset = "economic", out_of_fold = 4, calibrate = "sigmoid" }'
        variants += [_variant(f"{model}-base", "model", model, policy) for model in models]
        variants += [
            _variant(f"{name}-economic", "ensemble", name, '"economic"') for name in ensembles
        ]
    path = folder / "plan.toml"
    sweep = (
        f'n_folds = {n_folds}\n\n[sweep]\nname = "demo"\nbaseline = "{models[0]}-economic"\n'
        f"symbols = {[*market.SYMBOLS]}\ncosts = [0.0, {market.COST:g}, {2 * market.COST:g}]\n"
        f"threads = {n_threads}\n"
    )
    path.write_text(_HEAD + sweep + "".join(variants))
    return path


def _variant(name: str, kind: str, trains: str, policy: str) -> str:
    return f'\n[variants.{name}]\n{kind} = "{trains}"\npolicy = {policy}\n'
