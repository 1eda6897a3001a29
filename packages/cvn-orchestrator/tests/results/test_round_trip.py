"""What is written comes back the same, to the bit, from SQLite and from PostgreSQL."""

from __future__ import annotations

import struct
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cvn_orchestrator.errors import ResultsError
from cvn_orchestrator.results.database import Results
from cvn_orchestrator.results.rows import CellRow, Trades

from .rows import WHEN, a_cell, a_failure, a_run

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NAMES = TEXTS.filter(bool)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=8,
)
FIGURES = st.dictionaries(
    NAMES, st.dictionaries(NAMES, st.none() | FLOATS, min_size=1, max_size=4), max_size=4
)
WHENS = st.datetimes(
    datetime(1970, 1, 2), datetime(2200, 1, 1),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
)  # fmt: skip


@st.composite
def trades(draw: st.DrawFn) -> Trades:
    unit = draw(st.sampled_from(["D", "h", "m", "s", "ms", "us", "ns"]))
    numbers = draw(st.lists(st.integers(-(10**4), 10**5), max_size=6))
    net = st.lists(FLOATS, min_size=len(numbers), max_size=len(numbers))
    values = draw(st.none() | net)
    return Trades(
        np.array(numbers, "int64").astype(f"datetime64[{unit}]"),
        None if values is None else np.array(values, "float64"),
    )


CELLS = st.builds(
    CellRow,
    run=st.just("a" * 64),
    cell=NAMES,
    symbol=TEXTS,
    fold=st.integers(1, 10**6),
    variant=TEXTS,
    state=st.sampled_from(["done", "failed"]),
    attempt=st.just(1),
    finished=WHENS,
    seconds=FLOATS,
    error_type=st.none() | TEXTS,
    error_code=st.none() | TEXTS,
    error_message=st.none() | TEXTS,
    theta=st.none() | FLOATS,
    health=st.none() | TEXTS,
    tradability=st.none() | TEXTS,
    metrics=FIGURES,
    by_cost=FIGURES,
    facts=st.dictionaries(TEXTS, JSON, max_size=4),
    artifact_key=st.none() | TEXTS,
    cache_hit=st.none() | st.booleans(),
    n_trials=st.integers(1, 10**6),
    timings=st.dictionaries(TEXTS, FLOATS, max_size=3),
    trades=st.none() | trades(),
)


def bits(value: Any) -> Any:
    """Return a value in which two floats are equal only if they are to the bit."""
    if isinstance(value, float):
        return struct.pack(">d", value)
    if isinstance(value, dict):
        return {name: bits(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [bits(inner) for inner in value]
    if isinstance(value, Trades):
        net = None if value.net is None else value.net.tobytes()
        return value.time.dtype, value.time.tobytes(), net
    return value


def whole(row: CellRow) -> dict[str, Any]:
    return {field.name: bits(getattr(row, field.name)) for field in fields(row)}


@pytest.fixture
def written(results: Results) -> Results:
    results.begin(a_run())
    return results


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(row=CELLS)
@example(row=a_cell(theta=-0.0, metrics={"test": {"sortino": -0.0, "least": 5e-324}}))
def test_a_cell_comes_back_to_the_bit(results: Results, row: CellRow) -> None:
    run = a_run(run=uuid4().hex)
    results.begin(run)
    row = replace(row, run=run.run)
    results.write([row])
    (back,) = results.rows(run.run)
    assert whole(back) == whole(row)
    assert back.finished.utcoffset() == timedelta(0)


def test_a_run_comes_back_and_stays_as_it_first_was(results: Results) -> None:
    results.begin(a_run())
    results.begin(a_run(name="other"))
    assert results.run("a" * 64) == a_run()
    assert results.runs() == [a_run()]
    # The order of a plan's keys is kept, and so is whether a number is whole.
    assert repr(results.run("demo").plan) == repr(a_run().plan)


def test_cells_are_a_table_with_a_row_each(written: Results) -> None:
    written.write([a_failure("c2", fold=2), a_cell("c1")])
    frame = written.cells("demo")
    assert frame.columns == [
        "symbol", "fold", "variant", "state", "theta", "health", "tradability",
        "train_n", "train_pr_auc", "test_n", "test_pr_auc", "test_n_signals", "test_sortino",
        "expectancy@0.05", "sortino@0.05", "expectancy@0.1", "sortino@0.1",
        "n_trials", "seconds", "error_type", "error_code", "error_message", "attempt",
        "cache_hit", "finished", "cell", "artifact_key", "seconds_fitted", "seconds_total",
    ]  # fmt: skip
    done, failed = frame.to_dicts()
    assert (done["theta"], done["test_pr_auc"], done["test_sortino"]) == (0.1 + 0.2, 1 / 3, None)
    assert (done["expectancy@0.1"], done["seconds_total"], done["finished"]) == (-0.02, 1.25, WHEN)
    assert (failed["state"], failed["error_code"], failed["test_pr_auc"]) == (
        "failed", "fit_failed", None
    )  # fmt: skip


def test_cells_stand_by_symbol_fold_and_the_plans_order_of_variants(written: Results) -> None:
    places = [("NQ", 1, "blend"), ("ES", 10, "lgbm"), ("ES", 2, "blend"), ("ES", 2, "lgbm")]
    written.write(
        [a_cell(f"c{i}", symbol=s, fold=f, variant=v) for i, (s, f, v) in enumerate(places)]
    )
    found = written.cells("demo").select("symbol", "fold", "variant").rows()
    assert found == [("ES", 2, "lgbm"), ("ES", 2, "blend"), ("ES", 10, "lgbm"), ("NQ", 1, "blend")]
    assert [(r.symbol, r.fold, r.variant) for r in written.rows("demo")] == found


def test_trades_are_a_table_with_a_row_a_signal(written: Results) -> None:
    fine = Trades(np.array(["2026-01-02T10:00:00.000000001"], "datetime64[ns]"), None)
    none = Trades(np.array([], "datetime64[s]"), np.array([]))
    cells = [a_cell("c1"), a_cell("c2", fold=2, trades=none), a_failure("c3", fold=3)]
    written.write([*cells, a_cell("c4", symbol="NQ", trades=fine)])
    expected = pl.DataFrame(
        {
            "symbol": ["ES", "ES", "NQ"],
            "fold": [1, 1, 1],
            "variant": ["lgbm"] * 3,
            "time": np.array(
                ["2026-01-02", "2026-01-05", "2026-01-02T10:00:00.000000001"], "datetime64[ns]"
            ),
            "net": [0.1, -0.25, None],
        }
    )
    assert_frame_equal(written.trades("demo"), expected)


def test_a_run_without_cells_is_empty_tables(written: Results) -> None:
    assert written.cells("demo").shape == (0, 17)
    assert written.trades("demo").columns == ["symbol", "fold", "variant", "time", "net"]
    assert list(written.rows("demo")) == []
    assert written.attempts("a" * 64) == {}


def test_numbers_of_numpy_are_numbers(written: Results) -> None:
    metrics = {"test": {"n": np.int64(3), "brier": np.float32(0.1)}}
    written.write([a_cell(metrics=metrics, fold=np.int64(1), theta=np.float64(0.5))])
    (back,) = written.rows("demo")
    assert back.metrics == {"test": {"n": 3.0, "brier": float(np.float32(0.1))}}


def test_what_an_exception_says_is_kept_whatever_characters_it_has(written: Results) -> None:
    written.write([a_failure(error_message="NUL \0, half \udc80, all \N{SNOWMAN}")])
    (back,) = written.rows("demo")
    assert back.error_message == "NUL \\x00, half \\udc80, all \N{SNOWMAN}"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"metrics": {"test": {"brier": float("nan")}}}, r"metrics\['test'\]\['brier'\] is nan"),
        ({"by_cost": {"0.1": {"total": float("inf")}}}, r"by_cost\['0.1'\]\['total'\] is inf"),
        ({"theta": float("nan")}, "theta is nan"),
        ({"facts": {"a": float("nan")}}, "facts cannot be written as JSON"),
        ({"facts": {"a": np.int64(1)}}, "facts cannot be written as JSON: Object of type int64"),
        ({"finished": datetime(2026, 1, 1)}, "finished is .*, without a time zone"),
        ({"state": "running"}, "state is 'running'"),
        ({"symbol": "a\0b"}, "symbol is .*, which a database cannot hold"),
        ({"trades": Trades(np.array(["NaT"], "datetime64[s]"), None)}, "trades: time has holes"),
        (
            {"trades": Trades(np.array([0], "datetime64[s]"), np.array([np.nan]))},
            "trades: net has holes",
        ),
        ({"trades": Trades(np.array([0], "datetime64[s]"), np.array([]))}, r"trades: net is .*\(0"),
        ({"trades": Trades(np.array([1.5]), None)}, "trades: time is float64"),  # type: ignore[arg-type]
    ],
)
def test_what_would_not_come_back_is_refused_with_its_place(
    written: Results, changes: dict[str, Any], fault: str
) -> None:
    with pytest.raises(ResultsError, match=f"^cell [^,]*, fold 1, variant lgbm: {fault}") as found:
        written.write([a_cell("c0"), a_cell("c1", **changes)])
    assert found.value.code == "results_invalid"
    assert written.attempts("a" * 64) == {}


def test_damaged_trades_are_refused(written: Results) -> None:
    import sqlalchemy as sa

    written.write([a_cell()])
    with written._engine.begin() as connection:
        (data,) = connection.execute(sa.text("SELECT npz FROM cvn_trades")).one()
        data = bytes(data[:-30]) + bytes([data[-30] ^ 1]) + bytes(data[-29:])
        connection.execute(sa.text("UPDATE cvn_trades SET npz = :data"), {"data": data})
    with pytest.raises(ResultsError, match=r"ES, fold 1, variant lgbm are damaged") as found:
        written.trades("demo")
    assert found.value.code == "results_corrupt"
    assert len(written.cells("demo")) == 1
