"""Whether the signals would have paid, and whether they came as often as predicted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from cvn_harness_core import (
    Datasets,
    F1Capped,
    Fixed,
    Payoff,
    Split,
    ThetaDecision,
    ThetaEvidence,
    Tradability,
    TrainedArtifact,
    TrainingPolicy,
    decide_theta,
    train_one,
)
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.metrics.split import split_metrics
from cvn_harness_core.theta.outcome import outcome
from cvn_harness_core.theta.tradability import tradability

PAYOFF = Payoff(1.5, 0.5, cost=0.05)
START = np.datetime64("2024-01-01", "ns")


def rows(n: int, precision: float, seed: int = 0) -> tuple[Array, Array]:
    """Scores of which half are above 0.5, and labels that are right there at ``precision``."""
    rng = np.random.default_rng(seed)
    scores = np.tile([0.3, 0.7], n // 2) + rng.uniform(-0.1, 0.1, n)
    return scores, (rng.random(n) < np.where(scores > 0.5, precision, 0.1)).astype(np.int8)


def judged(
    scores: Array,
    y: Array,
    *,
    theta: float = 0.5,
    payoff: Payoff | None = PAYOFF,
    returns: Array | None = None,
) -> Tradability:
    """The verdict on a fixed theta, decided on the same rows that test it."""
    time = START + np.arange(y.size) * np.timedelta64(1, "D")
    test = Split(np.zeros((y.size, 1)), y, time=time, returns=returns)
    evidence = ThetaEvidence(scores, y, returns=returns, payoff=payoff)
    decision = decide_theta(Fixed(theta), evidence)
    metrics = split_metrics(scores, test, theta=theta, payoff=payoff)
    return tradability(decision, evidence, scores, test, metrics)


# --- the verdict ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("precision", "verdict", "head"),
    [
        (0.5, "tradable", "Tradable on test: at theta 0.5,"),
        (0.275, "unproven", "Unproven: at theta 0.5,"),
        (0.1, "not_tradable", "Not tradable: at theta 0.5,"),
    ],
)
def test_the_verdict_follows_where_the_interval_of_expectancy_lies(
    precision: float, verdict: str, head: str
) -> None:
    scores, y = rows(2000, precision)
    found = judged(scores, y)
    assert found.verdict == verdict
    assert found.sentence.startswith(head)
    assert "break-even of 0.275 net, 0.250 before cost" in found.sentence
    assert found.expectancy_interval is not None
    low, high = found.expectancy_interval
    assert (low > 0, high < 0) == (verdict == "tradable", verdict == "not_tradable")


def test_the_figures_are_those_of_the_signals() -> None:
    scores, y = rows(2000, 0.4)
    found = judged(scores, y)
    bought = y[scores >= 0.5]
    assert (found.break_even, found.gross_break_even) == (PAYOFF.break_even, 0.25)
    assert found.precision == bought.mean()
    interval = binomtest(int(bought.sum()), bought.size).proportion_ci(0.95, method="wilson")
    assert found.precision_interval == (interval.low, interval.high)
    earned = np.where(bought == 1, 1.45, -0.55)
    assert found.expectancy == pytest.approx(earned.mean())
    assert found.expectancy_interval is not None
    low, high = found.expectancy_interval
    assert low < earned.mean() < high
    # Days are independent here, so the blocks change little.
    wanted = 2 * 1.96 * earned.std() / np.sqrt(bought.size)
    assert high - low == pytest.approx(wanted, rel=0.25)


def test_blocks_see_that_signals_of_one_stretch_earn_alike() -> None:
    """Ten stretches of a hundred days, each right throughout or wrong throughout."""
    scores, _ = rows(1000, 0.5)
    together = np.repeat(np.arange(10) % 2, 100).astype(np.int8)
    apart = np.random.default_rng(1).permutation(together)
    wide, narrow = (judged(scores, y).expectancy_interval for y in (together, apart))
    assert wide is not None
    assert narrow is not None
    assert wide[1] - wide[0] > 1.7 * (narrow[1] - narrow[0])


def test_realised_returns_count_and_need_no_payoff() -> None:
    scores, y = rows(2000, 0.1)
    found = judged(scores, y, payoff=None, returns=np.full(y.size, 0.2))
    assert (found.verdict, found.break_even) == ("tradable", None)
    assert found.expectancy == pytest.approx(0.2)
    assert "break-even" not in found.sentence


def test_without_returns_or_payoff_it_is_unknown() -> None:
    found = judged(*rows(200, 0.9), payoff=None)
    assert found.verdict == "unknown"
    assert found.expectancy is None


def test_nothing_bought_on_test_proves_nothing() -> None:
    scores, y = rows(200, 0.9)
    found = judged(scores, y, theta=0.95)
    assert found.verdict == "unproven"
    assert "nothing was bought on test" in found.sentence
    assert (found.expectancy, found.precision_interval) == (None, None)


def test_too_few_rows_for_blocks_prove_nothing() -> None:
    found = judged(np.array([0.7, 0.7, 0.3]), np.array([1, 1, 0], dtype=np.int8))
    assert (found.verdict, found.expectancy_interval) == ("unproven", None)


def test_the_best_cut_has_thirty_signals_and_is_that_of_a_loop() -> None:
    scores, y = rows(300, 0.3)
    found = judged(scores, y)
    earned = np.where(y == 1, 1.45, -0.55)
    best = max((earned[scores >= t].mean(), -t) for t in scores if (scores >= t).sum() >= 30)
    assert found.best_expectancy == pytest.approx(best[0])
    assert found.best_theta == -best[1]


# --- not to trade ---------------------------------------------------------------------------


def test_no_trade_never_signals_and_says_what_would_have_been_best(
    models: Any, datasets: Datasets, tmp_path: Any
) -> None:
    hopeless = replace(datasets, payoff=Payoff(0.5, 1.5, cost=0.1))
    artifact = train_one("logreg", hopeless)
    assert (artifact.theta, artifact.decision.status) == (None, "NO_TRADE")
    found = artifact.tradability
    assert found.verdict == "not_tradable"
    val = datasets.val
    scores = artifact.predict_proba(val.X)[:, 1]
    earned = np.where(val.y == 1, 0.4, -1.6)
    best, theta = max((earned[scores >= t].mean(), t) for t in scores if (scores >= t).sum() >= 30)
    assert found.best_expectancy == pytest.approx(best)
    assert found.best_theta == theta
    assert str(artifact.decision.reason) in found.sentence
    assert f"the best net expectancy on validation rows is {best:+.4f} a trade" in found.sentence
    assert f"at theta {theta:.4g}" in found.sentence
    assert not [event for event in models.events if event.event == "theta_alarm"]
    loaded = TrainedArtifact.load(artifact.save(tmp_path / "bundle"))
    assert loaded.tradability == found
    assert loaded.outcome == artifact.outcome
    for one in (artifact, loaded):
        assert not one.predict(datasets.test.X).any()
        assert not one.predict(np.full((3, 4), 50.0)).any()


# --- predicted and realised -----------------------------------------------------------------


def moved(datasets: Datasets, by: float) -> Datasets:
    X = datasets.test.X.copy()
    X[:, 0] += by
    return replace(datasets, test=Split(X, datasets.test.y))


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(
    ("by", "rule", "alarm"),
    [
        (0.0, None, None),
        (-9.0, None, "below_band"),
        (9.0, F1Capped(), "above_band"),
        (9.0, Fixed(0.7), "above_predicted"),
        (0.0, Fixed(0.7), None),
    ],
)
def test_a_shift_of_the_scores_is_an_alarm_and_none_is_none(
    by: float, rule: Any, alarm: str | None, models: Any, datasets: Datasets, tmp_path: Any
) -> None:
    policy = None if rule is None else TrainingPolicy(theta=rule)
    artifact = train_one("logreg", moved(datasets, by), policy=policy)
    assert artifact.theta is not None
    assert artifact.outcome.alarm == alarm
    assert artifact.outcome.realised_buy_rate == artifact.metrics["test"].buy_rate
    told = [event for event in models.events if event.event == "theta_alarm"]
    assert [(event.alarm, event.level) for event in told] == ([(alarm, "warning")] if alarm else [])
    for event in told:
        assert event.predicted_buy_rate == artifact.decision.buy_rate
        assert event.realised_buy_rate == artifact.outcome.realised_buy_rate
    assert TrainedArtifact.load(artifact.save(tmp_path / "b")).outcome == artifact.outcome


def rates(predicted: int, realised: int, n: int, **band: Any) -> str | None:
    """The alarm where so many of ``n`` rows were, and are, bought."""
    decision = ThetaDecision(
        "fixed", 0.5, None, n=n, n_signals=predicted, buy_rate=predicted / n, f1=0.0, **band
    )
    scores = np.where(np.arange(n) < realised, 0.9, 0.1)
    test = Split(np.zeros((n, 1)), np.arange(n) % 2)
    return outcome(decision, split_metrics(scores, test, theta=0.5, payoff=None)).alarm


@pytest.mark.parametrize(
    ("predicted", "realised", "n", "alarm"),
    [
        (100, 250, 1000, None),
        (100, 251, 1000, "above_predicted"),
        (100, 40, 1000, None),
        (100, 39, 1000, "below_predicted"),
        (4, 11, 40, None),  # chance explains it
        (0, 900, 1000, "above_predicted"),
        (0, 0, 1000, None),
        (1000, 1000, 1000, None),
    ],
)
def test_two_and_a_half_times_the_predicted_rate_is_an_alarm_unless_it_is_noise(
    predicted: int, realised: int, n: int, alarm: str | None
) -> None:
    assert rates(predicted, realised, n) == alarm


def test_the_edges_of_the_band_are_within_it() -> None:
    band = {"min_buy_rate": 0.1, "max_buy_rate": 0.2}
    assert [rates(150, k, 1000, **band) for k in (99, 100, 200, 201)] == [
        "below_band",
        None,
        None,
        "above_band",
    ]
