"""A bundle is what was saved, bit for bit, or it is not read."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cvn_harness_core import (
    MODEL_REGISTRY,
    BundleError,
    Datasets,
    F1Capped,
    Fixed,
    HarnessError,
    HealthLimits,
    HPOParams,
    ParamConfig,
    Payoff,
    Store,
    ThetaChoice,
    ThetaEvidence,
    TrainedArtifact,
    TrainingPolicy,
    train_one,
)
from cvn_harness_core.artifact.record import ArtifactRecord
from cvn_harness_core.artifact.snapshot import digest_of_params
from cvn_harness_core.contracts.params import Overridden
from cvn_harness_core.errors import PluginNotInstalledError

MODEL, MANIFEST, SUM = "coefficients.json", "manifest.json", "manifest.sha256"


@pytest.fixture(scope="module")
def kept() -> dict[str, TrainedArtifact]:
    """What was trained once for all tests of this file."""
    return {}


@pytest.fixture
def artifact(models: Any, datasets: Datasets, kept: dict[str, TrainedArtifact]) -> TrainedArtifact:
    if "artifact" not in kept:
        hpo = HPOParams(params={"C": 0.1}, seed=4)
        kept["artifact"] = train_one("logreg", datasets, hpo, policy=TrainingPolicy.adr0089())
    return kept["artifact"]


@pytest.fixture
def bundle(artifact: TrainedArtifact, tmp_path: Path) -> Path:
    return artifact.save(tmp_path / "bundle")


@contextmanager
def refuses(code: str) -> Any:
    with pytest.raises(BundleError) as caught:
        yield caught
    assert caught.value.code == code


def rewrite(bundle: Path, change: Callable[[str], str]) -> None:
    """Change the text of the manifest and make its sum fit again."""
    text = change((bundle / MANIFEST).read_text())
    (bundle / MANIFEST).write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    (bundle / SUM).write_text(f"{digest}  {MANIFEST}\n")


def edit(bundle: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest as a document and make its sum fit again."""

    def changed(text: str) -> str:
        document = json.loads(text)
        change(document)
        return json.dumps(document)

    rewrite(bundle, changed)


# --- there and back -------------------------------------------------------------------------


def test_what_is_loaded_is_what_was_saved(
    artifact: TrainedArtifact, bundle: Path, datasets: Datasets
) -> None:
    loaded = TrainedArtifact.load(bundle)
    for field in fields(ArtifactRecord):
        assert getattr(loaded, field.name) == getattr(artifact, field.name), field.name
    for _, split in datasets.splits():
        np.testing.assert_array_equal(
            loaded.predict_proba(split.X), artifact.predict_proba(split.X)
        )
        np.testing.assert_array_equal(loaded.predict(split.X), artifact.predict(split.X))


def test_a_fresh_process_predicts_the_same_bits(
    models: Any, datasets: Datasets, tmp_path: Path, run_python: Any
) -> None:
    X = datasets.test.X
    artifacts = {name: train_one(name, datasets) for name in ("logreg", "descent", "weighted")}
    for name, artifact in artifacts.items():
        artifact.save(tmp_path / name)
    np.save(tmp_path / "X.npy", X)
    done = run_python(
        "import sys\n"
        "import numpy as np\n"
        "from cvn_harness_core import TrainedArtifact\n"
        "X = np.load('X.npy')\n"
        "for name in sys.argv[1:]:\n"
        "    artifact = TrainedArtifact.load(name)\n"
        "    np.savez(name + '.npz', p=artifact.predict_proba(X), s=artifact.predict(X))\n",
        *artifacts,
    )
    assert done.returncode == 0, done.stderr
    for name, artifact in artifacts.items():
        out = np.load(tmp_path / f"{name}.npz")
        assert out["p"].tobytes() == artifact.predict_proba(X).tobytes()
        np.testing.assert_array_equal(out["s"], artifact.predict(X))


def test_a_no_trade_artifact_comes_back_as_one(
    models: Any, datasets: Datasets, tmp_path: Path
) -> None:
    parts = {n: (np.zeros_like(s.X), s.y) for n, s in datasets.splits()}
    blind = Datasets.from_arrays(**parts, feature_names=datasets.feature_names)
    loaded = TrainedArtifact.load(train_one("logreg", blind).save(tmp_path / "bundle"))
    assert loaded.decision.status == "NO_TRADE"
    assert not loaded.predict(datasets.test.X).any()


def test_what_is_loaded_can_be_saved_again(bundle: Path, tmp_path: Path) -> None:
    again = TrainedArtifact.load(bundle).save(tmp_path / "again")
    for name in (MODEL, MANIFEST, SUM):
        assert (again / name).read_bytes() == (bundle / name).read_bytes()


class Mine:
    """A rule of one's own: no dataclass, and a theta of NumPy's."""

    name = "mine"

    def decide(self, evidence: ThetaEvidence) -> ThetaChoice:
        return replace(F1Capped().decide(evidence), theta=np.float64(0.4))


NUMPY: dict[str, dict[str, Any]] = {
    "seed": {"hpo": HPOParams(seed=np.int64(7))},
    "threads": {"hpo": HPOParams(n_threads=np.int32(1))},
    "number": {"hpo": HPOParams(params={"C": np.float64(0.5), "max_iter": np.int64(300)})},
    "choice": {"hpo": HPOParams(params={"solver": np.str_("lbfgs")})},
    "balance": {"policy": TrainingPolicy(class_balance=np.float64(2.0))},
    "whole balance": {"policy": TrainingPolicy(class_balance=np.int64(2))},
    "cap": {"policy": TrainingPolicy(theta=F1Capped(np.float64(0.25)))},
    "theta": {"policy": TrainingPolicy(theta=Fixed(np.float32(0.25)))},
    "limit": {"policy": TrainingPolicy(health=HealthLimits(max_auc_gap=np.float64(0.2)))},
    "rule": {"policy": TrainingPolicy(theta=Mine())},
    "payoff": {"data": {"payoff": Payoff(np.float64(1.5), np.float32(0.5))}},
    "names": {"data": {"feature_names": np.array(["a", "b", "c", "d"])}},
    "version": {"data": {"feature_version": np.str_("v1")}},
    "tag": {"data": {"tags": {"fold": np.int64(3)}}},
}


@pytest.mark.parametrize("case", NUMPY)
def test_values_of_numpy_do_not_cost_a_training(
    case: str, models: Any, parts: dict[str, Any], tmp_path: Path
) -> None:
    given = NUMPY[case]
    arguments = {"feature_names": list("abcd"), **given.get("data", {})}
    datasets = Datasets.from_arrays(**parts, **arguments)
    artifact = train_one("logreg", datasets, given.get("hpo"), policy=given.get("policy"))
    loaded = TrainedArtifact.load(artifact.save(tmp_path / "bundle"))
    for field in fields(ArtifactRecord):
        assert getattr(loaded, field.name) == getattr(artifact, field.name), field.name


GENEROUS = """
import numpy as np
from sample_models.logistic import LogisticAdapter
from sample_models.plugins import PARAMS
import generous_nodes
from cvn_harness_core import ModelSpec, hookimpl

class Adapter(LogisticAdapter):
    def effective_params(self, native):
        return {"C": np.float64(native.C), "classes": np.int64(2), "missing": MISSING}

@hookimpl
def cvn_model():
    return ModelSpec(
        name="generous", adapter=Adapter, params=PARAMS, dag=generous_nodes, diagnostics=("share",)
    )
"""

NODES = """
from typing import Any
import numpy as np

def share(native: Any) -> dict:
    return {"a": np.float64(0.5), "b": np.int64(2)}
"""


def install_generous(site: Any, missing: str) -> None:
    site.add(
        "generous-models",
        "cvn_harness.models.v1",
        {"generous": "generous_door"},
        generous_door=GENEROUS.replace("MISSING", missing),
        generous_nodes=NODES,
    )
    MODEL_REGISTRY.refresh()


def test_a_plugin_may_report_in_values_of_numpy(
    models: Any, site: Any, datasets: Datasets, tmp_path: Path
) -> None:
    install_generous(site, "np.float32(0.5)")
    artifact = train_one("generous", datasets)
    loaded = TrainedArtifact.load(artifact.save(tmp_path / "bundle"))
    assert loaded.diagnostics == {"share": {"a": 0.5, "b": 2}}
    assert loaded.effective_params["classes"].value == 2
    assert loaded.effective_params["missing"].value == 0.5


def test_what_a_plugin_reports_as_nan_is_saved_as_something_or_refused_by_name(
    models: Any, site: Any, datasets: Datasets, tmp_path: Path
) -> None:
    """Some libraries report ``missing=nan``; JSON has no such number."""
    install_generous(site, "float('nan')")
    try:
        artifact = train_one("generous", datasets)
        artifact.save(tmp_path / "bundle")
    except HarnessError as error:
        assert "missing" in str(error)  # noqa: PT017
        assert list(tmp_path.glob("*bundle*")) == []
        return
    TrainedArtifact.load(tmp_path / "bundle")


def test_every_file_is_json_the_sum_or_the_adapters_own(
    artifact: TrainedArtifact, bundle: Path
) -> None:
    assert sorted(path.name for path in bundle.iterdir()) == [MODEL, MANIFEST, SUM]
    assert (bundle / MODEL).read_bytes() == artifact.adapter.save(artifact.native)
    manifest = json.loads((bundle / MANIFEST).read_text())
    assert manifest["format"] == "cvn-bundle"
    assert manifest["version"] == 1
    assert manifest["model_file"] == MODEL
    payload = (bundle / MODEL).read_bytes()
    assert manifest["files"] == {
        MODEL: {"size": len(payload), "sha256": hashlib.sha256(payload).hexdigest()}
    }
    digest = hashlib.sha256((bundle / MANIFEST).read_bytes()).hexdigest()
    assert (bundle / SUM).read_text() == f"{digest}  {MANIFEST}\n"


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_sha256sum_agrees(bundle: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "-c", SUM],
        cwd=bundle,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout == f"{MANIFEST}: OK\n"


def test_saving_is_an_event(models: Any, artifact: TrainedArtifact, bundle: Path) -> None:
    event = models.events[-1]
    assert event.event == "artifact_saved"
    assert event.run_id == artifact.run_id
    assert event.path == str(bundle)
    assert event.size_bytes == sum(path.stat().st_size for path in bundle.iterdir())
    assert event.manifest_sha256 == hashlib.sha256((bundle / MANIFEST).read_bytes()).hexdigest()


def test_a_bundle_can_be_moved_and_copied(bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle, tmp_path / "copy")
    bundle.rename(tmp_path / "moved")
    assert TrainedArtifact.load(tmp_path / "copy").theta == (
        TrainedArtifact.load(str(tmp_path / "moved")).theta
    )


# --- what must not be trusted ---------------------------------------------------------------


@pytest.mark.parametrize("where", [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])
@pytest.mark.parametrize("bit", [0, 5])
@pytest.mark.parametrize("name", [MODEL, MANIFEST, SUM])
def test_one_flipped_bit_anywhere_is_noticed(
    name: str, bit: int, where: float, bundle: Path
) -> None:
    payload = bytearray((bundle / name).read_bytes())
    payload[round(where * (len(payload) - 1))] ^= 1 << bit
    (bundle / name).write_bytes(payload)
    with refuses("bundle_corrupt"):
        TrainedArtifact.load(bundle)


def test_every_byte_of_the_sum_counts(bundle: Path) -> None:
    whole = (bundle / SUM).read_bytes()
    for i in range(len(whole)):
        (bundle / SUM).write_bytes(whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :])
        with refuses("bundle_corrupt"):
            TrainedArtifact.load(bundle)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_by_link(path: Path) -> None:
    target = path.parent.parent / f"target-{path.name}"
    path.rename(target)
    path.symlink_to(target)


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGE = [
    truncate,
    lengthen,
    empty,
    Path.unlink,
    replace_by_folder,
    replace_by_link,
    replace_by_pipe,
]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("name", [MODEL, MANIFEST, SUM])
def test_a_damaged_file_is_noticed(name: str, damage: Callable[[Path], None], bundle: Path) -> None:
    damage(bundle / name)
    with refuses("bundle_corrupt") as caught:
        TrainedArtifact.load(bundle)
    assert str(bundle) in str(caught.value)


@pytest.mark.parametrize("name", ["extra.txt", ".hidden", "coefficients.json.bak"])
def test_an_extra_file_is_noticed(name: str, bundle: Path) -> None:
    (bundle / name).write_text("")
    with refuses("bundle_corrupt"):
        TrainedArtifact.load(bundle)


@pytest.mark.parametrize("kind", ["folder", "link", "dangling"])
def test_what_is_no_file_is_noticed(kind: str, bundle: Path) -> None:
    extra = bundle / "extra"
    if kind == "folder":
        extra.mkdir()
    else:
        extra.symlink_to(bundle / (MODEL if kind == "link" else "nowhere"))
    with refuses("bundle_corrupt"):
        TrainedArtifact.load(bundle)


MANIFESTS = {
    "a key twice": lambda text: text.replace("{", '{"version": 1, ', 1),
    "a deep key twice": lambda text: text.replace('"seed":', '"seed": 9, "seed":', 1),
    "NaN": lambda text: text.replace('"seed": 4', '"seed": NaN', 1),
    "infinity": lambda text: text.replace('"seed": 4', '"seed": -Infinity', 1),
    "no JSON": lambda text: text[:-1],
    "no object": lambda _: "[]",
    "nothing": lambda _: "",
    "a bottomless list": lambda _: "[" * 100_000,
}


@pytest.mark.parametrize("fault", MANIFESTS)
def test_a_manifest_that_is_not_strict_json_is_refused_though_its_sum_fits(
    fault: str, bundle: Path
) -> None:
    before = (bundle / MANIFEST).read_text()
    rewrite(bundle, MANIFESTS[fault])
    assert (bundle / MANIFEST).read_text() != before
    with refuses("bundle_corrupt"):
        TrainedArtifact.load(bundle)


def test_a_manifest_that_is_not_text_is_refused(bundle: Path) -> None:
    payload = (bundle / MANIFEST).read_bytes().replace(b"logreg", b"logr\xff\xfe")
    (bundle / MANIFEST).write_bytes(payload)
    (bundle / SUM).write_text(f"{hashlib.sha256(payload).hexdigest()}  {MANIFEST}\n")
    with refuses("bundle_corrupt"):
        TrainedArtifact.load(bundle)


@pytest.mark.parametrize("name", ["../outside.json", "/etc/hostname", "a/b", ".hidden", "", "a\nb"])
def test_a_listed_path_never_leaves_the_folder(name: str, bundle: Path) -> None:
    payload = (bundle / MODEL).read_bytes()
    (bundle.parent / "outside.json").write_bytes(payload)

    def listed(document: dict[str, Any]) -> None:
        document["files"][name] = document["files"][MODEL]

    edit(bundle, listed)
    with refuses("bundle_corrupt"):
        TrainedArtifact.load(bundle)


LISTINGS: dict[str, Callable[[dict[str, Any]], object]] = {
    "the model is not listed": lambda d: d["files"].pop(MODEL),
    "a size is missing": lambda d: d["files"][MODEL].pop("size"),
    "a sum is missing": lambda d: d["files"][MODEL].pop("sha256"),
    "an entry is text": lambda d: d["files"].update({MODEL: "yes"}),
    "a size is another": lambda d: d["files"][MODEL].update(size=1),
    "a sum is null": lambda d: d["files"][MODEL].update(sha256=None),
    "there is no listing": lambda d: d.pop("files"),
    "the listing is a list": lambda d: d.update(files=[MODEL]),
}


@pytest.mark.parametrize("fault", LISTINGS)
def test_a_listing_that_does_not_fit_is_refused(fault: str, bundle: Path) -> None:
    edit(bundle, LISTINGS[fault])
    with refuses("bundle_corrupt"):
        TrainedArtifact.load(bundle)


KINDS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a later version": lambda d: d.update(version=2),
    "a version of text": lambda d: d.update(version="1"),
    "no version": lambda d: d.pop("version"),
    "another format": lambda d: d.update(format="another"),
    "no artifact": lambda d: d.pop("artifact"),
    "an artifact that is a list": lambda d: d.update(artifact=[]),
    "no decision": lambda d: d["artifact"].pop("decision"),
    "a seed of text": lambda d: d["artifact"].update(seed="4"),
    "a fraction for a seed": lambda d: d["artifact"].update(seed=4.5),
    "a theta of text": lambda d: d["artifact"]["decision"].update(theta="0.5"),
    "a figure without a reason": lambda d: d["artifact"]["metrics"]["val"].update(roc_auc=None),
    "a feature twice": lambda d: d["artifact"]["feature_version"].update(feature_names=["a", "a"]),
    "a negative stop": lambda d: d["artifact"].update(
        payoff={"take_profit": 1.0, "stop_loss": -1.0, "cost": 0.0}
    ),
    "another model file": lambda d: d.update(model_file="another.json"),
    "a null model file": lambda d: d.update(model_file=None),
    "no model file": lambda d: d.pop("model_file"),
}


@pytest.mark.parametrize("fault", KINDS)
def test_a_manifest_of_another_kind_is_refused(fault: str, bundle: Path) -> None:
    edit(bundle, KINDS[fault])
    with refuses("bundle_format"):
        TrainedArtifact.load(bundle)


def test_a_number_beyond_floats_is_no_theta(bundle: Path) -> None:
    theta = json.loads((bundle / MANIFEST).read_text())["artifact"]["decision"]["theta"]
    rewrite(bundle, lambda text: text.replace(f'"theta": {theta}', '"theta": 1e999', 1))
    with pytest.raises(BundleError):
        TrainedArtifact.load(bundle)


def test_a_bundle_of_an_uninstalled_model_says_what_to_install(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, models: Any
) -> None:
    edit(bundle, lambda document: document["artifact"].update(name="logit"))
    with pytest.raises(PluginNotInstalledError, match="pip install cvn-model-logit"):
        TrainedArtifact.load(bundle)


@pytest.mark.parametrize("kind", ["nothing", "file", "dangling link"])
def test_what_is_no_folder_is_no_bundle(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    if kind == "file":
        path.write_text("{}")
    elif kind == "dangling link":
        path.symlink_to(tmp_path / "nowhere")
    with refuses("bundle_not_found"):
        TrainedArtifact.load(path)


def test_an_empty_folder_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    with pytest.raises(BundleError, match=r"manifest\.json"):
        TrainedArtifact.load(tmp_path / "bundle")


# --- saving ---------------------------------------------------------------------------------


def test_an_existing_bundle_is_kept_unless_told_otherwise(
    artifact: TrainedArtifact, bundle: Path, models: Any, datasets: Datasets
) -> None:
    before = (bundle / MANIFEST).read_bytes()
    other = train_one("logreg", datasets, HPOParams(params={"C": 9.0}))
    with refuses("bundle_exists") as caught:
        other.save(bundle)
    assert "overwrite=True" in str(caught.value)
    assert (bundle / MANIFEST).read_bytes() == before
    other.save(bundle, overwrite=True)
    assert TrainedArtifact.load(bundle).params == {"C": 9.0}
    assert [path.name for path in bundle.parent.iterdir() if "bundle" in path.name] == ["bundle"]


@pytest.mark.parametrize("kind", ["file", "folder", "empty folder", "link"])
def test_nothing_else_is_taken_for_a_free_path(
    kind: str, artifact: TrainedArtifact, tmp_path: Path
) -> None:
    path = tmp_path / "taken"
    make_something(path, kind)
    with refuses("bundle_exists"):
        artifact.save(path)


@pytest.mark.parametrize("kind", ["file", "folder", "web application"])
def test_overwriting_replaces_a_bundle_and_never_anything_else(
    kind: str, artifact: TrainedArtifact, tmp_path: Path
) -> None:
    """A mistyped path must not cost a folder of somebody's work."""
    path = tmp_path / "taken"
    kept = make_something(path, kind)
    with refuses("bundle_exists"):
        artifact.save(path, overwrite=True)
    assert kept.read_text() == "years of work"


def test_a_damaged_bundle_can_be_overwritten(artifact: TrainedArtifact, bundle: Path) -> None:
    truncate(bundle / MODEL)
    artifact.save(bundle, overwrite=True)
    assert TrainedArtifact.load(bundle).theta == artifact.theta


def make_something(path: Path, kind: str) -> Path:
    kept = path
    if kind == "link":
        path.symlink_to(path.parent / "nowhere")
        return path
    if kind != "file":
        path.mkdir()
        kept = path / "thesis.txt"
    if kind == "web application":
        (path / MANIFEST).write_text('{"name": "a browser extension"}')
    if kind != "empty folder":
        kept.write_text("years of work")
    return kept


def test_missing_parents_are_made(artifact: TrainedArtifact, tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "bundle"
    assert artifact.save(path) == path
    assert TrainedArtifact.load(path).theta == artifact.theta


@pytest.mark.parametrize("below", ["bundle", "deeper/bundle"])
def test_a_parent_that_cannot_be_written_is_told_and_nothing_is_left(
    below: str, artifact: TrainedArtifact, tmp_path: Path
) -> None:
    (tmp_path / "parent").write_text("a file")
    with refuses("bundle_unwritable") as caught:
        artifact.save(tmp_path / "parent" / below)
    assert isinstance(caught.value.__cause__, OSError)
    assert (tmp_path / "parent").read_text() == "a file"
    assert [path.name for path in tmp_path.iterdir()] == ["parent"]


def test_a_name_that_is_too_long_is_told_and_nothing_is_left(
    artifact: TrainedArtifact, tmp_path: Path
) -> None:
    with refuses("bundle_unwritable"):
        artifact.save(tmp_path / ("x" * 300))
    assert list(tmp_path.iterdir()) == []


def test_a_save_that_fails_halfway_leaves_nothing_and_the_old_bundle(
    artifact: TrainedArtifact, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with refuses("bundle_unwritable") as caught:
        artifact.save(bundle, overwrite=True)
    assert "No space left on device" in str(caught.value)
    monkeypatch.undo()
    assert [path.name for path in bundle.parent.iterdir()] == [bundle.name]
    assert (bundle / MANIFEST).is_file()


def test_a_failing_rename_puts_the_old_bundle_back(
    artifact: TrainedArtifact, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, before = Path.rename, (bundle / MANIFEST).read_bytes()

    def failing(self: Path, target: Path) -> Path:
        if ".new-" in self.name:
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with refuses("bundle_unwritable"):
        artifact.save(bundle, overwrite=True)
    assert (bundle / MANIFEST).read_bytes() == before
    assert [path.name for path in bundle.parent.iterdir()] == [bundle.name]


# --- kill -9 --------------------------------------------------------------------------------

SAVES_UNTIL_KILLED = """
import os, random, signal, sys, time
from pathlib import Path
import numpy as np
from cvn_harness_core import BundleError, Datasets, TrainedArtifact, train_one

rng = np.random.default_rng(0)
def part(n):
    X = rng.normal(size=(n, 40))
    return X, (X[:, 0] + rng.normal(size=n) > 0).astype(int)
names = [f"f{i}" for i in range(40)]
data = Datasets.from_arrays(part(200), part(600), part(100), feature_names=names)
artifact = train_one("logreg", data)
folder = Path(sys.argv[1])
random.seed(0)
found = 0
for attempt in range(12):
    child = os.fork()
    if child == 0:
        for i in range(10**6):
            artifact.save(folder / f"new-{attempt}-{i}")
            artifact.save(folder / "same", overwrite=True)
    while not (folder / f"new-{attempt}-0").exists():  # however slow the machine
        time.sleep(0.001)
    time.sleep(random.uniform(0.001, 0.08))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    for path in folder.iterdir() if folder.exists() else ():
        if not path.name.startswith("."):
            loaded = TrainedArtifact.load(path)
            assert loaded.run_id == artifact.run_id
            found += 1
print(found)
"""


def test_a_kill_at_any_moment_leaves_no_unreadable_bundle_under_a_final_name(
    tmp_path: Path, run_python: Any
) -> None:
    done = run_python(SAVES_UNTIL_KILLED, tmp_path / "bundles")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 12


# --- parameters -----------------------------------------------------------------------------


def test_what_was_overridden_and_its_digest_are_kept(
    models: Any, datasets: Datasets, tmp_path: Path
) -> None:
    config = ParamConfig({"C": 2.0, "max_iter": 300}, origins={"C": "a file", "max_iter": "b"})
    artifact = train_one("logreg", datasets, HPOParams({"C": 3}, config=config))
    again = TrainedArtifact.load(artifact.save(tmp_path / "b"))
    assert again.effective_params == artifact.effective_params
    assert again.effective_params["C"].overridden[1] == Overridden(2.0, "config", "a file")
    assert again.effective_params["max_iter"].origin == "b"
    assert again.params_digest == artifact.params_digest == digest_of_params(again.effective_params)
    assert len(again.params_digest) == 64


def test_the_digest_is_of_values_sources_and_what_was_overridden(
    models: Any, datasets: Datasets
) -> None:
    def digest(params: dict[str, Any], config: dict[str, Any], **settings: Any) -> str:
        hpo = HPOParams(params, config=ParamConfig(config), **settings)
        return train_one("logreg", datasets, hpo).params_digest

    digests = [
        digest({}, {}),
        digest({"C": 1.0}, {}),
        digest({}, {"C": 1.0}),
        digest({"C": 2.0}, {}),
        digest({"C": 2.0}, {"C": 1.0}),
        digest({"C": 2.0}, {"C": 3.0}),
    ]
    assert len(set(digests)) == len(digests)
    assert digest({"inverse_l2": 2}, {}, seed=3) == digests[3]


def test_where_a_value_stands_is_no_part_of_digest_or_key(
    models: Any, datasets: Datasets, tmp_path: Path
) -> None:
    def trained(place: str) -> TrainedArtifact:
        config = ParamConfig({"C": 2.0, "max_iter": 300}, origins={"C": place, "max_iter": place})
        hpo = HPOParams({"C": 3.0}, config=config)
        return train_one("logreg", datasets, hpo, store=Store(tmp_path / "store"))

    one, other = trained("old.toml [logreg]"), trained("new.toml [logreg]")
    assert len(models.fits) == 1, "the second is read from the store"
    assert one.content_key == other.content_key
    assert one.params_digest == other.params_digest == digest_of_params(other.effective_params)
    for artifact, place in ((one, "old.toml [logreg]"), (other, "new.toml [logreg]")):
        assert artifact.effective_params["max_iter"].origin == place
        assert artifact.effective_params["C"].overridden[-1].origin == place


def test_a_bundle_of_before_has_no_digest_and_nothing_overridden(
    artifact: TrainedArtifact, bundle: Path
) -> None:
    def older(document: dict[str, Any]) -> None:
        del document["artifact"]["params_digest"]
        for param in document["artifact"]["effective_params"].values():
            del param["overridden"], param["origin"]

    edit(bundle, older)
    again = TrainedArtifact.load(bundle)
    assert again.params_digest == ""
    assert again.effective_params["C"].overridden == ()
    assert again.theta == artifact.theta
