"""What ensembles add to their bases on real bars: log loss on test, and whether greedy is better.

The cells are the demo's: two indices, walk-forward folds, daily bars. Each ensemble has the same
three bases, so that they are fitted once. ``greedy`` is forward selection with replacement by log
loss on the rows that the stacks learn from (Caruana et al., 2004, "Ensemble selection from
libraries of models"); it is computed here, to see whether it would earn a place.

    python benchmarks/ensemble_study.py [--folds 5] [--rounds 25]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping

import numpy as np
from sklearn.metrics import log_loss, roc_auc_score

from cvn_harness_core import HPOParams, Store, TrainingPolicy, train_ensemble
from cvn_harness_core.nodes.ensemble import base_scores, ensemble_rows, unseen_base_scores
from cvn_harness_core.plugins.registry import ENSEMBLE_REGISTRY
from cvn_orchestrator.demo.run import cells

ENSEMBLES = ("blend_avg", "stack_logreg", "stack_xgb_meta")


def main() -> None:
    """Print a line per cell and the means, differences paired with ``blend_avg``."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder + "/store")
        todo = {(c.symbol, c.fold): c.datasets for c in cells(options.folds)}
        for (symbol, fold), data in todo.items():
            y = data.test.y
            for name, scores in of_cell(data, store, options.rounds).items():
                figures = float(log_loss(y, scores)), float(roc_auc_score(y, scores))
                found.setdefault(name, []).append(figures)
            said = ", ".join(f"{name} {each[-1][0]:.4f}" for name, each in found.items())
            print(f"{symbol} fold {fold}: {said}", flush=True)
    average = np.array(found["blend_avg"])
    print(f"\n{'':>15} log loss  ROC AUC   log loss less blend_avg's: mean, standard error, wins")
    for name, each in found.items():
        figures = np.array(each)
        less = figures[:, 0] - average[:, 0]
        error = less.std(ddof=1) / np.sqrt(less.size) if less.size > 1 else float("nan")
        wins = int((less < 0).sum())
        loss, auc = figures.mean(axis=0)
        print(
            f"{name:>15} {loss:8.5f} {auc:8.4f}   {less.mean():+.5f} {error:.5f} {wins}/{less.size}"
        )


def of_cell(data, store: Store, rounds: int) -> Mapping[str, np.ndarray]:  # noqa: ANN001
    """Return the scores on test of the bases, the ensembles and the greedy blend."""
    hpo, policy = HPOParams(n_threads=2), TrainingPolicy.economic()
    trained = {
        name: train_ensemble(name, data, hpo, policy=policy, store=store) for name in ENSEMBLES
    }
    bases = dict(zip(trained["blend_avg"].bases, trained["blend_avg"].native.bases, strict=True))
    unseen = unseen_base_scores(bases, data)
    spec = ENSEMBLE_REGISTRY["stack_logreg"]
    rows = ensemble_rows(unseen, bases["xgboost"].probability, spec, data).learning
    assert rows is not None
    test = base_scores(bases, data, 2)["test"]
    weights = greedy(unseen[rows], data.train.y[rows], rounds)
    return {
        **{name: test[:, i] for i, name in enumerate(bases)},
        **{name: a.predict_proba(data.test.X)[:, 1] for name, a in trained.items()},
        "greedy": test @ weights,
    }


def greedy(scores: np.ndarray, y: np.ndarray, rounds: int) -> np.ndarray:
    """Return weights on the simplex, (k,): how often each base was chosen."""
    chosen, total = np.zeros(scores.shape[1]), np.zeros(len(y))
    for number in range(1, rounds + 1):
        losses = [log_loss(y, (total + column) / number) for column in scores.T]
        best = int(np.argmin(losses))
        chosen[best] += 1
        total += scores[:, best]
    return chosen / rounds


if __name__ == "__main__":
    main()
