"""The canonical entry points and what they stand on."""
