"""What others build on changes only on purpose: signatures, hooks, the contract's version."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import cvn_harness_core
import cvn_harness_core.testing
from cvn_harness_core.plugins.record import CONTRACT_VERSION

ROOT = Path(__file__).parents[1]
PUBLIC = {
    "cvn_harness_core": cvn_harness_core,
    "cvn_harness_core.testing": cvn_harness_core.testing,
}


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("public_api", ROOT / "tools" / "public_api.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def contract_versions_of(decisions: Iterable[str]) -> set[int]:
    """Return the versions that decisions name, in a line `**Contract version:** 1`."""
    named = (
        re.findall(r"^\*\*Contract version:\*\* (\d+)$", text, re.MULTILINE) for text in decisions
    )
    return {int(number) for found in named for number in found}


def test_the_public_api_is_the_one_that_was_agreed(tool: ModuleType) -> None:
    changed = tool.difference(tool.SNAPSHOT.read_text(), tool.public_api())
    assert not changed, (
        f"the public API changed:\n{changed}\n\nIf that is meant: python tools/public_api.py, a "
        "news fragment in packages/cvn-harness-core/changes, and docs/releasing.md on what it needs"
    )


def test_every_public_name_is_in_the_snapshot(tool: ModuleType) -> None:
    text = tool.SNAPSHOT.read_text()
    for name in set(cvn_harness_core.__all__) - {"__version__"}:
        assert re.search(rf"^(class )?{name}\b", text, re.MULTILINE), name


def test_our_own_packages_use_no_more_of_core_than_others_can() -> None:
    imported = [
        (file, module, name)
        for file in ROOT.glob("packages/*/src/**/*.py")
        if "cvn-harness-core" not in file.parts
        for module, name in _imported_from_core(ast.parse(file.read_text()))
    ]
    assert len(imported) > 300
    private = [
        f"{file.relative_to(ROOT)}: {module}.{name}"
        for file, module, name in imported
        if module not in PUBLIC or name not in PUBLIC[module].__all__
    ]
    assert not private, "\n".join(private)


def _imported_from_core(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield module and name of each import from core, and of what ``cvn.name`` takes of it."""
    whole = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cvn_harness_core"):
            yield from ((str(node.module), alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            named = [a for a in node.names if a.name.startswith("cvn_harness_core")]
            whole |= {a.asname or a.name for a in named if a.name in PUBLIC}
            yield from ((a.name, "*") for a in named if a.name not in PUBLIC)
        elif isinstance(node, ast.Constant) and re.fullmatch(
            r"cvn_harness_core(\.\w+)+", str(node.value)
        ):
            yield str(node.value), "*"
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in whole
        ):
            yield "cvn_harness_core", node.attr


def test_a_decision_names_the_contract_version() -> None:
    named = contract_versions_of(p.read_text() for p in ROOT.glob("docs/adr/[0-9]*.md"))
    missing = set(range(1, CONTRACT_VERSION + 1)) - named
    assert not missing, (
        f"no decision in docs/adr has the line '**Contract version:** {max(missing)}': a new "
        "version makes every plugin unusable until it is released again; say why"
    )
    assert max(named) == CONTRACT_VERSION


def test_a_number_elsewhere_in_a_decision_names_no_contract_version() -> None:
    assert contract_versions_of(["Since **Contract version:** 2 we", "contract version 3"]) == set()
    assert contract_versions_of(["# A\n\n**Contract version:** 2\n"]) == {2}


@dataclass(frozen=True, kw_only=True)
class Before:
    size: int = 1

    def fit(self, rows: int, *, seed: int = 0) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Default:
    size: int = 2

    def fit(self, rows: int, *, seed: int = 0) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Kind:
    size: int = 1

    def fit(self, rows: int, seed: int = 0) -> None: ...


@dataclass(frozen=True)
class Order:
    size: int = 1

    def fit(self, rows: int, *, seed: int = 0) -> None: ...


@pytest.mark.parametrize(
    ("now", "shown"),
    [
        (Default, "-It.size: int = 1 [keyword]\n+It.size: int = 2 [keyword]"),
        (
            Kind,
            "-It.fit(self, rows: int, *, seed: int = 0) -> None\n+It.fit(self, rows: int, seed:",
        ),
        (Order, "-It.size: int = 1 [keyword]\n+It.size: int = 1"),
        (SimpleNamespace, "-class It(object)"),
    ],
)
def test_a_change_is_shown_as_what_was_and_what_is(
    tool: ModuleType, now: type, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = SimpleNamespace(__all__=["It"], It=Before)
    monkeypatch.setattr(tool, "MODULES", ("public",))
    monkeypatch.setattr(tool, "OURS", __name__)
    monkeypatch.setitem(sys.modules, "public", public)
    before = tool.public_api()
    public.It = now
    if now is SimpleNamespace:
        public.__all__ = []
    assert tool.difference(before, tool.public_api()).startswith(shown)
