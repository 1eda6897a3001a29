"""The key of a training: a change of one bit anywhere in what it depends on is another key."""

from __future__ import annotations

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
)
from cvn_harness_core.harness.planning import Request
from cvn_harness_core.harness.train_one import plan_model

NAMES = ("momentum", "spread", "volume", "hour")
ARRAYS = ("X", "y", "time", "label_end", "returns", "weight", "symbol")
Digest = Callable[..., str]


@pytest.fixture
def digest(models: SimpleNamespace, tmp_path: Any, parts: Mapping[str, Any]) -> Digest:
    def of(
        data: Datasets | None = None,
        hpo: HPOParams | None = None,
        policy: TrainingPolicy | None = None,
    ) -> str:
        data = data or Datasets.from_arrays(**parts, feature_names=NAMES)
        request = Request(data, Store(tmp_path / "store"))
        plan = plan_model("logreg", request, hpo or HPOParams(), policy or TrainingPolicy())
        assert plan.key is not None
        return plan.key.digest

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
