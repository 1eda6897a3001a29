"""What alembic runs: migrate over the connection, and in the transaction, that it is given."""

from __future__ import annotations

from alembic import context

from cvn_orchestrator.results.schema import METADATA, VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
)
context.run_migrations()
