"""The economic rule, against brute force over every cut, and the laws that hold for it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from cvn_harness_core import (
    Bootstrap,
    ExpectedValue,
    F1Capped,
    InputError,
    Payoff,
    Probability,
    ThetaDecision,
    ThetaEvidence,
    decide_theta,
)
from cvn_harness_core.theta.bounds import lower_bound
from cvn_harness_core.theta.money import default_band, money_of
from cvn_harness_core.theta.resampling import blocks_of

LAW = settings(deadline=None, max_examples=300)
FREE = ExpectedValue(
    min_signals=1,
    min_buy_rate=0.0,
    max_buy_rate=1.0,
    confidence=0.5,
    hurdle=0.0,
    prior_rows=0,
    bootstrap=None,
)
"""The rule without its statistics: the cut that earned most."""

PAYOFF = Payoff(1.5, 0.5, cost=0.0625)
"""Sums of these are exact in binary."""

score = st.sampled_from([0.0, 0.05, 0.1, 0.25, 0.3, 0.5, 0.95, 1.0]) | st.floats(0.0, 1.0)
sixteenths = st.integers(-40, 40).map(lambda k: k / 16)


def rows_of(*parts: Any) -> Any:
    return st.lists(st.tuples(*parts), min_size=2, max_size=40).map(
        lambda rows: tuple(map(list, zip(*rows, strict=True)))
    )


def evidence(scores: Any, y: Any, **more: Any) -> ThetaEvidence:
    more.setdefault("payoff", PAYOFF)
    return ThetaEvidence(np.asarray(scores, np.float64), np.asarray(y, np.int8), **more)


def weak(n: int = 839, seed: int = 0, slope: float = 0.6, **more: Any) -> ThetaEvidence:
    """Calibrated scores with a weak signal; about 0.2 are positive."""
    rng = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(1.5 - slope * rng.normal(size=n)))
    return evidence(p, rng.random(n) < p, **more)


def best_of_all(scores: list[float], y: list[int], net: list[float]) -> tuple[Fraction, float]:
    """The largest sum of net returns over all cuts, and the highest theta that reaches it."""
    return max(
        (sum((Fraction(r) for s, r in zip(scores, net, strict=True) if s >= theta), Fraction(0)),
         theta)
        for theta in set(scores)
    )  # fmt: skip


@LAW
@given(rows_of(score, st.integers(0, 1)))
def test_it_is_the_best_cut_of_brute_force(data: tuple[list[float], list[int]]) -> None:
    scores, y = data
    assume(0 < sum(y) < len(y) and len(set(scores)) > 1)
    net = [1.4375 if label else -0.5625 for label in y]
    earned, theta = best_of_all(scores, y, net)
    decision = decide_theta(FREE, evidence(scores, y))
    if earned <= 0:
        assert (decision.theta, decision.reason) == (None, "expectancy_not_above_hurdle")
        return
    assert decision.theta == theta
    assert decision.expectancy == pytest.approx(float(earned) / decision.n_signals, rel=1e-12)
    assert decision.predicted_expectancy == pytest.approx(decision.expectancy, rel=1e-12)


@LAW
@given(rows_of(score, st.integers(0, 1), sixteenths))
def test_realised_returns_decide_where_they_are_known(
    data: tuple[list[float], list[int], list[float]],
) -> None:
    scores, y, net = data
    assume(0 < sum(y) < len(y) and len(set(scores)) > 1)
    rows = evidence(scores, y, returns=np.array(net), payoff=None)
    money = money_of(rows)
    assert money is not None
    decision = decide_theta(replace(FREE, confidence=0.5), rows)
    if money.gain <= money.loss:
        assert decision.reason == "positives_earn_no_more"
        return
    paying = [  # precision at or above the break-even that the returns imply
        theta
        for theta in set(scores)
        if sum(label for s, label in zip(scores, y, strict=True) if s >= theta)
        / sum(s >= theta for s in scores)
        >= money.break_even()
    ]
    sums = {
        t: sum((Fraction(r) for s, r in zip(scores, net, strict=True) if s >= t), Fraction(0))
        for t in paying
    }
    best = max(((v, t) for t, v in sums.items() if v > 0), default=None)
    assert decision.theta == (None if best is None else best[1])


@LAW
@given(rows_of(score, st.integers(0, 1)), st.integers(0, 11), st.integers(0, 11))
def test_more_cost_never_lowers_theta(
    data: tuple[list[float], list[int]], sixteenth: int, more: int
) -> None:
    # The law holds for every curve, concave or not, as long as no confidence is asked for: of two
    # cuts the one that buys more pays the cost more often. A confidence bound can break it, since
    # a dearer trade may rule out the higher of two cuts for having too few signals.
    scores, y = data
    assume(0 < sum(y) < len(y) and len(set(scores)) > 1)
    cheap, dear = (
        decide_theta(FREE, evidence(scores, y, payoff=Payoff(1.5, 0.5, cost=cost / 16)))
        for cost in (sixteenth, sixteenth + more)
    )
    if dear.theta is not None:
        assert cheap.theta is not None
        assert dear.theta >= cheap.theta


@LAW
@given(st.integers(0, 10_000), st.sampled_from([Payoff(1.5, 0.5), Payoff(2, 1, cost=0.1), PAYOFF]))
def test_a_model_that_is_believed_alone_is_cut_at_break_even(seed: int, payoff: Payoff) -> None:
    rule = replace(FREE, prior_rows=10**12)
    rows = weak(200, seed, payoff=payoff)
    decision = decide_theta(rule, rows)
    above = rows.scores > payoff.break_even
    if decision.figures["evidence_share"] == 1.0 or not above.any():
        return  # refuted, or nothing to buy
    hits, needed = rows.y[above].sum(), payoff.break_even * above.sum()
    if hits - needed < -1.282 * np.sqrt(needed * (1 - payoff.break_even)):
        return  # the evidence speaks against that cut
    assert decision.theta == rows.scores[above].min()


@LAW
@given(rows_of(score, st.integers(0, 1), sixteenths))
def test_signals_must_earn_more_than_buying_every_row_does(
    data: tuple[list[float], list[int], list[float]],
) -> None:
    scores, y, net = data
    assume(0 < sum(y) < len(y) and len(set(scores)) > 1)
    decision = decide_theta(
        replace(FREE, hurdle=None), evidence(scores, y, returns=np.array(net), payoff=None)
    )
    if decision.theta is not None:
        assert decision.expectancy is not None
        assert decision.expectancy > max(0.0, sum(net) / len(net))
        assert decision.buy_rate < 1.0


def test_where_everything_pays_the_rule_still_selects() -> None:
    rows = weak(4_000, slope=1.0, n_train=8_000, payoff=Payoff(4.0, 0.5, cost=0.05))
    chosen = decide_theta(ExpectedValue(), rows)
    everything = decide_theta(ExpectedValue(hurdle=0.0), rows)
    assert 0.0 < chosen.buy_rate < 0.5 < everything.buy_rate
    assert chosen.figures["hurdle"] == pytest.approx(
        float(rows.y.mean()) * 3.95 - (1 - float(rows.y.mean())) * 0.55
    )


def test_overlapping_labels_count_for_less() -> None:
    rows = weak(2_000, n_train=2_000)
    time = np.datetime64("2024-01-01", "h") + np.arange(2_000) * np.timedelta64(1, "h")
    alone = replace_rows(rows, time=time, label_end=time)
    crowded = replace_rows(rows, time=time, label_end=time + np.timedelta64(19, "h"))
    few = decide_theta(ExpectedValue(confidence=0.95), crowded)
    many = decide_theta(ExpectedValue(confidence=0.95), alone)
    assert few.figures["label_overlap"] == pytest.approx(20, rel=0.01)
    assert many.figures["label_overlap"] == 1.0
    assert few.curve is not None
    assert many.curve is not None
    assert sum(few.curve.feasible) < sum(many.curve.feasible)


def test_few_rows_move_theta_less_than_many() -> None:
    def moved(n: int) -> float:
        rule = replace(ExpectedValue(bootstrap=None), prior_rows=5_000)
        found = [decide_theta(rule, weak(n, seed)).theta for seed in range(20)]
        return float(np.std([theta for theta in found if theta is not None]))

    assert moved(300) < moved(20_000)


def test_probabilities_that_the_evidence_refutes_are_not_believed() -> None:
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.4, 0.9, size=400)  # says 0.65 on average, and is right in 0.2
    rest = rng.uniform(0.0, 0.2, size=439)
    y = rng.random(839) < 0.2
    rows = evidence(np.concatenate([sure, rest]), y, n_train=10**9)
    decision = decide_theta(ExpectedValue(), rows)
    assert decision.figures["hits_z"] < -2.326  # type: ignore[operator]
    assert decision.figures["evidence_share"] == 1.0
    assert decision.status == "NO_TRADE"
    honest = decide_theta(ExpectedValue(), weak(n_train=12_000))
    assert honest.figures["evidence_share"] == pytest.approx(839 / 12_839)


def test_the_evidence_forbids_a_cut_whose_own_hits_are_too_few() -> None:
    # The model says 0.30 of 30 rows, of which 4 hit: too few, and not so few that it is refuted.
    rng = np.random.default_rng(3)
    top = np.linspace(0.295, 0.31, 30)
    rest = rng.uniform(0.05, 0.25, size=809)
    y = np.concatenate([np.arange(30) < 4, rng.random(809) < rest])
    rows = evidence(np.concatenate([top, rest]), y, n_train=12_000)
    decision = decide_theta(ExpectedValue(), rows)
    assert decision.figures["hits_z"] > -2.326  # type: ignore[operator]
    assert (decision.theta, decision.reason) == (None, "evidence_below_break_even")


def test_a_cap_below_the_derived_least_rate_still_has_a_band() -> None:
    rows = weak(20_000, slope=2.0, n_train=2_000)
    decision = decide_theta(ExpectedValue(max_buy_rate=0.004), rows)
    assert decision.min_buy_rate == pytest.approx(0.00004)
    assert decision.max_buy_rate == 0.004
    assert 0 < decision.buy_rate <= 0.004


def test_theta_is_within_one_standard_error_of_the_best_and_never_below_it() -> None:
    lifted = 0
    for seed in range(30):
        rows = weak(seed=seed, n_train=2_000)
        plain = decide_theta(ExpectedValue(bootstrap=None), rows)
        stable = decide_theta(ExpectedValue(), rows)
        if plain.theta is None:
            assert stable.theta is None
            continue
        assert stable.theta is not None
        assert stable.best_theta == plain.theta <= stable.theta
        lifted += stable.theta > plain.theta
        assert plain.predicted_expectancy is not None
        assert stable.predicted_expectancy is not None
        lost = (
            plain.predicted_expectancy * plain.n_signals
            - stable.predicted_expectancy * stable.n_signals
        ) / rows.scores.size
        error = stable.figures["standard_error"]
        assert error is not None
        assert lost <= error + 1e-12
        assert stable.interval is not None
        assert stable.interval[0] <= stable.interval[1]
    assert lifted > 20


def test_the_same_rows_in_another_order_give_the_same_theta() -> None:
    rows = weak(n_train=2_000)
    time = np.datetime64("2024-01-01", "h") + np.arange(839) * np.timedelta64(1, "h")
    order = np.random.default_rng(1).permutation(839)
    first = decide_theta(ExpectedValue(), replace_rows(rows, time=time))
    again = decide_theta(
        ExpectedValue(),
        ThetaEvidence(
            rows.scores[order], rows.y[order], payoff=PAYOFF, time=time[order], n_train=2_000
        ),
    )
    assert again.theta == first.theta
    assert again.interval == first.interval


def replace_rows(rows: ThetaEvidence, **more: Any) -> ThetaEvidence:
    return ThetaEvidence(rows.scores, rows.y, payoff=PAYOFF, n_train=rows.n_train, **more)


def test_a_block_is_as_long_as_labels_overlap() -> None:
    rows = weak(840)
    time = np.datetime64("2024-01-01", "h") + np.arange(840) * np.timedelta64(1, "h")
    day = np.timedelta64(24, "h")
    assert blocks_of(rows).length == 10  # the cube root
    assert blocks_of(replace_rows(rows, time=time, label_end=time + day)).length in (24, 25)
    panel = np.repeat(time[:420], 2)
    assert blocks_of(replace_rows(rows, time=panel)).n_stamps == 420


@LAW
@given(st.integers(0, 50), st.integers(1, 50), st.sampled_from([0.6, 0.9, 0.975]))
def test_the_bound_of_precision_is_wilsons(hits: int, misses: int, confidence: float) -> None:
    n = hits + misses
    ours = lower_bound(np.array([hits / n]), np.array([n]), confidence)[0]
    theirs = binomtest(hits, n).proportion_ci(2 * confidence - 1, method="wilson").low
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_the_bound_is_met_by_what_is_chosen() -> None:
    for seed in range(20):
        decision = decide_theta(ExpectedValue(confidence=0.8), weak(seed=seed, n_train=4_000))
        if decision.theta is not None:
            assert decision.figures["precision_bound"] >= PAYOFF.break_even  # type: ignore[operator]


@pytest.mark.parametrize(
    ("prevalence", "break_even", "band"),
    [(0.18, 0.27, (2 / 300, 2 / 3)), (0.3, 0.3, (0.01, 1.0)), (0.5, 0.2, (0.01, 1.0))],
)
def test_the_default_band_comes_from_prevalence_and_break_even(
    prevalence: float, break_even: float, band: tuple[float, float]
) -> None:
    assert default_band(prevalence, break_even) == pytest.approx(band)


def test_whoever_buys_more_than_the_band_allows_cannot_break_even() -> None:
    for seed in range(10):
        rows = weak(seed=seed, slope=3.0)
        most = default_band(float(rows.y.mean()), PAYOFF.break_even)[1]
        cuts = rows.cuts
        precision = cuts.true_positives / cuts.n_signals
        assert (precision[cuts.buy_rate > most] < PAYOFF.break_even).all()


@LAW
@given(rows_of(score, st.integers(0, 1)), st.sampled_from([None, (0.0, 0.125, 3.0)]))
def test_the_curve_says_what_each_theta_earns_at_each_cost(
    data: tuple[list[float], list[int]], costs: tuple[float, ...] | None
) -> None:
    scores, y = data
    curve = decide_theta(FREE, evidence(scores, y), costs).curve
    assert curve is not None
    assert curve.costs == (costs or (0.0, 0.0625, 0.125, 0.1875))
    for cost, line in zip(curve.costs, curve.expectancy, strict=True):
        for theta, value in zip(curve.theta, line, strict=True):
            gross = [1.5 if b else -0.5 for s, b in zip(scores, y, strict=True) if s >= theta]
            expected = sum(gross) / len(gross) - cost if gross else None
            assert value == (None if expected is None else pytest.approx(expected, abs=1e-12))


def test_the_curve_marks_the_feasible_cuts_and_holds_the_chosen_one_exactly() -> None:
    decision = decide_theta(ExpectedValue(), weak(5_000, n_train=2_000))
    curve = decision.curve
    assert curve is not None
    assert decision.theta is not None
    assert len(curve.theta) <= 512
    at = curve.theta.index(decision.theta)
    assert curve.feasible[at]
    assert not curve.feasible[0]  # everything
    assert not curve.feasible[-1]  # one row
    assert curve.n_signals[at] == decision.n_signals
    assert curve.expectancy[curve.costs.index(PAYOFF.cost)][at] == decision.expectancy


# --- what ends in NO_TRADE, and what is refused ----------------------------------------------


def no_trade(rule: ExpectedValue | F1Capped, rows: ThetaEvidence) -> ThetaDecision:
    decision = decide_theta(rule, rows)
    assert decision.status == "NO_TRADE"
    assert (decision.n_signals, decision.buy_rate, decision.expectancy) == (0, 0.0, None)
    assert decision.curve is not None
    return decision


RAMP = np.linspace(0, 1, 400)


@pytest.mark.parametrize(
    ("rule", "rows", "reason"),
    [
        (ExpectedValue(), evidence(np.full(400, 0.3), RAMP > 0.8), "scores_constant"),
        (ExpectedValue(), evidence(RAMP, np.zeros(400)), "no_positive_found"),
        (ExpectedValue(), evidence(RAMP, np.ones(400)), "no_negative_found"),
        (ExpectedValue(), evidence(RAMP[:20], RAMP[:20] > 0.01), "too_few_signals"),
        (ExpectedValue(), evidence(RAMP, RAMP < 0.1), "expectancy_not_above_hurdle"),
        (
            ExpectedValue(max_buy_rate=0.05),
            evidence(RAMP, RAMP > 0.8),
            "no_cut_within_buy_rate_band",
        ),
        (
            ExpectedValue(confidence=0.999, prior_rows=0),
            evidence(RAMP, np.arange(400) % 3 == 0),
            "precision_not_above_break_even",
        ),
        (
            ExpectedValue(bootstrap=Bootstrap(block=250)),
            evidence(RAMP, RAMP > 0.8),
            "too_few_rows",
        ),
        (
            ExpectedValue(),
            evidence(RAMP, RAMP > 0.8, returns=np.where(RAMP > 0.8, -1.0, 1.0)),
            "positives_earn_no_more",
        ),
        (F1Capped(), evidence(np.full(400, 0.3), RAMP > 0.8), "scores_constant"),
        (F1Capped(), evidence(RAMP, np.zeros(400)), "no_cut_within_buy_rate_band"),
        (F1Capped(0.05), evidence(RAMP, RAMP > 0.8), "too_few_signals"),
        (F1Capped(bootstrap=Bootstrap(block=250)), evidence(RAMP, RAMP > 0.8), "too_few_rows"),
    ],
)
def test_nothing_feasible_is_no_trade_with_its_reason(
    rule: ExpectedValue | F1Capped, rows: ThetaEvidence, reason: str
) -> None:
    assert no_trade(rule, rows).reason == reason


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        (evidence([0.1, np.nan, 0.9], [0, 1, 1]), "scores_not_finite"),
        (evidence([0.1, 0.5, 0.9], [0, 1, 0], payoff=None), "money_unknown"),
        (
            evidence([0.1, 0.5, 0.9], [0, 1, 0], probability=Probability("weight_inflated", 4.7)),
            "scores_inflated",
        ),
    ],
)
def test_what_cannot_be_decided_by_money_is_an_error(rows: ThetaEvidence, code: str) -> None:
    with pytest.raises(InputError) as caught:
        decide_theta(ExpectedValue(), rows)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "make",
    [
        lambda: ExpectedValue(min_signals=0),
        lambda: ExpectedValue(min_buy_rate=0.5, max_buy_rate=0.4),
        lambda: ExpectedValue(max_buy_rate=0.0),
        lambda: ExpectedValue(max_buy_rate=1.5),
        lambda: ExpectedValue(min_buy_rate=float("nan")),
        lambda: ExpectedValue(confidence=0.4),
        lambda: ExpectedValue(confidence=1.0),
        lambda: ExpectedValue(prior_rows=-1),
        lambda: ExpectedValue(hurdle=float("nan")),
        lambda: ExpectedValue(bootstrap=200),  # type: ignore[arg-type]
        lambda: F1Capped(min_signals=0),
        lambda: F1Capped(bootstrap=False),  # type: ignore[arg-type]
        lambda: Bootstrap(draws=5),
        lambda: Bootstrap(block=0),
        lambda: Payoff(0.0, 0.5),
        lambda: Payoff(1.5, -0.5),
        lambda: Payoff(1.5, 0.5, cost=1.5),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(make: Any) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert caught.value.code == "setting_invalid"
