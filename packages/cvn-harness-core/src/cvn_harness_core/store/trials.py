"""How many trials were ever run on some data: a number for each study, beside the entries.

::

    trials/<digest of the datasets>/<digest of the study>    the number, as text
"""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from cvn_harness_core.store.layout import unreadable, unwritable

_DIGEST = re.compile(r"[0-9a-f]{64}")


def note(root: Path, datasets: str, study: str, n_trials: int) -> None:
    """Keep a study's number of finished trials, if it is above what is kept of it.

    Raises StoreError ``store_unwritable``.
    """
    folder = root / "trials" / datasets
    if noted(root, datasets).get(study, 0) >= n_trials:
        return
    temporary = folder / f".{study}.{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("x") as file:
                file.write(f"{n_trials}\n")
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(folder / study)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise unwritable(root, error) from error


def noted(root: Path, datasets: str) -> dict[str, int]:
    """Return the number of trials by study; what is no number counts as none.

    Raises StoreError ``store_unreadable``.
    """
    folder, found = root / "trials" / datasets, {}
    try:
        for path in folder.iterdir() if folder.is_dir() else ():
            if _DIGEST.fullmatch(path.name):
                with suppress(ValueError):
                    found[path.name] = int(path.read_text()[:20])
    except OSError as error:
        raise unreadable(folder, error) from error
    return found
