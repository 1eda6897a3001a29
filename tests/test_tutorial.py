"""docs/tutorial.md, done word for word in an environment of its own; by `nox -s docs`."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from .pickup.clean import PACKAGES, ROOT, environment

PAGE = (ROOT / "docs" / "tutorial.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
NAMED = re.compile(r"[Ss]ave it as\s+`([^`]+)`:\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OURS = ("cvn-harness-core", "cvn-orchestrator", "cvn-model-lightgbm")


def run(command: list[str], cwd: Path, env: dict[str, str], given: str | None = None) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=env, input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_edit_is_small() -> None:
    (diff,) = (text for kind, text in BLOCKS if kind == "diff")
    changed = re.findall(r"^[+-](?![+-]{2} )", diff, re.MULTILINE)
    assert 0 < len(changed) <= 30


@pytest.mark.tutorial
def test_it_works_as_it_is_written(tmp_path: Path) -> None:
    environment(tmp_path, *(PACKAGES / name for name in OURS))
    foreign = ("CVN_", "UV_PYTHON")  # nox points uv to its own environment
    env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | {
        "VIRTUAL_ENV": str(tmp_path / "venv"),
        "PATH": f"{tmp_path / 'venv' / 'bin'}:{os.environ['PATH']}",
        "UV_CONSTRAINT": str(tmp_path / "constraints.txt"),
        "UV_OVERRIDE": str(tmp_path / "overrides.txt"),
    }
    here = tmp_path / "here"
    here.mkdir()
    name_of = {text: name for name, text in NAMED.findall(PAGE)}
    said = ""
    for kind, text in BLOCKS:
        match kind:
            case "bash":
                said += run(["bash", "-euo", "pipefail", "-c", text], here, env)
            case "diff":
                run(["git", "apply", "-"], here, env, text)
            case "":
                assert text.strip() in said
            case _:
                (here / name_of[text]).write_text(text)
    assert "the model patient_trees (cvn-model-patient-trees 0.1.0) keeps the contract" in said
    assert "18 of 18 cells done, 0 failed" in said
    assert (here / "report.html").stat().st_size > 100_000
