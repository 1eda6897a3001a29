"""Each combiner against the library that it stands on, to the last bit."""

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from cvn_ensembles.blend_avg import Average
from cvn_ensembles.stack_logreg import LogisticStack, log_odds
from cvn_ensembles.stack_xgb_meta import XGBoostStack, fixed
from cvn_harness_core import FitRequest, InputError, MetaRows

LOGREG = FitRequest({"C": 0.1, "max_iter": 1000}, seed=3, n_threads=1)
XGB = FitRequest(
    {
        "n_estimators": 25,
        "max_depth": 2,
        "learning_rate": 0.1,
        "min_child_weight": 10.0,
        "reg_lambda": 10.0,
        "subsample": 1.0,
    },
    seed=3,
    n_threads=1,
)


def rows(n=600, k=3, *, weighted=False):
    rng = np.random.default_rng(0)
    truth = rng.normal(size=n)
    scores = 1 / (1 + np.exp(1.5 - truth[:, None] - rng.normal(size=(n, k))))
    y = (rng.random(n) < 1 / (1 + np.exp(1.5 - truth))).astype(np.int8)
    return MetaRows(scores, y, rng.uniform(0.5, 2.0, n) if weighted else None)


@pytest.mark.parametrize("weighted", [False, True])
def test_stack_logreg_is_scikit_learns_regression_on_the_log_odds(weighted):
    data, new = rows(weighted=weighted), rows(200).scores
    ours = LogisticStack()
    learnt = ours.fit(data, LOGREG)
    plain = LogisticRegression(C=0.1, max_iter=1000, random_state=3).fit(
        log_odds(data.scores), data.y, sample_weight=data.weight
    )
    assert np.abs(ours.combine(learnt, new) - plain.predict_proba(log_odds(new))[:, 1]).max() == 0.0
    assert ours.base_weights(learnt, 3).tolist() == np.abs(plain.coef_[0]).tolist()


@pytest.mark.parametrize("weighted", [False, True])
def test_stack_xgb_meta_is_xgboost_itself(weighted):
    data, new = rows(weighted=weighted), rows(200).scores
    ours = XGBoostStack()
    learnt = ours.fit(data, XGB)
    params = {n: v for n, v in XGB.params.items() if n != "n_estimators"}
    plain = xgb.train(
        {**params, **fixed(3), "nthread": 1, "seed": 3},
        xgb.DMatrix(data.scores, label=data.y, weight=data.weight),
        num_boost_round=25,
    )
    assert np.abs(ours.combine(learnt, new) - plain.inplace_predict(new)).max() == 0.0
    said = ours.effective_params(learnt)
    assert said == pytest.approx(dict(XGB.params))


def test_stack_xgb_meta_never_turns_against_a_base():
    data = rows()
    learnt = XGBoostStack().fit(MetaRows(1 - data.scores, data.y), XGB)
    low, high = np.full((1, 3), 0.1), np.full((1, 3), 0.9)
    combine = XGBoostStack().combine
    assert combine(learnt, high)[0] >= combine(learnt, low)[0]


@given(st.integers(0, 1000), st.integers(1, 6))
@settings(max_examples=50, deadline=None)
def test_blend_avg_is_numpys_mean(seed, k):
    scores = np.random.default_rng(seed).random((50, k))
    ours = Average()
    assert np.abs(ours.combine(None, scores) - scores.mean(axis=1)).max() == 0.0
    weights = np.random.default_rng(seed).dirichlet(np.ones(k))
    request = FitRequest({"weights": tuple(weights.tolist())}, 0, 1)
    learnt = ours.fit(None, request)
    assert np.abs(ours.combine(learnt, scores) - np.clip(scores @ weights, 0, 1)).max() == 0.0


def test_weights_off_the_simplex_are_refused():
    with pytest.raises(InputError, match="must sum to 1") as caught:
        Average().check({"weights": (0.5, 0.6)}, 2)
    assert caught.value.code == "setting_invalid"
    Average().check({"weights": (0.1,) * 10}, 10)
    Average().check({}, 3)


@pytest.mark.parametrize(
    ("combiner", "request_"), [(Average(), XGB), (LogisticStack(), LOGREG), (XGBoostStack(), XGB)]
)
def test_what_was_learnt_survives_saving_to_the_bit(combiner, request_):
    data, new = rows(), rows(200).scores
    learnt = combiner.fit(data, request_)
    again = combiner.load(combiner.save(learnt))
    assert np.array_equal(combiner.combine(again, new), combiner.combine(learnt, new))
    assert combiner.save(again) == combiner.save(learnt)


def test_weights_survive_saving():
    learnt = Average().fit(None, FitRequest({"weights": (0.25, 0.75)}, 0, 1))
    assert Average().load(Average().save(learnt)).tolist() == [0.25, 0.75]
