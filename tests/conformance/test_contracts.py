"""The contract as classes of tests: what an author sees who leaves something out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cvn_harness_core.testing.ensemble_checks import ENSEMBLE_CHECKS
from cvn_harness_core.testing.model_checks import MODEL_CHECKS


@pytest.mark.parametrize(
    ("kind", "n"), [("model", len(MODEL_CHECKS)), ("ensemble", len(ENSEMBLE_CHECKS))]
)
def test_a_class_that_names_no_plugin_is_told_so(kind: str, n: int, tmp_path: Path) -> None:
    contract = f"{kind.title()}Contract"
    (tmp_path / "test_mine.py").write_text(
        f"from cvn_harness_core.testing import {contract}\n\n\n"
        f"class TestMine({contract}):\n    {kind[:3]} = 'mine'\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"{n} failed" in done.stdout
    assert f'TestMine names no {kind}: give it {kind} = "..."' in done.stdout
    assert "Error" not in done.stdout
