"""What a plan says of its table: where it is, and which column is what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cvn_harness_core import Payoff

FILE = "__file"
"""The column that says which file each row is from, by its name without ending."""


@dataclass(frozen=True)
class Schema:
    """The columns of a table by their role.

    Parameters
    ----------
    path
        A file, or a folder of files of one kind; see ``read_tables``.
    time, label
        When each row's features were known, and what came of it, 0 or 1.
    symbol
        What was traded. None: each file's name without its ending.
    label_end
        When each row's label was decided. None: nothing can be purged.
    returns, weight
        Realised net return of each row if it were traded, and sample weight, where known.
    features
        Feature columns in order. None: every column without another role, less ``exclude``.
    exclude
        Columns that are no features.
    feature_version
        Upstream name of the feature set.
    payoff
        What a signal earns and loses, where that is fixed.
    """

    path: Path
    time: str
    label: str
    symbol: str | None = None
    label_end: str | None = None
    returns: str | None = None
    weight: str | None = None
    features: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    feature_version: str = "unversioned"
    payoff: Payoff | None = None

    @property
    def roles(self) -> dict[str, str]:
        """The columns that have a role other than feature, by role."""
        names = ("symbol", "time", "label", "label_end", "returns", "weight")
        return {n: column for n in names if (column := getattr(self, n)) is not None}

    @property
    def symbol_column(self) -> str:
        """The column that says what was traded."""
        return FILE if self.symbol is None else self.symbol

    @property
    def money_known(self) -> bool:
        """Whether returns or a payoff say what a signal earns."""
        return self.returns is not None or self.payoff is not None

    def features_among(self, columns: list[str]) -> tuple[str, ...]:
        """Return the feature columns, in order, of a table with these columns."""
        if self.features is not None:
            return self.features
        others = {*self.roles.values(), *self.exclude, FILE}
        return tuple(column for column in columns if column not in others)
