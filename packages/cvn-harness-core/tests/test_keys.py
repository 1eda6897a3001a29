"""The key of a training: a change of one bit anywhere in what it depends on is another key."""

from __future__ import annotations

import importlib
import linecache
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cvn_harness_core import (
    Calibration,
    Datasets,
    EarlyStopping,
    Fixed,
    HealthLimits,
    HPOParams,
    OutOfFold,
    Payoff,
    Store,
    TrainingPolicy,
    train_one,
)
from cvn_harness_core.harness.keys import fold_key
from cvn_harness_core.harness.planning import Request
from cvn_harness_core.harness.train_one import plan_model
from cvn_harness_core.policy import ByMoney, Declared
from cvn_harness_core.store.key import Key

NAMES = ("momentum", "spread", "volume", "hour")
ARRAYS = ("X", "y", "time", "label_end", "returns", "weight", "symbol")
Digest = Callable[..., str]


@pytest.fixture
def digest(models: SimpleNamespace, tmp_path: Any, parts: Mapping[str, Any]) -> Digest:
    def plan(data: Datasets | None, hpo: HPOParams | None, policy: TrainingPolicy | None) -> Key:
        data = data or Datasets.from_arrays(**parts, feature_names=NAMES)
        request = Request(data, Store(tmp_path / "store"))
        plan = plan_model("logreg", request, hpo or HPOParams(), policy or TrainingPolicy())
        assert plan.key is not None
        return plan.key

    def of(
        data: Datasets | None = None,
        hpo: HPOParams | None = None,
        policy: TrainingPolicy | None = None,
    ) -> str:
        return plan(data, hpo, policy).digest

    of.fold = lambda policy: fold_key(plan(None, None, policy), policy, 1).digest  # type: ignore[attr-defined]
    return of


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    split=st.sampled_from(("train", "val", "test")),
    array=st.sampled_from(ARRAYS),
    at=st.floats(0, 1, exclude_max=True),
)
def test_one_bit_of_any_array_is_another_key(
    digest: Digest, parts: Mapping[str, Any], split: str, array: str, at: float
) -> None:
    data = Datasets.from_arrays(**parts, feature_names=NAMES)
    before = digest(data)
    assert digest(data) == before
    own = getattr(getattr(data, split), array).copy()
    place, bit = divmod(int(at * own.nbytes * 8), 8)
    own.reshape(-1).view(np.uint8)[place] ^= 1 << bit
    # Past the checks of a split: what is asked is the key, not whether the change makes sense.
    object.__setattr__(getattr(data, split), array, own)
    assert digest(data) != before


DATA: dict[str, dict[str, Any]] = {
    "feature names": {"feature_names": ("momentum", "spread", "hour", "volume")},
    "feature version": {"feature_version": "2"},
    "payoff": {"payoff": Payoff(1.5, 0.5, cost=0.05)},
}
HPO = {
    "a parameter": HPOParams({"C": np.nextafter(1.0, 2.0)}),
    "a default that is now the user's": HPOParams({"C": 1.0}),
    "seed": HPOParams(seed=1),
    "threads": HPOParams(n_threads=3),
}
POLICIES = {
    "name": TrainingPolicy(name="mine"),
    "theta": TrainingPolicy(theta=Fixed(0.5)),
    "a rule's setting": TrainingPolicy(theta=Fixed(np.nextafter(0.5, 1.0))),
    "class_balance": TrainingPolicy(class_balance=1.5),
    "prior_correction": TrainingPolicy(prior_correction=False),
    "calibration": TrainingPolicy(calibration=Calibration()),
    "out_of_fold": TrainingPolicy(out_of_fold=OutOfFold()),
    "folds": TrainingPolicy(out_of_fold=OutOfFold(n_folds=3)),
    "early_stopping": TrainingPolicy(early_stopping=EarlyStopping(rounds=49)),
    "health": TrainingPolicy(health=HealthLimits(max_auc=0.97)),
    "on_unhealthy": TrainingPolicy(on_unhealthy="error"),
    "costs": TrainingPolicy(costs=(0.1,)),
}


def test_every_setting_is_another_key(digest: Digest, parts: Mapping[str, Any]) -> None:
    assert {f.name for f in fields(TrainingPolicy)} <= set(POLICIES)
    data = [
        Datasets.from_arrays(**parts, **{"feature_names": NAMES, **change})
        for change in ({}, *DATA.values())
    ]
    digests = [
        *(digest(each) for each in data),
        *(digest(hpo=hpo) for hpo in HPO.values()),
        *(digest(policy=policy) for policy in POLICIES.values()),
    ]
    assert len(set(digests)) == len(digests) == 1 + len(DATA) + len(HPO) + len(POLICIES)


def test_a_class_weight_that_is_given_is_not_the_default_one(
    models: SimpleNamespace, parts: Mapping[str, Any], tmp_path: Any
) -> None:
    """The policy's weight replaces a default, and not a given value: their folds differ."""
    policy = TrainingPolicy(class_balance="auto", out_of_fold=OutOfFold(n_folds=2))
    data = Datasets.from_arrays(**parts, feature_names=NAMES)
    store = Store(tmp_path / "store")
    given = [HPOParams(), HPOParams({"positive_weight": 1.0})]
    kept, alone = (
        [train_one("weighted_by_default", data, hpo, policy=policy, store=where) for hpo in given]
        for where in (store, None)
    )
    for one, other in zip(kept, alone, strict=True):
        assert one.theta == other.theta
        assert np.array_equal(one.out_of_fold_scores.scores, other.out_of_fold_scores.scores)


RULE = """
from dataclasses import dataclass
from cvn_harness_core import ThetaChoice


@dataclass(frozen=True)
class Mine:
    name = "mine"

    def decide(self, evidence):
        return ThetaChoice({theta})
"""


@pytest.mark.parametrize("wrap", [lambda r: r, lambda r: ByMoney(known=r), Declared])
def test_the_code_of_a_rule_is_part_of_the_key_and_not_of_its_folds(
    digest: Digest, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, wrap: Callable[[Any], Any]
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    found, folds = [], []
    for theta in (0.3, 0.6):
        (tmp_path / "myrule.py").write_text(RULE.format(theta=theta))
        monkeypatch.delitem(sys.modules, "myrule", raising=False)
        importlib.invalidate_caches()
        linecache.clearcache()
        rule = importlib.import_module("myrule").Mine()
        policy = TrainingPolicy(theta=wrap(rule), out_of_fold=OutOfFold())
        found.append(digest(policy=policy))
        folds.append(digest.fold(policy))  # type: ignore[attr-defined]
    assert found[0] != found[1]
    assert folds[0] == folds[1]


def test_libraries_that_numbers_come_from_are_named(
    models: SimpleNamespace, parts: Mapping[str, Any], tmp_path: Any
) -> None:
    request = Request(Datasets.from_arrays(**parts, feature_names=NAMES), Store(tmp_path / "store"))
    policy = TrainingPolicy(calibration=Calibration("venn_abers"))
    plan = plan_model("logreg", request, HPOParams(), policy)
    assert {"numpy", "scipy", "scikit-learn", "venn-abers"} <= set(plan.versions)
    assert plan.key is not None
    assert {"libraries.scipy", "libraries.venn-abers"} <= set(plan.key.parts)


def test_the_data_are_hashed_once_for_all_trainings_of_a_call(
    models: SimpleNamespace, parts: Mapping[str, Any], tmp_path: Any
) -> None:
    request = Request(Datasets.from_arrays(**parts, feature_names=NAMES), Store(tmp_path / "store"))
    one, other = (
        plan_model("logreg", request, HPOParams(seed=seed), TrainingPolicy()) for seed in (1, 2)
    )
    assert one.request.content is other.request.content
    assert one.key is not None
    assert one.key != other.key
