"""Runs, cells, figures and trades."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cvn_orchestrator.results.schema import NUMBER, REAL, Utc

revision = "1"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "cvn_runs",
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
    op.create_table(
        "cvn_cells",
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
    op.create_table(
        "cvn_figures",
        sa.Column("cell_id", NUMBER, sa.ForeignKey("cvn_cells.id"), primary_key=True),
        sa.Column("split", sa.Text, primary_key=True),
        sa.Column("cost", sa.Text, primary_key=True),
        sa.Column("figure", sa.Text, primary_key=True),
        sa.Column("value", REAL),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "cvn_trades",
        sa.Column("cell_id", NUMBER, sa.ForeignKey("cvn_cells.id"), primary_key=True),
        sa.Column("signals", sa.Integer, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("npz", sa.LargeBinary, nullable=False),
    )
