"""What the harness, its plugins and its callers agree on. Imports nothing else of the harness."""
