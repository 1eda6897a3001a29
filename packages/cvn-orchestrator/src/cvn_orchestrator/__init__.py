"""The `cvn` command and what it stands on: data, splits, the demo."""
