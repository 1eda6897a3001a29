"""The tables of the results database.

Their names begin with ``cvn_``, so that they can live beside Optuna's, MLflow's and anybody's.
Figures are a tall table: which costs a run has is the plan's, and a figure that the core gains
later needs no migration. It is keyed by a number, not by the cell's digest, which is 64 characters
and would stand in every row.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator, UserDefinedType

HEAD = "1"
"""The newest revision of the migrations."""
VERSION_TABLE = "cvn_alembic_version"


class _Undeclared(UserDefinedType[float]):
    """SQLite's column without a type, which keeps a float as it is; a REAL one loses -0.0."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return no type."""
        return ""


class Utc(TypeDecorator[datetime]):
    """A datetime with a time zone, kept and given back in UTC; SQLite knows no time zones."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        """Return it in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        """Return it in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


REAL: sa.types.TypeEngine[float] = sa.Double().with_variant(_Undeclared(), "sqlite")
NUMBER: sa.types.TypeEngine[int] = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
METADATA = sa.MetaData()

RUNS = sa.Table(
    "cvn_runs",
    METADATA,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("plan", sa.JSON, nullable=False),
    sa.Column("baseline", sa.Text, nullable=False),
    sa.Column("variants", sa.JSON, nullable=False),
    sa.Column("costs", sa.JSON, nullable=False),
    sa.Column("cells", sa.Integer, nullable=False),
    sa.Column("environment", sa.JSON, nullable=False),
    sa.Column("started", Utc, nullable=False),
)

CELLS = sa.Table(
    "cvn_cells",
    METADATA,
    sa.Column("id", NUMBER, primary_key=True),
    sa.Column("run", sa.Text, sa.ForeignKey("cvn_runs.run"), nullable=False),
    sa.Column("cell", sa.Text, nullable=False),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("fold", sa.Integer, nullable=False),
    sa.Column("variant", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("finished", Utc, nullable=False),
    sa.Column("seconds", REAL, nullable=False),
    sa.Column("error_type", sa.Text),
    sa.Column("error_code", sa.Text),
    sa.Column("error_message", sa.Text),
    sa.Column("theta", REAL),
    sa.Column("health", sa.Text),
    sa.Column("tradability", sa.Text),
    sa.Column("artifact_key", sa.Text),
    sa.Column("cache_hit", sa.Boolean),
    sa.Column("n_trials", sa.Integer, nullable=False),
    sa.Column("timings", sa.JSON, nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.UniqueConstraint("run", "cell", name="cvn_cells_run_cell"),
)

FIGURES = sa.Table(
    "cvn_figures",
    METADATA,
    sa.Column("cell_id", NUMBER, sa.ForeignKey("cvn_cells.id"), primary_key=True),
    sa.Column("split", sa.Text, primary_key=True),
    sa.Column("cost", sa.Text, primary_key=True),
    sa.Column("figure", sa.Text, primary_key=True),
    sa.Column("value", REAL),
    sqlite_with_rowid=False,
)
"""``cost`` is empty for what holds at the cost that is in the data."""

TRADES = sa.Table(
    "cvn_trades",
    METADATA,
    sa.Column("cell_id", NUMBER, sa.ForeignKey("cvn_cells.id"), primary_key=True),
    sa.Column("signals", sa.Integer, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("npz", sa.LargeBinary, nullable=False),
)
