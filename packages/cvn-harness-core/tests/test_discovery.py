"""What is installed is listed without being imported, the unusable with the reason."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from cvn_harness_core import discover
from cvn_harness_core.errors import PluginConflictError
from cvn_harness_core.plugins.discovery import unmatched
from cvn_harness_core.testing.stand_ins import STAND_INS, stand_ins

MODELS, ENSEMBLES = "cvn_harness.models.v1", "cvn_harness.ensembles.v1"
EXPLODES = "raise RuntimeError('this module must not be imported')"


def test_a_plugin_is_listed_with_where_it_comes_from(site: Any) -> None:
    site.add("acme-models", MODELS, {"trees": "acme_trees"}, version="2.3")
    (record,) = site.discover()
    assert record.as_dict() == {
        "name": "trees",
        "kind": "model",
        "distribution": "acme-models",
        "version": "2.3",
        "target": "acme_trees",
        "origin": "installed",
        "contract": 1,
        "status": "available",
        "error": None,
        "advice": None,
    }
    assert json.loads(json.dumps(record.as_dict())) == record.as_dict()


def test_listing_imports_nothing(site: Any) -> None:
    site.add("acme-models", MODELS, {"trees": "acme_explodes"}, acme_explodes=EXPLODES)
    registry = site.models()
    assert [record.status for record in site.discover()] == ["available"]
    assert list(registry) == ["trees"]
    assert "trees" in registry
    assert len(registry) == 1
    assert "trees" in repr(registry)
    assert registry.records()[0].name == "trees"
    assert "acme_explodes" not in sys.modules


def test_the_three_groups_are_three_kinds(site: Any) -> None:
    site.add("a", MODELS, {"one": "m"})
    site.add("b", ENSEMBLES, {"two": "m"})
    site.add("c", "cvn_harness.plugins.v1", {"one": "m"})
    site.add("e", "console_scripts", {"other": "m:main"})
    assert [(r.kind, r.name, r.status) for r in site.discover()] == [
        ("ensemble", "two", "available"),
        ("model", "one", "available"),
        ("observer", "one", "available"),
    ]


def test_records_are_sorted_by_kind_and_name(site: Any) -> None:
    site.add("z", MODELS, {"b": "m", "a": "m"})
    site.add("y", MODELS, {"c": "m"})
    assert [record.name for record in site.discover()] == ["a", "b", "c"]


def test_nothing_installed_is_an_empty_list(tmp_path: Path) -> None:
    assert discover(path=[str(tmp_path)]) == ()
    assert discover(path=[str(tmp_path / "nowhere")]) == ()


# --- lists ----------------------------------------------------------------------------------


@pytest.fixture
def three(site: Any) -> Any:
    site.add("acme-models", MODELS, {"trees": "acme_trees", "nets": "acme_nets"})
    site.add("Other_Models", MODELS, {"lines": "other_lines"})
    return site


def statuses(records: tuple[Any, ...]) -> dict[str, str]:
    return {record.name: record.status for record in records}


@pytest.mark.parametrize(
    ("block", "blocked"),
    [
        (["trees"], {"trees"}),
        (["acme-models"], {"trees", "nets"}),
        (["trees", "lines"], {"trees", "lines"}),
        (["nobody"], set()),
        ([], set()),
    ],
)
@pytest.mark.parametrize("through", ["environment", "argument"])
def test_what_is_on_the_block_list_is_blocked(
    through: str,
    block: list[str],
    blocked: set[str],
    three: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if through == "environment":
        monkeypatch.setenv("CVN_PLUGINS_BLOCK", " , ".join(block))
        records = three.discover()
    else:
        records = three.discover(block=block)
    assert {name for name, status in statuses(records).items() if status == "blocked"} == blocked
    assert all("CVN_PLUGINS_BLOCK" in r.error for r in records if r.status == "blocked")


@pytest.mark.parametrize(
    ("allow", "allowed"),
    [
        (["trees"], {"trees"}),
        (["acme-models"], {"trees", "nets"}),
        (["nobody"], set()),
        (["", ""], set()),
    ],
)
@pytest.mark.parametrize("through", ["environment", "argument"])
def test_what_is_not_on_the_allow_list_is_blocked(
    through: str,
    allow: list[str],
    allowed: set[str],
    three: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if through == "environment":
        monkeypatch.setenv("CVN_PLUGINS", ",".join(allow))
        records = three.discover()
    else:
        records = three.discover(allow=allow)
    assert {name for name, status in statuses(records).items() if status == "available"} == allowed
    assert all("(CVN_PLUGINS)" in r.error for r in records if r.status == "blocked")


def test_an_empty_list_allows_none_and_an_empty_variable_is_no_list(
    three: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(statuses(three.discover(allow=[])).values()) == {"blocked"}
    monkeypatch.setenv("CVN_PLUGINS", " ")
    assert set(statuses(three.discover()).values()) == {"available"}


def test_nothing_but_the_stand_ins_is_found_where_the_kit_has_them(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = site.add("cvn-stand-ins", MODELS, {"evil": "acme_evil"})
    monkeypatch.setenv("CVN_STAND_INS", str(info.parent))
    assert {r.status for r in discover(allow=[]) if r.name == "evil"} == {"blocked"}


def test_the_stand_ins_of_the_kit_are_on_every_list_while_it_needs_them(site: Any) -> None:
    site.add("cvn-stand-ins", MODELS, {"stand_in": "acme_evil", "evil": "acme_evil"})
    lists = {"allow": ["evil"], "block": ["stand_in", "cvn-stand-ins"]}
    with stand_ins():
        found = {r.name: r for r in discover(**lists) if r.distribution == "cvn-stand-ins"}
        assert {name: record.status for name, record in found.items()} == {
            **dict.fromkeys(STAND_INS, "available"),
            "evil": "blocked",
        }
        assert found["stand_in"].target == "cvn_harness_core.testing.stand_in:first"
    found = {r.name: r for r in discover(**lists) if r.distribution == "cvn-stand-ins"}
    assert {name: record.status for name, record in found.items()} == {
        "stand_in": "blocked",
        "evil": "blocked",
    }


def test_a_listed_name_that_nothing_has_is_found(
    three: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CVN_PLUGINS", "trees, linse, OTHER.models")
    monkeypatch.setenv("CVN_PLUGINS_BLOCK", "acme-modles,,nets")
    assert list(unmatched(three.discover())) == [
        ("CVN_PLUGINS", "linse"),
        ("CVN_PLUGINS_BLOCK", "acme-modles"),
    ]


@pytest.mark.parametrize("spelling", ["other-models", "other_models", "OTHER.models"])
def test_a_list_knows_a_distribution_by_any_spelling_that_pip_knows(
    spelling: str, three: Any
) -> None:
    assert statuses(three.discover(block=[spelling]))["lines"] == "blocked"
    assert statuses(three.discover(allow=[spelling]))["lines"] == "available"


def test_the_block_list_outweighs_the_allow_list(three: Any) -> None:
    assert statuses(three.discover(allow=["trees"], block=["trees"]))["trees"] == "blocked"


def test_an_argument_replaces_the_environment(three: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CVN_PLUGINS_BLOCK", "trees")
    assert statuses(three.discover(block=["nets"])) == {
        "trees": "available",
        "nets": "blocked",
        "lines": "available",
    }


# --- conflicts ------------------------------------------------------------------------------


def test_one_name_from_two_distributions_is_a_conflict_that_names_both(site: Any) -> None:
    site.add("acme-models", MODELS, {"trees": "acme_trees", "nets": "acme_nets"})
    site.add("rival-models", MODELS, {"trees": "rival_trees"})
    records = site.discover()
    assert [(r.name, r.distribution, r.status) for r in records] == [
        ("nets", "acme-models", "available"),
        ("trees", "acme-models", "conflict"),
        ("trees", "rival-models", "conflict"),
    ]
    for record in records[1:]:
        assert "acme-models and rival-models" in record.error
        other = {"acme-models": "rival-models", "rival-models": "acme-models"}
        assert f"CVN_PLUGINS_BLOCK={other[record.distribution]}" in record.advice
    assert list(site.models()) == ["nets"]


def test_blocking_one_of_the_two_settles_the_conflict(site: Any) -> None:
    site.add("acme-models", MODELS, {"trees": "acme_trees"})
    site.add("rival-models", MODELS, {"trees": "rival_trees"})
    settled = {r.distribution: r.status for r in site.discover(block=["rival-models"])}
    assert settled == {"acme-models": "available", "rival-models": "blocked"}


def test_a_model_and_an_ensemble_of_one_name_are_a_conflict(site: Any) -> None:
    site.add("acme-models", MODELS, {"trees": "acme_trees"})
    site.add("acme-stacks", ENSEMBLES, {"trees": "acme_stack"})
    for record in site.discover():
        assert record.status == "conflict"
        assert "is the ensemble of acme-stacks and the model of acme-models" in record.error
        other = {"acme-models": "acme-stacks", "acme-stacks": "acme-models"}[record.distribution]
        assert f"CVN_PLUGINS_BLOCK={other}" in record.advice
    for registry in (site.models(), site.ensembles()):
        with pytest.raises(PluginConflictError, match=r"acme-stacks .* acme-models"):
            registry["trees"]


def test_an_observer_may_have_the_name_of_a_model(site: Any) -> None:
    site.add("acme-models", MODELS, {"trees": "acme_trees"})
    site.add("acme-watch", "cvn_harness.plugins.v1", {"trees": "acme_watch"})
    assert [record.status for record in site.discover()] == ["available", "available"]


@pytest.mark.parametrize("spelling", ["acme-models", "Acme_Models"])
def test_a_distribution_on_two_paths_is_one_and_the_first_counts(
    spelling: str, site: Any, tmp_path: Path
) -> None:
    site.add("acme-models", MODELS, {"trees": "acme_trees"}, version="2.0")
    other = tmp_path / "other"
    shutil.copytree(site.folder, other)
    (info,) = other.glob("*.dist-info")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {spelling}\nVersion: 1.0\n")
    importlib.invalidate_caches()
    (record,) = discover(path=[str(site.folder), str(other)])
    assert (record.version, record.status, record.error) == ("2.0", "available", None)
    assert f"2.0 in {site.folder} is used, 1.0 in {other} is not" in record.advice


def test_a_folder_that_is_on_the_path_twice_is_nothing_to_mend(site: Any, tmp_path: Path) -> None:
    site.add("acme-models", MODELS, {"trees": "acme_trees"})
    link = tmp_path / "link"
    link.symlink_to(site.folder)
    (record,) = discover(path=[str(site.folder), str(site.folder), str(link)])
    assert (record.status, record.advice) == ("available", None)


def test_what_an_upgrade_left_behind_is_told(site: Any) -> None:
    site.add("acme-models", MODELS, {"trees": "acme_trees"}, version="1.0")
    site.add("acme-models", MODELS, {"trees": "acme_trees"}, version="2.0")
    (record,) = site.discover()
    assert "acme-models is installed twice" in record.advice


# --- what cannot be used --------------------------------------------------------------------


@pytest.mark.parametrize("version", [0, 2, 17])
def test_another_version_of_the_contract_is_incompatible(version: int, site: Any) -> None:
    site.add("acme-models", f"cvn_harness.models.v{version}", {"trees": "acme_trees"})
    (record,) = site.discover()
    assert (record.status, record.contract) == ("incompatible", version)
    assert f"contract v{version}" in record.error
    assert "install a release of acme-models" in record.advice
    newer = "acme-models" if version < 1 else "cvn-harness-core"
    assert f"pip install --upgrade {newer}" in record.advice


def test_a_plugin_for_both_contracts_is_usable(site: Any) -> None:
    info = site.add("acme-models", MODELS, {"trees": "acme_trees"})
    with (info / "entry_points.txt").open("a") as file:
        file.write("\n[cvn_harness.models.v2]\ntrees = acme_trees_v2\n")
    importlib.invalidate_caches()
    registry = site.models()
    assert list(registry) == ["trees"]
    assert registry.record("trees").target == "acme_trees"


def test_a_group_with_another_spelling_of_the_version_is_malformed(site: Any) -> None:
    site.add("acme-models", "cvn_harness.models.v01", {"trees": "acme_trees"})
    (record,) = site.discover()
    assert record.status == "malformed"
    assert "'cvn_harness.models.v1' would be" in record.error


@pytest.mark.parametrize(
    ("group", "near"),
    [
        ("cvn_harness.model.v1", MODELS),
        ("cvn_harness.models", MODELS),
        ("CVN_HARNESS.MODELS.V1", MODELS),
        (f" {MODELS} ", MODELS),
        ("cvn_harness.ensemble.v1", ENSEMBLES),
        ("cvn_harness.observers.v1", "cvn_harness.plugins.v1"),
        ("cvn_harness.thetas", "cvn_harness.theta.v1"),
        (f"cvn_harness.models.v{'9' * 5000}", MODELS),
    ],
)
def test_a_group_that_is_none_is_malformed_and_the_nearest_is_named(
    group: str, near: str, site: Any
) -> None:
    site.add("acme-models", group, {"trees": "acme_trees"})
    (record,) = site.discover()
    assert record.status == "malformed"
    assert f"{group!r} is no group" in record.error
    assert f"have it say {near!r}" in record.advice


def test_another_projects_group_is_its_own_business(site: Any) -> None:
    site.add("acme-dashboards", "cvn_harness_dashboards.themes", {"dark": "acme_dark"})
    assert site.discover() == ()


@pytest.mark.parametrize(("name", "shown"), [("", "(nameless)"), ("\x1b[31mred", r"\x1b[31mred")])
def test_a_name_that_cannot_be_shown_is_malformed(name: str, shown: str, site: Any) -> None:
    site.add("acme-models", MODELS, {name: "acme_trees"})
    (record,) = site.discover()
    assert (record.name, record.status) == (shown, "malformed")
    assert all(text.isprintable() for text in (record.error, record.advice))


def test_a_name_twice_in_one_distribution_is_a_conflict(site: Any) -> None:
    info = site.add("acme-models", MODELS, {"trees": "acme_trees"})
    with (info / "entry_points.txt").open("a") as file:
        file.write("\ntrees = acme_others\n")
    importlib.invalidate_caches()
    assert [record.status for record in site.discover()] == ["conflict", "conflict"]
    (error,) = {record.error for record in site.discover()}
    assert "acme-models offers the model 'trees' more than once: acme_others and acme" in error


@pytest.mark.parametrize("target", ["acme_trees [fast]", "acme_trees.door : plugin [fast,more]"])
def test_a_target_may_name_extras(target: str, site: Any) -> None:
    site.add("acme-models", MODELS, {"trees": target})
    (record,) = site.discover()
    assert (record.status, record.package) == ("available", "acme_trees")


@pytest.mark.parametrize(
    "target",
    [
        "a..b",
        "a:b..c",
        "acme.",
        "acme trees",
        "acme_trees:",
        ":plugin",
        "acme-trees",
        "1acme",
        "acme/trees.py",
        "a:b:c",
    ],
)
def test_a_malformed_target_is_told_and_hurts_no_other(target: str, site: Any) -> None:
    site.add("acme-models", MODELS, {"trees": target})
    site.add("other-models", MODELS, {"lines": "other_lines"})
    records = {record.name: record for record in site.discover()}
    assert records["trees"].status == "malformed"
    assert "package.module[:attribute]" in records["trees"].error
    assert "pip install --upgrade acme-models" in records["trees"].advice
    assert records["lines"].status == "available"


DAMAGED = {
    "entry points without a target": {"entry_points.txt": f"[{MODELS}]\ntrees\n"},
    "entry points without a group": {"entry_points.txt": f"trees = acme\n[{MODELS}]\n"},
    "no metadata": {"METADATA": None},
    "metadata without a name": {"METADATA": "Metadata-Version: 2.1\n"},
    "metadata without a version": {"METADATA": "Metadata-Version: 2.1\nName: acme-models\n"},
    "an origin that is not JSON": {"direct_url.json": "{"},
    "an origin that is a list": {"direct_url.json": "[]"},
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_distribution_hurts_no_other(damage: str, site: Any) -> None:
    info = site.add("acme-models", MODELS, {"trees": "acme_trees"})
    site.add("other-models", MODELS, {"lines": "other_lines"})
    for name, text in DAMAGED[damage].items():
        if text is None:
            (info / name).unlink()
        else:
            (info / name).write_text(text)
    importlib.invalidate_caches()
    assert statuses(site.discover())["lines"] == "available"


@pytest.mark.parametrize("ours", [True, False])
def test_bytes_that_are_no_text_hurt_no_other(ours: bool, site: Any) -> None:
    group = MODELS if ours else "console_scripts"
    info = site.add("acme-models", group, {"trees": "acme_trees"})
    (info / "entry_points.txt").write_bytes(f"[{group}]\ntrees = ".encode() + b"\xff\xfe\n")
    site.add("other-models", MODELS, {"lines": "other_lines"})
    found = {record.distribution: record for record in site.discover()}
    assert found["other-models"].status == "available"
    record = found["acme_models"]
    assert (record.kind, record.status) == ("model" if ours else "unknown", "malformed")
    assert "UnicodeDecodeError" in record.error


@pytest.mark.parametrize(
    "damaged",
    [b"[console_scripts]\nacme\n", "[console_scripts]\nacme = m:f\n".encode("utf-16")],
    ids=["no target", "UTF-16"],
)
def test_whatever_else_reads_entry_points_passes_a_damaged_distribution_over(
    damaged: bytes, run_python: Any, tmp_path: Path
) -> None:
    program = """
import importlib.metadata, sys
sys.path.append(sys.argv[1])
from cvn_harness_core import MODEL_REGISTRY, discover
MODEL_REGISTRY["logreg"]
assert len(importlib.metadata.entry_points(group="cvn_harness.models.v1"))
for _ in range(2):
    print([r.distribution for r in discover() if r.status == "malformed"])
"""
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_bytes(damaged)
    done = run_python(program, tmp_path)
    assert done.stdout == "['acme']\n['acme']\n", done.stderr


# --- origin ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direct_url", "origin"),
    [
        ({"url": "file:///src/acme", "dir_info": {"editable": True}}, "editable"),
        ({"url": "file:///src/acme", "dir_info": {}}, "installed"),
        ({"url": "file:///src/acme", "dir_info": {"editable": False}}, "installed"),
        ({"url": "https://example.org/acme.whl", "archive_info": {}}, "installed"),
    ],
)
def test_an_editable_install_is_told_apart(
    direct_url: dict[str, Any], origin: str, site: Any
) -> None:
    files = {"direct_url.json": json.dumps(direct_url)}
    site.add("acme-models", MODELS, {"trees": "acme_trees"}, files=files)
    assert site.discover()[0].origin == origin
