"""A host of its own: which model is a matter of its environment.

CVN_MODEL_TYPE=stack_3model_avg CVN_STORE=store python examples/orchestrator.py

A second run with the same store fits nothing. CVN_ROWS takes the newest rows only.
"""

import json
import os

from cvn_harness_core import Datasets, Store, trainer_for
from cvn_orchestrator.demo import market


def newest(rows: int) -> Datasets:
    """Return the newest rows of the demo's first symbol: 60 % train, 20 % validation, 20 % test."""
    table = market.frame(
        market.SYMBOLS[0],
        take_profit=market.TAKE_PROFIT,
        stop_loss=market.STOP_LOSS,
        horizon=market.HORIZON,
        cost=market.COST,
    ).tail(rows)
    return Datasets.from_frame(
        table.drop("symbol"),
        label="label",
        time="date",
        label_end="label_end",
        returns="net_return",
        val_from=table["date"][table.height * 6 // 10],
        test_from=table["date"][table.height * 8 // 10],
        feature_version="demo-1",
        payoff=market.PAYOFF,
    )


if __name__ == "__main__":
    where = os.environ.get("CVN_STORE")
    name = os.environ.get("CVN_MODEL_TYPE", "lightgbm")
    trainer = trainer_for(name, Store(where) if where else None)
    outcome = trainer.train(newest(int(os.environ.get("CVN_ROWS", "5000"))))
    print(json.dumps(outcome.to_legacy_dict(), indent=1))
