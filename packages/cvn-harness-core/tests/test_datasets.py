"""Three splits belong together or are refused; their digest is what they are."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvn_harness_core import Datasets, FeatureVersion, HarnessError, InputError, Payoff, Split
from cvn_harness_core.contracts.datasets import _overlapping

Parts = dict[str, dict[str, Any]]
Train = Callable[..., Any]
Refused = Callable[..., AbstractContextManager[Any]]

DAY = np.timedelta64(1, "D")
SPLITS = ("train", "val", "test")


# --- what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("where", ["train", "val"])
def test_one_class_cannot_be_learnt_or_judged(
    where: str, label: int, parts: Parts, train: Train, refused: Refused
) -> None:
    parts[where]["y"] = np.full(len(parts[where]["y"]), label)
    with refused(InputError, "labels_one_class", match=f"^{where}: all .* labels are {label}"):
        train(parts)


def test_one_class_may_be_all_that_test_holds(parts: Parts, train: Train) -> None:
    parts["test"]["y"] = np.zeros(len(parts["test"]["y"]))
    metrics = train(parts).metrics["test"]
    assert metrics.roc_auc is None
    assert metrics.undefined["roc_auc"] == "only one class among the labels"
    assert metrics.log_loss is not None


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (("a", "b", "c", "a"), "feature_names_duplicate"),
        (("a", "b", "", "d"), "feature_names_missing"),
        (("a", "b", "  ", "d"), "feature_names_missing"),
        (("a", "b", None, "d"), "feature_names_missing"),
        (("a", "b", "c"), "feature_names_missing"),
        (("a", "b", "c", "d", "e"), "feature_names_missing"),
        ((), "feature_names_missing"),
    ],
)
def test_every_feature_has_one_name_of_its_own(
    given: tuple[str, ...], code: str, parts: Parts, train: Train, refused: Refused
) -> None:
    with refused(InputError, code):
        train(parts, feature_names=given)


@pytest.mark.parametrize("where", ["val", "test"])
def test_splits_are_equally_wide(where: str, parts: Parts, train: Train, refused: Refused) -> None:
    parts[where]["X"] = parts[where]["X"][:, :3]
    with refused(InputError, "feature_width", match=f"^{where}: "):
        train(parts)


@pytest.mark.parametrize("where", ["val", "test"])
def test_splits_have_one_dtype(where: str, parts: Parts, train: Train, refused: Refused) -> None:
    parts[where]["X"] = parts[where]["X"].astype(np.float32)
    with refused(InputError, "features_dtype", match=f"^{where}: "):
        train(parts)


@pytest.mark.parametrize(("earlier", "later"), [("train", "val"), ("val", "test")])
def test_no_label_reaches_into_the_next_split(
    earlier: str, later: str, parts: Parts, train: Train, refused: Refused
) -> None:
    first = parts[later]["time"][0]
    parts[earlier]["label_end"] = parts[earlier]["label_end"].copy()
    parts[earlier]["label_end"][7] = first
    with refused(InputError, "split_leak", match=f"^1 labels of {earlier} reach into {later}"):
        train(parts)
    parts[earlier]["label_end"][7] = first - DAY
    train(parts)


@pytest.mark.parametrize(("earlier", "later"), [("train", "val"), ("val", "test")])
def test_splits_follow_one_another_where_no_label_end_is_known(
    earlier: str, later: str, parts: Parts, train: Train, refused: Refused
) -> None:
    for part in parts.values():
        del part["label_end"]
    parts[later]["time"] = parts[earlier]["time"][-1] + np.arange(len(parts[later]["y"])) * DAY
    with refused(InputError, "split_leak", match=f"^1 rows of {earlier} reach into {later}"):
        train(parts)


def in_any_order(parts: Parts, names: tuple[str, ...]) -> Datasets:
    return Datasets(
        **{n: Split(**part) for n, part in parts.items()}, feature_names=names, order="any"
    )


def test_validation_and_test_may_lie_before_train_only_if_that_is_asked_for(
    parts: Parts, names: tuple[str, ...], refused: Refused
) -> None:
    parts["train"], parts["test"] = parts["test"], parts["train"]
    data = in_any_order(parts, names)
    assert data.train.time is not None
    assert data.test.time is not None
    assert data.train.time.min() > data.test.time.max()
    with refused(InputError, "split_leak"):
        replace(data, order="forward")
    with refused(InputError, "setting_invalid", match="order is 'backward'"):
        replace(data, order="backward")


@pytest.mark.parametrize(("one", "other"), [("train", "val"), ("train", "test"), ("val", "test")])
def test_in_any_order_no_two_labels_of_two_splits_share_a_moment(
    one: str, other: str, parts: Parts, names: tuple[str, ...], refused: Refused
) -> None:
    if (one, other) == ("train", "test"):
        parts["train"], parts["val"] = parts["val"], parts["train"]
    parts[one]["label_end"] = parts[one]["label_end"].copy()
    in_any_order(parts, names)
    last = len(parts[one]["y"]) - 1
    parts[one]["label_end"][last] = parts[other]["time"][0]
    with refused(InputError, "split_leak", match=rf"1 labels of {one} overlap .* at row {last}, "):
        in_any_order(parts, names)


labels_of_a_split = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 5)), min_size=1, max_size=8
)


@given(labels_of_a_split, labels_of_a_split)
def test_overlap_is_found_exactly(
    ours: list[tuple[int, int]], theirs: list[tuple[int, int]]
) -> None:
    def split(labels: list[tuple[int, int]]) -> Split:
        start, length = zip(*sorted(dict(labels).items()), strict=True)
        time = np.datetime64("2024-01-01", "ns") + np.array(start) * DAY
        rows = len(start)
        return Split(
            np.zeros((rows, 1)), np.zeros(rows), time=time, label_end=time + np.array(length) * DAY
        )

    one, other = split(ours), split(theirs)
    assert one.time is not None
    assert other.time is not None
    assert one.label_end is not None
    by_pairs = (one.time[:, None] <= other.label_end) & (other.time <= one.label_end[:, None])
    assert (_overlapping(one, other) == by_pairs.any(axis=1)).all()


def test_in_any_order_time_must_be_known(
    parts: Parts, names: tuple[str, ...], refused: Refused
) -> None:
    for part in parts.values():
        del part["time"], part["label_end"]
    with refused(InputError, "time_missing", match="order='any'"):
        in_any_order(parts, names)


@pytest.mark.parametrize("where", SPLITS)
def test_time_is_known_for_all_splits_or_none(
    where: str, parts: Parts, train: Train, refused: Refused
) -> None:
    del parts[where]["time"], parts[where]["label_end"]
    with refused(InputError, "time_missing"):
        train(parts)


@pytest.mark.parametrize("where", ["train", "val"])
def test_label_ends_are_known_for_all_splits_or_none(
    where: str, parts: Parts, train: Train, refused: Refused
) -> None:
    """Or else the labels of that split could reach into the next unseen."""
    del parts[where]["label_end"]
    with refused(InputError, "time_missing"):
        train(parts)


@pytest.mark.parametrize(
    ("version", "code"),
    [
        (FeatureVersion("v1", ("momentum", "spread", "volume"), "float64"), "feature_width"),
        (
            FeatureVersion("v1", ("spread", "momentum", "volume", "hour"), "float64"),
            "feature_order",
        ),
        (
            FeatureVersion("v1", ("momentum", "spread", "volume", "hour"), "float32"),
            "feature_version",
        ),
    ],
)
def test_a_feature_version_must_be_that_of_the_data(
    version: FeatureVersion, code: str, parts: Parts, train: Train, refused: Refused
) -> None:
    with refused(InputError, code):
        train(parts, feature_version=version)


@pytest.mark.parametrize("part", [None, 5, (1, 2, 3), "train"])
def test_a_split_is_a_pair_or_a_mapping(
    part: object, parts: Parts, train: Train, refused: Refused
) -> None:
    with refused(InputError, "shape_invalid", match="^val: "):
        train(parts | {"val": part})


@pytest.mark.parametrize("version", [3, None, b"v1"])
def test_a_feature_version_is_a_version_or_its_name(
    version: Any, parts: Parts, train: Train, refused: Refused
) -> None:
    with refused(InputError, "setting_invalid", match="feature_version"):
        train(parts, feature_version=version)


@pytest.mark.parametrize("payoff", [1.5, (1.5, 0.5), {"take_profit": 1.5}])
def test_a_payoff_is_a_payoff(payoff: Any, parts: Parts, train: Train, refused: Refused) -> None:
    with refused(InputError, "setting_invalid", match="payoff"):
        train(parts, payoff=payoff)


@pytest.mark.parametrize("part", [{"X": 1, "labels": 2}, {"X": [[1.0]]}, {}])
def test_a_mapping_has_the_names_of_a_split(
    part: Any, parts: Parts, train: Train, refused: Refused
) -> None:
    with refused(InputError, "shape_invalid", match="^train: "):
        train(parts | {"train": part})


def test_feature_names_are_not_one_text(parts: Parts, train: Train, refused: Refused) -> None:
    """Or else its letters would be the names."""
    with refused(InputError, "feature_names_missing"):
        train(parts, feature_names="abcd")


# --- what is kept ---------------------------------------------------------------------------


def test_pairs_mappings_and_splits_are_the_same_data(parts: Parts, names: tuple[str, ...]) -> None:
    pairs = {name: (part["X"], part["y"]) for name, part in parts.items()}
    mappings = {name: {"X": X, "y": y} for name, (X, y) in pairs.items()}
    splits = {name: Split(X, y) for name, (X, y) in pairs.items()}
    digests = {
        Datasets.from_arrays(**given, feature_names=names).digest
        for given in (pairs, mappings, splits)
    }
    assert len(digests) == 1


def test_the_arrays_of_the_splits_are_not_copied(parts: Parts, names: tuple[str, ...]) -> None:
    datasets = Datasets.from_arrays(**parts, feature_names=names)
    for name, split in datasets.splits():
        assert np.shares_memory(split.X, parts[name]["X"])


def test_data_survives_a_process_boundary(parts: Parts, names: tuple[str, ...]) -> None:
    datasets = Datasets.from_arrays(**parts, feature_names=names, payoff=Payoff(2, 1))
    again = pickle.loads(pickle.dumps(datasets))
    assert again.digest == datasets.digest
    assert replace(again).digest == datasets.digest


def test_a_version_is_made_of_the_name_the_features_and_the_dtype(datasets: Datasets) -> None:
    assert datasets.feature_version == FeatureVersion("sample-1", datasets.feature_names, "float64")


# --- the digest -----------------------------------------------------------------------------


def small(n: int, first_day: int) -> dict[str, Any]:
    rng = np.random.default_rng(first_day)
    time = (first_day + np.arange(n)).astype("datetime64[D]")
    return {
        "X": rng.normal(size=(n, 3)),
        "y": (np.arange(n) % 2).astype(np.int8),
        "time": time,
        "label_end": time + DAY,
        "returns": rng.normal(size=n),
        "weight": rng.uniform(1, 2, size=n),
        "symbol": np.arange(n) % 3,
    }


SMALL: Parts = {"train": small(12, 100), "val": small(8, 200), "test": small(8, 300)}
SMALL_NAMES = ("a", "b", "c")


def digest(parts: Parts, **changes: Any) -> str:
    arguments = {"feature_names": SMALL_NAMES, "payoff": Payoff(1.5, 0.5, cost=0.05), **changes}
    return Datasets.from_arrays(**parts, **arguments).digest


DIGEST = digest(SMALL)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_any_one_bit_of_any_array_changes_the_digest(data: st.DataObject) -> None:
    where = data.draw(st.sampled_from(SPLITS))
    name = data.draw(st.sampled_from(sorted(SMALL[where])))
    array = SMALL[where][name].copy()
    bits = np.unpackbits(array.view(np.uint8))
    bits[data.draw(st.integers(0, bits.size - 1))] ^= 1
    changed = np.packbits(bits).view(array.dtype).reshape(array.shape)
    try:
        assert digest(SMALL | {where: SMALL[where] | {name: changed}}) != DIGEST
    except HarnessError:
        return  # the change made it unusable, which is noticed as well


@settings(deadline=None)
@given(
    names=st.lists(st.text(min_size=1), min_size=3, max_size=3).filter(
        lambda names: tuple(names) != SMALL_NAMES
    )
)
def test_any_name_changes_the_digest(names: tuple[str, ...]) -> None:
    try:
        assert digest(SMALL, feature_names=names) != DIGEST
    except HarnessError:
        return  # blank or repeated


@settings(deadline=None)
@given(payoff=st.tuples(st.floats(0.1, 9), st.floats(0.1, 9), st.floats(0, 0.09)))
def test_any_payoff_has_its_own_digest(payoff: tuple[float, float, float]) -> None:
    assert (digest(SMALL, payoff=Payoff(*payoff)) == DIGEST) == (payoff == (1.5, 0.5, 0.05))


def test_what_else_changes_the_digest() -> None:
    others = {
        "no payoff": digest(SMALL, payoff=None),
        "a version": digest(SMALL, feature_version="v2"),
        "an order of names": digest(SMALL, feature_names=("a", "c", "b")),
    }
    for where in SPLITS:
        part = SMALL[where]
        others[f"{where}: single precision"] = digest(
            {name: {**p, "X": p["X"].astype(np.float32)} for name, p in SMALL.items()}
        )
        others[f"{where}: returns as weights"] = digest(
            SMALL | {where: part | {"returns": part["weight"]}}
        )
        for name in ("returns", "weight", "symbol"):
            less = {key: value for key, value in part.items() if key != name}
            others[f"{where} without {name}"] = digest(SMALL | {where: less})
    assert DIGEST not in others.values()


def test_a_value_that_moves_to_another_array_changes_the_digest() -> None:
    part = {name: SMALL["test"][name] for name in ("X", "y", "time", "label_end")}
    values = SMALL["test"]["weight"]
    as_weight = digest(SMALL | {"test": part | {"weight": values}})
    as_returns = digest(SMALL | {"test": part | {"returns": values}})
    assert as_weight != as_returns


def test_tags_and_memory_layout_do_not_change_the_digest() -> None:
    assert digest(SMALL, tags={"symbol": "ES", "fold": "9"}) == DIGEST
    fortran = {n: {**p, "X": np.asfortranarray(p["X"])} for n, p in SMALL.items()}
    assert digest(fortran) == DIGEST
    strided = {
        n: {**p, "returns": np.repeat(p["returns"], 2)[::2], "y": p["y"].astype(float)}
        for n, p in SMALL.items()
    }
    assert digest(strided) == DIGEST


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_moment_is_the_same_in_any_unit(unit: str) -> None:
    """Libraries and their versions store the same stamps in different units."""
    parts = {
        name: part | {t: part[t].astype(f"datetime64[{unit}]") for t in ("time", "label_end")}
        for name, part in SMALL.items()
    }
    assert digest(parts) == DIGEST


def test_symbols_are_their_text_whatever_holds_it() -> None:
    text = np.array(["ES", "NQ", "CL", "ES"] * 3)
    train = {name: SMALL["train"][name] for name in ("X", "y")}
    others = {name: {"X": SMALL[name]["X"], "y": SMALL[name]["y"]} for name in ("val", "test")}
    digests = {
        digest({"train": train | {"symbol": held}, **others})
        for held in (text, text.astype(object), text.astype("U20"), text.tolist())
    }
    assert len(digests) == 1


def test_tags_are_kept_as_text(datasets: Datasets) -> None:
    assert replace(datasets, tags={"fold": 3}).tags == {"fold": "3"}
