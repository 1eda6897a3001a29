"""The example of a host, run as its docstring says, on few rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[1] / "examples" / "orchestrator.py"


def run(store: Path | None = None, **env: str) -> dict[str, Any]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CVN_")}
    kept = {} if store is None else {"CVN_STORE": str(store)}
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLE],
        capture_output=True,
        text=True,
        check=False,
        env=clean | {"CVN_ROWS": "400"} | kept | env,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    assert said["_via_harness"] is True
    assert isinstance(said["test_roc_auc"], float)
    return said


@pytest.mark.parametrize(
    ("name", "kind"), [("lightgbm", "model"), ("stack_3model_avg", "ensemble")]
)
def test_the_environment_says_what_is_trained_and_where_it_is_kept(
    name: str, kind: str, tmp_path: Path
) -> None:
    first, second = (run(tmp_path / "store", CVN_MODEL_TYPE=name) for _ in range(2))
    assert (first["model"], first["kind"]) == (name, kind)
    assert (first["cache_hit"], second["cache_hit"]) == (False, True)
    assert {**first, "cache_hit": True, "seconds": None} == {**second, "seconds": None}


def test_without_an_environment_it_trains_lightgbm_and_keeps_nothing() -> None:
    said = run()
    assert (said["model"], said["cache_hit"], said["content_key"]) == ("lightgbm", None, None)


def test_a_name_that_nobody_offers_says_what_to_install() -> None:
    env = os.environ | {"CVN_ROWS": "400", "CVN_MODEL_TYPE": "stack_4model"}
    done = subprocess.run(
        [sys.executable, EXAMPLE], capture_output=True, text=True, check=False, env=env
    )
    assert done.returncode == 1
    assert "PluginNotInstalledError" in done.stderr
    assert "pip install cvn-ensembles" in done.stderr
