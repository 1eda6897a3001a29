"""Thresholds, against brute force over every cut there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from fractions import Fraction
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from cvn_harness_core import (
    F1Capped,
    F1Grid,
    Fixed,
    InputError,
    ThetaChoice,
    ThetaDecision,
    ThetaEvidence,
    ThetaRule,
    decide_theta,
)
from cvn_harness_core.contracts.cuts import all_cuts

Rows = tuple[list[float], list[int]]

few = st.sampled_from([0.0, 0.05, 0.1, 0.25, 0.3, 0.35, 0.5, 0.95, 1.0])
any_score = st.floats(0.0, 1.0)
rows = st.lists(st.tuples(few | any_score, st.integers(0, 1)), min_size=1, max_size=40).map(
    lambda pairs: ([s for s, _ in pairs], [label for _, label in pairs])
)


def capped(cap: float | None = None) -> F1Capped:
    """The rule without its statistics: the best cut as it is."""
    return F1Capped(cap, min_signals=1, bootstrap=None)


rules = st.sampled_from([capped(), capped(0.1), capped(1.0), F1Grid(), Fixed(0.5)])

LAW = settings(deadline=None, max_examples=300)


def evidence(scores: Any, y: Any) -> ThetaEvidence:
    return ThetaEvidence(np.asarray(scores, dtype=np.float64), np.asarray(y, dtype=np.int8))


def decided(rule: ThetaRule, scores: Any, y: Any) -> ThetaDecision:
    return decide_theta(rule, evidence(scores, y))


def count(scores: list[float], y: list[int], theta: float) -> tuple[int, int]:
    """Rows bought at theta, and the positives among them."""
    bought = [label for score, label in zip(scores, y, strict=True) if score >= theta]
    return len(bought), sum(bought)


def exact_f1(scores: list[float], y: list[int], theta: float) -> Fraction:
    bought, right = count(scores, y, theta)
    total = bought + sum(y)
    return Fraction(2 * right, total) if total else Fraction(0)


# --- cuts -----------------------------------------------------------------------------------


@LAW
@given(rows)
def test_all_cuts_are_those_of_brute_force_over_distinct_scores(data: Rows) -> None:
    scores, y = data
    cuts = all_cuts(np.array(scores), np.array(y, dtype=np.int8))
    thetas = sorted(set(scores))
    assert cuts.theta.tolist() == thetas
    counted = list(zip(cuts.n_signals.tolist(), cuts.true_positives.tolist(), strict=True))
    assert counted == [count(scores, y, theta) for theta in thetas]
    assert (cuts.n, cuts.n_positive) == (len(y), sum(y))
    assert cuts.f1.tolist() == [float(exact_f1(scores, y, theta)) for theta in thetas]


@LAW
@given(rows, st.lists(any_score, min_size=1, max_size=30, unique=True).map(sorted))
def test_given_cuts_are_counted_exactly(data: Rows, thetas: list[float]) -> None:
    scores, y = data
    cuts = all_cuts(np.array(scores), np.array(y, dtype=np.int8)).at(np.array(thetas))
    counted = list(zip(cuts.n_signals.tolist(), cuts.true_positives.tolist(), strict=True))
    assert counted == [count(scores, y, theta) for theta in thetas]


def test_counts_do_not_overflow_the_type_of_the_labels() -> None:
    y = np.ones(1000, dtype=np.int8)
    cuts = all_cuts(np.linspace(0, 1, 1000), y)
    assert cuts.n_positive == 1000
    assert cuts.true_positives[0] == 1000


# --- f1_grid --------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(rows)
def test_f1_grid_is_the_first_maximum_of_a_plain_loop(data: Rows) -> None:
    scores, y = data
    best_theta, best_f1 = None, -1.0
    for theta in np.linspace(0.05, 0.95, 19):
        f1 = f1_score(y, (np.array(scores) >= theta).astype(int), zero_division=0.0)
        if f1 > best_f1:
            best_theta, best_f1 = theta, f1
    decision = decided(F1Grid(), scores, y)
    assert decision.theta == best_theta
    assert decision.f1 == pytest.approx(best_f1, abs=1e-15)
    assert decision.status == "TRADE"


def test_f1_grid_over_trades_on_a_weak_signal_and_the_cap_does_not() -> None:
    rng = np.random.default_rng(0)
    y = (rng.random(839) < 0.18).astype(int)
    scores = np.clip(0.18 + 0.02 * y + 0.06 * rng.normal(size=839), 0, 1)
    assert decided(F1Grid(), scores, y).buy_rate > 0.4
    assert decided(capped(), scores, y).buy_rate <= y.mean()


# --- f1_capped ------------------------------------------------------------------------------


@LAW
@given(rows, st.none() | st.sampled_from([0.05, 0.1, 0.3, 0.5, 1.0]) | st.floats(0.001, 1.0))
def test_f1_capped_is_the_best_feasible_cut_of_brute_force(data: Rows, cap: float | None) -> None:
    scores, y = data
    n, limit = len(y), sum(y) / len(y) if cap is None else cap
    best: tuple[Fraction, float] | None = None
    for theta in set(scores):
        if count(scores, y, theta)[0] / n <= limit:
            candidate = (exact_f1(scores, y, theta), theta)
            best = candidate if best is None else max(best, candidate)
    decision = decided(capped(cap), scores, y)
    assert decision.max_buy_rate == limit
    if len(set(scores)) == 1:
        assert (decision.theta, decision.reason) == (None, "scores_constant")
    elif best is None:
        assert (decision.theta, decision.reason) == (None, "no_cut_within_buy_rate_band")
    elif best[0] == 0:
        assert (decision.theta, decision.reason) == (None, "no_positive_found")
    else:
        assert (decision.theta, decision.reason) == (best[1], None)
        assert decision.f1 == float(best[0])
        assert decision.n_signals == count(scores, y, best[1])[0]
        assert decision.buy_rate == decision.n_signals / n <= limit


def test_of_equally_good_cuts_the_higher_wins() -> None:
    scores, y = [0.9, 0.8, 0.7, 0.6], [1, 0, 0, 1]
    assert exact_f1(scores, y, 0.9) == exact_f1(scores, y, 0.6) == Fraction(2, 3)
    assert decided(capped(1.0), scores, y).theta == 0.9


def test_tied_scores_are_bought_together_or_not_at_all() -> None:
    scores, y = [0.9, 0.5, 0.5, 0.5, 0.1, 0.1], [0, 1, 1, 1, 0, 0]
    assert decided(capped(0.5), scores, y).reason == "no_positive_found"
    decision = decided(capped(4 / 6), scores, y)
    assert (decision.theta, decision.n_signals) == (0.5, 4)


@pytest.mark.parametrize("cap", [1 / 3, 0.1, 0.3, 0.7])
def test_a_buy_rate_equal_to_the_cap_is_within_it(cap: float) -> None:
    n = 30
    y = [1] * round(cap * n) + [0] * (n - round(cap * n))
    decision = decided(capped(cap), np.linspace(1, 0, n), y)
    assert decision.n_signals == round(cap * n)
    assert decision.f1 == 1.0


@pytest.mark.parametrize(
    ("scores", "y", "reason"),
    [
        ([0.3, 0.3, 0.3, 0.3], [1, 0, 0, 1], "scores_constant"),
        ([0.3, 0.3, 0.3, 0.1], [1, 0, 0, 1], "no_cut_within_buy_rate_band"),
        ([0.9, 0.8, 0.1, 0.1], [0, 0, 1, 1], "no_positive_found"),
    ],
)
def test_nothing_feasible_means_no_trade_and_says_why(
    scores: list[float], y: list[int], reason: str
) -> None:
    decision = decided(capped(0.5), scores, y)
    assert decision.status == "NO_TRADE"
    assert (decision.theta, decision.reason) == (None, reason)
    assert (decision.n_signals, decision.buy_rate, decision.f1, decision.n) == (0, 0.0, 0.0, 4)
    assert decision.curve is not None


@LAW
@given(rows, st.data(), st.sampled_from([None, 0.2, 0.6, 1.0]))
def test_only_the_order_of_scores_matters(
    data: Rows, drawn: st.DataObject, cap: float | None
) -> None:
    scores, y = data
    distinct = sorted(set(scores))
    others = sorted(
        drawn.draw(st.lists(any_score, min_size=len(distinct), max_size=len(distinct), unique=True))
    )
    relabel = dict(zip(distinct, others, strict=True))
    before = decided(capped(cap), scores, y)
    after = decided(capped(cap), [relabel[s] for s in scores], y)
    assert after.theta == (None if before.theta is None else relabel[before.theta])
    for name in ("reason", "n_signals", "buy_rate", "f1", "max_buy_rate"):
        assert getattr(after, name) == getattr(before, name)


@LAW
@given(rows, rules, st.randoms())
def test_the_order_of_rows_does_not_matter(data: Rows, rule: ThetaRule, random: Any) -> None:
    scores, y = data
    order = list(range(len(y)))
    random.shuffle(order)
    shuffled = evidence([scores[i] for i in order], [y[i] for i in order])
    assert decide_theta(rule, shuffled) == decided(rule, scores, y)


# --- fixed ----------------------------------------------------------------------------------


@LAW
@given(rows, st.floats(0.01, 0.99))
def test_a_fixed_theta_is_kept_and_counted(data: Rows, theta: float) -> None:
    scores, y = data
    decision = decided(Fixed(theta), scores, y)
    assert (decision.theta, decision.status) == (theta, "TRADE")
    assert decision.n_signals == count(scores, y, theta)[0]
    assert decision.f1 == float(exact_f1(scores, y, theta))


# --- the curve ------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 511, 512, 513, 5000])
@pytest.mark.parametrize("rule", [capped(), capped(1.0), F1Capped(), F1Grid(), Fixed(0.37)])
def test_the_curve_is_short_rising_and_holds_the_chosen_cut(rule: ThetaRule, n: int) -> None:
    rng = np.random.default_rng(n)
    scores = rng.random(n)
    y = (rng.random(n) < scores).astype(int)
    decision = decided(rule, scores, y)
    curve = decision.curve
    assert curve is not None
    figures = asdict(curve)
    assert (figures.pop("costs"), figures.pop("expectancy")) == ((), ())
    lengths = {len(values) for values in figures.values()}
    assert len(lengths) == 1
    assert 1 <= lengths.pop() <= 512
    assert list(curve.theta) == sorted(set(curve.theta))
    if decision.theta is not None:
        at = curve.theta.index(decision.theta)
        assert curve.n_signals[at] == decision.n_signals
        assert curve.f1[at] == decision.f1
    if isinstance(rule, F1Capped):
        assert (curve.theta[0], curve.theta[-1]) == (scores.min(), scores.max())


@LAW
@given(rows, rules)
def test_every_point_of_the_curve_is_what_that_theta_would_have_done(
    data: Rows, rule: ThetaRule
) -> None:
    scores, y = data
    curve = decided(rule, scores, y).curve
    assert curve is not None
    for i, theta in enumerate(curve.theta):
        bought, right = count(scores, y, theta)
        assert curve.n_signals[i] == bought
        assert curve.buy_rate[i] == bought / len(y)
        assert curve.precision[i] == (right / bought if bought else None)
        assert curve.recall[i] == (right / sum(y) if sum(y) else 0.0)
        assert curve.f1[i] == float(exact_f1(scores, y, theta))


# --- what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rule", [capped(), F1Capped(0.5), F1Grid(), Fixed(0.5)])
def test_scores_that_are_no_numbers_decide_nothing(rule: ThetaRule, bad: float) -> None:
    with pytest.raises(InputError, match="1 validation scores are NaN or infinite") as caught:
        decided(rule, [0.2, bad, 0.7], [0, 1, 1])
    assert caught.value.code == "scores_not_finite"


@pytest.mark.parametrize(
    ("make", "name"), [(F1Capped, "f1_capped"), (F1Grid, "f1_grid"), (Fixed, "fixed")]
)
def test_rules_are_told_apart_by_their_names(make: Callable[[], ThetaRule], name: str) -> None:
    rule = make()
    assert rule.name == decided(rule, [0.2, 0.7], [0, 1]).rule == name
    assert isinstance(rule, ThetaRule)


# --- a third party's rule -------------------------------------------------------------------


@dataclass(frozen=True)
class Strictest:
    """Buys one row: the one with the highest score."""

    name: str = "strictest"

    def decide(self, evidence: ThetaEvidence) -> ThetaChoice:
        return ThetaChoice(float(evidence.scores.max()))


@dataclass(frozen=True)
class Faulty:
    choice: Any
    name: str = "faulty"

    def decide(self, evidence: ThetaEvidence) -> ThetaChoice:
        return self.choice


def test_a_third_party_rule_needs_a_name_and_a_choice_and_gets_the_figures_and_the_curve() -> None:
    decision = decided(Strictest(), [0.2, 0.9, 0.4, 0.1], [0, 1, 1, 0])
    assert (decision.rule, decision.theta, decision.status) == ("strictest", 0.9, "TRADE")
    assert (decision.n_signals, decision.precision, decision.f1) == (1, 1.0, 2 / 3)
    assert decision.curve is not None
    assert decision.curve.recall == (1.0, 1.0, 1.0, 0.5)


@pytest.mark.parametrize(
    "choice", [0.5, None, ThetaChoice(None), ThetaChoice(0.5, "but_why")], ids=repr
)
def test_a_rule_that_returns_no_choice_or_no_reason_is_told_so(choice: Any) -> None:
    with pytest.raises(InputError, match="'faulty' returned") as caught:
        decided(Faulty(choice), [0.2, 0.9], [0, 1])
    assert caught.value.code == "figure_invalid"


@pytest.mark.parametrize(
    ("choice", "fault"),
    [
        (ThetaChoice(None, 7), "with a text"),  # type: ignore[arg-type]
        (ThetaChoice(0.5, band=(0.9, 0.1)), "its band must be"),
        (ThetaChoice(0.5, band=(0.1,)), "its band must be"),  # type: ignore[arg-type]
        (ThetaChoice(0.5, interval=(0.9, 0.1)), "its interval must be"),
        (ThetaChoice(0.5, feasible=np.ones(3, bool)), "one boolean for each of the 2 cuts"),
        (ThetaChoice(0.5, feasible=np.ones(2)), "one boolean for each of the 2 cuts"),
    ],
    ids=repr,
)
def test_a_choice_that_cannot_be_kept_is_told_what_is_wrong(
    choice: ThetaChoice, fault: str
) -> None:
    with pytest.raises(InputError, match=fault) as caught:
        decided(Faulty(choice), [0.2, 0.9], [0, 1])
    assert caught.value.code == "figure_invalid"


def test_a_band_may_be_empty_where_there_is_no_theta() -> None:
    decision = decided(Faulty(ThetaChoice(None, "no_cut", band=(0.9, 0.1))), [0.2, 0.9], [0, 1])
    assert (decision.min_buy_rate, decision.max_buy_rate) == (0.9, 0.1)


@pytest.mark.parametrize(
    "array", ["scores", "y", "returns", "time", "label_end", "cuts.theta", "cuts.return_sum"]
)
def test_a_rule_cannot_write_to_its_evidence(array: str) -> None:
    time = np.array(["2020-01-01", "2020-01-02"], "datetime64[ns]")
    given = ThetaEvidence(
        np.array([0.2, 0.9]),
        np.array([0, 1]),
        returns=np.array([0.1, 0.2]),
        time=time,
        label_end=time,
    )
    assert np.shares_memory(given.time, time)  # it is not copied
    with pytest.raises(ValueError, match="read-only"):
        attrgetter(array)(given)[:] = 0


def test_a_rule_may_answer_in_numpy_and_the_decision_can_be_kept() -> None:
    choice = ThetaChoice(
        0.9,
        best_theta=np.float64(0.4),
        band=(np.float64(0.0), np.float64(1.0)),
        interval=(np.float64(0.1), np.float64(0.9)),
        predicted_expectancy=np.float32(0.5),
        figures={"seen": np.float64(0.25), "unknown": None},
    )
    decision = decided(Faulty(choice), [0.2, 0.9, 0.4, 0.1], [0, 1, 1, 0])
    kept = msgspec.json.encode(decision)
    assert msgspec.json.decode(kept, type=ThetaDecision) == decision


def test_a_figure_that_is_no_number_is_refused() -> None:
    with pytest.raises(InputError, match="seen of the rule 'faulty'") as caught:
        decided(Faulty(ThetaChoice(0.9, figures={"seen": float("nan")})), [0.2, 0.9], [0, 1])
    assert caught.value.code == "setting_invalid"
