"""Three small models, installed for a while: an ensemble is checked whatever else is there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cvn_harness_core import ENSEMBLE_REGISTRY, MODEL_REGISTRY
from cvn_harness_core.__about__ import __version__
from cvn_harness_core.plugins import discovery

STAND_INS = ("stand_in", "stand_in_2", "stand_in_3")

_DOORS = dict(zip(STAND_INS, ("first", "second", "third"), strict=True))


@contextmanager
def stand_ins() -> Iterator[None]:
    """Have the stand-ins installed in this block, here and in the interpreters that it starts."""
    with tempfile.TemporaryDirectory(prefix="cvn-check-") as folder:
        info = Path(folder) / f"cvn_stand_ins-{__version__}.dist-info"
        info.mkdir()
        doors = [f"{n} = cvn_harness_core.testing.stand_in:{door}" for n, door in _DOORS.items()]
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: cvn-stand-ins\nVersion: {__version__}\n"
        )
        (info / "entry_points.txt").write_text("\n".join(["[cvn_harness.models.v1]", *doors, ""]))
        before = os.environ.get(discovery.STAND_INS)
        os.environ[discovery.STAND_INS] = folder
        _look_again()
        try:
            yield
        finally:
            del os.environ[discovery.STAND_INS]
            if before is not None:
                os.environ[discovery.STAND_INS] = before
            _look_again()


def _look_again() -> None:
    MODEL_REGISTRY.refresh()
    ENSEMBLE_REGISTRY.refresh()
