"""Train, validation and test together: what one training run sees, and its identity."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from cvn_harness_core.contracts.content import array_text, text_digest
from cvn_harness_core.contracts.features import FeatureVersion
from cvn_harness_core.contracts.payoff import Payoff
from cvn_harness_core.contracts.split import Array, NoRows, Split
from cvn_harness_core.errors import HarnessError, InputError

if TYPE_CHECKING:
    from cvn_harness_core.contracts.frame import Boundary, Embargo, Frame

SplitLike: TypeAlias = Split | tuple[Any, Any] | Mapping[str, Any]

SPLIT_NAMES = ("train", "val", "test")


@dataclass(frozen=True, eq=False)
class Datasets:
    """Train, validation and test, with the features' identity. Validated when it is made.

    Parameters
    ----------
    train, val, test
        A ``Split`` each. Train and validation hold both classes. Where time is known, it is known
        for all three, and no label of train reaches into validation or of validation into test.
        Test may be ``NoRows``.
    feature_names
        One unique name per column of X, the same order in every split.
    feature_version
        A ``FeatureVersion``, or its upstream name.
    payoff
        What a signal earns and loses; without it (and without ``returns``) money figures are
        undefined.
    tags
        Free labels of this run: ``symbol``, ``fold`` and ``variant`` appear in every event.
    order
        ``"forward"``: train lies before validation, and validation before test. ``"any"`` lets
        them lie anywhere, as combinatorial cross-validation does; time must then be known, and no
        label, from its row's time to its end, may overlap one of another split.

    Raises
    ------
    InputError
        With a code that names the fault.
    """

    train: Split
    val: Split
    test: Split
    feature_names: Sequence[str]
    feature_version: FeatureVersion | str = "unversioned"
    payoff: Payoff | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    order: Literal["forward", "any"] = "forward"

    def __post_init__(self) -> None:
        put = object.__setattr__
        for name, split in self.splits():
            if not isinstance(split, Split):
                message = f"{name} is a {type(split).__name__}; see Datasets.from_arrays."
                raise InputError("setting_invalid", message)
        if isinstance(self.feature_names, str):
            message = "feature_names is one text; give a sequence with a name for each column."
            raise InputError("feature_names_missing", message)
        for name, kinds in {
            "feature_version": FeatureVersion | str,
            "payoff": Payoff | None,
        }.items():
            if not isinstance(getattr(self, name), kinds):
                message = f"{name} is {getattr(self, name)!r}; it must be of type {kinds}."
                raise InputError("setting_invalid", message)
        put(self, "tags", {str(k): str(v) for k, v in self.tags.items()})
        dtype = str(self.train.X.dtype)
        given = self.feature_version
        name = given.name if isinstance(given, FeatureVersion) else given
        version = FeatureVersion(name, tuple(self.feature_names), dtype)
        if isinstance(given, FeatureVersion):
            given.require(version)
        put(self, "feature_version", version)
        put(self, "feature_names", version.feature_names)
        self._check_features()
        for split_name in ("train", "val"):
            labels = getattr(self, split_name).y
            if labels.min() == labels.max():
                message = (
                    f"{split_name}: all {labels.size} labels are {labels[0]}; both classes must "
                    "occur. Use a longer window or another label."
                )
                raise InputError("labels_one_class", message)
            weight = getattr(self, split_name).weight
            if weight is not None and not (weight[labels == 0].any() and weight[labels == 1].any()):
                message = f"{split_name}: the weights leave nothing of one class."
                raise InputError("weights_invalid", message)
        self._check_leak()

    @classmethod
    def from_arrays(
        cls,
        train: SplitLike,
        val: SplitLike,
        test: SplitLike | None,
        *,
        feature_names: Sequence[str],
        feature_version: FeatureVersion | str = "unversioned",
        payoff: Payoff | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Datasets:
        """Build from (X, y) pairs, mappings of Split's arguments, or ready splits.

        ``test`` None is for data that are judged elsewhere: the artifact then has no figures of
        test, its tradability is unknown, and nothing raises an alarm.
        """
        parts: dict[str, Split] = {}
        for name, part in zip(SPLIT_NAMES, (train, val, test), strict=True):
            try:
                none = name == "test" and part is None
                parts[name] = NoRows.of(parts["val"]) if none else _as_split(part)
            except HarnessError as error:
                raise error.at(name) from None
        return cls(
            parts["train"],
            parts["val"],
            parts["test"],
            feature_names=feature_names,
            feature_version=feature_version,
            payoff=payoff,
            tags=tags or {},
        )

    @classmethod
    def from_frame(
        cls,
        frame: Frame,
        *,
        label: str,
        features: list[str] | tuple[str, ...] | None = None,
        time: str | None = None,
        label_end: str | None = None,
        returns: str | None = None,
        weight: str | None = None,
        symbol: str | None = None,
        split: str | None = None,
        train_from: Boundary | None = None,
        val_from: Boundary | None = None,
        test_from: Boundary | None = None,
        test_until: Boundary | None = None,
        embargo: Embargo = 0,
        feature_version: FeatureVersion | str = "unversioned",
        payoff: Payoff | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Datasets:
        """Build from one pandas, polars or pyarrow table.

        The rows are divided either by a column (``split=``, holding train, val and test) or by
        calendar windows (``val_from=`` and ``test_from=``; half-open, optionally bounded by
        ``train_from=`` and ``test_until=``), purged: a row of train or validation whose label ends
        within ``embargo`` of the next window, or in it, is left out.

        Parameters
        ----------
        label, time, label_end, returns, weight, symbol
            Column names; see ``Split``.
        features
            Feature columns in order; by default every other column.
        embargo
            A ``timedelta`` (or numpy ``timedelta64``).

        Raises
        ------
        InputError
            ``data_column_missing``, ``features_not_numeric``, or any fault of the splits.
        """
        from cvn_harness_core.contracts.frame import divide

        columns = {
            "label": label,
            "time": time,
            "label_end": label_end,
            "returns": returns,
            "weight": weight,
            "symbol": symbol,
        }
        names, parts = divide(
            frame,
            columns,
            features=features,
            split=split,
            windows=(train_from, val_from, test_from, test_until),
            embargo=embargo,
        )
        return cls.from_arrays(
            **parts,
            feature_names=names,
            feature_version=feature_version,
            payoff=payoff,
            tags=tags,
        )

    def splits(self) -> Iterator[tuple[str, Split]]:
        """Yield ("train", Split), ("val", Split) and, where it has rows, ("test", Split)."""
        for name in SPLIT_NAMES:
            split = getattr(self, name)
            if not isinstance(split, NoRows):
                yield name, split

    def without_test(self) -> Datasets:
        """Return the same train and validation, arrays and all, and a test without rows.

        That is what adapters get: what is judged on test cannot have been fitted on it.
        """
        untested = copy.copy(self)  # nothing is checked again: it was when this one was made
        object.__setattr__(untested, "test", NoRows.of(self.val))
        return untested

    def content(self) -> dict[str, str]:
        """Return dtype, shape and BLAKE3 of every array, by its name (``train.X``, ``val.time``).

        Computed anew at each call: whoever owns the arrays may have changed them.
        """
        return {
            f"{split_name}.{name}": array_text(array)
            for split_name, split in self.splits()
            for name in ("X", "y", "time", "label_end", "returns", "weight", "symbol")
            if (array := getattr(split, name)) is not None
        }

    @property
    def digest(self) -> str:
        """BLAKE3 over ``content()``, the features' version and the payoff, as 64 hex digits.

        Tags are not part of it: they label a run and do not change it.
        """
        return self.digest_of(self.content())

    def digest_of(self, content: Mapping[str, str]) -> str:
        """Return the digest, given what ``content()`` returned: the arrays are not read again."""
        assert isinstance(self.feature_version, FeatureVersion)
        identity = [self.feature_version.digest, repr(self.payoff), content]
        return text_digest(json.dumps(identity, sort_keys=True))

    def _check_features(self) -> None:
        width, dtype = self.train.X.shape[1], self.train.X.dtype
        if len(self.feature_names) != width:
            message = (
                f"{len(self.feature_names)} feature names for {width} columns of X; every column "
                "needs exactly one."
            )
            raise InputError("feature_names_missing", message)
        for name, split in self.splits():
            if split.X.shape[1] != width:
                message = f"{name}: X has {split.X.shape[1]} columns where train has {width}."
                raise InputError("feature_width", message)
            if split.X.dtype != dtype:
                message = f"{name}: X is {split.X.dtype} where train is {dtype}; use one dtype."
                raise InputError("features_dtype", message)

    def _check_leak(self) -> None:
        for name in ("time", "label_end"):
            known = {getattr(split, name) is not None for _, split in self.splits()}
            if len(known) > 1:
                message = f"{name} is given for some splits and not for others; give it for all."
                raise InputError("time_missing", message)
        if self.order not in ("forward", "any"):
            message = f"order is {self.order!r}; it must be 'forward' or 'any'."
            raise InputError("setting_invalid", message)
        if self.order == "any":
            self._check_overlap()
            return
        if self.train.time is None:
            return
        for earlier_name, later_name in pairwise(name for name, _ in self.splits()):
            earlier, later = getattr(self, earlier_name), getattr(self, later_name)
            ends = earlier.time if earlier.label_end is None else earlier.label_end
            start = later.time.min()
            leaking = int((ends >= start).sum())
            if leaking:
                what = "rows" if earlier.label_end is None else "labels"
                message = (
                    f"{leaking} {what} of {earlier_name} reach into {later_name} (latest "
                    f"{ends.max()}, {later_name} starts {start}); purge them: "
                    "Datasets.from_frame(..., val_from=, test_from=) does."
                )
                raise InputError("split_leak", message)

    def _check_overlap(self) -> None:
        for (name, split), (other_name, other) in combinations(self.splits(), 2):
            if split.time is None:
                message = "order='any' needs time (and label_end) with every split."
                raise InputError("time_missing", message)
            overlapping = _overlapping(split, other)
            if overlapping.any():
                row = int(np.flatnonzero(overlapping)[0])
                ends = split.time if split.label_end is None else split.label_end
                message = (
                    f"{int(overlapping.sum())} labels of {name} overlap labels of {other_name} "
                    f"(first at row {row}, {split.time[row]} to {ends[row]}); purge them."
                )
                raise InputError("split_leak", message)


def _overlapping(split: Split, other: Split) -> Array:
    """Return which labels, (n,), share a moment with one of the other split's.

    Of the other's labels that begin before a label ends, those that end before it begins do not
    overlap it; all others do.
    """
    assert split.time is not None
    assert other.time is not None
    ends = split.time if split.label_end is None else split.label_end
    other_ends = other.time if other.label_end is None else other.label_end
    begun = np.searchsorted(np.sort(other.time), ends, side="right")
    over = np.searchsorted(np.sort(other_ends), split.time, side="left")
    overlapping: Array = begun > over
    return overlapping


def _as_split(part: SplitLike | None) -> Split:
    if isinstance(part, Split):
        return part
    if isinstance(part, Mapping):
        known = {f.name for f in fields(Split)}
        if not {"X", "y"} <= set(part) <= known:
            message = f"a mapping needs X and y, and may have {sorted(known)}; got {sorted(part)}."
            raise InputError("shape_invalid", message)
        return Split(**part)
    if isinstance(part, tuple) and len(part) == 2:
        return Split(*part)
    message = f"a split is a Split, an (X, y) pair or a mapping; got {type(part).__name__}."
    raise InputError("shape_invalid", message)
