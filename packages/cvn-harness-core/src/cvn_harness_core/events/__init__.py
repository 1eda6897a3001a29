"""What the harness says while it works: one typed schema for every model."""
