"""A key is what a result depends on, to the bit, or there is none."""

from __future__ import annotations

import copy
import json
import math
import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvn_harness_core import Datasets, Key, Payoff, StoreError, TrainingPolicy, key_of
from cvn_harness_core.store.explain import differences, nearest

DTYPES = ("<f8", ">f8", "<f4", "<i8", "|i1", "<u2", "|b1", "<c16", "<M8[ns]", "<M8[D]", "<m8[s]")


@dataclass(frozen=True)
class Setting:
    rounds: int
    metric: str = "log_loss"


@dataclass(frozen=True)
class Other:
    rounds: int
    metric: str = "log_loss"


@dataclass
class Mutable:
    rounds: int = 1


class Colour(IntEnum):
    RED = 1


class Text(str):
    __slots__ = ()


def digest(value: Any) -> str:
    return key_of("model", {"value": value}).digest


# --- what changes a key ---------------------------------------------------------------------

DIFFERENT: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2**70,
    2**20_000,
    0.0,
    -0.0,
    1.0,
    math.nextafter(1.0, 2.0),
    math.inf,
    -math.inf,
    math.nan,
    "",
    "0",
    "1",
    "1.0",
    "None",
    "True",
    "nan",
    "int(1)",
    "x" * 500,
    "x" * 501,
    b"",
    b"1",
    b"x" * 500,
    (),
    [],
    {},
    (1,),
    [1],
    ((1,),),
    ("ab", "c"),
    ("a", "bc"),
    ("a", "b", "c"),
    ("abc",),
    ('a", "b',),
    ([1], 2),
    ([1, 2],),
    {"1": 1},
    {"1": True},
    {"1": None},
    {"a": {"b": 1}},
    {"a.b": 1},
    {'"a.b"': 1},
    {"a": {}},
    {"a": ()},
    {"": 1},
    [{"a": {"b": 1}}],
    [{"a.b": 1}],
    [{}],
    Setting(1),
    Setting(2),
    Other(1),
    {"rounds": 1, "metric": "log_loss"},
    [Setting(1)],
    [Other(1)],
    [{"rounds": 1, "metric": "log_loss"}],
    f"class {__name__}.Setting",
    np.float64(1),
    np.float32(1),
    np.int64(1),
    np.bool_(1),
    np.str_("1"),
    np.array(1.0),
    np.array([1.0]),
    np.array([[1.0]]),
    np.array([1.0], dtype=">f8"),
    np.array([1.0], dtype=np.float32),
    np.array([0.0]),
    np.array([-0.0]),
    np.array([]),
    np.empty((0, 3)),
    np.empty((3, 0)),
    np.empty((0, 4)),
    np.arange(6).reshape(2, 3),
    np.arange(6).reshape(3, 2),
    np.array(["1"]),
    np.array([b"1"]),
    np.array(["1", ""]),
    np.datetime64("2020-01-01"),
    np.datetime64("2020-01-01", "ns"),
    np.timedelta64(1, "D"),
    np.timedelta64(24, "h"),
    np.array(["2020-01-01"], dtype="datetime64[D]"),
    np.array(["2020-01-01"], dtype="datetime64[ns]"),
]


def test_no_two_of_many_similar_values_have_one_key() -> None:
    found: dict[str, int] = {}
    for i, value in enumerate(DIFFERENT):
        assert found.setdefault(digest(value), i) == i, (DIFFERENT[found[digest(value)]], value)


def test_every_nan_is_told_apart() -> None:
    quiet, payload, negative = (
        struct.unpack("<d", struct.pack("<Q", bits))[0]
        for bits in (0x7FF8000000000000, 0x7FF8000000000001, 0xFFF8000000000000)
    )
    assert len({digest(value) for value in (quiet, payload, negative)}) == 3
    assert digest(quiet) == digest(math.nan)


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


def exact(value: Any) -> Any:
    """What two values must share to be the same, told independently of the store."""
    if isinstance(value, float):
        return "float", struct.pack("<d", value)
    if isinstance(value, dict):
        return "dict", frozenset((name, exact(content)) for name, content in value.items())
    if isinstance(value, list | tuple):
        return type(value).__name__, tuple(map(exact, value))
    return type(value).__name__, value


@given(values, values)
def test_two_values_have_one_key_only_if_they_are_the_same(a: Any, b: Any) -> None:
    assert (digest(a) == digest(b)) == (exact(a) == exact(b))


@given(values)
def test_an_equal_value_has_the_same_key(value: Any) -> None:
    assert digest(copy.deepcopy(value)) == digest(value)


@given(st.data())
def test_any_one_bit_of_any_array_changes_the_key(data: st.DataObject) -> None:
    dtype = np.dtype(data.draw(st.sampled_from(DTYPES)))
    shape = data.draw(st.sampled_from([(), (1,), (7,), (2, 3), (3, 1, 2)]))
    size = math.prod(shape) * dtype.itemsize
    content = data.draw(st.binary(min_size=size, max_size=size))
    bit = data.draw(st.integers(0, 8 * size - 1))
    flipped = bytearray(content)
    flipped[bit // 8] ^= 1 << bit % 8
    before = np.frombuffer(content, dtype).reshape(shape)
    after = np.frombuffer(bytes(flipped), dtype).reshape(shape)
    assert digest(before) != digest(after)
    assert digest(before) == digest(before.copy())
    assert digest([before]) != digest([after])


PARTS: dict[str, Any] = {
    "data": {
        f"{split}.{name}": np.arange(3, dtype="<i8").view(dtype)
        for split in ("train", "val", "test")
        for name, dtype in {
            "X": "f8",
            "y": "i8",
            "weight": "f8",
            "time": "M8[ns]",
            "label_end": "M8[ns]",
            "returns": "f8",
        }.items()
    },
    "feature_version": "v1",
    "params": {"learning_rate": 0.1, "n_estimators": 100, "objective": "binary", "flag": True},
    "policy": TrainingPolicy.economic(),
    "seed": 7,
    "n_threads": 2,
    "libraries": {"lightgbm": "4.6.0", "numpy": "2.0"},
    "code": "0f" * 32,
}


def fields_of(parts: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(parts, dict):
        return [p for name, part in parts.items() for p in fields_of(part, (*path, name))]
    return [path]


def flipped(value: Any, bit: int) -> Any:
    """Return the value with one bit of it changed."""
    match value:
        case bool():
            return not value
        case int():
            return value ^ (1 << bit % 40)
        case float():
            (bits,) = struct.unpack("<Q", struct.pack("<d", value))
            return struct.unpack("<d", struct.pack("<Q", bits ^ (1 << bit % 64)))[0]
        case str():
            at = bit % len(value)
            return value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
        case np.ndarray():
            changed = bytearray(value.tobytes())
            changed[bit // 8 % len(changed)] ^= 1 << bit % 8
            return np.frombuffer(bytes(changed), value.dtype)
    return TrainingPolicy.adr0089()


@given(st.sampled_from(fields_of(PARTS)), st.integers(min_value=0, max_value=10**6))
def test_any_one_bit_of_any_part_is_a_miss_that_names_the_part(
    path: tuple[str, ...], bit: int
) -> None:
    *above, last = path
    changed = copy.deepcopy(PARTS)
    holder = changed
    for name in above:
        holder = holder[name]
    holder[last] = flipped(holder[last], bit)
    before, after = key_of("model", PARTS), key_of("model", changed)
    assert before.digest != after.digest
    shown = ".".join(json.dumps(name) if "." in name else name for name in path)
    assert all(
        d.part == shown or d.part.startswith(f"{shown}.") for d in differences(before, after)
    )
    assert differences(before, after)


def test_the_kind_is_part_of_the_key() -> None:
    assert key_of("model", PARTS).digest != key_of("ensemble", PARTS).digest
    assert key_of("model", {}).digest != key_of("model", {"": {}}).digest


# --- what does not --------------------------------------------------------------------------


def test_the_order_and_the_type_of_a_mapping_do_not_matter() -> None:
    one, two = {"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}
    assert digest(one) == digest(two) == digest(MappingProxyType(one))
    assert digest([one]) == digest([two]) == digest([MappingProxyType(one)])


def test_how_an_array_lies_in_memory_does_not_matter(tmp_path: Path) -> None:
    array = np.arange(24.0).reshape(4, 6)
    np.save(tmp_path / "a.npy", array)
    forms = [
        np.asfortranarray(array),
        np.arange(48.0).reshape(4, 12)[:, ::2] / 2,
        np.repeat(array, 2, axis=0)[::2],
        np.load(tmp_path / "a.npy", mmap_mode="r"),
    ]
    assert {digest(form) for form in forms} == {digest(array)}


def test_a_key_is_the_same_in_every_process_and_release() -> None:
    key = key_of(
        "model", {"a": [1, 0.5, "x"], "b": Payoff(1.5, 0.5), "c": np.arange(3, dtype="<i4")}
    )
    assert dict(key.parts) == {
        "a": 'list(1, 0.5, "x")',
        "b": "class cvn_harness_core.contracts.payoff.Payoff",
        "b.cost": "0.0",
        "b.stop_loss": "0.5",
        "b.take_profit": "1.5",
        "c": "<i4(3):0298bfd37e5ab2295edcb080ad7531838597267d3579baa3a6a6305423a29601",
    }
    assert key.digest == "cdef0ee817782b854111fbbb431e806743b6ba1d4a4f264d34b729657ac4235f"
    assert pickle.loads(pickle.dumps(key)) == key
    assert {key: 1}[pickle.loads(pickle.dumps(key))] == 1


# --- what is refused ------------------------------------------------------------------------

REFUSED: dict[str, Any] = {
    "an object": object(),
    "a function": len,
    "a class": int,
    "a set": {1},
    "a date of Python's": datetime(2020, 1, 1),
    "a path": Path("x"),
    "a mutable dataclass": Mutable(),
    "a dataclass's class": Setting,
    "an enumeration": Colour.RED,
    "a str subclass": Text("x"),
    "a complex number": 1j,
    "an array of objects": np.array([1, "a"], dtype=object),
    "an array of records": np.zeros(2, dtype=[("a", "f8")]),
    "an array with padding": np.zeros(2, dtype=np.longdouble),
    "a masked array": np.ma.masked_array([1, 2], [0, 1]),
    "a name that is no str": {1: 2},
    "text that is no Unicode": "\ud800",
    "a name that is no Unicode": {"\ud800": 1},
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [{"b": (v,)}]], ids=["plain", "nested"])
def test_what_cannot_be_told_is_refused_with_its_path(what: str, wrap: Any) -> None:
    with pytest.raises(StoreError, match=r"^policy\.theta") as caught:
        key_of("model", {"seed": 1, "policy": {"theta": wrap(REFUSED[what])}})
    assert caught.value.code == "key_type_unknown"


def test_a_value_that_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    circle: dict[str, Any] = {}
    circle["again"] = circle
    for value in (loop, circle):
        with pytest.raises(StoreError) as caught:
            digest(value)
        assert caught.value.code == "key_type_unknown"


def test_a_kind_is_a_name() -> None:
    for kind in ("", "a b", "a/b", 1):
        with pytest.raises(StoreError, match="kind"):
            key_of(kind, {})  # type: ignore[arg-type]


# --- why not --------------------------------------------------------------------------------


def test_differences_are_told_with_both_values() -> None:
    a = key_of("model", {"params": {"rate": 0.1, "old": 1}, "x": np.zeros(2)})
    b = key_of("model", {"params": {"rate": 0.2, "new": "y"}, "x": np.zeros(2)})
    assert [tuple(d) for d in differences(a, b)] == [
        ("params.new", None, '"y"'),
        ("params.old", "1", None),
        ("params.rate", "0.1", "0.2"),
    ]
    assert differences(a, a) == []
    assert differences(a, Key("ensemble", a.parts))[0] == ("kind", "model", "ensemble")


def test_the_nearest_is_of_the_same_kind_and_differs_least() -> None:
    wanted = {"a": 1, "b": 2, "c": 3}
    key = key_of("model", wanted)
    far = key_of("model", wanted | {"a": 9, "b": 9})
    near = key_of("model", wanted | {"a": 9})
    stranger = key_of("ensemble", wanted)
    assert nearest(key, [far, stranger, near, key]) == near
    assert nearest(key, [stranger, key]) is None


# --- the data -------------------------------------------------------------------------------


def test_every_array_of_the_data_is_a_part_by_its_name(parts: Mapping[str, Any]) -> None:
    names = ("momentum", "spread", "volume", "hour")
    data = Datasets.from_arrays(**parts, feature_names=names)
    before = data.content()
    arrays = ("X", "y", "time", "label_end", "returns", "weight", "symbol")
    assert set(before) == {f"{s}.{n}" for s in ("train", "val", "test") for n in arrays}
    assert before["val.X"].startswith("<f8(160,4):")


def test_data_changed_in_place_are_other_data(parts: Mapping[str, Any]) -> None:
    data = Datasets.from_arrays(**parts, feature_names=("momentum", "spread", "volume", "hour"))
    before, content = data.digest, data.content()
    X = parts["test"]["X"]
    X[0, 0] = np.nextafter(X[0, 0], np.inf)
    assert data.digest != before
    after = data.content()
    assert {name for name in content if content[name] != after[name]} == {"test.X"}
