"""What a command was asked to write: a file or a folder that may turn out not to be writable."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cvn_harness_core import InputError


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Raise InputError ``setting_invalid`` for what the system has against the target."""
    try:
        yield
    except OSError as error:
        message = f"{target} cannot be written: {error.strerror or error}."
        raise InputError("setting_invalid", message) from error


def require_writable(target: Path) -> None:
    """Raise as ``writing`` if nothing can be made where the target would be; nothing is made."""
    with writing(target):
        there = next(folder for folder in target.absolute().parents if folder.exists())
        tempfile.TemporaryFile(dir=there).close()
