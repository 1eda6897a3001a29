"""A release: tags, news, workflows, and bounds that were tested."""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml"))
WORKFLOWS = ROOT / ".github" / "workflows"


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"tool_{name}", ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def workflow(name: str) -> dict[Any, Any]:
    read: dict[Any, Any] = yaml.safe_load((WORKFLOWS / name).read_text())
    return read


def sessions() -> list[str]:
    found = ast.parse((ROOT / "noxfile.py").read_text()).body
    return [
        node.name
        for node in found
        if isinstance(node, ast.FunctionDef)
        and any("nox.session" in ast.unparse(each) for each in node.decorator_list)
    ]


def default_sessions() -> list[str]:
    for node in ast.walk(ast.parse((ROOT / "noxfile.py").read_text())):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "nox.options.sessions":
            found: list[str] = ast.literal_eval(node.value)
            return found
    pytest.fail("noxfile.py names no default sessions")


def test_ci_runs_each_default_session_and_each_package() -> None:
    jobs = workflow("ci.yml")["jobs"]
    assert [*jobs["session"]["strategy"]["matrix"]["session"], "unit"] == sorted(
        default_sessions(), key=lambda name: (name == "unit", default_sessions().index(name))
    )
    assert jobs["unit"]["strategy"]["matrix"]["package"] == PACKAGES


def test_sessions_that_check_by_name_only_run_weekly_and_before_a_release() -> None:
    weekly = workflow("weekly.yml")
    assert {"schedule", "workflow_dispatch"} == set(weekly[True])
    named = weekly["jobs"]["session"]["strategy"]["matrix"]["session"]
    no_checks = {"benchmarks", "news", "pin", "sbom"}
    assert set(named) == set(sessions()) - set(default_sessions()) - no_checks
    before = workflow("release.yml")["jobs"]["checks-by-name"]["strategy"]["matrix"]["session"]
    assert set(before) == set(named) - {"ray"}


def test_each_package_is_released_by_a_tag_of_its_own() -> None:
    tags = workflow("release.yml")[True]["push"]["tags"]  # YAML 1.1 reads `on` as true
    assert tags == [f"{name}-v*" for name in PACKAGES]


def test_only_the_job_that_publishes_gets_a_token_and_no_secret_is_read() -> None:
    jobs = workflow("release.yml")["jobs"]
    assert [n for n, job in jobs.items() if "id-token" in job["permissions"]] == ["publish"]
    steps = jobs["publish"]["steps"]
    assert not [step for step in steps if "run" in step or "checkout" in step.get("uses", "")]
    assert jobs["publish"]["environment"]["name"] == "${{ needs.build.outputs.package }}"
    assert set(jobs["publish"]["needs"]) == {"checks", "checks-by-name", "build"}
    for path in WORKFLOWS.glob("*.yml"):
        assert "secrets." not in path.read_text()


@pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*.yml")), ids=lambda path: path.name)
def test_a_workflow_names_versions_of_its_actions_and_runs_nothing_that_a_name_can_inject(
    path: Path,
) -> None:
    read = yaml.safe_load(path.read_text())
    assert "permissions" in read
    for job in read["jobs"].values():
        for step in job.get("steps", []):
            if "uses" in step:
                assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+(\.\d+)*", step["uses"])
            assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("package", PACKAGES)
def test_news_has_names_that_towncrier_knows_and_says_something(package: str) -> None:
    release = tool("release")
    assert "<!-- towncrier release notes start -->" in (
        ROOT / "packages" / package / "CHANGELOG.md"
    ).read_text()  # fmt: skip
    for path in release.fragments(ROOT / "packages" / package):
        assert release.FRAGMENT.fullmatch(path.name), f"{path}: +SLUG.KIND.md or ISSUE.KIND.md"
        assert path.read_text().strip().endswith("."), f"{path}: a sentence for users"


@pytest.fixture
def ready(tmp_path: Path) -> Path:
    """Return a workspace with one package that may be released as 0.2.0."""
    package = tmp_path / "packages" / "cvn-ensembles"
    ours = ROOT / "packages" / "cvn-ensembles"
    (package / "src" / "cvn_ensembles").mkdir(parents=True)
    (package / "changes").mkdir()
    shutil.copy(ours / "pyproject.toml", package)
    (package / "src" / "cvn_ensembles" / "__about__.py").write_text('__version__ = "0.2.0"\n')
    (package / "CHANGELOG.md").write_text(
        "# Changelog\n\n## 0.2.0 (2026-12-01)\n\n- More.\n\n## 0.1.1 (2026-11-30)\n\n- Less.\n"
    )
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 0.1.0 (unreleased)\n\nFirst.\n")
    return tmp_path


def test_a_tag_is_released_if_version_and_changelog_agree(ready: Path) -> None:
    release = tool("release")
    assert release.problems("cvn-ensembles-v0.2.0", ready) == []
    assert release.notes(ready / "packages" / "cvn-ensembles", "0.2.0") == "- More."


@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ("v0.2.0", "not PACKAGE-vX.Y.Z"),
        ("cvn-ensembles-v0.2", "not PACKAGE-vX.Y.Z"),
        ("cvn-other-v0.2.0", "no packages/cvn-other"),
        ("cvn-ensembles-v0.3.0", "says it is 0.2.0"),
    ],
)
def test_another_tag_is_refused(ready: Path, tag: str, why: str) -> None:
    assert why in tool("release").problems(tag, ready)[0]


def test_a_tag_is_refused_while_news_is_not_in_the_changelog(ready: Path) -> None:
    package = ready / "packages" / "cvn-ensembles"
    (package / "changes" / "+more.added.md").write_text("More.\n")
    assert "+more.added.md" in tool("release").problems("cvn-ensembles-v0.2.0", ready)[0]


def test_the_first_release_waits_for_a_date_in_the_workspaces_changelog(ready: Path) -> None:
    about = ready / "packages" / "cvn-ensembles" / "src" / "cvn_ensembles" / "__about__.py"
    about.write_text('__version__ = "0.1.0"\n')
    release = tool("release")
    assert "## 0.1.0 (YYYY-MM-DD)" in release.problems("cvn-ensembles-v0.1.0", ready)[0]
    (ready / "CHANGELOG.md").write_text("# Changelog\n\n## 0.1.0 (2026-12-01)\n\nFirst.\n")
    assert release.problems("cvn-ensembles-v0.1.0", ready) == []
    assert release.notes(about.parents[2], "0.1.0") == "First."


@pytest.mark.parametrize(
    ("package", "version", "flags"),
    [
        ("cvn-harness-core", "0.2.0", ""),
        ("cvn-harness-core", "0.2.0rc1", "--prerelease"),
        ("cvn-ensembles", "0.2.0", "--latest=false"),
        ("cvn-ensembles", "0.2.0a1", "--latest=false --prerelease"),
        ("cvn-ensembles", "0.2.0b10", "--latest=false --prerelease"),
    ],
)
def test_github_is_told_what_is_no_final_release_and_what_is_not_the_latest(
    package: str, version: str, flags: str
) -> None:
    assert tool("release").flags(package, version) == flags
    jobs = workflow("release.yml")["jobs"]
    assert "flags" in jobs["build"]["outputs"]
    assert "$FLAGS" in jobs["announce"]["steps"][-1]["run"]


def test_every_package_has_a_version_of_its_own() -> None:
    for package in PACKAGES:
        version = tool("release").declared_version(ROOT / "packages" / package)
        assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", version)


def test_a_bound_below_what_is_installed_was_not_tested() -> None:
    untested = tool("minimums").untested
    installed = {
        "numpy": "1.26.0",
        "scipy": "1.12.0",
        "venn-abers": "1.4.1",
        "xgboost-cpu": "2.1.1",
    }
    sound = ["numpy>=1.26", "scipy>=1.12,<2", "venn-abers>=1.4 ; extra == 'a'", "xgboost>=2.1"]
    assert untested(sound, installed) == ([], [])
    assert untested(["scipy>=1.11"], installed) == (["scipy>=1.11: installed is 1.12.0"], [])
    assert untested(["numpy"], installed) == (["numpy: no one lower bound"], [])
    assert untested(["joblib>=1.4"], installed) == (["joblib>=1.4: not installed"], [])
    absent = 'ray>=2.60; extra == "ray"'
    assert untested([absent, "tomli>=2 ; python_version < '3'"], installed) == ([], [absent])


def test_pins_stay_where_they_cannot_be_renewed(tmp_path: Path) -> None:
    pyproject = tmp_path / "pyproject.toml"
    pyproject.write_text(
        '[project]\nname = "a"\nversion = "1"\nrequires-python = ">=3.11"\n'
        'dependencies = ["b"]\n\n[tool.uv]\nconstraint-dependencies = ["c==1"]\n\n'
        '[tool.uv.sources]\nb = { path = "is-not-there" }\n'
    )
    (tmp_path / "uv.lock").write_text("version = 1\n")
    before = pyproject.read_text()
    with pytest.raises(subprocess.CalledProcessError):
        tool("pin").renew(tmp_path)
    assert pyproject.read_text() == before
    assert (tmp_path / "uv.lock").read_text() == "version = 1\n"


def test_a_second_build_that_differs_is_named(tmp_path: Path) -> None:
    reproducible = tool("reproducible")
    package = ROOT / "packages" / "cvn-ensembles"
    built = reproducible.build_otherwise(package, tmp_path)
    dist = built[0].parent
    assert {path.suffix for path in built} == {".gz", ".whl"}
    assert reproducible.different(package, dist) == []
    wheel = next(path for path in built if path.suffix == ".whl")
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    assert reproducible.different(package, dist) == [wheel.name]
