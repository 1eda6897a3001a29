"""A search in a process of its own: `python -m tests.search.worker STORAGE MODEL TRIALS NAME`.

Prints the digest of the artifact's predictions and of every trial's parameters and value.
"""

from __future__ import annotations

import hashlib
import json
import sys

from cvn_harness_core import HPOParams, train_one
from tests.ensembles.small import datasets

ITERATIONS = {"xgboost": "n_estimators", "lightgbm": "n_estimators", "catboost": "iterations"}


def settings(model: str, **changes: object) -> HPOParams:
    """Return a search that takes seconds."""
    given = {"n_trials": 12, "seed": 3, "n_threads": 1, "max_concurrent": 4, "n_workers": 1}
    given |= changes
    return HPOParams({ITERATIONS[model]: 60}, **given)  # type: ignore[arg-type]


def said(artifact: object) -> str:
    """Return a digest of everything that must not depend on workers, kills and resumption."""
    data = datasets()
    trials = [
        [t.number, t.state, t.params, t.value, t.theta, list(t.scores), t.reports]
        for t in artifact.search.trials  # type: ignore[attr-defined]
    ]
    scores = artifact.predict_proba(data.test.X).tobytes()  # type: ignore[attr-defined]
    return hashlib.sha256(scores + json.dumps(trials).encode()).hexdigest()


if __name__ == "__main__":
    storage, model, n_trials, name = sys.argv[1:]
    data = datasets()
    train_one(model, data, settings(model, n_trials=1))  # imports everything
    print("ready", flush=True)
    run = settings(model, n_trials=int(n_trials), storage=storage, study_name=name)
    found = train_one(model, data, run, on_trial=lambda _, r: print("trial", r.number, flush=True))
    print(said(found))
