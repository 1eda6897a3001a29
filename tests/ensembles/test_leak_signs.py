"""Signs of a feature that knows the future: what the check finds, and what it does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cvn_harness_core import TrainingPolicy, check_leaks, train_ensemble, train_one
from cvn_harness_core.harness.train_ensemble import base_policy
from cvn_harness_core.leaks import signs
from cvn_harness_core.leaks.derived import derive
from cvn_harness_core.leaks.signs import feature_faults, score_faults, standard_error

from .small import PARAMS, datasets, drifting

POLICY = base_policy(TrainingPolicy())
MAX_AUC = signs.MAX_AUC


def derived_from(data):
    return derive(train_one("xgboost", data, PARAMS["xgboost"], policy=POLICY), data)


@pytest.mark.parametrize(
    ("knows", "noise", "fault"),
    [
        ((0.25, 1.0), 0.01, "'f4' alone tells the labels of the rows that decide theta of stack_l"),
        ((0.4, 0.8), 0.01, "'f4' alone tells the labels of the rows that stack_logreg learns from"),
        ((0.6, 0.8), 0.01, "'f4' alone tells the labels of the rows that stack_logreg learns from"),
        ((0.6, 0.8), 0.45, "the rows that stack_logreg learns from far better (AUC 0.9"),
        ((0.25, 1.0), 0.45, "'f4' alone tells the labels of forward fold 2 of xgboost far better"),
    ],
    ids=["from the second fold on", "meta and before", "meta only", "meta, noisy", "noisy"],
)
def test_a_base_fed_a_feature_that_knows_the_future_fails_the_check(knows, noise, fault):
    data = datasets(canary=knows, noise=noise)
    bases = ("xgboost", "lightgbm")
    params = {base: PARAMS[base] for base in bases}
    faults = check_leaks(train_ensemble("stack_logreg", data, params, bases=bases), data).faults
    assert any(fault in found for found in faults)
    assert not any(f"'f{j}'" in found for j in range(4) for found in faults)


@pytest.mark.parametrize(
    ("knows", "noise"),
    [((0.0, 1.0), 0.45), ((0.25, 1.0), 1.0), ((0.5, 0.55), 0.01)],
    ids=["everywhere", "too noisy", "in few rows"],
)
def test_what_the_signs_do_not_show(knows, noise):
    """No promise, but what the documentation says: thresholds find no more than they can."""
    data = datasets(canary=knows, noise=noise)
    assert not list(feature_faults(derived_from(data), data, MAX_AUC))


def test_scores_that_know_the_labels_of_the_meta_rows_alone_are_found():
    data = datasets()
    bases = ("xgboost", "lightgbm")
    params = {base: PARAMS[base] for base in bases}
    derived = derive(train_ensemble("stack_logreg", data, params, bases=bases), data)
    assert not list(score_faults(derived, data, MAX_AUC))
    base = derived.bases[0]
    scores = base.unseen.scores.copy()
    scores[np.isin(base.unseen.rows, derived.learning)] = data.train.y[derived.learning]
    knowing = replace(base, unseen=replace(base.unseen, scores=scores))
    found = list(score_faults(replace(derived, bases=(knowing, derived.bases[1])), data, MAX_AUC))
    assert any("xgboost have a ROC AUC of 1.0000 on the rows that stack_l" in f for f in found)
    assert not any("lightgbm have" in f for f in found)


def test_a_level_that_drifts_with_overlapping_labels_is_no_sign(monkeypatch):
    """Rows whose labels overlap are not as many pieces of evidence."""
    data = drifting(27)
    derived = derived_from(data)
    assert not list(feature_faults(derived, data, MAX_AUC))
    monkeypatch.setattr(signs, "independent", lambda train, rows: rows.size)
    assert any("'level'" in fault for fault in feature_faults(derived, data, MAX_AUC))


def test_a_part_with_few_rows_of_a_class_is_not_looked_at():
    data = datasets(canary=(0.0, 1.0))
    derived = derived_from(data)
    assert list(feature_faults(derived, data, MAX_AUC))
    y = np.zeros_like(data.train.y)
    y[::300] = 1
    rare = replace(data, train=replace(data.train, y=y))
    assert not list(feature_faults(derived, rare, MAX_AUC))


def test_labels_are_counted_that_do_not_overlap():
    """Three hours each, both ends known: of a row an hour one in four."""
    train = datasets().train
    assert signs.independent(train, np.arange(400)) == 100
    assert signs.independent(replace(train, label_end=None), np.arange(400)) == 400


def test_the_auc_is_scikit_learns_of_the_values_that_are_known():
    rng = np.random.default_rng(0)
    y, values = rng.integers(0, 2, 300), np.round(rng.normal(size=300), 1)  # with ties
    values[::7] = np.nan
    known = np.isfinite(values)
    assert signs._auc(y, values) == pytest.approx(roc_auc_score(y[known], values[known]), abs=1e-12)
    assert signs._auc(y[:15], values[:15]) is None


def test_the_standard_error_is_about_that_of_drawn_samples():
    rng = np.random.default_rng(0)
    y = (np.arange(200) < 60).astype(np.int8)
    drawn = [signs._auc(y, y + rng.normal(size=200)) for _ in range(2_000)]
    assert standard_error(float(np.mean(drawn)), y, 200) == pytest.approx(np.std(drawn), rel=0.1)
