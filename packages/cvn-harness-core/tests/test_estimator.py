"""HarnessClassifier does as scikit-learn's estimators do, and trains as the harness does."""

from __future__ import annotations

import pickle
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cvn_harness_core import (
    Budget,
    Datasets,
    Fixed,
    HarnessClassifier,
    HPOParams,
    InputError,
    MulticlassError,
    OutOfFold,
    ParameterError,
    Payoff,
    PluginNotInstalledError,
    TrainingPolicy,
    train_one,
)
from cvn_harness_core.contracts.split import Array

DAY = np.timedelta64(1, "D")
NAMES = ["momentum", "spread", "volume", "hour"]
PAYOFF = Payoff(1.5, 0.5, cost=0.05)
HALF = TrainingPolicy(theta=Fixed(0.5))
N = 400

pytestmark = pytest.mark.usefixtures("models")


@pytest.fixture
def X() -> Array:  # noqa: N802
    return np.random.default_rng(1).normal(size=(N, 4))


@pytest.fixture
def y(X: Array) -> Array:
    noise = np.random.default_rng(2).normal(size=N)
    return (X @ [1.0, -0.7, 0.3, 0.0] + noise > 0.5).astype(int)


@pytest.fixture
def when() -> dict[str, Array]:
    time = np.datetime64("2020-01-01", "ns") + np.arange(N) * DAY
    return {"time": time, "label_end": time + 3 * DAY}


def rows_of(model: HarnessClassifier) -> tuple[int, int]:
    return model.artifact_.metrics["train"].n, model.artifact_.metrics["val"].n


# --- what is trained on what ----------------------------------------------------------------


def test_it_is_what_train_one_trains(X: Array, y: Array, when: Any) -> None:
    """The latest fifth decides, and labels that reach into it are left out."""
    returns = np.where(y == 1, 1.4, -0.6)
    model = HarnessClassifier("logreg", payoff=PAYOFF, params={"C": 0.5}, random_state=7, n_jobs=1)
    model.fit(X, y, **when, returns=returns)
    fitted, held = slice(0, 317), slice(320, N)
    parts = [
        {
            "X": X[rows],
            "y": y[rows],
            "returns": returns[rows],
            **{k: v[rows] for k, v in when.items()},
        }
        for rows in (fitted, held)
    ]
    data = Datasets.from_arrays(*parts, None, feature_names=["x0", "x1", "x2", "x3"], payoff=PAYOFF)
    artifact = train_one("logreg", data, HPOParams({"C": 0.5}, seed=7, n_threads=1))
    assert model.artifact_.datasets_digest == artifact.datasets_digest
    assert model.theta_ == artifact.theta
    assert (model.predict_proba(X) == artifact.predict_proba(X)).all()
    assert (model.predict(X) == artifact.predict(X)).all()


def test_without_time_the_last_rows_decide(X: Array, y: Array) -> None:
    assert rows_of(HarnessClassifier("logreg").fit(X, y)) == (320, 80)
    assert rows_of(HarnessClassifier("logreg", validation_fraction=0.5).fit(X, y)) == (200, 200)


def test_rows_may_stand_in_any_order_if_time_says_when_they_were(
    X: Array, y: Array, when: Any
) -> None:
    in_order = HarnessClassifier("logreg").fit(X, y, **when)
    mixed = np.random.default_rng(3).permutation(N)
    shuffled = HarnessClassifier("logreg").fit(
        X[mixed], y[mixed], **{name: value[mixed] for name, value in when.items()}
    )
    assert shuffled.artifact_.datasets_digest == in_order.artifact_.datasets_digest


def test_stacked_symbols_share_their_stamps(X: Array, y: Array, when: Any) -> None:
    time = np.concatenate([when["time"][: N // 2]] * 2)
    symbol = ["ES"] * (N // 2) + ["NQ"] * (N // 2)
    model = HarnessClassifier("logreg").fit(X, y, time=time, symbol=symbol)
    assert rows_of(model) == (320, 80)
    with pytest.raises(InputError, match="repeats"):
        HarnessClassifier("logreg").fit(X, y, time=time)


def test_the_policys_embargo_is_kept_before_validation(X: Array, y: Array, when: Any) -> None:
    policy = TrainingPolicy(out_of_fold=OutOfFold(n_folds=2, embargo=timedelta(days=10)))
    assert rows_of(HarnessClassifier("logreg", policy=policy).fit(X, y, **when)) == (307, 80)


def test_validation_begins_earlier_where_it_would_lack_a_class(X: Array) -> None:
    y = np.zeros(N, dtype=int)
    y[[5, 100, 250]] = 1
    assert rows_of(HarnessClassifier("logreg").fit(X, y)) == (250, 150)


@pytest.mark.parametrize(
    ("positives", "where"), [(300, "later half"), (100, "299 rows before validation")]
)
def test_labels_that_are_sorted_are_refused_with_what_to_do(
    positives: int, where: str, X: Array
) -> None:
    with pytest.raises(InputError, match=f"{where}.*shuffle") as caught:
        HarnessClassifier("logreg").fit(X, np.arange(N) >= N - positives)
    assert caught.value.code == "labels_one_class"


def test_a_row_of_weight_zero_is_as_good_as_none(X: Array, y: Array) -> None:
    kept = np.arange(N) % 3 > 0
    weight = np.where(kept, 2.0, 0.0)
    ignored = HarnessClassifier("logreg").fit(X, y, sample_weight=weight)
    absent = HarnessClassifier("logreg").fit(X[kept], y[kept], sample_weight=weight[kept])
    assert ignored.artifact_.datasets_digest == absent.artifact_.datasets_digest
    plain = HarnessClassifier("logreg").fit(X[kept], y[kept])
    assert (plain.predict_proba(X) != HarnessClassifier("logreg").fit(
        X[kept], y[kept], sample_weight=np.linspace(0.1, 3, kept.sum())
    ).predict_proba(X)).any()  # fmt: skip


@pytest.mark.parametrize(
    ("code", "given"),
    [
        ("weights_invalid", {"sample_weight": np.zeros(N)}),
        ("weights_invalid", {"sample_weight": np.full(N, np.nan)}),
        ("length_mismatch", {"sample_weight": np.ones(N - 1)}),
        ("length_mismatch", {"time": np.arange(3).astype("datetime64[D]")}),
        ("time_invalid", {"time": np.arange(N)}),
        ("time_missing", {"label_end": np.arange(N).astype("datetime64[D]")}),
        ("returns_not_finite", {"returns": np.full(N, np.inf)}),
    ],
)
def test_what_is_known_of_rows_is_checked(code: str, given: Any, X: Array, y: Array) -> None:
    with pytest.raises(InputError) as caught:
        HarnessClassifier("logreg").fit(X, y, **given)
    assert caught.value.code == code


def test_labels_that_all_reach_into_validation_leave_nothing(X: Array, y: Array, when: Any) -> None:
    with pytest.raises(InputError, match="no training row is left") as caught:
        HarnessClassifier("logreg").fit(
            X, y, time=when["time"], label_end=when["time"] + 1000 * DAY
        )
    assert caught.value.code == "history_too_short"


# --- labels ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels", [[-1, 1], ["no", "yes"], [False, True], [0.0, 1.0], [3, 7]], ids=str
)
def test_the_second_of_two_labels_is_the_buy(labels: list[Any], X: Array, y: Array) -> None:
    plain = HarnessClassifier("logreg", policy=HALF).fit(X, y)
    named = HarnessClassifier("logreg", policy=HALF).fit(X, np.array(labels)[y])
    assert named.classes_.tolist() == labels
    assert (named.predict(X) == np.array(labels)[plain.predict(X)]).all()
    assert (named.predict_proba(X) == plain.predict_proba(X)).all()


def test_three_classes_are_refused_before_any_fit(X: Array, models: Any) -> None:
    with pytest.raises(MulticlassError, match="Only binary classification") as caught:
        HarnessClassifier("logreg").fit(X, np.arange(N) % 3)
    assert caught.value.code == "multiclass_not_implemented"
    assert models.fits == []


def test_predict_applies_theta_and_no_trade_never_signals(X: Array, y: Array) -> None:
    model = HarnessClassifier("logreg", policy=TrainingPolicy(theta=Fixed(0.7))).fit(X, y)
    assert (model.predict(X) == (model.predict_proba(X)[:, 1] >= 0.7)).all()
    hopeless = HarnessClassifier("logreg", payoff=Payoff(0.1, 5.0)).fit(X, y)
    assert hopeless.theta_ is None
    assert (hopeless.predict(X) == 0).all()


# --- frames ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "series"),
    [(pd.DataFrame, pd.Series), (pl.DataFrame, pl.Series)],
    ids=["pandas", "polars"],
)
def test_frames_keep_their_names(frame: Any, series: Any, X: Array, y: Array, when: Any) -> None:
    table = frame(dict(zip(NAMES, X.T, strict=True)))
    known = {name: series(value) for name, value in when.items()}
    model = HarnessClassifier("logreg").fit(table, series(y), **known)
    assert model.feature_names_in_.tolist() == NAMES
    assert list(model.artifact_.feature_version.feature_names) == NAMES
    arrays = HarnessClassifier("logreg").fit(X, y, **when)
    assert not hasattr(arrays, "feature_names_in_")
    assert (model.predict_proba(table) == arrays.predict_proba(X)).all()
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(table[NAMES[::-1]])


def test_stamps_with_a_time_zone_are_taken_in_utc(X: Array, y: Array, when: Any) -> None:
    zoned = pd.Series(when["time"]).dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
    model = HarnessClassifier("logreg").fit(X, y, time=zoned)
    plain = HarnessClassifier("logreg").fit(X, y, time=when["time"])
    assert model.artifact_.datasets_digest == plain.artifact_.datasets_digest


def test_single_precision_stays_single(X: Array, y: Array) -> None:
    model = HarnessClassifier("logreg").fit(X.astype(np.float32), y)
    assert model.artifact_.feature_version.dtype == "float32"
    assert (model.predict_proba(X) == model.predict_proba(X.astype(np.float32))).all()


# --- as an estimator ------------------------------------------------------------------------


def test_clone_and_set_params_keep_what_was_chosen(X: Array, y: Array, tmp_path: Path) -> None:
    model = HarnessClassifier(
        "logreg", policy="adr0089", params={"C": 0.1}, payoff=PAYOFF, store=tmp_path / "store"
    )
    other = clone(model).set_params(random_state=3, params={"C": 0.2})
    assert other.get_params() == {**model.get_params(), "random_state": 3, "params": {"C": 0.2}}
    assert model.get_params()["params"] == {"C": 0.1}
    artifact = other.fit(X, y).artifact_
    assert (artifact.seed, artifact.params, artifact.policy["name"]) == (3, {"C": 0.2}, "adr0089")


def test_a_store_trains_nothing_twice(X: Array, y: Array, tmp_path: Path, models: Any) -> None:
    model = HarnessClassifier("logreg", store=tmp_path / "store")
    scores = [cross_val_score(model, X, y, cv=3, scoring="roc_auc") for _ in range(2)]
    assert (scores[0] == scores[1]).all()
    assert len(models.fits) == 3


def test_a_fitted_one_can_be_pickled(X: Array, y: Array) -> None:
    model = HarnessClassifier("logreg").fit(X, y)
    assert (pickle.loads(pickle.dumps(model)).predict_proba(X) == model.predict_proba(X)).all()


def test_before_fit_it_says_so_and_a_failed_fit_leaves_nothing(X: Array, y: Array) -> None:
    model = HarnessClassifier("logreg", params={"c": 1.0})
    with pytest.raises(ParameterError, match="no parameter 'c'"):
        model.fit(X, y)
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_a_refit_that_fails_leaves_nothing_of_the_first(X: Array, y: Array) -> None:
    model = HarnessClassifier("logreg").fit(X, y)
    with pytest.raises(InputError, match="one class"):
        model.fit(X[:, :3], np.ones(N))
    with pytest.raises(NotFittedError):
        model.predict(X)
    assert not {"artifact_", "theta_", "classes_"} & set(vars(model))


@pytest.mark.parametrize(
    ("wrong", "error", "match"),
    [
        ({"model": "nobody"}, PluginNotInstalledError, "pip install"),
        ({"policy": "thrifty"}, InputError, "one of economic, adr0089"),
        ({"validation_fraction": 0.6}, InputError, "0.5 or less"),
        ({"validation_fraction": 0}, InputError, "above 0"),
        ({"bases": ["weighted"]}, InputError, "has no bases"),
        ({"n_jobs": 0}, InputError, "n_threads"),
        ({"n_trials": -1}, InputError, "n_trials"),
        ({"policy": ["economic"]}, InputError, "policy is .'economic'.; give a TrainingPolicy or"),
        ({"params": ["a"]}, InputError, "params is .'a'.; give a mapping"),
        ({"n_jobs": "2"}, InputError, "n_jobs is '2'; it must be an integer"),
        ({"store": 3}, InputError, "store is 3; give the path"),
        ({"model": "mean", "bases": "logreg"}, InputError, "bases is 'logreg'; give a list"),
        ({"model": "mean", "bases": [3]}, InputError, "bases has 3; it must be a list"),
        (
            {"model": "mean", "bases": ["logreg", "descent"], "params": {"C": 0.3}},
            InputError,
            "give {'logreg': {...}, ...}, by the names logreg, descent, mean",
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_settings_are_refused_when_it_is_fitted(
    wrong: Any, error: Any, match: str, X: Array, y: Array
) -> None:
    with pytest.raises(error, match=match):
        HarnessClassifier(**{"model": "logreg", **wrong}).fit(X, y)


@pytest.mark.parametrize(
    ("labels", "code"),
    [(["yes", None], "labels_not_finite"), (["yes", 1], "labels_not_binary")],
    ids=["None", "mixed"],
)
def test_labels_that_cannot_be_sorted_are_refused(
    labels: list[Any], code: str, X: Array, y: Array
) -> None:
    with pytest.raises(InputError) as caught:
        HarnessClassifier("logreg").fit(X, np.array(labels, dtype=object)[y])
    assert caught.value.code == code


def test_seed_and_threads_go_by_scikit_learns_names(X: Array, y: Array) -> None:
    def trained(**settings: Any) -> Any:
        return HarnessClassifier("logreg", **settings).fit(X, y).artifact_

    assert (trained().seed, trained().n_threads) == (0, 1)
    drawn = [trained(random_state=np.random.RandomState(5)).seed for _ in range(2)]
    assert drawn[0] == drawn[1] > 0
    assert trained(n_jobs=3).n_threads == 3
    assert trained(n_jobs=-1).n_threads == Budget.current().threads
    assert trained(n_jobs=-1000).n_threads == 1


def test_a_search_chooses_what_is_not_fixed(X: Array, y: Array) -> None:
    pytest.importorskip("optuna")
    model = HarnessClassifier("searched", n_trials=3, params={"solver": "lbfgs"}).fit(X, y)
    assert model.artifact_.search is not None
    assert len(model.artifact_.search.trials) == 3
    assert model.artifact_.effective_params["C"].source == "search"


def test_an_ensemble_is_one_too(X: Array, y: Array, when: Any) -> None:
    model = HarnessClassifier(
        "mean",
        bases=["logreg", "descent"],
        params={"logreg": {"C": 0.3}, "mean": {"power": 2.0}},
        random_state=4,
    ).fit(X, y, **when)
    assert model.artifact_.bases == ("logreg", "descent")
    assert model.artifact_.params == {"power": 2.0}
    base = model.artifact_.native.bases[0]
    assert (base.params, base.seed) == ({"C": 0.3}, 4)
    assert model.predict(X).shape == (N,)
    with pytest.raises(InputError, match="time") as caught:
        clone(model).fit(X, y)
    assert caught.value.code == "time_missing"


# --- in scikit-learn's tools ----------------------------------------------------------------


@pytest.mark.parametrize("routing", [False, True])
def test_cross_validation_passes_time_on(routing: bool, X: Array, y: Array, when: Any) -> None:
    with sklearn.config_context(enable_metadata_routing=routing):
        done = cross_validate(
            HarnessClassifier("logreg"),
            X,
            y,
            params=when,
            cv=TimeSeriesSplit(3),
            scoring="roc_auc",
            return_estimator=True,
        )
    assert (done["test_score"] > 0.7).all()
    assert rows_of(done["estimator"][0]) == (77, 20)  # of 100; three labels reach into validation


def test_a_pipeline_routes_what_is_meant_for_it(X: Array, y: Array, when: Any) -> None:
    pipeline = make_pipeline(StandardScaler(), HarnessClassifier("logreg"))
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline.fit(X, y, **when)
        assert rows_of(pipeline[-1]) == (317, 80)
        asked = clone(pipeline)
        asked[0].set_fit_request(sample_weight=False)
        asked[-1].set_fit_request(sample_weight=True)
        asked.fit(X, y, sample_weight=np.arange(N) % 2, **when)
        assert sum(rows_of(asked[-1])) < N / 2
    prefixed = {f"harnessclassifier__{name}": value for name, value in when.items()}
    assert rows_of(clone(pipeline).fit(X, y, **prefixed)[-1]) == (317, 80)


def test_a_grid_searches_parameters_and_policies(X: Array, y: Array) -> None:
    grid = {"params": [{"C": 1e-6}, {"C": 1.0}], "policy": ["economic", "adr0089"]}
    search = GridSearchCV(HarnessClassifier("logreg"), grid, cv=3, scoring="neg_log_loss")
    assert search.fit(X, y).best_params_["params"] == {"C": 1.0}


def test_permutation_importance_finds_what_matters(X: Array, y: Array) -> None:
    table = pd.DataFrame(X, columns=NAMES)
    model = HarnessClassifier("logreg").fit(table, y)
    found = permutation_importance(model, table, y, scoring="average_precision", random_state=0)
    order = [NAMES[i] for i in np.argsort(-found.importances_mean)]
    assert order == ["momentum", "spread", "volume", "hour"]
