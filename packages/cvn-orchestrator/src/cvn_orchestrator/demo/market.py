"""The demo's data: twenty years of daily bars, causal features and triple-barrier labels.

A row is one trading day. Its features are known at that day's close, its label is the outcome of
a long trade entered at the next day's open. Prices and barriers are compared in multiples of the
average true range (ATR), so that 1999 and 2018 are on one scale.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from cvn_harness_core import InputError, Payoff

SYMBOLS: tuple[str, ...] = ("SP500", "NASDAQ")

TAKE_PROFIT, STOP_LOSS = 2.0, 1.0
"""The demo's barriers, in ATR above and below the entry."""

HORIZON = 10
"""The demo's time barrier, in bars, the entry bar included: two trading weeks."""

COST = 0.05
"""The demo's round trip of fees, spread and slippage, in ATR.

The median ATR is 1.1 % of the close for SP500 and 1.4 % for NASDAQ: about 6 and 7 basis points.
"""

PAYOFF = Payoff(TAKE_PROFIT, STOP_LOSS, cost=COST)

_PRICES = ("open", "high", "low", "close")


def bars(symbol: str) -> pl.DataFrame:
    """Return the daily bars of one of `SYMBOLS`, which the ``arch`` distribution carries.

    Returns
    -------
    polars.DataFrame
        5,031 rows, 1999-01-04 to 2018-12-31, sorted, one a day, nothing missing. Columns
        ``date`` (Datetime, midnight), ``open``, ``high``, ``low``, ``close`` (index points,
        Float64) and ``volume`` (shares, Int64). Every bar has high > low, with open and close
        between them. ``arch`` also gives an adjusted close; for an index it equals the close.

        Two blemishes are left as they are. The open of SP500 repeats the close before it on
        2,004 days (97 % of 1999 to 2005, few after 2013): there an entry at the open is really
        one at the previous close, and the overnight gap says nothing. NASDAQ opens properly, but
        has two days of zero volume.

    Raises
    ------
    InputError
        ``setting_invalid`` for a symbol that is not in `SYMBOLS`.
    """
    from arch.data import nasdaq, sp500

    loaders = {"SP500": sp500.load, "NASDAQ": nasdaq.load}
    if symbol not in loaders:
        message = f"The demo has no symbol {symbol!r}; it has {' and '.join(SYMBOLS)}."
        raise InputError("setting_invalid", message)
    table = loaders[symbol]()
    columns = {name: table[name.capitalize()].to_numpy() for name in (*_PRICES, "volume")}
    dates = pl.Series("date", table.index.to_numpy()).cast(pl.Datetime("us"))
    return pl.DataFrame({"date": dates, **columns})


def _atr() -> pl.Expr:
    """Average true range: the simple mean of the last 14 true ranges, in price units.

    The range is Wilder's (1978), New Concepts in Technical Trading Systems; the simple mean
    replaces his recursive one so that a value depends on a bounded number of bars.
    """
    close_before = pl.col("close").shift(1)
    true_range = pl.max_horizontal(
        pl.col("high") - pl.col("low"),
        (pl.col("high") - close_before).abs(),
        (pl.col("low") - close_before).abs(),
    )
    return true_range.rolling_mean(14)


def _rsi(window: int) -> pl.Expr:
    """Relative strength index with simple means (Cutler's variant), from 0 to 1."""
    change = pl.col("close").diff()
    gain = change.clip(lower_bound=0.0).rolling_mean(window)
    return gain / change.abs().rolling_mean(window)


def _macd_histogram() -> pl.Expr:
    """MACD(12, 26) less its 9-bar signal line (Appel, 2005), in price units."""
    close = pl.col("close")
    macd = close.ewm_mean(span=12, adjust=False) - close.ewm_mean(span=26, adjust=False)
    return macd - macd.ewm_mean(span=9, adjust=False)


def _z_score(value: pl.Expr, window: int) -> pl.Expr:
    return (value - value.rolling_mean(window)) / value.rolling_std(window)


def _expressions() -> dict[str, pl.Expr]:
    """Each feature by name. All of them look back, none of them has a unit."""
    close, high, low = pl.col("close"), pl.col("high"), pl.col("low")
    log_close = close.log()
    log_return = log_close.diff()
    log_range = (high / low).log()
    # A day without a volume takes the one before it: the logarithm of zero is no observation.
    log_volume = pl.when(pl.col("volume") > 0).then(pl.col("volume").log()).forward_fill()

    momentum = {f"return_{n}": log_close.diff(n) for n in (1, 2, 5, 10, 21, 63)}
    volatility = {
        "volatility_21": log_return.rolling_std(21),
        "volatility_5_to_21": log_return.rolling_std(5) / log_return.rolling_std(21),
        "volatility_21_to_63": log_return.rolling_std(21) / log_return.rolling_std(63),
        # Parkinson (1980), The extreme value method for estimating the variance.
        "parkinson_21": ((log_range**2).rolling_mean(21) / (4 * math.log(2))).sqrt(),
        "atr_to_close": _atr() / close,
    }
    day = {
        "overnight_gap": (pl.col("open") - close.shift(1)) / _atr(),
        "close_in_range": (close - low) / (high - low),
        "volume_z_21": _z_score(log_volume, 21),
    }
    trend = {f"sma_{n}_distance": (close - close.rolling_mean(n)) / _atr() for n in (10, 50, 200)}
    level = {
        "rsi_14": _rsi(14),
        "macd_histogram": _macd_histogram() / _atr(),
        "bollinger_z_20": _z_score(close, 20),
        "drawdown_252": (close / high.rolling_max(252)).log(),
    }
    return momentum | volatility | day | trend | level


FEATURES: tuple[str, ...] = tuple(_expressions())


def features(bars: pl.DataFrame) -> pl.DataFrame:
    """Return the causal features of each bar: row t uses bars up to and including t's close.

    ``bars`` has the columns that `bars` returns and is sorted by date.

    Returns
    -------
    polars.DataFrame
        ``date`` and `FEATURES` (Float64, finite, without unit). Rows on which a feature is not
        defined are left out: the first 251 (the longest window has 252 bars), and any on which
        the market stood still.
    """
    table = bars.select("date", **_expressions())
    return table.filter(pl.all_horizontal(pl.col(FEATURES).is_finite()))


def triple_barrier(
    bars: pl.DataFrame, *, take_profit: float, stop_loss: float, horizon: int, cost: float
) -> pl.DataFrame:
    """Label each bar by which barrier ends a long trade that its close signals.

    The trade is entered at the next bar's open. Its barriers, fixed then, are ``take_profit``
    ATR above and ``stop_loss`` ATR below the entry, with the ATR known at the signal. Each bar
    from the entry bar on is examined in this order: an open beyond a barrier fills at that open;
    then a low at the stop; then a high at the target. So a bar that spans both barriers counts as
    a loss. After ``horizon`` bars the trade is closed at the close. After Lopez de Prado (2018),
    Advances in Financial Machine Learning, chapter 3.

    Parameters
    ----------
    bars
        Columns as `bars` returns them, sorted by date.
    take_profit, stop_loss
        Distances of the barriers from the entry, in ATR (14 bars, simple mean), positive.
    horizon
        The longest holding time in bars, the entry bar included, at least 1.
    cost
        The round trip, in ATR, not negative.

    Returns
    -------
    polars.DataFrame
        ``date`` of the signal, ``label`` (Int8; 1 only if the target ended the trade),
        ``label_end`` (the exit bar's date) and ``net_return`` (Float64, in ATR, net of cost). Rows
        without an ATR, and trades still open when the data end, are left out.

    Raises
    ------
    InputError
        ``setting_invalid`` for a barrier, a horizon or a cost out of range.
    """
    _check_barriers(take_profit, stop_loss, horizon, cost)
    opens, highs, lows, closes = (bars[name].to_numpy() for name in _PRICES)
    ranges = bars.select(_atr().fill_null(0.0)).to_series().to_numpy()

    signal = np.flatnonzero(ranges[:-1] > 0)
    atr, entry = ranges[signal], opens[signal + 1]
    target, stop = entry + take_profit * atr, entry - stop_loss * atr
    label = np.zeros(signal.size, dtype=np.int8)
    exit_bar = np.full(signal.size, -1)
    exit_price = np.full(signal.size, np.nan)

    trade = np.arange(signal.size)  # the trades still open
    for held in range(1, horizon + 1):
        trade = trade[signal[trade] + held < bars.height]
        bar = signal[trade] + held
        lost = (lows[bar] <= stop[trade]) & (opens[bar] < target[trade])
        won = (highs[bar] >= target[trade]) & ~lost
        over = lost | won | (held == horizon)
        price = np.where(won, np.maximum(opens[bar], target[trade]), closes[bar])
        price = np.where(lost, np.minimum(opens[bar], stop[trade]), price)
        closed = trade[over]
        label[closed], exit_bar[closed], exit_price[closed] = won[over], bar[over], price[over]
        trade = trade[~over]

    decided = exit_bar >= 0
    dates = bars["date"]
    return pl.DataFrame(
        {
            "date": dates[signal[decided]],
            "label": label[decided],
            "label_end": dates[exit_bar[decided]],
            "net_return": ((exit_price - entry) / atr - cost)[decided],
        }
    )


def _check_barriers(take_profit: float, stop_loss: float, horizon: int, cost: float) -> None:
    for name, value, sound, range_ in (
        ("take_profit", take_profit, take_profit > 0, "above 0"),
        ("stop_loss", stop_loss, stop_loss > 0, "above 0"),
        ("horizon", horizon, horizon >= 1, "1 or more"),
        ("cost", cost, cost >= 0, "0 or more"),
    ):
        if not (sound and math.isfinite(value)):
            message = f"triple_barrier got {name}={value!r}; it must be finite and {range_}."
            raise InputError("setting_invalid", message)


def frame(
    symbol: str, *, take_profit: float, stop_loss: float, horizon: int, cost: float
) -> pl.DataFrame:
    """Return one symbol's table for training: features, label, its end and its net return.

    Parameters are those of `bars` and `triple_barrier`. The columns are ``date``, ``symbol``,
    `FEATURES`, ``label``, ``label_end`` and ``net_return``; nothing is null, and the rows are
    sorted by date. Only days with every feature and a decided label are in it.
    """
    history = bars(symbol)
    outcome = triple_barrier(
        history, take_profit=take_profit, stop_loss=stop_loss, horizon=horizon, cost=cost
    )
    table = features(history).join(outcome, on="date", how="inner", maintain_order="left")
    return table.select("date", pl.lit(symbol).alias("symbol"), pl.exclude("date"))
