"""Which features a model was trained on: their names, order and dtype under an upstream name."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

from cvn_harness_core.errors import InputError


@dataclass(frozen=True)
class FeatureVersion:
    """An upstream name plus the ordered feature names and the matrix's dtype.

    Two versions are the same when their digests are; the name is part of it, so a feature set that
    changed its meaning but not its columns can be told apart by its author.
    """

    name: str
    feature_names: tuple[str, ...]
    dtype: str

    def __post_init__(self) -> None:
        names = self.feature_names
        object.__setattr__(self, "name", str(self.name))
        empty = [i for i, n in enumerate(names) if not isinstance(n, str) or not n.strip()]
        if not names or empty:
            where = f"feature names at positions {empty[:5]} are" if empty else "feature_names is"
            message = f"{where} empty; every column of X needs a name."
            raise InputError("feature_names_missing", message)
        if len(set(names)) != len(names):
            twice = sorted({n for n in names if names.count(n) > 1})
            message = f"feature names occur more than once: {twice[:5]}; names must be unique."
            raise InputError("feature_names_duplicate", message)
        object.__setattr__(self, "feature_names", tuple(str(n) for n in names))

    @cached_property
    def digest(self) -> str:
        """SHA-256 over name, ordered feature names and dtype, as 64 hex digits."""
        identity = json.dumps([self.name, list(self.feature_names), self.dtype])
        return hashlib.sha256(identity.encode()).hexdigest()

    def require(self, other: FeatureVersion) -> None:
        """Raise an InputError that says what differs, unless ``other`` is this version.

        ``self`` is what the model was trained on, ``other`` what it is asked to predict with.
        """
        expected, given = self.feature_names, other.feature_names
        if len(expected) != len(given):
            missing = [n for n in expected if n not in set(given)]
            extra = [n for n in given if n not in set(expected)]
            message = (
                f"the model was trained on {len(expected)} features and got {len(given)}; "
                f"missing: {missing[:5]}, unexpected: {extra[:5]}."
            )
            raise InputError("feature_width", message)
        for i, (want, have) in enumerate(zip(expected, given, strict=True)):
            if want != have:
                message = (
                    f"feature {i} is {have!r} where the model was trained on {want!r}; give the "
                    "columns by the same names in the same order "
                    "(artifact.feature_version.feature_names)."
                )
                raise InputError("feature_order", message)
        if self.digest != other.digest:
            message = (
                f"the model was trained on feature version {self.name!r} ({self.dtype}) and got "
                f"{other.name!r} ({other.dtype}); recompute the features with the trained version."
            )
            raise InputError("feature_version", message)
