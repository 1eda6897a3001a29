"""What must hold of every package in the workspace."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]
OURS = {path.name for path in PACKAGES}


def metadata(package: Path) -> dict:  # type: ignore[type-arg]
    return tomllib.loads((package / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_package_is_complete(package: Path) -> None:
    module = package / "src" / package.name.replace("-", "_")
    assert (module / "py.typed").is_file()
    assert (package / "README.md").read_text().startswith(f"# {package.name}\n")
    assert len((package / "README.md").read_text().splitlines()) > 10
    assert (package / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert list((package / "tests").glob("test_*.py"))
    assert metadata(package)["requires-python"] == ">=3.11"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_versions_are_bounded_and_imports_point_one_way(package: Path) -> None:
    needs = [Requirement(text) for text in metadata(package)["dependencies"]]
    ours = [need for need in needs if need.name in OURS]
    assert {need.name for need in ours} <= {"cvn-harness-core"}
    for need in ours:
        assert re.fullmatch(r"<\d+,>=\d+\.\d+", str(need.specifier))
    declared = {canonicalize_name(need.name) for need in needs}
    for path in package.glob("src/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                top = canonicalize_name(name.partition(".")[0])
                if top in OURS and top != package.name:
                    assert top in declared, f"{path} imports {name}"


def test_every_version_is_pinned_once_by_name() -> None:
    pins = [Requirement(text) for text in SETTINGS["constraint-dependencies"]]
    keys = [(pin.name, str(pin.marker or "")) for pin in pins]
    assert len(keys) == len(set(keys))
    assert all(re.fullmatch(r"==\S+", str(pin.specifier)) and not pin.url for pin in pins)
    names = {pin.name for pin in pins}
    for package in PACKAGES:
        for text in metadata(package)["dependencies"]:
            name = canonicalize_name(Requirement(text).name)
            assert name in names | OURS or name == "xgboost", f"{package.name} needs {name}"


def test_no_branch_on_a_model_name() -> None:
    names = {"xgboost", "lightgbm", "catboost"}
    shared = [
        *(ROOT / "packages" / "cvn-harness-core" / "src").rglob("*.py"),
        *(ROOT / "packages" / "cvn-orchestrator" / "src").rglob("*.py"),
    ]
    for path in shared:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare | ast.MatchValue):
                for part in ast.walk(node):
                    assert getattr(part, "value", None) not in names, f"{path}:{node.lineno}"
