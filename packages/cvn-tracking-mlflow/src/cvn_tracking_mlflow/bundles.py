"""Bundles in MLflow: logged as they are, registered as model versions, read back verified.

A bundle holds no pickle and no code. It is logged as a folder of artifacts, not as an MLflow model:
``mlflow.pyfunc`` has nothing to load, and nothing of MLflow's is run to read it.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from pathlib import Path
from typing import Any

from cvn_harness_core import InputError, Store, TrainedArtifact
from cvn_tracking_mlflow.client import Client, Notes, open_mlflow
from cvn_tracking_mlflow.errors import TrackingError
from cvn_tracking_mlflow.settings import registers
from cvn_tracking_mlflow.text import MAX_TAG, cut, redacted

FOLDER = "bundle"
_BUNDLE = "cvn.bundle."
_VERSION = re.compile(r"models:/(?P<name>[^/@]+)(/(?P<version>\d+|latest)|@(?P<alias>[^/@]+))")


def load_bundle(source: str, *, store: Store | None = None) -> TrainedArtifact:
    """Download a bundle, verify it and return its artifact; its plugin must be installed.

    Parameters
    ----------
    source
        A run's id, ``runs:/ID`` with or without a path, ``models:/NAME/VERSION``,
        ``models:/NAME/latest`` or ``models:/NAME@ALIAS``.
    store
        Where an ensemble's bases are looked for that are not in the bundle.

    Raises
    ------
    InputError
        ``setting_invalid`` for what is no text.
    TrackingError
        ``tracking_not_found`` if MLflow has no such bundle; ``tracking_failed``.
    BundleError
        As ``TrainedArtifact.load``: nothing is parsed that is not what was saved.
    """
    if not isinstance(source, str):
        message = f"source is {source!r}; give a run's id, runs:/ID or models:/NAME/VERSION."
        raise InputError("setting_invalid", message)
    mlflow = open_mlflow()
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    try:
        uri = _uri(mlflow, source)
        with tempfile.TemporaryDirectory(prefix="cvn-mlflow-") as folder:
            path = download_artifacts(artifact_uri=uri, dst_path=folder)
            return TrainedArtifact.load(path, store=store)
    except (MlflowException, OSError) as error:
        message = f"MLflow has no bundle {source} that can be read: {redacted(str(error))}"
        raise TrackingError("tracking_not_found", message) from error


def log_bundle(client: Client, run: str, artifact: TrainedArtifact, path: Path) -> None:
    """Log a saved bundle, once, and register it as a model version."""
    digest = hashlib.sha256((path / "manifest.json").read_bytes()).hexdigest()
    logged = {
        name.removeprefix(_BUNDLE): value
        for name, value in client.mlflow.get_run(run).data.tags.items()
        if name.startswith(_BUNDLE)
    }
    if digest in logged.values():
        return
    at = FOLDER if FOLDER not in logged else f"{FOLDER}-{digest[:12]}"
    client.files(run, path, at)
    notes = Notes(tags={f"{_BUNDLE}{at}": digest})
    if registers():
        notes.tags |= _register(client, run, artifact, at, digest)
    client.log(run, notes)


def model_name(artifact: TrainedArtifact) -> str:
    """Return the name of the registered model: the model's and, where there is one, the symbol."""
    parts = (artifact.name, artifact.tags.get("symbol"))
    return re.sub(r"[^\w.-]", "_", "-".join(part for part in parts if part))


def _register(
    client: Client, run: str, artifact: TrainedArtifact, at: str, digest: str
) -> dict[str, Any]:
    """Return the tags that say which version it became, or why none."""
    from mlflow.exceptions import MlflowException

    name, mlflow = model_name(artifact), client.mlflow
    tags = {
        "cvn.run_id": artifact.run_id,
        "cvn.manifest_sha256": digest,
        "cvn.kind": artifact.kind,
        "cvn.theta": "NO_TRADE" if artifact.theta is None else repr(artifact.theta),
        "cvn.tradability": artifact.tradability.verdict,
        "cvn.health": artifact.health.verdict,
        **{f"cvn.{key}": v for key in ("fold", "variant") if (v := artifact.tags.get(key))},
    }
    try:
        try:
            mlflow.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        version = mlflow.create_model_version(
            name,
            f"runs:/{run}/{at}",
            run_id=run,
            tags=tags,
            description=cut(artifact.tradability.sentence, MAX_TAG),
        )
    except MlflowException as error:  # a store without a registry is no reason to lose the run
        return {"cvn.not_registered": f"{error.error_code}: {error}"}
    return {"cvn.model_version": f"models:/{name}/{version.version}"}


def _uri(mlflow: Any, source: str) -> str:
    """Return where the bundle's files are; MLflow adds a file of its own to a ``models:`` one."""
    if source.startswith("models:/"):
        match = _VERSION.fullmatch(source)
        if match is None:
            message = (
                f"{source} is not models:/NAME/VERSION, models:/NAME/latest or models:/NAME@ALIAS."
            )
            raise TrackingError("tracking_not_found", message)
        name, version = match["name"], match["version"]
        if match["alias"]:
            version = mlflow.get_model_version_by_alias(name, match["alias"]).version
        elif version == "latest":
            found = mlflow.search_model_versions(f"name = '{name}'")
            version = str(max((int(v.version) for v in found), default=0))
        return str(mlflow.get_model_version_download_uri(name, version))
    run, _, path = source.removeprefix("runs:/").partition("/")
    return f"runs:/{run}/{path or FOLDER}"
