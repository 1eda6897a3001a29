"""Where the trials of `cvn train` are kept."""

from __future__ import annotations

import argparse

MEMORY = "memory"


def storage_of(arguments: argparse.Namespace) -> str | None:
    """Return what ``--storage`` names, by default a journal beside the bundle; None for memory."""
    if not arguments.trials or arguments.storage == MEMORY:
        return None
    return arguments.storage or f"{arguments.out or f'cvn-{arguments.model}'}.journal"
