"""A small table of two symbols with a weak signal, and plans over it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

HEAD = """\
[data]
path = "bars.parquet"
symbol = "s"
time = "t"
label = "y"
label_end = "e"
returns = "r"
payoff = "1/1/0.1"
[splits]
kind = "walk_forward"
n_folds = 2
val_days = 200
test_days = 100
embargo_days = 2
[sweep]
name = "small"
baseline = "lgbm"
costs = [0, 0.1]
"""


def bars(n: int = 1200) -> pl.DataFrame:
    """Return a row a day and symbol; labels take one to five days."""
    rng = np.random.default_rng(5)
    tables = []
    for symbol in ("ES", "NQ"):
        X = rng.normal(size=(n, 3))
        y = rng.random(n) < 1 / (1 + np.exp(-1.5 * X[:, 0]))
        time = [datetime(2020, 1, 1) + timedelta(days=i) for i in range(n)]
        ends = [
            t + timedelta(days=int(k)) for t, k in zip(time, rng.integers(1, 6, n), strict=True)
        ]
        columns = {
            "s": symbol,
            "t": time,
            "e": ends,
            "y": y.astype(int),
            "r": np.where(y, 0.9, -1.1),
        }
        tables.append(
            pl.DataFrame(columns | {name: X[:, i] for i, name in enumerate(("a", "b", "c"))})
        )
    return pl.concat(tables)


def late(days: int) -> pl.DataFrame:
    """Return the table with the second symbol beginning so many days later."""
    table = bars()
    return table.filter(
        (pl.col("s") == "ES") | (pl.col("t") > datetime(2020, 1, 1) + timedelta(days))
    )


def write(folder: Path, text: str, table: pl.DataFrame | None = None) -> Path:
    """Write the table and the plan of this text, and return the plan's path."""
    (bars() if table is None else table).write_parquet(folder / "bars.parquet")
    path = folder / "plan.toml"
    path.write_text(text)
    return path
