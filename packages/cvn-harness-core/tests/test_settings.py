"""Payoff, feature version, search, stopping, policy: a setting that cannot be meant is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvn_harness_core import (
    POLICIES,
    EarlyStopping,
    ExpectedValue,
    F1Capped,
    F1Grid,
    FeatureVersion,
    Fixed,
    HealthLimits,
    HPOParams,
    InputError,
    Payoff,
    TrainingPolicy,
)
from cvn_harness_core.policy import ByMoney, Declared

NAN, INF = float("nan"), float("inf")

REFUSED: dict[str, tuple[type, dict[str, Any]]] = {
    "no profit": (Payoff, {"take_profit": 0, "stop_loss": 1}),
    "a negative profit": (Payoff, {"take_profit": -1, "stop_loss": 1}),
    "a NaN profit": (Payoff, {"take_profit": NAN, "stop_loss": 1}),
    "an infinite profit": (Payoff, {"take_profit": INF, "stop_loss": 1}),
    "no loss": (Payoff, {"take_profit": 1, "stop_loss": 0}),
    "a negative loss": (Payoff, {"take_profit": 1, "stop_loss": -0.5}),
    "a NaN loss": (Payoff, {"take_profit": 1, "stop_loss": NAN}),
    "a negative cost": (Payoff, {"take_profit": 1, "stop_loss": 1, "cost": -0.1}),
    "a NaN cost": (Payoff, {"take_profit": 1, "stop_loss": 1, "cost": NAN}),
    "a cost of all the profit": (Payoff, {"take_profit": 1, "stop_loss": 1, "cost": 1}),
    "a profit of text": (Payoff, {"take_profit": "1", "stop_loss": 1}),
    "negative trials": (HPOParams, {"n_trials": -1}),
    "half a trial": (HPOParams, {"n_trials": 0.5}),
    "no time": (HPOParams, {"timeout_s": 0}),
    "a NaN time": (HPOParams, {"timeout_s": NAN}),
    "an unknown objective": (HPOParams, {"objective": "sharpe"}),
    "a negative seed": (HPOParams, {"seed": -1}),
    "a seed of 32 bits": (HPOParams, {"seed": 2**31}),
    "a fraction for a seed": (HPOParams, {"seed": 1.5}),
    "a seed of text": (HPOParams, {"seed": "7"}),
    "no threads": (HPOParams, {"n_threads": 0}),
    "all threads, as scikit-learn has it": (HPOParams, {"n_threads": -1}),
    "half a thread": (HPOParams, {"n_threads": 1.5}),
    "no patience": (EarlyStopping, {"rounds": 0}),
    "half a round": (EarlyStopping, {"rounds": 1.5}),
    "NaN rounds": (EarlyStopping, {"rounds": NAN}),
    "a negative improvement": (EarlyStopping, {"min_delta": -1e-6}),
    "a NaN improvement": (EarlyStopping, {"min_delta": NAN}),
    "an infinite improvement": (EarlyStopping, {"min_delta": INF}),
    "an unknown metric": (EarlyStopping, {"metric": "auc"}),
    "a number for a rule": (TrainingPolicy, {"theta": 0.5}),
    "a name for a rule": (TrainingPolicy, {"theta": "f1_capped"}),
    "a class for a rule": (TrainingPolicy, {"theta": F1Capped}),
    "no rule": (TrainingPolicy, {"theta": None}),
    "an unknown balance": (TrainingPolicy, {"class_balance": "balanced"}),
    "a balance of nothing": (TrainingPolicy, {"class_balance": 0}),
    "a negative balance": (TrainingPolicy, {"class_balance": -2.0}),
    "a NaN balance": (TrainingPolicy, {"class_balance": NAN}),
    "an infinite balance": (TrainingPolicy, {"class_balance": INF}),
    "yes for a balance": (TrainingPolicy, {"class_balance": True}),
    "rounds for early stopping": (TrainingPolicy, {"early_stopping": 50}),
    "a word for a consequence": (TrainingPolicy, {"on_unhealthy": "warn"}),
    "a theta of nothing": (Fixed, {"theta": 0.0}),
    "a theta of all": (Fixed, {"theta": 1.0}),
    "a NaN theta": (Fixed, {"theta": NAN}),
    "a theta of text": (Fixed, {"theta": "0.5"}),
    "a cap of nothing": (F1Capped, {"max_buy_rate": 0.0}),
    "a cap above all": (F1Capped, {"max_buy_rate": 1.01}),
    "a cap in per cent": (F1Capped, {"max_buy_rate": 30}),
    "a NaN cap": (F1Capped, {"max_buy_rate": NAN}),
    "a cap of text": (F1Capped, {"max_buy_rate": "0.3"}),
    "a negative limit": (HealthLimits, {"max_auc_gap": -0.1}),
    "a NaN limit": (HealthLimits, {"min_score_std": NAN}),
    "a negative PSI": (HealthLimits, {"max_psi": -0.1}),
    "a ratio below one": (HealthLimits, {"max_prevalence_shift": 0.67}),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_setting_that_cannot_be_meant_is_refused_by_name(fault: str) -> None:
    made, arguments = REFUSED[fault]
    with pytest.raises(InputError) as caught:
        made(**arguments)
    assert caught.value.code == "setting_invalid"
    assert made.__name__ in str(caught.value)


# --- payoff ---------------------------------------------------------------------------------

amounts = st.floats(0.01, 100)


@given(amounts, amounts, st.floats(0, 0.99))
def test_at_the_break_even_precision_nothing_is_earned(
    take_profit: float, stop_loss: float, share: float
) -> None:
    payoff = Payoff(take_profit, stop_loss, cost=share * take_profit)
    p = payoff.break_even
    earned = p * (take_profit - payoff.cost) - (1 - p) * (stop_loss + payoff.cost)
    assert earned == pytest.approx(0, abs=1e-9 * (take_profit + stop_loss))
    assert 0 < payoff.gross_break_even <= p < 1


def test_the_break_even_of_the_field() -> None:
    assert Payoff(1.5, 0.5).break_even == 0.25
    assert Payoff(1.5, 0.5, cost=0.05).break_even == 0.275
    assert Payoff(1.5, 0.5, cost=0.05).gross_break_even == 0.25


# --- feature version ------------------------------------------------------------------------

TRAINED = FeatureVersion("v7", ("momentum", "spread", "hour"), "float32")


@pytest.mark.parametrize(
    ("other", "code", "said"),
    [
        (("v7", ("momentum", "spread"), "float32"), "feature_width", r"missing: \['hour'\]"),
        (
            ("v7", ("momentum", "spread", "hour", "volume"), "float32"),
            "feature_width",
            r"unexpected: \['volume'\]",
        ),
        (
            ("v7", ("momentum", "hour", "spread"), "float32"),
            "feature_order",
            "feature 1 is 'hour' where the model was trained on 'spread'",
        ),
        (("v7", ("Momentum", "spread", "hour"), "float32"), "feature_order", "feature 0"),
        (("v8", ("momentum", "spread", "hour"), "float32"), "feature_version", "'v7'.*'v8'"),
        (("v7", ("momentum", "spread", "hour"), "float64"), "feature_version", "float64"),
    ],
)
def test_another_feature_version_is_refused_with_what_differs(
    other: tuple[str, tuple[str, ...], str], code: str, said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        TRAINED.require(FeatureVersion(*other))
    assert caught.value.code == code


def test_the_same_feature_version_is_accepted() -> None:
    TRAINED.require(FeatureVersion("v7", ("momentum", "spread", "hour"), "float32"))


features = st.lists(st.text(min_size=1), min_size=1, max_size=5, unique=True).filter(
    lambda names: all(name.strip() for name in names)
)
versions = st.builds(
    FeatureVersion, st.text(), features.map(tuple), st.sampled_from(["float32", "float64"])
)


@given(versions, versions)
def test_versions_have_one_digest_exactly_if_they_are_equal(
    one: FeatureVersion, other: FeatureVersion
) -> None:
    assert (one.digest == other.digest) == (one == other)


# --- search and policy ----------------------------------------------------------------------


def test_parameters_are_kept_as_they_were_given() -> None:
    given_params = {"C": 2.0}
    hpo = HPOParams(params=given_params)
    given_params["C"] = 9.0
    assert hpo.params == {"C": 2.0}


def test_a_seed_from_numpy_is_a_seed() -> None:
    seed = HPOParams(seed=np.random.default_rng(1).integers(100), n_threads=np.int32(2)).seed
    assert type(seed) is int


def test_the_two_presets() -> None:
    economic, original = POLICIES["economic"](), POLICIES["adr0089"]()
    assert economic == TrainingPolicy() == TrainingPolicy.economic()
    assert (economic.name, economic.class_balance, economic.theta) == (
        "economic",
        "none",
        ByMoney(ExpectedValue(), F1Capped()),
    )
    assert economic.prior_correction
    assert (economic.calibration, economic.out_of_fold) == (None, None)
    assert (original.name, original.class_balance, original.prior_correction) == (
        "adr0089",
        "auto",
        False,
    )
    assert original.theta == Declared(F1Grid())


@pytest.mark.parametrize("money_known", [True, False])
@pytest.mark.parametrize("declared", [None, Fixed(0.5)])
def test_only_the_original_policy_uses_the_rule_that_a_model_declares(
    declared: Any, money_known: bool
) -> None:
    by_money = ExpectedValue() if money_known else F1Capped()
    economic, original = TrainingPolicy.economic(), TrainingPolicy.adr0089()
    assert economic.rule_for(declared, money_known=money_known) == by_money
    assert original.rule_for(declared, money_known=money_known) == (declared or F1Grid())


@pytest.mark.parametrize("rule", [ByMoney(), ExpectedValue()])
@pytest.mark.parametrize("balance", ["auto", 4.7])
def test_a_cut_by_money_is_refused_on_scores_that_stay_inflated(rule: Any, balance: Any) -> None:
    with pytest.raises(InputError, match="prior_correction") as caught:
        TrainingPolicy(theta=rule, class_balance=balance, prior_correction=False)
    assert caught.value.code == "setting_invalid"
    TrainingPolicy(theta=rule, class_balance=1.0, prior_correction=False)
    TrainingPolicy(theta=F1Capped(), class_balance=balance, prior_correction=False)


@pytest.mark.parametrize("balance", ["none", "auto", 1, 4.71, np.float64(2.0)])
def test_a_balance_is_a_word_or_a_positive_weight(balance: Any) -> None:
    assert TrainingPolicy(class_balance=balance).class_balance == balance


@pytest.mark.parametrize("metric", ["log_loss", "roc_auc", "pr_auc"])
def test_early_stopping_goes_by_the_names_of_the_metrics(metric: Any) -> None:
    assert EarlyStopping(metric=metric).metric == metric


def test_any_object_with_a_name_and_a_decision_is_a_rule() -> None:
    class Mine:
        name = "mine"

        def decide(self, evidence: object) -> None: ...

    rule: Callable[..., Any] | Any = Mine()
    assert TrainingPolicy(theta=rule).rule_for(None, money_known=True) is rule
