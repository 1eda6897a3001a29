"""The figures of a split, against scikit-learn and against loops that anyone can read."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from cvn_harness_core import InputError, Payoff, Split, SplitMetrics
from cvn_harness_core.contracts.metrics import metric_names
from cvn_harness_core.metrics.split import split_metrics

LAW = settings(deadline=None, max_examples=100)

scores = st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.9, 1.0]) | st.floats(0.0, 1.0)
returns = st.sampled_from([-1.0, 0.0, 0.5]) | st.floats(-100, 100).map(lambda r: round(r, 6))
rows = st.lists(st.tuples(scores, st.integers(0, 1), returns), min_size=1, max_size=40)
thetas = st.none() | st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0.0, 1.0)
payoffs = st.none() | st.builds(Payoff, st.floats(0.5, 5), st.floats(0.1, 5), st.floats(0, 0.4))

Rows = list[tuple[float, int, float]]


def figures_of(
    data: Rows,
    theta: float | None,
    *,
    payoff: Payoff | None = None,
    with_returns: bool = False,
    time: Any = None,
) -> SplitMetrics:
    p, y, r = (np.array(column) for column in zip(*data, strict=True))
    split = Split(np.zeros((len(data), 1)), y, returns=r if with_returns else None, time=time)
    return split_metrics(p.astype(np.float64), split, theta=theta, payoff=payoff)


# --- against scikit-learn -------------------------------------------------------------------


@LAW
@given(rows, thetas)
def test_the_figures_of_scores_and_signals_are_those_of_scikit_learn(
    data: Rows, theta: float | None
) -> None:
    p, y, _ = (np.array(column) for column in zip(*data, strict=True))
    found = figures_of(data, theta)
    signals = np.zeros(len(data), dtype=int) if theta is None else (p >= theta).astype(int)
    assert found.n == len(data)
    assert found.prevalence == y.mean()
    assert found.n_signals == signals.sum()
    assert found.buy_rate == signals.mean()
    assert found.log_loss == sk.log_loss(y, p, labels=[0, 1])
    assert found.brier == pytest.approx(np.mean((p - y) ** 2), abs=1e-15)
    both = 0 < y.sum() < y.size
    assert found.roc_auc == (sk.roc_auc_score(y, p) if both else None)
    assert found.pr_auc == (sk.average_precision_score(y, p) if both else None)
    assert found.precision_buy == (sk.precision_score(y, signals) if signals.any() else None)
    assert found.recall_buy == (sk.recall_score(y, signals) if y.any() else None)
    any_to_find = signals.any() or y.any()
    assert found.f1_buy == (sk.f1_score(y, signals, zero_division=0.0) if any_to_find else None)


@LAW
@given(rows)
def test_the_calibration_error_is_that_of_a_loop_over_bins(data: Rows) -> None:
    total = 0.0
    for index in range(10):
        in_bin = [(p, y) for p, y, _ in data if min(int(p * 10), 9) == index]
        if in_bin:
            score = sum(p for p, _ in in_bin) / len(in_bin)
            share = sum(y for _, y in in_bin) / len(in_bin)
            total += len(in_bin) / len(data) * abs(share - score)
    assert figures_of(data, 0.5).ece == pytest.approx(total, abs=1e-12)


def test_a_score_of_one_belongs_to_the_last_bin() -> None:
    assert figures_of([(1.0, 1, 0.0), (0.95, 1, 0.0)], 0.5).ece == pytest.approx(0.025)


# --- against loops --------------------------------------------------------------------------


def trade(earned: list[float]) -> dict[str, float | None]:
    """The trading figures of signals in order, by hand."""
    gains = sum(r for r in earned if r > 0)
    losses = sum(-r for r in earned if r < 0)
    squares = sum(r * r for r in earned if r < 0)
    mean = sum(earned) / len(earned)
    equity = peak = fall = 0.0
    for r in earned:
        equity += r
        peak = max(peak, equity)
        fall = max(fall, peak - equity)
    return {
        "win_rate": sum(r > 0 for r in earned) / len(earned),
        "expectancy": mean,
        "profit_factor": gains / losses if losses else None,
        "sortino": mean / math.sqrt(squares / len(earned)) if squares else None,
        "max_drawdown": fall,
    }


def assert_trading(found: SplitMetrics, wanted: dict[str, float | None]) -> None:
    for name, value in wanted.items():
        if value is None:
            assert getattr(found, name) is None
            assert found.undefined[name] == "no losing signal"
        else:
            assert getattr(found, name) == pytest.approx(value, rel=1e-9, abs=1e-9), name


@LAW
@given(rows, st.floats(0.0, 1.0))
def test_the_trading_figures_are_those_of_a_loop_over_signals(data: Rows, theta: float) -> None:
    earned = [r for p, _, r in data if p >= theta]
    assume(earned)
    assert_trading(figures_of(data, theta, with_returns=True), trade(earned))


@LAW
@given(rows, st.floats(0.0, 1.0), payoffs)
def test_without_returns_the_payoff_says_what_a_signal_earns(
    data: Rows, theta: float, payoff: Payoff | None
) -> None:
    assume(payoff is not None and any(p >= theta for p, _, _ in data))
    assert payoff is not None
    earned = [
        (payoff.take_profit if y else -payoff.stop_loss) - payoff.cost
        for p, y, _ in data
        if p >= theta
    ]
    assert_trading(figures_of(data, theta, payoff=payoff), trade(earned))


def test_realised_returns_count_where_there_is_a_payoff_as_well() -> None:
    data = [(0.9, 1, 0.7), (0.8, 0, -0.2)]
    found = figures_of(data, 0.5, payoff=Payoff(100, 50), with_returns=True)
    assert found.expectancy == pytest.approx(0.25)


def test_the_drawdown_follows_time_and_not_the_order_of_rows() -> None:
    earned = [-1.0, 2.0, -3.0, -2.0, 5.0]
    days = np.array([3, 1, 2, 5, 4], dtype="datetime64[D]")
    symbols = ["a", "b", "c", "d", "e"]
    split = Split(np.zeros((5, 1)), [0, 1, 0, 0, 1], time=days, returns=earned, symbol=symbols)
    found = split_metrics(np.ones(5), split, theta=0.5, payoff=None)
    in_time = [r for _, r in sorted(zip(days.tolist(), earned, strict=True))]
    assert found.max_drawdown == trade(in_time)["max_drawdown"] == 4.0
    assert trade(earned)["max_drawdown"] == 5.0


def test_expectancy_is_zero_at_the_break_even_precision() -> None:
    payoff = Payoff(1.5, 0.5, cost=0.05)
    data = [(0.9, int(i < 275), 0.0) for i in range(1000)]
    found = figures_of(data, 0.5, payoff=payoff)
    assert found.precision_buy == payoff.break_even
    assert found.expectancy == pytest.approx(0.0, abs=1e-12)


# --- undefined ------------------------------------------------------------------------------

SIGNAL = (0.9, 1, 1.0)
MISS = (0.1, 0, -1.0)
MONEY = ("win_rate", "expectancy", "profit_factor", "sortino", "max_drawdown")

UNDEFINED: dict[str, tuple[Rows, dict[str, Any], dict[str, str]]] = {
    "one class": (
        [MISS, (0.9, 0, -1.0)],
        {"with_returns": True},
        {
            "roc_auc": "only one class among the labels",
            "pr_auc": "only one class among the labels",
            "recall_buy": "only one class among the labels",
        },
    ),
    "only positives": (
        [SIGNAL, (0.2, 1, -1.0), (0.8, 1, -1.0)],
        {"with_returns": True},
        {
            "roc_auc": "only one class among the labels",
            "pr_auc": "only one class among the labels",
        },
    ),
    "no signals": (
        [MISS, (0.2, 1, 1.0)],
        {"with_returns": True},
        dict.fromkeys(("precision_buy", *MONEY), "no signals"),
    ),
    "no signals and nothing to find": (
        [MISS, (0.2, 0, 1.0)],
        {"with_returns": True},
        {
            "roc_auc": "only one class among the labels",
            "pr_auc": "only one class among the labels",
            "recall_buy": "only one class among the labels",
            **dict.fromkeys(("precision_buy", "f1_buy", *MONEY), "no signals"),
        },
    ),
    "no money": (
        [SIGNAL, MISS],
        {},
        dict.fromkeys(MONEY, "neither returns nor a payoff is known"),
    ),
    "no losing signal": (
        [SIGNAL, MISS],
        {"with_returns": True},
        dict.fromkeys(("profit_factor", "sortino"), "no losing signal"),
    ),
    "a signal that earns nothing": (
        [(0.9, 1, 0.0), MISS],
        {"with_returns": True},
        dict.fromkeys(("profit_factor", "sortino"), "no losing signal"),
    ),
}


@pytest.mark.parametrize("case", UNDEFINED)
def test_an_undefined_figure_is_none_and_says_why(case: str) -> None:
    data, arguments, reasons = UNDEFINED[case]
    found = figures_of(data, 0.5, **arguments)
    assert found.undefined == reasons
    assert {name for name, value in found.figures().items() if value is None} == set(reasons)


def test_no_theta_means_no_signals() -> None:
    found = figures_of([SIGNAL, MISS], None, with_returns=True)
    assert (found.n_signals, found.buy_rate) == (0, 0.0)
    assert found.undefined["expectancy"] == "no signals"


@LAW
@given(rows, thetas, payoffs, st.booleans())
def test_no_figure_is_ever_nan_and_none_is_missing(
    data: Rows, theta: float | None, payoff: Payoff | None, with_returns: bool
) -> None:
    found = figures_of(data, theta, payoff=payoff, with_returns=with_returns)
    assert tuple(found.figures()) == metric_names()
    for name, value in found.figures().items():
        assert (value is None) == (name in found.undefined)
        assert value is None or math.isfinite(value)


@pytest.mark.parametrize("loss", [-5e-324, -1e-310, -1e-200])
def test_a_loss_of_almost_nothing_makes_no_figure_infinite(loss: float) -> None:
    data = [(0.9, 1, 1e3), (0.9, 0, loss)]
    found = figures_of(data, 0.5, with_returns=True)
    for name in ("profit_factor", "sortino"):
        value = getattr(found, name)
        assert math.isfinite(value) if value is not None else found.undefined[name]


def test_the_names_are_those_of_the_contract() -> None:
    assert metric_names() == (
        "n",
        "prevalence",
        "roc_auc",
        "pr_auc",
        "log_loss",
        "brier",
        "ece",
        "f1_buy",
        "precision_buy",
        "recall_buy",
        "buy_rate",
        "n_signals",
        "win_rate",
        "expectancy",
        "profit_factor",
        "sortino",
        "max_drawdown",
    )


# --- the rule itself ------------------------------------------------------------------------

SOUND = figures_of([SIGNAL, MISS, (0.8, 0, -0.5)], 0.5, with_returns=True)


@pytest.mark.parametrize("name", metric_names())
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_figures_cannot_hold_what_is_not_finite(name: str, value: float) -> None:
    with pytest.raises(InputError, match=f"SplitMetrics.{name}"):
        replace(SOUND, **{name: value})


@pytest.mark.parametrize("name", ["roc_auc", "expectancy", "sortino"])
def test_none_needs_a_reason_and_a_reason_needs_none(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} is None without a reason"):
        replace(SOUND, **{name: None})
    with pytest.raises(InputError, match=f"SplitMetrics.{name}"):
        replace(SOUND, undefined={name: "for no reason"})
    assert getattr(replace(SOUND, **{name: None, "undefined": {name: "why"}}), name) is None
