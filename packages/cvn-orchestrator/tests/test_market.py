"""The demo's data: real bars, features that never look ahead, labels that match a plain loop."""

from __future__ import annotations

import math
import statistics
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cvn_harness_core.errors import InputError
from cvn_orchestrator.demo import market

Row = dict[str, Any]

DEMO: dict[str, Any] = {
    "take_profit": market.TAKE_PROFIT,
    "stop_loss": market.STOP_LOSS,
    "horizon": market.HORIZON,
    "cost": market.COST,
}
PRICES = ("open", "high", "low", "close")


@pytest.fixture(scope="module", params=market.SYMBOLS)
def symbol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def bars(symbol: str) -> pl.DataFrame:
    return market.bars(symbol)


# --- bars -----------------------------------------------------------------------------------


def test_bars_are_sound(bars: pl.DataFrame) -> None:
    assert bars.columns == ["date", *PRICES, "volume"]
    assert bars.height == 5031
    assert bars["date"][0] == datetime(1999, 1, 4)
    assert bars["date"][-1] == datetime(2018, 12, 31)
    assert bars["date"].is_sorted()
    assert bars["date"].is_unique().all()
    assert bars.null_count().sum_horizontal().item() == 0
    body_low, body_high = pl.min_horizontal("open", "close"), pl.max_horizontal("open", "close")
    inside = (pl.col("low") <= body_low) & (body_high <= pl.col("high"))
    assert bars.select((inside & (pl.col("low") < pl.col("high"))).all()).item()


def test_the_blemishes_are_as_documented() -> None:
    stale = pl.col("open") == pl.col("close").shift(1)
    sp500, nasdaq = market.bars("SP500"), market.bars("NASDAQ")
    early = sp500.filter(pl.col("date").dt.year() <= 2005)
    assert sp500.filter(stale).height == 2004
    assert early.select(stale.mean()).item() == pytest.approx(0.97, abs=0.01)
    assert nasdaq.filter(stale).height < 10
    assert nasdaq.filter(pl.col("volume") == 0).height == 2


def test_an_unknown_symbol_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'DAX'.*SP500 and NASDAQ") as caught:
        market.bars("DAX")
    assert caught.value.code == "setting_invalid"


# --- features -------------------------------------------------------------------------------


def test_features_cover_every_day_after_the_longest_window(bars: pl.DataFrame) -> None:
    table = market.features(bars)
    assert table.columns == ["date", *market.FEATURES]
    assert table["date"].equals(bars["date"][251:])
    assert np.isfinite(table.select(market.FEATURES).to_numpy()).all()


@pytest.mark.parametrize("length", [252, 253, 700, 2500, 5030])
def test_features_do_not_change_when_later_bars_are_cut_off(
    bars: pl.DataFrame, length: int
) -> None:
    whole, cut = market.features(bars), market.features(bars.head(length))
    assert cut.height == length - 251
    assert_frame_equal(cut, whole.head(cut.height), check_exact=True)


@pytest.mark.parametrize("length", [252, 1000, 4000])
def test_features_do_not_change_when_later_bars_do(bars: pl.DataFrame, length: int) -> None:
    noise = np.random.default_rng(length).uniform(0.2, 5.0, bars.height - length)
    later = bars[length:].with_columns(pl.col(*PRICES) * noise, pl.col("volume").reverse())
    disturbed = market.features(pl.concat([bars.head(length), later]))
    rows = length - 251
    assert_frame_equal(disturbed.head(rows), market.features(bars).head(rows), check_exact=True)
    assert not disturbed[rows:].equals(market.features(bars)[rows:])


def test_every_feature_sees_its_own_day(bars: pl.DataFrame) -> None:
    """Causal does not mean late: another last bar changes every feature of the last row."""
    close = bars["close"][-1]
    other = bars.tail(1).with_columns(
        open=pl.lit(close * 1.03),
        high=pl.lit(close * 1.06),
        low=pl.lit(close * 1.01),
        close=pl.lit(close * 1.04),
        volume=pl.col("volume") * 2,
    )
    before = market.features(bars).row(-1, named=True)
    after = market.features(pl.concat([bars.head(-1), other])).row(-1, named=True)
    assert [name for name in market.FEATURES if before[name] == after[name]] == []


def test_features_have_no_unit(bars: pl.DataFrame) -> None:
    rescaled = bars.with_columns(pl.col(*PRICES) * 12.5, volume=pl.col("volume") * 7)
    these, those = (market.features(b).select(market.FEATURES) for b in (rescaled, bars))
    np.testing.assert_allclose(these.to_numpy(), those.to_numpy(), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("row", [251, 252, 1500, 3333, 5030])
def test_features_match_their_definitions(bars: pl.DataFrame, row: int) -> None:
    table = market.features(bars).row(row - 251, named=True)
    expected = plain_features(bars.head(row + 1).to_dicts())
    assert set(expected) == set(market.FEATURES)
    got = {name: table[name] for name in expected}
    assert got == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_a_day_without_volume_does_not_cost_its_neighbours() -> None:
    """NASDAQ reports zero on 2015-05-12: the days around it keep finite features."""
    table = market.features(market.bars("NASDAQ"))
    around = pl.col("date").is_between(datetime(2015, 5, 11), datetime(2015, 6, 11))
    assert table.filter(around)["volume_z_21"].abs().max() < 5  # type: ignore[operator]
    assert table.filter(around).height == 23


# --- triple barrier: cases made by hand -----------------------------------------------------

Bar = tuple[float, float, float, float]
QUIET: Bar = (100.0, 100.5, 99.5, 100.0)
CALM = (QUIET,) * 14
"""Fourteen bars with a true range of 1: the ATR at the last of them, bar 13, is 1."""


def to_bars(rows: list[Bar]) -> pl.DataFrame:
    table = pl.DataFrame(rows, schema=PRICES, orient="row")
    start = datetime(2024, 1, 1)
    dates = [start + timedelta(days=index) for index in range(len(rows))]
    return table.insert_column(0, pl.Series("date", dates)).with_columns(volume=pl.lit(1))


def trade(*after: Bar, horizon: int = 3, cost: float = 0.0) -> tuple[int, int, float] | None:
    """Label, holding time in bars and net return of the signal at bar 13, entered at bar 14."""
    table = market.triple_barrier(
        to_bars([*CALM, *after]), take_profit=2.0, stop_loss=1.0, horizon=horizon, cost=cost
    )
    signal = datetime(2024, 1, 14)
    rows = table.filter(pl.col("date") == signal).rows(named=True)
    if not rows:
        return None
    return rows[0]["label"], (rows[0]["label_end"] - signal).days, rows[0]["net_return"]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param([(100, 102.5, 99.5, 102)], (1, 1, 2.0), id="target on the entry bar"),
        pytest.param([QUIET, (100, 102.5, 99.5, 101)], (1, 2, 2.0), id="target later"),
        pytest.param([(100, 102, 99.5, 101)], (1, 1, 2.0), id="target only just touched"),
        pytest.param([(100, 100.5, 98.5, 100)], (0, 1, -1.0), id="stop on the entry bar"),
        pytest.param([QUIET, QUIET, (100, 101, 98, 101)], (0, 3, -1.0), id="stop later"),
        pytest.param([(100, 100.5, 99, 100)], (0, 1, -1.0), id="stop only just touched"),
        pytest.param([(100, 103, 98, 103)], (0, 1, -1.0), id="both in one bar is a loss"),
        pytest.param([QUIET, (97, 98, 96, 97.5)], (0, 2, -3.0), id="gap below the stop"),
        pytest.param([QUIET, (97, 103, 96, 103)], (0, 2, -3.0), id="gap below, then target"),
        pytest.param([QUIET, (104, 105, 103, 104.5)], (1, 2, 4.0), id="gap above the target"),
        pytest.param([QUIET, (104, 105, 98, 98)], (1, 2, 4.0), id="gap above, then stop"),
        pytest.param([QUIET, QUIET, (100, 101, 99.5, 100.25)], (0, 3, 0.25), id="time, gain"),
        pytest.param([QUIET, QUIET, (100, 101, 99.5, 99.75)], (0, 3, -0.25), id="time, loss"),
        pytest.param([(110, 112.5, 109.5, 111)], (1, 1, 2.0), id="barriers are set from the open"),
        pytest.param([QUIET, QUIET], None, id="still open when the data end"),
        pytest.param([], None, id="no bar to enter at"),
    ],
)
def test_the_barrier_that_is_met_first_decides(
    after: list[Bar], expected: tuple[int, int, float] | None
) -> None:
    assert trade(*after) == expected


def test_bars_after_the_horizon_do_not_count() -> None:
    assert trade(QUIET, QUIET, QUIET, (100, 110, 100, 110)) == (0, 3, 0.0)
    assert trade(QUIET, QUIET, QUIET, (100, 110, 100, 110), horizon=4) == (1, 4, 2.0)


def test_the_cost_is_taken_from_gains_and_losses_alike() -> None:
    assert trade((100, 102.5, 99.5, 102), cost=0.25) == (1, 1, 1.75)
    assert trade((100, 100.5, 98.5, 100), cost=0.25) == (0, 1, -1.25)


def test_the_first_signal_is_the_first_bar_with_an_atr() -> None:
    table = market.triple_barrier(to_bars([QUIET] * 20), **DEMO | {"horizon": 1})
    assert table["date"][0] == datetime(2024, 1, 14)
    assert table.height == 20 - 13 - 1


def test_a_market_that_stands_still_has_no_labels() -> None:
    still = to_bars([(100.0, 100.0, 100.0, 100.0)] * 30)
    assert market.triple_barrier(still, **DEMO).is_empty()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("take_profit", 0.0),
        ("take_profit", math.inf),
        ("stop_loss", -1.0),
        ("stop_loss", math.nan),
        ("horizon", 0),
        ("cost", -0.01),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(InputError, match=name) as caught:
        market.triple_barrier(to_bars([QUIET] * 20), **DEMO | {name: value})
    assert caught.value.code == "setting_invalid"


# --- triple barrier: laws and the plain loop --------------------------------------------------


@pytest.mark.parametrize(
    ("take_profit", "stop_loss", "horizon"),
    [(2.0, 1.0, 10), (0.5, 0.5, 3), (1.0, 3.0, 25), (0.1, 0.1, 1)],
)
def test_real_labels_match_a_plain_loop(
    bars: pl.DataFrame, take_profit: float, stop_loss: float, horizon: int
) -> None:
    barriers: dict[str, Any] = {
        "take_profit": take_profit,
        "stop_loss": stop_loss,
        "horizon": horizon,
        "cost": 0.05,
    }
    assert_same_outcome(bars, barriers)


whole_prices = st.tuples(*[st.integers(95, 105)] * 4)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(whole_prices, min_size=1, max_size=40),
    st.sampled_from([0.5, 1.0, 2.0]),
    st.sampled_from([0.5, 1.0, 2.0]),
    st.integers(1, 6),
)
def test_labels_match_a_plain_loop_on_any_bars(
    ticks: list[tuple[int, int, int, int]], take_profit: float, stop_loss: float, horizon: int
) -> None:
    """Coarse prices make gaps, ties and bars that touch both barriers common."""
    rows = [(float(t[0]), float(max(t)), float(min(t)), float(t[1])) for t in ticks]
    barriers: dict[str, Any] = {
        "take_profit": take_profit,
        "stop_loss": stop_loss,
        "horizon": horizon,
        "cost": 0.0,
    }
    assert_same_outcome(to_bars([*CALM, *rows]), barriers)


@pytest.mark.parametrize("length", [15, 16, 700, 2500, 5025])
def test_a_label_uses_no_bar_after_its_end(bars: pl.DataFrame, length: int) -> None:
    """Cutting the data at a day leaves exactly the labels that had ended by that day."""
    whole, cut = market.triple_barrier(bars, **DEMO), market.triple_barrier(bars[:length], **DEMO)
    ended = whole.filter(pl.col("label_end") <= bars["date"][length - 1])
    assert_frame_equal(cut, ended, check_exact=True)


def test_only_the_target_makes_a_label(bars: pl.DataFrame) -> None:
    table = market.triple_barrier(bars, **DEMO)
    best = market.TAKE_PROFIT - market.COST
    won, rest = table.filter(pl.col("label") == 1), table.filter(pl.col("label") == 0)
    assert won["net_return"].min() >= best - 1e-9  # type: ignore[operator]
    assert rest["net_return"].max() < best  # type: ignore[operator]
    assert table["label"].dtype == pl.Int8


def test_labels_have_no_unit(bars: pl.DataFrame) -> None:
    rescaled = bars.with_columns(pl.col(*PRICES) * 8)
    expected = market.triple_barrier(bars, **DEMO)
    assert_frame_equal(market.triple_barrier(rescaled, **DEMO), expected)


# --- the table for training -------------------------------------------------------------------


def test_the_frame_is_complete_and_sorted(symbol: str, bars: pl.DataFrame) -> None:
    table = market.frame(symbol, **DEMO)
    outcome = ["label", "label_end", "net_return"]
    assert table.columns == ["date", "symbol", *market.FEATURES, *outcome]
    assert table["symbol"].unique().to_list() == [symbol]
    assert table.null_count().sum_horizontal().item() == 0
    assert table["date"].is_sorted()
    assert table["date"].is_unique().all()
    assert table.height > 4700

    expected = market.features(bars).join(market.triple_barrier(bars, **DEMO), on="date")
    assert_frame_equal(table.drop("symbol"), expected.sort("date"), check_exact=True)


def test_a_label_ends_after_its_signal_and_within_the_horizon(
    symbol: str, bars: pl.DataFrame
) -> None:
    table = market.frame(symbol, **DEMO)
    position = bars.select("date").with_row_index("bar")
    held = (
        table.join(position, on="date")
        .join(position, left_on="label_end", right_on="date", suffix="_end")
        .select(pl.col("bar_end").cast(pl.Int64) - pl.col("bar").cast(pl.Int64))
        .to_series()
    )
    assert held.len() == table.height
    assert held.min() == 1
    assert held.max() == market.HORIZON


def test_the_demo_has_enough_of_both_classes_in_every_year(symbol: str) -> None:
    table = market.frame(symbol, **DEMO)
    assert 0.2 < table["label"].mean() < 0.35  # type: ignore[operator]
    years = table.group_by(pl.col("date").dt.year()).agg(pl.len(), pl.col("label").mean())
    full = years.filter(pl.col("len") > 200)
    assert full.height == 19
    assert full["label"].is_between(0.1, 0.5).all()


@pytest.mark.parametrize(
    ("name", "atr_percent", "basis_points"), [("SP500", 1.1, 6), ("NASDAQ", 1.4, 7)]
)
def test_the_cost_is_as_documented(name: str, atr_percent: float, basis_points: int) -> None:
    atr_to_close = market.frame(name, **DEMO).select(pl.median("atr_to_close")).item()
    assert round(100 * atr_to_close, 1) == atr_percent
    assert round(1e4 * market.COST * atr_to_close) == basis_points


# --- the same things, written slowly ----------------------------------------------------------


def assert_same_outcome(bars: pl.DataFrame, barriers: dict[str, Any]) -> None:
    table = market.triple_barrier(bars, **barriers)
    expected = plain_triple_barrier(bars.to_dicts(), **barriers)
    for name in ("date", "label", "label_end"):
        assert table[name].to_list() == [row[name] for row in expected]
    returns = [row["net_return"] for row in expected]
    assert table["net_return"].to_list() == pytest.approx(returns, abs=1e-9)


def true_range(rows: list[Row], t: int) -> float:
    bar = rows[t]
    before = rows[t - 1]["close"] if t else bar["open"]
    return float(max(bar["high"], before) - min(bar["low"], before))


def plain_atr(rows: list[Row], t: int) -> float:
    return sum(true_range(rows, i) for i in range(t - 13, t + 1)) / 14


def plain_triple_barrier(
    rows: list[Row], *, take_profit: float, stop_loss: float, horizon: int, cost: float
) -> list[Row]:
    outcome = []
    for t in range(13, len(rows) - 1):
        atr = plain_atr(rows, t)
        entry = rows[t + 1]["open"]
        target, stop = entry + take_profit * atr, entry - stop_loss * atr
        for bar in rows[t + 1 : t + 1 + horizon]:
            timed_out = bar is rows[min(t + horizon, len(rows) - 1)] and t + horizon < len(rows)
            if bar["open"] <= stop:
                label, price = 0, bar["open"]
            elif bar["open"] >= target:
                label, price = 1, bar["open"]
            elif bar["low"] <= stop:
                label, price = 0, stop
            elif bar["high"] >= target:
                label, price = 1, target
            elif timed_out:
                label, price = 0, bar["close"]
            else:
                continue
            net = (price - entry) / atr - cost
            row = {"date": rows[t]["date"], "label": label, "label_end": bar["date"]}
            outcome.append(row | {"net_return": net})
            break
    return outcome


def plain_features(rows: list[Row]) -> dict[str, float]:
    """Every feature of the last of ``rows``, from its definition."""
    close = [row["close"] for row in rows]
    change = [b - a for a, b in pairwise(close)]
    log_return = [math.log(b / a) for a, b in pairwise(close)]
    last, atr = rows[-1], plain_atr(rows, len(rows) - 1)
    volume: list[float] = []
    for row in rows:
        volume.append(math.log(row["volume"]) if row["volume"] else volume[-1])

    def z_score(values: list[float]) -> float:
        return (values[-1] - statistics.fmean(values)) / statistics.stdev(values)

    def smooth(values: list[float], span: int) -> list[float]:
        result = [values[0]]
        for value in values[1:]:
            result.append(result[-1] + 2 / (span + 1) * (value - result[-1]))
        return result

    macd = [a - b for a, b in zip(smooth(close, 12), smooth(close, 26), strict=True)]
    squares = [math.log(row["high"] / row["low"]) ** 2 for row in rows[-21:]]
    gains, losses = ([max(sign * c, 0.0) for c in change[-14:]] for sign in (1, -1))
    deviation = {n: statistics.stdev(log_return[-n:]) for n in (5, 21, 63)}
    return {
        **{f"return_{n}": math.log(close[-1] / close[-1 - n]) for n in (1, 2, 5, 10, 21, 63)},
        **{
            f"sma_{n}_distance": (close[-1] - statistics.fmean(close[-n:])) / atr
            for n in (10, 50, 200)
        },
        "volatility_21": deviation[21],
        "volatility_5_to_21": deviation[5] / deviation[21],
        "volatility_21_to_63": deviation[21] / deviation[63],
        "parkinson_21": math.sqrt(statistics.fmean(squares) / (4 * math.log(2))),
        "atr_to_close": atr / close[-1],
        "overnight_gap": (last["open"] - close[-2]) / atr,
        "close_in_range": (last["close"] - last["low"]) / (last["high"] - last["low"]),
        "volume_z_21": z_score(volume[-21:]),
        "rsi_14": sum(gains) / (sum(gains) + sum(losses)),
        "macd_histogram": (macd[-1] - smooth(macd, 9)[-1]) / atr,
        "bollinger_z_20": z_score(close[-20:]),
        "drawdown_252": math.log(close[-1] / max(row["high"] for row in rows[-252:])),
    }
