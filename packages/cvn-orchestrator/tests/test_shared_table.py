"""Arrays are made once for each content, are complete or absent, and are mapped, not copied."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from cvn_harness_core import InputError
from cvn_orchestrator.data import shared
from cvn_orchestrator.data.schema import Schema
from cvn_orchestrator.data.shared import open_shared, share_table
from cvn_orchestrator.errors import DataError


def frame(n: int = 50, kind: Any = pl.Float64) -> pl.DataFrame:
    rng = np.random.default_rng(3)
    time = [datetime(2024, 1, 1) + timedelta(hours=i) for i in range(n)]
    parts = [
        pl.DataFrame(
            {
                "s": symbol,
                "t": time,
                "e": [stamp + timedelta(hours=2) for stamp in time],
                "y": rng.integers(0, 2, n),
                "r": rng.normal(size=n),
                "a": pl.Series(rng.normal(size=n)).cast(kind),
                "b": pl.Series([None, *rng.normal(size=n - 1)]).cast(kind),
            }
        )
        for symbol in ("NQ", "ES/2")
    ]
    return pl.concat(parts)


@pytest.fixture
def schema(tmp_path: Path) -> Schema:
    frame().write_parquet(tmp_path / "t.parquet")
    return Schema(
        tmp_path / "t.parquet", time="t", label="y", symbol="s", label_end="e", returns="r"
    )


@pytest.mark.parametrize("kind", [pl.Float32, pl.Float64])
def test_rows_are_those_of_the_table(kind: Any, schema: Schema, tmp_path: Path) -> None:
    frame(kind=kind).write_parquet(schema.path)
    table = share_table(schema, tmp_path / "work")
    assert (table.features, table.symbols) == (("a", "b"), ("ES/2", "NQ"))
    assert table.n_rows == {"ES/2": 50, "NQ": 50}
    assert table.dtype == np.dtype(np.float32 if kind == pl.Float32 else np.float64)
    for symbol in table.symbols:
        rows, part = table.rows(symbol), frame(kind=kind).filter(pl.col("s") == symbol)
        assert rows.X.dtype == table.dtype
        np.testing.assert_array_equal(rows.X, part.select("a", "b").to_numpy())
        np.testing.assert_array_equal(rows.y, part["y"].to_numpy())
        assert rows.time is not None
        np.testing.assert_array_equal(rows.time, part["t"].to_numpy())
        np.testing.assert_array_equal(rows.label_end, part["e"].to_numpy())  # type: ignore[arg-type]
        np.testing.assert_array_equal(rows.returns, part["r"].to_numpy())  # type: ignore[arg-type]
        assert rows.weight is None


def test_a_part_of_the_rows_is_a_view_of_the_mapped_file(schema: Schema, tmp_path: Path) -> None:
    rows = share_table(schema, tmp_path / "work").rows("NQ")
    part = rows.take(np.arange(10, 30))
    base: Any = part.X
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert isinstance(base, np.memmap)
    assert base.mode == "r"
    assert not part.X.flags.writeable


def test_other_processes_open_the_same_arrays(schema: Schema, tmp_path: Path) -> None:
    table = share_table(schema, tmp_path / "work")
    again = pickle.loads(pickle.dumps(table))
    np.testing.assert_array_equal(again.rows("NQ").X, table.rows("NQ").X)
    assert len(pickle.dumps(table)) < 1000
    said = (
        "import sys; from pathlib import Path; "
        "from cvn_orchestrator.data.shared import open_shared; "
        "print(open_shared(Path(sys.argv[1])).rows('NQ').X.sum())"
    )
    done = subprocess.run(
        [sys.executable, "-c", said, table.folder], capture_output=True, text=True, check=True
    )
    np.testing.assert_allclose(float(done.stdout), table.rows("NQ").X.sum())


def test_arrays_are_made_once_for_each_content(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    first = share_table(schema, work)
    monkeypatch.setattr(shared, "read_tables", lambda path: pytest.fail("read again"))
    os.utime(schema.path)  # the time of the file is not its content
    assert share_table(schema, work) == first
    monkeypatch.undo()
    frame(51).write_parquet(schema.path)
    second = share_table(schema, work)
    assert second.folder != first.folder
    assert second.n_rows["NQ"] == 51
    assert sorted(path.name for path in work.iterdir()) == sorted(
        [first.folder.name, second.folder.name]
    )


def test_another_role_of_a_column_is_other_content(schema: Schema, tmp_path: Path) -> None:
    work = tmp_path / "work"
    base = share_table(schema, work)
    assert share_table(replace(schema, features=("b", "a")), work).folder != base.folder
    assert share_table(replace(schema, returns=None, exclude=("r",)), work).folder != base.folder
    assert share_table(replace(schema, feature_version="2"), work).folder == base.folder


def test_other_features_of_the_same_rows_are_the_same_question(
    schema: Schema, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    frame().with_columns(w=pl.col("r").abs()).write_parquet(schema.path)
    base = share_table(schema, work)
    same = (
        replace(schema, features=("b",)),
        replace(schema, exclude=("a",)),
        replace(schema, weight="w"),
        replace(schema, returns=None, exclude=("r",)),
        replace(schema, label_end=None, exclude=("e",)),
        replace(schema, path=schema.path.rename(tmp_path / "renamed.parquet")),
    )
    schema.path.hardlink_to(tmp_path / "renamed.parquet")
    for one in same:
        table = share_table(one, work)
        assert table.question == base.question
        assert table.content != base.content
    other = frame().with_columns(y2=1 - pl.col("y"), t2=pl.col("t"), s2=pl.col("s"))
    other.write_parquet(schema.path)
    named = replace(schema, features=("a", "b"))
    questions = [
        share_table(one, work).question
        for one in (
            named,
            replace(named, label="y2"),
            replace(named, time="t2"),
            replace(named, symbol="s2"),
        )
    ]
    assert len({base.question, *questions}) == 5


def test_a_file_of_another_name_is_another_question_where_it_is_the_symbol(tmp_path: Path) -> None:
    one = frame().filter(pl.col("s") == "NQ").drop("s", "e")
    for name in ("NQ", "ES"):
        one.write_parquet(tmp_path / f"{name}.parquet")
    tables = [
        share_table(Schema(tmp_path / f"{name}.parquet", time="t", label="y"), tmp_path / "work")
        for name in ("NQ", "ES")
    ]
    assert tables[0].question != tables[1].question


def test_a_write_that_is_cut_leaves_nothing_that_is_taken_for_whole(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"

    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shared, "_write_matrix", full)
    with pytest.raises(OSError, match="No space left"):
        share_table(schema, work)
    assert list(work.iterdir()) == []
    monkeypatch.undo()
    assert share_table(schema, work).n_rows["NQ"] == 50


def test_whoever_comes_second_takes_what_is_there(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process finishes between the look and the rename."""
    work = tmp_path / "work"
    write = shared._write

    def overtaken(table: pl.DataFrame, schema: Schema, known: dict[str, str], folder: Path) -> None:
        monkeypatch.setattr(shared, "_write", write)
        share_table(schema, work)
        write(table, schema, known, folder)

    monkeypatch.setattr(shared, "_write", overtaken)
    table = share_table(schema, work)
    assert [path.name for path in work.iterdir()] == [table.folder.name]
    assert open_shared(table.folder) == table


def test_an_unsound_table_has_no_arrays(schema: Schema, tmp_path: Path) -> None:
    frame().with_columns(y=pl.lit(2), a=pl.lit("x")).write_parquet(schema.path)
    with pytest.raises(DataError) as caught:
        share_table(schema, tmp_path / "work")
    assert caught.value.code == "data_invalid"
    assert len(caught.value.faults) == 2
    assert str(caught.value).splitlines()[0].endswith("cannot be used, for 2 reason(s):")
    assert not (tmp_path / "work").exists()


def test_a_files_name_may_be_the_symbol(tmp_path: Path) -> None:
    folder = tmp_path / "bars"
    folder.mkdir()
    for name, part in frame().partition_by("s", as_dict=True).items():
        part.drop("s").write_csv(folder / f"{str(name[0])[:2]}.csv")
    schema = Schema(folder, time="t", label="y", features=("b",))
    assert share_table(schema, tmp_path / "work").symbols == ("ES", "NQ")


def test_a_time_zone_is_told_in_utc(schema: Schema, tmp_path: Path) -> None:
    zoned = frame().with_columns(pl.col("t", "e").dt.replace_time_zone("Europe/Berlin"))
    zoned.write_parquet(schema.path)
    time = share_table(schema, tmp_path / "work").rows("NQ").time
    assert time is not None
    assert time[0] == np.datetime64("2023-12-31T23:00")


def test_an_unknown_symbol_and_an_absent_file_are_told(schema: Schema, tmp_path: Path) -> None:
    table = share_table(schema, tmp_path / "work")
    with pytest.raises(InputError, match="it has ES/2, NQ") as caught:
        table.rows("CL")
    assert caught.value.code == "symbol_missing"
    schema.path.unlink()
    with pytest.raises(InputError) as caught:
        share_table(schema, tmp_path / "work")
    assert caught.value.code == "data_unreadable"


def test_the_manifest_says_what_there_is(schema: Schema, tmp_path: Path) -> None:
    table = share_table(schema, tmp_path / "work")
    facts = json.loads((table.folder / "manifest.json").read_text())
    assert facts == {
        "content": table.content,
        "question": table.question,
        "files": table.files,
        "features": ["a", "b"],
        "n_rows": {"ES/2": 50, "NQ": 50},
    }


def test_files_that_change_while_they_are_read_are_refused(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the new rows would be kept under the name of the old ones."""
    read = shared.read_tables

    def late(path: Path) -> pl.DataFrame:
        frame(60).write_parquet(path)
        return read(path)

    with monkeypatch.context() as patched:
        patched.setattr(shared, "read_tables", late)
        with pytest.raises(InputError, match="changed while it was read") as caught:
            share_table(schema, tmp_path / "work")
    assert caught.value.code == "data_unreadable"
    assert not (tmp_path / "work").exists()
    assert share_table(schema, tmp_path / "work").n_rows == {"ES/2": 60, "NQ": 60}
