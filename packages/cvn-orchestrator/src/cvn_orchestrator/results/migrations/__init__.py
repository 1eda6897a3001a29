"""How the schema of the results came about, for alembic."""
