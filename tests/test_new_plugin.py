"""`cvn new-plugin`: what it writes, and the names that it refuses."""

from __future__ import annotations

import ast
import json
import os
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from cvn_harness_core.plugins.judging import CORE_RULES
from cvn_orchestrator.cli.parser import PLUGIN_KINDS
from cvn_orchestrator.demo import market
from cvn_orchestrator.new_plugin.kinds import KINDS
from cvn_orchestrator.new_plugin.names import LONGEST

from .command import cvn
from .pickup.clean import effective_lines

LONG = "a" * (LONGEST - 4) + "-b-c"
PREFIX = {
    "model": "cvn-model-",
    "ensemble": "cvn-ensemble-",
    "observer": "cvn-observer-",
    "theta-rule": "cvn-theta-",
}
CONTENTS = [
    ".github/workflows/ci.yml",
    ".gitignore",
    "README.md",
    "pyproject.toml",
    "src/{package}/__init__.py",
    "src/{package}/plugin.py",
    "src/{package}/py.typed",
    "tests/test_{name}.py",
]


def made(folder: Path, kind: str, name: str = "fast-trees") -> Path:
    done = cvn("new-plugin", name, "--kind", kind, "--out", folder / "made", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "made"


def test_the_parser_offers_every_kind() -> None:
    assert list(PLUGIN_KINDS) == list(KINDS) == list(PREFIX)


@pytest.mark.parametrize("given", ["fast-trees", "fast_trees"])
@pytest.mark.parametrize("kind", PREFIX)
def test_a_package_is_written_and_said(kind: str, given: str, tmp_path: Path) -> None:
    done = cvn("new-plugin", given, "--kind", kind, "--json", cwd=tmp_path)
    facts = json.loads(done.stdout)
    distribution = f"{PREFIX[kind]}fast-trees"
    package = distribution.replace("-", "_")
    files = [path.format(package=package, name="fast_trees") for path in CONTENTS]
    steps = facts.pop("next")
    look = "cvn check fast_trees" if kind in ("model", "ensemble") else "cvn plugins"
    assert steps == [f"cd {distribution}", "uv pip install -e '.[test]'", "pytest", look]
    assert facts == {
        "name": "fast_trees",
        "kind": kind,
        "distribution": distribution,
        "package": package,
        "folder": distribution,
        "files": files,
    }
    found = [p for p in (tmp_path / distribution).rglob("*") if p.is_file()]
    assert sorted(str(p.relative_to(tmp_path / distribution)) for p in found) == files
    assert [path.name for path in tmp_path.iterdir()] == [distribution]


@pytest.mark.parametrize("kind", PREFIX)
def test_its_metadata_lead_to_the_plugin(kind: str, tmp_path: Path) -> None:
    project = tomllib.loads((made(tmp_path, kind) / "pyproject.toml").read_text())["project"]
    package = f"{PREFIX[kind]}fast-trees".replace("-", "_")
    assert project["entry-points"] == {KINDS[kind].group: {"fast_trees": f"{package}.plugin"}}
    assert next(Requirement(text).name for text in project["dependencies"]) == "cvn-harness-core"
    imported = {
        alias.name.partition(".")[0]
        for node in ast.walk(ast.parse((tmp_path / f"made/src/{package}/plugin.py").read_text()))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    needed = {Requirement(text).name.replace("-", "_") for text in project["dependencies"]}
    assert imported - set(sys.stdlib_module_names) <= needed


@pytest.mark.parametrize("name", ["x", "fast-trees", LONG])
@pytest.mark.parametrize("kind", PREFIX)
def test_it_is_clean_to_ruff_by_its_own_rules(kind: str, name: str, tmp_path: Path) -> None:
    folder = made(tmp_path, kind, name)
    for check in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *check, "--no-cache", "."],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
    for path in folder.rglob("*"):
        if path.is_file():
            assert "{{" not in path.read_text()
            assert "{%" not in path.read_text()


@pytest.mark.parametrize("kind", PREFIX)
def test_it_builds_on_what_is_public_alone(kind: str, tmp_path: Path) -> None:
    trees = [ast.parse(path.read_text()) for path in made(tmp_path, kind).rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    whole = {a.name for node in nodes if isinstance(node, ast.Import) for a in node.names}
    parts = {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    ours = {name for name in whole | parts if name.startswith("cvn_harness_core")}
    assert ours <= {"cvn_harness_core", "cvn_harness_core.testing"}


def test_the_model_imports_its_libraries_when_it_is_used(tmp_path: Path) -> None:
    source = made(tmp_path, "model") / "src"
    look = (
        "import sys; from cvn_model_fast_trees.plugin import cvn_model as m; s = m(); s.adapter();"
        "print(s.libraries, {'sklearn', 'skops'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", look],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("('sklearn', 'skops') set()\n", "")


def test_the_observers_tests_pass_for_one_that_is_slow(tmp_path: Path) -> None:
    folder = made(tmp_path, "observer")
    source, name = folder / "src", "cvn_observer_fast_trees"
    plugin = source / name / "plugin.py"
    slow = plugin.read_text().replace("    if path:\n", "    if path:\n        sleep(0.3)\n")
    plugin.write_text(slow.replace("import os\n", "import os\nfrom time import sleep\n"))
    info = source / f"{name}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    group = KINDS["observer"].group
    (info / "entry_points.txt").write_text(f"[{group}]\nfast_trees = {name}.plugin\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "4 passed" in done.stdout, done.stdout


def test_the_model_is_small(tmp_path: Path) -> None:
    source = made(tmp_path, "model") / "src"
    assert sum(effective_lines(path) for path in source.rglob("*.py")) <= 32


def test_ci_checks_what_can_be_checked(tmp_path: Path) -> None:
    workflow = ".github/workflows/ci.yml"
    assert "cvn check fast_trees" in (made(tmp_path, "model") / workflow).read_text()
    (tmp_path / "other").mkdir()
    assert "cvn check" not in (made(tmp_path / "other", "observer") / workflow).read_text()


def test_people_are_told_what_to_do_next(tmp_path: Path) -> None:
    done = cvn("new-plugin", "fast-trees", "--out", tmp_path / "my own", cwd=tmp_path)
    assert f"cd '{tmp_path / 'my own'}'" in done.stdout
    assert "then edit src/cvn_model_fast_trees/plugin.py" in done.stdout
    assert "until 0.1.0 is on PyPI" in done.stdout


@pytest.mark.parametrize("kind", ["model", "ensemble"])
def test_each_training_that_the_readme_shows_can_read_the_same_file(
    kind: str, tmp_path: Path
) -> None:
    text = (made(tmp_path, kind) / "README.md").read_text().replace("\\\n", "")
    shown = [shlex.split(line) for line in text.splitlines() if line.startswith("cvn train ")]
    assert len(shown) == 2
    bars = market.frame("NASDAQ", take_profit=2.0, stop_loss=1.0, horizon=10, cost=0.05)
    names = [*market.FEATURES, "date", "label_end", "label"]
    bars.tail(1500)[names].write_parquet(tmp_path / "bars.parquet")
    for number, (_, _, name, *options) in enumerate(shown):
        assert name == "fast_trees"
        installed = {"model": "lightgbm", "ensemble": "blend_avg"}[kind]
        if "--trials" in options:
            options[options.index("--trials") + 1] = "2"
        out = f"--out={tmp_path / str(number)}"
        done = cvn("train", installed, *options, out, cwd=tmp_path)
        assert done.returncode == 0, done.stderr


def refused(code: str, words: str, *arguments: str, cwd: Path) -> None:
    before = sorted(cwd.rglob("*"))
    done = cvn("new-plugin", *arguments, "--json", cwd=cwd)
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert error["code"] == code
    assert words in error["message"]
    assert sorted(cwd.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Trees", "lower-case letters"),
        ("3trees", "a letter first"),
        ("fast trees", "for instance fast-trees"),
        ("fast--trees", "joined by"),
        ("trees-", "joined by"),
        ("../trees", "is no name"),
        ("bäume", "is no name"),
        ("", "is no name"),
        (LONG + "d", f"has {LONGEST + 1} letters"),
        ("cvn-model-trees", "give the rest, 'trees'"),
        ("cvn-theta-trees", "give the rest, 'trees'"),
    ],
)
def test_what_can_be_no_name_is_refused(name: str, words: str, tmp_path: Path) -> None:
    refused("plugin_name_invalid", words, name, cwd=tmp_path)


@pytest.mark.parametrize(
    ("name", "kind", "owner"),
    [
        ("lightgbm", "model", "cvn-model-lightgbm"),
        ("lightgbm", "ensemble", "cvn-model-lightgbm"),
        ("blend-avg", "model", "cvn-ensembles"),
        ("stand-in-4", "model", "the conformance kit's own models"),
        *((rule, "theta-rule", "cvn-harness-core itself") for rule in CORE_RULES),
    ],
)
def test_a_name_that_is_taken_is_refused(name: str, kind: str, owner: str, tmp_path: Path) -> None:
    refused("plugin_name_taken", owner, name, "--kind", kind, cwd=tmp_path)


def test_names_are_taken_by_kind(tmp_path: Path) -> None:
    assert made(tmp_path, "observer", "lightgbm").is_dir()


def test_a_rule_must_not_be_read_as_a_number(tmp_path: Path) -> None:
    refused("plugin_name_invalid", "read as a number", "nan", "--kind=theta-rule", cwd=tmp_path)


@pytest.mark.parametrize("there", ["folder", "file", "dangling link"])
def test_nothing_is_overwritten(there: str, tmp_path: Path) -> None:
    place = tmp_path / "cvn-model-trees"
    if there == "folder":
        place.mkdir()
    elif there == "file":
        place.touch()
    else:
        place.symlink_to(tmp_path / "nowhere")
    refused("plugin_folder_exists", "choose another --out", "trees", cwd=tmp_path)


def test_a_folder_that_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = cvn("new-plugin", "trees", "--out", tmp_path / "file" / "in", cwd=tmp_path)
    assert (done.returncode, "[setting_invalid]" in done.stderr) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
