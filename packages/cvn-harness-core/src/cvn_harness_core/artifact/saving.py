"""Between an artifact and a bundle: facts become the manifest, models and scores files.

An ensemble's bundle names its bases by their content keys; with ``embed`` it holds them, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from cvn_harness_core.artifact import bundle
from cvn_harness_core.artifact.ensemble import Combined
from cvn_harness_core.artifact.record import ArtifactRecord
from cvn_harness_core.artifact.trained import TrainedArtifact
from cvn_harness_core.contracts.out_of_fold import OutOfFoldScores
from cvn_harness_core.errors import BundleError, InputError, StoreError
from cvn_harness_core.events.log import OBSERVERS, RunLog
from cvn_harness_core.events.schema import ArtifactSaved
from cvn_harness_core.plugins.adapters import adapter_of, file_name_of
from cvn_harness_core.said import said

if TYPE_CHECKING:
    from cvn_harness_core.store.disk import Store

_FACTS = tuple(f.name for f in fields(ArtifactRecord))
_SCORES = "out_of_fold.npz"

Facts = Mapping[str, Any]
Files = Mapping[str, bytes]
BaseOf = Callable[[str, str], TrainedArtifact]
"""Returns an ensemble's base by its name and its content key."""


def save(artifact: TrainedArtifact, path: Path, *, overwrite: bool, self_contained: bool) -> Path:
    """Write the bundle, emit ``artifact_saved`` and tell the observers; return the path."""
    facts, files = encode(artifact, embed=self_contained)
    manifest_sha256 = bundle.write(path, facts, files, overwrite=overwrite)
    log = RunLog(artifact.run_id, artifact.kind, artifact.name, artifact.tags)
    log.emit(
        ArtifactSaved,
        path=str(path),
        size_bytes=bundle.size_of(path),
        manifest_sha256=manifest_sha256,
    )
    OBSERVERS.notify("cvn_artifact_saved", artifact=artifact, path=path)
    return path


def load(path: Path, store: Store | None = None) -> TrainedArtifact:
    """Read a verified bundle with the plugin that it names; bases come from it or the store."""
    facts, files = bundle.read(path)

    def base_of(name: str, key: str) -> TrainedArtifact:
        found = None
        if store is not None:
            try:
                found = store.get(store.key(key))
            except StoreError as error:
                if error.code != "key_not_found":
                    where = f"the bundle {path} needs its base {name}"
                    raise error.at(where) from error
        if found is None:
            lack = "it" if store is None else f"it, and neither does {store.path} (any more)"
            message = (
                f"the bundle {path} refers to its base {name} by key ({key[:12]}...) and does not "
                f"hold {lack}; give the store that has it, TrainedArtifact.load(path, store=...), "
                "train the ensemble again with the store, or save with self_contained=True."
            )
            raise BundleError("bundle_base_missing", message)
        return decode(found.facts, found.files, base_of, str(found.path))

    return decode(facts, files, base_of, str(path))


def encode(artifact: TrainedArtifact, *, embed: bool) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return an artifact as JSON-like facts and files."""
    file_name = file_name_of(artifact.name, artifact.kind)
    facts: dict[str, Any] = {
        "artifact": {name: msgspec.to_builtins(getattr(artifact, name)) for name in _FACTS},
        "model_file": file_name,
    }
    files = {file_name: artifact.adapter.save(artifact.native)}
    if artifact.out_of_fold_scores is not None:
        from cvn_harness_core.store.arrays import encode as encode_arrays

        scores = artifact.out_of_fold_scores
        files[_SCORES] = encode_arrays({"rows": scores.rows, "scores": scores.scores})
    if isinstance(artifact.native, Combined) and (embed or not artifact.lineage):
        facts["bases"] = []
        for number, base in enumerate(artifact.native.bases):
            inner, inner_files = encode(base, embed=True)
            facts["bases"].append(inner)
            files.update({f"base{number}.{name}": data for name, data in inner_files.items()})
    return facts, files


def decode(facts: Facts, files: Files, base_of: BaseOf, where: str) -> TrainedArtifact:
    """Return the artifact of facts and files; ``base_of`` is asked for bases that are not there."""
    try:
        record = msgspec.convert(facts.get("artifact"), ArtifactRecord, strict=True)
        payload = files[facts["model_file"]]
        embedded = facts.get("bases")
        held = record.lineage if embedded is None else embedded
        if len(held) != len(record.bases):
            message = f"it holds or names {len(held)} bases of {len(record.bases)}"
            raise TypeError(message)
        scores = _scores(record, files)
    except (msgspec.ValidationError, KeyError, TypeError, AttributeError, StoreError) as error:
        message = f"the bundle {where} does not hold a trained artifact: {error}."
        raise BundleError("bundle_format", message) from error
    adapter = adapter_of(record.name, record.kind)
    try:
        native = adapter.load(payload)
    except Exception as error:
        message = (
            f"{record.name} cannot read its model in {where} "
            f"({type(error).__name__}: {said(error)}); it was written with {record.environment}."
        )
        raise BundleError("bundle_format", message) from error
    if record.kind == "ensemble":
        bases = []
        for number, name in enumerate(record.bases):
            if embedded is None:
                base = base_of(name, record.lineage[number])
            else:
                prefix = f"base{number}."
                inner = {
                    n.removeprefix(prefix): f for n, f in files.items() if n.startswith(prefix)
                }
                base = decode(embedded[number], inner, base_of, f"{where} (base {name})")
            bases.append(_fitting(base, name, record))
        native = Combined(tuple(bases), native)
    values = {name: getattr(record, name) for name in _FACTS}
    return TrainedArtifact(**values, adapter=adapter, native=native, out_of_fold_scores=scores)


def _fitting(base: TrainedArtifact, name: str, record: ArtifactRecord) -> TrainedArtifact:
    """Return the base; raise an error that names it if it is another than the ensemble's."""
    try:
        record.feature_version.require(base.feature_version)
    except InputError as error:
        where = f"the base {name} of {record.name}"
        raise error.at(where) from None
    if base.name != name or base.datasets_digest != record.datasets_digest:
        message = (
            f"the base {name} of {record.name}: what is there is {base.name}, trained on the data "
            f"{base.datasets_digest[:12]}... and not on {record.datasets_digest[:12]}..."
        )
        raise BundleError("bundle_base_missing", message)
    return base


def _scores(record: ArtifactRecord, files: Files) -> OutOfFoldScores | None:
    if _SCORES not in files:
        return None
    from cvn_harness_core.store.arrays import decode as decode_arrays

    arrays = decode_arrays(files[_SCORES])
    return OutOfFoldScores(arrays["rows"], arrays["scores"], record.out_of_fold, record.n_unscored)
