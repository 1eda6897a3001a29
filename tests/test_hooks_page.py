"""docs/hooks.md says of each hook what the code says."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from types import FunctionType

import pytest

from cvn_harness_core.plugins import hookspecs
from cvn_orchestrator.new_plugin.kinds import KINDS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "hooks.md").read_text()
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE))
HOOKS = {name: f for name, f in vars(hookspecs).items() if hasattr(f, "cvn_harness_spec")}


def group(hook: FunctionType) -> str:
    found = re.search(r"cvn_harness\.\w+\.v\d", inspect.getdoc(hook) or "")
    assert found, hook
    return found[0]


def test_every_hook_has_a_section_and_no_other() -> None:
    assert len(HOOKS) >= 12
    assert sorted(SECTIONS) == sorted(HOOKS)


@pytest.mark.parametrize("name", HOOKS)
def test_a_section_has_the_hooks_own_signature_and_group(name: str) -> None:
    signature = str(inspect.signature(HOOKS[name])).replace("'", "")
    assert f"\n`{name}{signature}`, of `{group(HOOKS[name])}`.\n" in SECTIONS[name]


@pytest.mark.parametrize("name", HOOKS)
def test_a_section_says_who_calls_it(name: str) -> None:
    assert "\nCalled by " in SECTIONS[name]


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_called_by_its_name_somewhere(name: str) -> None:
    sources = [p for p in ROOT.glob("packages/*/src/**/*.py") if p.name != "hookspecs.py"]
    assert any(f'"{name}"' in path.read_text() for path in sources)


def test_the_table_has_every_group() -> None:
    groups = re.findall(r"^\| `(cvn_harness\.\S+)` \|", PAGE, re.MULTILINE)
    assert sorted(groups) == sorted(kind.group for kind in KINDS.values())
