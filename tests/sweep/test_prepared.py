"""A cell's data: views of mapped arrays, never a leak, trainable in any arrangement of folds."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cvn_harness_core import Datasets, InputError
from cvn_orchestrator.errors import DataError, PlanError, SplitsError
from cvn_orchestrator.plan.reading import read_plan
from cvn_orchestrator.sweep.prepared import Cell, PreparedSweep, lay, prepare

from .small import HEAD, bars, late, write

LGBM = '[variants.lgbm]\nmodel = "lightgbm"\nparams = { n_estimators = 5 }\n'
COMBINATORIAL = HEAD.replace(
    'kind = "walk_forward"\nn_folds = 2\nval_days = 200\ntest_days = 100\n',
    'kind = "combinatorial"\nn_groups = 5\nn_test_groups = 2\n',
)


def prepared(tmp_path: Path, text: str, table: pl.DataFrame | None = None) -> PreparedSweep:
    return prepare(read_plan(write(tmp_path, text, table)), tmp_path / "work")


def test_cells_are_symbols_folds_and_variants(tmp_path: Path) -> None:
    sweep = prepared(tmp_path, HEAD + LGBM + LGBM.replace(".lgbm", ".b"))
    assert sweep.cells == tuple(
        Cell(symbol, fold, name)
        for symbol in ("ES", "NQ")
        for fold in (1, 2)
        for name in ("lgbm", "b")
    )
    assert sweep.cells[0].name == "ES/1/lgbm"
    assert prepared(tmp_path, HEAD.replace("costs", 'symbols = ["NQ"]\ncosts') + LGBM).symbols == (
        "NQ",
    )


def test_a_cells_data_are_what_from_frame_gives(tmp_path: Path) -> None:
    sweep = prepared(tmp_path, HEAD + LGBM)
    window = sweep.survey.folds[0]
    expected = Datasets.from_frame(
        bars().filter(pl.col("s") == "NQ").drop("s"),
        label="y",
        time="t",
        label_end="e",
        returns="r",
        train_from=window.train[0].start,
        val_from=window.val[0].start,
        test_from=window.test[0].start,
        test_until=window.test[0].until,
        embargo=sweep.plan.splits.embargo,
        payoff=sweep.plan.schema.payoff,
    )
    found = pickle.loads(pickle.dumps(sweep)).datasets("NQ", 1)
    assert found.digest == expected.digest
    assert found.tags == {"symbol": "NQ", "fold": "1"}
    assert found.order == "forward"


def test_test_rows_are_not_copied_and_neither_are_others_where_labels_end_in_order(
    tmp_path: Path,
) -> None:
    steady = bars().with_columns(e=pl.col("t") + pl.duration(days=3))
    for table, mapped in ((bars(), {"test"}), (steady, {"train", "val", "test"})):
        datasets = prepared(tmp_path, HEAD + LGBM, table).datasets("ES", 2)
        for name, split in datasets.splits():
            base = split.X
            while isinstance(base.base, np.ndarray):
                base = base.base
            assert isinstance(base, np.memmap) or name not in mapped, name


def test_combinatorial_folds_are_trained_like_any(tmp_path: Path) -> None:
    sweep = prepared(tmp_path, COMBINATORIAL + LGBM + "policy = { out_of_fold = 2 }\n")
    assert len(sweep.survey.folds) == 10
    datasets = sweep.datasets("ES", 5)  # one group is tested that older rows train
    assert datasets.order == "any"
    assert datasets.train.time is not None
    assert datasets.test.time is not None
    assert datasets.train.time.max() > datasets.test.time.min()
    artifact = sweep.plan.variants[0].train(datasets).artifact
    assert artifact.metrics["test"].n == len(datasets.test)
    assert artifact.tags == {"symbol": "ES", "fold": "5", "variant": "lgbm"}
    assert sweep.datasets("ES", 10).order == "forward"


def test_rows_that_leak_are_refused_wherever_they_are_asked_for(tmp_path: Path) -> None:
    plan = read_plan(write(tmp_path, HEAD.replace("embargo", "purge = false\nembargo") + LGBM))
    sweep = lay(plan, tmp_path / "work")
    with pytest.raises(SplitsError) as caught:
        sweep.survey.require_sound(plan.splits)
    assert caught.value.code == "splits_leak"
    assert len(caught.value.faults) == 8  # two symbols, two folds, train and validation
    with pytest.raises(SplitsError):
        sweep.datasets("ES", 1)


def test_a_fold_that_a_symbol_lacks_fails_or_is_refused_or_skipped(tmp_path: Path) -> None:
    sweep = prepared(tmp_path, HEAD + LGBM, late(850))
    assert Cell("NQ", 1, "lgbm") in sweep.cells
    with pytest.raises(SplitsError, match="NQ, fold 1: train has no rows") as caught:
        sweep.datasets("NQ", 1)
    assert caught.value.code == "splits_incomplete"
    with pytest.raises(SplitsError) as caught:
        prepared(
            tmp_path, HEAD.replace("embargo", 'incomplete = "refuse"\nembargo') + LGBM, late(850)
        )
    assert caught.value.code == "splits_incomplete"
    assert caught.value.faults == ("NQ, fold 1: train has no rows",)
    sweep = prepared(
        tmp_path, HEAD.replace("embargo", 'incomplete = "skip"\nembargo') + LGBM, late(850)
    )
    assert sweep.incomplete == (("NQ", 1, ("train has no rows",)),)
    assert Cell("NQ", 1, "lgbm") not in sweep.cells
    assert Cell("NQ", 2, "lgbm") in sweep.cells


def test_a_plan_of_nothing_but_skipped_folds_is_refused(tmp_path: Path) -> None:
    table = bars().with_columns(y=pl.lit(1))
    with pytest.raises(SplitsError, match="nothing is left to train") as caught:
        prepared(tmp_path, HEAD.replace("embargo", 'incomplete = "skip"\nembargo') + LGBM, table)
    assert caught.value.code == "splits_incomplete"


def test_one_class_is_lacking_where_it_would_be_refused(tmp_path: Path) -> None:
    table = bars().with_columns(y=pl.when(pl.col("s") == "NQ").then(0).otherwise("y"))
    with pytest.raises(SplitsError) as caught:
        prepared(tmp_path, HEAD.replace("embargo", 'incomplete = "refuse"\nembargo') + LGBM, table)
    assert caught.value.faults[0] == (
        "NQ, fold 1: train has labels of one class only; val has labels of one class only"
    )


def test_symbols_that_the_table_lacks_are_all_told(tmp_path: Path) -> None:
    text = HEAD.replace("costs", 'symbols = ["CL", "ES", "GC"]\ncosts') + LGBM
    with pytest.raises(DataError) as caught:
        prepared(tmp_path, text)
    assert caught.value.faults == (
        "'CL' is not there; there are ES, NQ",
        "'GC' is not there; there are ES, NQ",
    )


def test_one_value_a_feature_is_counted_once_the_features_are_known(tmp_path: Path) -> None:
    text = HEAD + LGBM.replace("= 5", "= 5, monotone_constraints = [1, 0]")
    with pytest.raises(PlanError, match="one value for each of the 3 features"):
        prepared(tmp_path, text)


def test_a_short_history_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        prepared(tmp_path, HEAD.replace("n_folds = 2", "n_folds = 20") + LGBM)
    assert caught.value.code == "history_too_short"
