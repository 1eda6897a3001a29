"""A search through the harness, beside a plain Optuna loop over the scikit-learn wrappers.

Both have the same space, sampler and seeds, 30 trials, early stopping after 50 rounds, and the
validation PR AUC as objective; the loop gets a pandas frame, as such scripts do. Seconds are wall
time of the whole search in one process, data in memory, libraries imported; the harness also picks
theta in each trial, keeps the trials' records, and returns the artifact with metrics on three
splits. Interleaved. ``--same-trials`` has the loop fit the harness's own trials instead, none of
them pruned: what is left is what each takes beside the library's fits. ``--others`` gives FLAML,
and LightGBM's own tuner of Optuna's, the time that the harness took, and compares the value that
they reach (``uv run --group rivals``). ``--memory`` prints the peak of a search above that of one
fit, each in a process of its own. The data are synthetic.

    python benchmarks/hpo.py [--size 50000x100] [--models lightgbm] [--seeds 5] [--trials 30]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from sklearn.metrics import average_precision_score

from cvn_harness_core import MODEL_REGISTRY, Datasets, HPOParams, train_one
from cvn_harness_core.harness.parameters import resolve_parameters
from cvn_harness_core.search.space import suggest

sys.path.insert(0, str(Path(__file__).parent))
from overhead import Parts, synthetic

ROUNDS = 50
CEILING = 500
ITERATIONS = {"xgboost": "n_estimators", "lightgbm": "n_estimators", "catboost": "iterations"}


def main() -> None:
    """Print seconds, values and ratios for each model."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", default="50000x100")
    parser.add_argument("--models", nargs="+", default=list(ITERATIONS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pruner", default="extrapolation")
    parser.add_argument("--max-concurrent", type=int, help="default: the harness's own")
    parser.add_argument("--same-trials", action="store_true")
    parser.add_argument("--others", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--peak-of", choices=("fit", "search"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore")
    rows, width = map(int, options.size.split("x"))
    parts = synthetic(rows, width)
    if options.peak_of:
        print(*peak(options.models[0], parts, options))
        return
    for model in options.models if options.memory else ():
        (fit, _), (search, taken) = (child_peak(model, what, options) for what in ("fit", "search"))
        print(
            f"{model} {options.size}: peak of one fit {fit / 2**20:.0f} MiB, of a search with "
            f"{options.trials} trials {search / 2**20:.0f} MiB in {taken:.1f} s: "
            f"{search / fit:.2f} times"
        )
    for model in options.models:
        loop_s, ours_s, lost = [], [], []
        if options.same_trials:
            same_trials(model, parts, options)
            continue
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            taken, value = timed(partial(loop, model, parts, seed, options))
            own_taken, (own, search) = timed(partial(harness, model, parts, seed, options))
            loop_s.append(taken)
            ours_s.append(own_taken)
            lost.append(100 * (value - own) / value)
            print(
                f"{model} {options.size} seed {seed}: loop {taken:.1f} s, {value:.5f}; harness "
                f"{own_taken:.1f} s, {own:.5f}; {taken / own_taken:.2f} times as fast; "
                f"{search.count('pruned')} pruned, {search.count('failed')} failed",
                flush=True,
            )
            if options.others:
                for name, tuner in OTHERS.items():
                    found = tuner(model, parts, seed, own_taken, options)
                    if found is not None:
                        shown = f"{100 * (found / own - 1):+.2f} % of the harness's value"
                        print(f"  {name} in {own_taken:.1f} s: {found:.5f}, {shown}", flush=True)
        if not loop_s:
            continue
        ratio = statistics.median(a / b for a, b in zip(loop_s, ours_s, strict=True))
        print(
            f"{model} {options.size}: {ratio:.2f} times as fast (median of {options.seeds}); best "
            f"value lower by {statistics.mean(lost):+.2f} % on average"
        )


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return seconds and the result."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def harness(model: str, parts: Parts, seed: int, options: argparse.Namespace) -> tuple[float, Any]:
    """Search through ``train_one``; return the best value and the record."""
    names = [f"f{i}" for i in range(parts["train"][0].shape[1])]
    data = Datasets.from_arrays(**parts, feature_names=names)
    ceiling = {ITERATIONS[model]: CEILING}
    hpo = HPOParams(
        ceiling,
        n_trials=options.trials,
        seed=seed,
        pruner=options.pruner,
        max_concurrent=options.max_concurrent,
    )
    search = train_one(model, data, hpo).search
    assert search is not None
    return search.value, search


def same_trials(model: str, parts: Parts, options: argparse.Namespace) -> None:
    """Print the seconds of the harness's trials, none of them pruned, and of the loop's of them."""
    options.pruner = "none"
    taken, (_, search) = timed(partial(harness, model, parts, options.first_seed, options))
    fit = plain_fit(model, parts, options.first_seed, options)
    loop_taken, _ = timed(lambda: [fit(trial.params) for trial in search.trials])
    print(
        f"{model} {options.size}: the same {options.trials} whole trials: loop {loop_taken:.1f} s, "
        f"harness {taken:.1f} s; {loop_taken / taken:.2f} times as fast",
        flush=True,
    )


def loop(model: str, parts: Parts, seed: int, options: argparse.Namespace) -> float:
    """Search by a plain loop; return the best value."""
    fit, (resolved, space) = plain_fit(model, parts, seed, options), dimensions(model)

    def objective(trial: optuna.Trial) -> float:
        suggest(trial, MODEL_REGISTRY[model], space, resolved)
        return fit(trial.params)

    sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(objective, n_trials=options.trials)
    return float(study.best_value)


def dimensions(model: str) -> Any:
    """Return what the harness gives the library without a search, and the space."""
    hpo = HPOParams({ITERATIONS[model]: CEILING}, n_trials=1)
    return resolve_parameters(MODEL_REGISTRY[model], hpo)


def plain_fit(
    model: str, parts: Parts, seed: int, options: argparse.Namespace
) -> Callable[[dict[str, Any]], float]:
    """Return what fits the library's scikit-learn wrapper and gives the validation PR AUC."""
    resolved, space = dimensions(model)
    fixed = {name: p.value for name, p in resolved.items() if name not in space}
    frames = {
        name: (pd.DataFrame(X, columns=[f"f{i}" for i in range(X.shape[1])]), y)
        for name, (X, y) in parts.items()
    }

    def fit(params: dict[str, Any]) -> float:
        fitted = FIT[model]({**fixed, **params}, frames, seed, options.threads)
        scores = fitted.predict_proba(frames["val"][0])[:, 1]
        return float(average_precision_score(frames["val"][1], scores))

    return fit


Frames = dict[str, tuple[pd.DataFrame, np.ndarray]]


def fit_xgboost(params: dict[str, Any], frames: Frames, seed: int, threads: int) -> Any:
    """Fit ``XGBClassifier``."""
    from xgboost import XGBClassifier

    model = XGBClassifier(
        **params,
        early_stopping_rounds=ROUNDS,
        eval_metric="logloss",
        random_state=seed,
        n_jobs=threads,
    )
    return model.fit(*frames["train"], eval_set=[frames["val"]], verbose=False)


def fit_lightgbm(params: dict[str, Any], frames: Frames, seed: int, threads: int) -> Any:
    """Fit ``LGBMClassifier``."""
    import lightgbm as lgb

    model = lgb.LGBMClassifier(**params, random_state=seed, n_jobs=threads, verbosity=-1)
    stop = [lgb.early_stopping(ROUNDS, verbose=False)]
    return model.fit(*frames["train"], eval_set=[frames["val"]], callbacks=stop)


def fit_catboost(params: dict[str, Any], frames: Frames, seed: int, threads: int) -> Any:
    """Fit ``CatBoostClassifier``."""
    from catboost import CatBoostClassifier

    model = CatBoostClassifier(
        **params,
        early_stopping_rounds=ROUNDS,
        random_seed=seed,
        thread_count=threads,
        allow_writing_files=False,
        verbose=False,
    )
    return model.fit(*frames["train"], eval_set=[frames["val"]])


FIT = {"xgboost": fit_xgboost, "lightgbm": fit_lightgbm, "catboost": fit_catboost}


def flaml(
    model: str, parts: Parts, seed: int, seconds: float, options: argparse.Namespace
) -> float | None:
    """Return the best value that FLAML finds in that time for one library, in its own space."""
    from flaml import AutoML

    names = {"xgboost": "xgboost", "lightgbm": "lgbm", "catboost": "catboost"}
    automl = AutoML()
    automl.fit(
        *parts["train"],
        X_val=parts["val"][0],
        y_val=parts["val"][1],
        task="classification",
        metric="ap",
        estimator_list=[names[model]],
        time_budget=seconds,
        eval_method="holdout",
        n_jobs=options.threads,
        seed=seed,
        verbose=0,
    )
    return None if automl.best_loss is None else 1 - float(automl.best_loss)


def lightgbm_tuner(
    model: str, parts: Parts, seed: int, seconds: float, options: argparse.Namespace
) -> float | None:
    """Return the best value that Optuna's step-wise tuner of LightGBM finds in that time."""
    if model != "lightgbm":
        return None
    import lightgbm as lgb
    from optuna_integration.lightgbm import LightGBMTuner

    train = lgb.Dataset(*parts["train"])
    tuner = LightGBMTuner(
        {
            "objective": "binary",
            "metric": "average_precision",
            "verbosity": -1,
            "seed": seed,
            "num_threads": options.threads,
        },
        train,
        num_boost_round=CEILING,
        valid_sets=[lgb.Dataset(*parts["val"], reference=train)],
        callbacks=[lgb.early_stopping(ROUNDS, verbose=False)],
        time_budget=int(seconds),
        show_progress_bar=False,
        optuna_seed=seed,
    )
    tuner.run()
    return float(tuner.best_score)


OTHERS = {"FLAML": flaml, "LightGBMTuner": lightgbm_tuner}


def child_peak(model: str, what: str, options: argparse.Namespace) -> tuple[int, float]:
    """Return the peak of a fit or a search, and its seconds, measured in a process of its own."""
    command = [sys.executable, __file__, "--size", options.size, "--models", model]
    more = ["--trials", str(options.trials), "--threads", str(options.threads), "--peak-of", what]
    done = subprocess.run([*command, *more], capture_output=True, text=True, check=True)
    size, seconds = done.stdout.split()
    return int(size), float(seconds)


def peak(model: str, parts: Parts, options: argparse.Namespace) -> tuple[int, float]:
    """Fit or search; return the most bytes that this process held (``VmHWM``), and seconds."""
    names = [f"f{i}" for i in range(parts["train"][0].shape[1])]
    data = Datasets.from_arrays(**parts, feature_names=names)
    n_trials = options.trials if options.peak_of == "search" else 0
    hpo = HPOParams({ITERATIONS[model]: CEILING}, n_trials=n_trials)
    taken, _ = timed(partial(train_one, model, data, hpo))
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0]), taken


if __name__ == "__main__":
    main()
