"""The example of a host, run as its docstring says, on few rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).parents[1] / "examples" / "orchestrator.py"
ROWS = "600"  # enough for both classes in each forward fold


def run(**variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CVN_")}
    return subprocess.run(
        [sys.executable, "-W", "error", EXAMPLE],
        capture_output=True,
        text=True,
        check=False,
        env=clean | {"CVN_ROWS": ROWS, **variables},
    )


def said(**variables: str) -> dict[str, Any]:
    done = run(**variables)
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout)
    assert facts["_via_harness"] is True
    assert isinstance(facts["test_roc_auc"], float)
    return facts


def test_without_an_environment_it_trains_lightgbm_and_keeps_nothing() -> None:
    facts = said()
    assert (facts["model"], facts["kind"]) == ("lightgbm", "model")
    assert (facts["cache_hit"], facts["content_key"]) == (None, None)


def test_the_environment_says_what_is_trained_and_where_it_is_kept(tmp_path: Path) -> None:
    where = {"CVN_MODEL_TYPE": "stack_3model_avg", "CVN_STORE": str(tmp_path / "store")}
    first, second = said(**where), said(**where)
    assert (first["model"], first["kind"]) == ("stack_3model_avg", "ensemble")
    assert (first["cache_hit"], second["cache_hit"]) == (False, True)
    assert {**first, "cache_hit": True, "seconds": None} == {**second, "seconds": None}


def test_a_name_that_nobody_offers_says_what_to_install(tmp_path: Path) -> None:
    done = run(CVN_MODEL_TYPE="stack_4model", CVN_STORE=str(tmp_path / "store"))
    assert done.returncode == 1
    assert "PluginNotInstalledError" in done.stderr
    assert "pip install cvn-ensembles" in done.stderr
    assert list(tmp_path.iterdir()) == []
