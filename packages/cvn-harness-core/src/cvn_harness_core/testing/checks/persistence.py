"""Checks of saving and loading."""

from __future__ import annotations

import io
import pickletools
import zipfile
from collections.abc import Iterator
from dataclasses import fields

from cvn_harness_core.artifact.record import ArtifactRecord
from cvn_harness_core.testing.check import check
from cvn_harness_core.testing.subject import Subject
from cvn_harness_core.testing.verdict import largest_gap, require

_NATIVE = "write the library's own format, or numbers as JSON or arrays"


@check()
def saved(subject: Subject) -> None:
    """Saved here and loaded by a fresh interpreter, it is the same to the last bit."""
    gap = largest_gap(subject.elsewhere.here, subject.elsewhere.there)
    require(
        gap == 0.0,
        "the same bits after saving and loading",
        f"a difference of {gap:g}",
        "save every number in full precision, and only the iterations that are used",
    )
    loaded, facts = subject.elsewhere.loaded, [f.name for f in fields(ArtifactRecord)]
    lost = [n for n in facts if getattr(loaded, n) != getattr(subject.artifact, n)]
    require(
        not lost,
        "the same facts after saving and loading",
        f"other {lost}",
        "let diagnostics hold only what JSON can: str, float, int, bool, None, list, dict",
    )


@check()
def no_pickle(subject: Subject) -> None:
    """Nothing is pickled: a bundle may come from anywhere, and unpickling runs what it says."""
    payload = subject.artifact.adapter.save(subject.artifact.native)
    found = [where for where, part in _parts(payload) if _is_pickle(part)]
    require(not found, "no pickle in what save returns", f"pickle in {', '.join(found)}", _NATIVE)
    unpickled = subject.elsewhere.unpickled
    require(not unpickled, "a load that unpickles nothing", f"{', '.join(unpickled)}", _NATIVE)


def _parts(payload: bytes) -> Iterator[tuple[str, bytes]]:
    yield "the payload", payload
    if zipfile.is_zipfile(io.BytesIO(payload)):
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            yield from ((name, archive.read(name)) for name in archive.namelist())


def _is_pickle(payload: bytes) -> bool:
    """Return whether the bytes begin as a pickle does, or are one of the oldest kind throughout."""
    if payload[:1] == b"\x80" and payload[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return True
    try:
        *_, (_, _, end) = pickletools.genops(payload)
    except Exception:  # noqa: BLE001  whatever is no pickle
        return False
    return end == len(payload) - 1
