"""Between an artifact and a bundle: the facts become the manifest, the model a native file."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import msgspec

from cvn_harness_core.artifact import bundle
from cvn_harness_core.artifact.record import ArtifactRecord
from cvn_harness_core.artifact.trained import TrainedArtifact
from cvn_harness_core.errors import BundleError
from cvn_harness_core.events.log import OBSERVERS, RunLog
from cvn_harness_core.events.schema import ArtifactSaved
from cvn_harness_core.plugins.adapters import adapter_of
from cvn_harness_core.plugins.registry import MODEL_REGISTRY

_FACTS = tuple(f.name for f in fields(ArtifactRecord))


def save(artifact: TrainedArtifact, path: Path, *, overwrite: bool) -> Path:
    """Write the bundle, emit ``artifact_saved`` and tell the observers; return the path."""
    record = {name: msgspec.to_builtins(getattr(artifact, name)) for name in _FACTS}
    file_name = MODEL_REGISTRY[artifact.name].file_name
    manifest_sha256 = bundle.write(
        path,
        {"artifact": record, "model_file": file_name},
        {file_name: artifact.adapter.save(artifact.native)},
        overwrite=overwrite,
    )
    log = RunLog(artifact.run_id, artifact.kind, artifact.name, artifact.tags)
    log.emit(
        ArtifactSaved,
        path=str(path),
        size_bytes=bundle.size_of(path),
        manifest_sha256=manifest_sha256,
    )
    OBSERVERS.notify("cvn_artifact_saved", artifact=artifact, path=path)
    return path


def load(path: Path) -> TrainedArtifact:
    """Read a verified bundle with the plugin that it names."""
    document, files = bundle.read(path)
    try:
        record = msgspec.convert(document.get("artifact"), ArtifactRecord, strict=True)
        payload = files[document["model_file"]]
    except (msgspec.ValidationError, KeyError, TypeError) as error:
        message = f"the bundle {path} does not hold a trained artifact: {error}."
        raise BundleError("bundle_format", message) from error
    adapter = adapter_of(record.name)
    values = {name: getattr(record, name) for name in _FACTS}
    try:
        native = adapter.load(payload)
    except Exception as error:
        message = (
            f"{record.name} cannot read its model in {path} ({type(error).__name__}: {error}); it "
            f"was written with {record.environment}."
        )
        raise BundleError("bundle_format", message) from error
    return TrainedArtifact(**values, adapter=adapter, native=native)
