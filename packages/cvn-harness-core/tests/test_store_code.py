"""A plugin whose code changed is another plugin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cvn_harness_core import MODEL_REGISTRY, StoreError
from cvn_harness_core.plugins.record import PluginRecord
from cvn_harness_core.store import code_digest as module
from cvn_harness_core.store.code_digest import code_digest, package_digest

GROUP = "cvn_harness.models.v1"


@pytest.fixture(autouse=True)
def fresh() -> Any:
    """As in a fresh process."""
    module.code_digest.cache_clear()
    module.package_digest.cache_clear()


def again(record: PluginRecord) -> str:
    module.code_digest.cache_clear()
    return code_digest(record)


def record(distribution: str, target: str) -> PluginRecord:
    return PluginRecord("trees", "model", distribution, "1.0", target, "installed", 1)


def package(folder: Path, name: str, **modules: str) -> Path:
    made = folder / name
    made.mkdir(parents=True)
    (made / "__init__.py").touch()
    for module_name, source in modules.items():
        (made / f"{module_name}.py").write_text(source)
    return made


def test_any_change_of_any_module_of_the_package_changes_the_digest(site: Any) -> None:
    site.add("acme", GROUP, {"trees": "acme_trees.hooks"})
    code = package(site.folder, "acme_trees", hooks="A = 1\n", adapter="B = 2\n")
    inner = package(code, "inner", deep="C = 3\n")
    acme = record("acme", "acme_trees.hooks")
    before = code_digest(acme)
    assert again(acme) == before
    for path in (code / "adapter.py", inner / "deep.py"):
        kept = path.read_bytes()
        path.write_bytes(kept.replace(b"=", b"+="))
        assert again(acme) != before
        path.write_bytes(kept)
        assert again(acme) == before
    (code / "adapter.py").rename(code / "renamed.py")
    assert again(acme) != before
    (code / "renamed.py").rename(code / "adapter.py")
    (code / "notes.txt").write_text("not code")
    assert again(acme) == before


def test_a_single_module_is_a_plugin_too(site: Any) -> None:
    site.add("acme", GROUP, {"trees": "acme_one"}, acme_one="A = 1\n")
    acme = record("acme", "acme_one:plugin")
    before = code_digest(acme)
    (site.folder / "acme_one.py").write_text("A = 2\n")
    assert again(acme) != before


def test_code_that_the_distribution_lists_elsewhere_counts(site: Any) -> None:
    listing = "acme_hooks.py,,\nacme_rest.py,,\n../outside.txt,,\n"
    modules = {"acme_hooks": "A = 1\n", "acme_rest": "B = 1\n"}
    site.add("acme", GROUP, {"trees": "acme_hooks"}, files={"RECORD": listing}, **modules)
    acme = record("acme", "acme_hooks")
    before = code_digest(acme)
    (site.folder / "acme_rest.py").write_text("B = 2\n")
    assert again(acme) != before


def test_an_editable_installation_is_read_where_it_lies(site: Any, tmp_path: Path) -> None:
    source = tmp_path / "project" / "src"
    hooks, rest = package(source, "acme_hooks", a="A = 1\n"), package(source, "acme_rest", b="")
    (source / "acme_single.py").write_text("C = 1\n")
    (site.folder / "acme.pth").write_text(f"# a comment\n{source}\n")
    site.add("acme", GROUP, {"trees": "acme_hooks.a"}, files={"RECORD": "acme.pth,,\n"})
    acme = record("acme", "acme_hooks.a")
    digests = {code_digest(acme)}
    for path in (hooks / "a.py", rest / "b.py", source / "acme_single.py"):
        path.write_text("changed\n")
        digests.add(again(acme))
    assert len(digests) == 4


def test_where_the_code_lies_is_not_part_of_the_digest(site: Any, tmp_path: Path) -> None:
    elsewhere = package(tmp_path / "src", "acme_trees", hooks="A = 1\n").parent
    (site.folder / "acme.pth").write_text(f"{elsewhere}\n")
    site.add("acme", GROUP, {"trees": "acme_trees.hooks"}, files={"RECORD": "acme.pth,,\n"})
    acme = record("acme", "acme_trees.hooks")
    editable = code_digest(acme)
    (elsewhere / "acme_trees").rename(site.folder / "acme_trees")
    assert again(acme) == editable


def test_nothing_is_imported(site: Any) -> None:
    site.add("acme", GROUP, {"trees": "acme_one"}, acme_one="raise SystemExit\n")
    assert len(code_digest(record("acme", "acme_one"))) == 64


def test_code_that_cannot_be_found_is_refused(site: Any) -> None:
    with pytest.raises(StoreError, match=r"ghost 1\.0") as caught:
        code_digest(record("ghost", "ghost_module:plugin"))
    assert caught.value.code == "code_not_found"


def test_the_digest_is_of_the_code_that_this_process_runs(site: Any) -> None:
    site.add("acme", GROUP, {"trees": "acme_one"}, acme_one="A = 1\n")
    acme = record("acme", "acme_one")
    before = code_digest(acme)
    (site.folder / "acme_one.py").write_text("A = 2\n")
    assert code_digest(acme) == before


def test_installed_plugins_and_the_core_have_digests(models: Any) -> None:
    plugin = code_digest(MODEL_REGISTRY.record("logreg"))
    core = package_digest("cvn_harness_core")
    assert len({plugin, core}) == 2
    assert len(plugin) == len(core) == 64
