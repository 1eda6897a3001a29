"""Write market.parquet, the demo's daily bars with features and labels, beside plan.toml.

python examples/sweep/data.py [FOLDER]
"""

import sys
from pathlib import Path

import polars as pl

from cvn_orchestrator.demo import market


def write(folder: Path) -> Path:
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


if __name__ == "__main__":
    print(write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent))
