"""The examples of third parties' plugins keep the contract; and every check is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cvn_harness_core.testing import check_ensemble, check_model
from cvn_harness_core.testing.ensemble_checks import ENSEMBLE_CHECKS
from cvn_harness_core.testing.model_checks import MODEL_CHECKS

from .installed import installed

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("kind", "name", "skipped"),
    [
        (
            "model",
            "extratrees",
            {
                "light_specification",
                "thread_invariance",
                "effective_parameters",
                "weights_in_evaluation",
                "early_stopping",
                "no_early_stopping",
                "least_improvement",
                "best_iteration",
                "watching",
                "search_space",
                "resources",
            },
        ),
        (
            "ensemble",
            "median",
            {
                "light_specification",
                "effective_parameters",
                "learns_as_declared",
                "weights_in_learning",
                "base_weights",
            },
        ),
    ],
)
def test_an_example_keeps_the_contract(
    kind: str, name: str, skipped: set[str], tmp_path: Path
) -> None:
    module = f"cvn_{kind}_{name}"
    source = (ROOT / "examples" / module.replace("_", "-") / f"{module}.py").read_text()
    with installed(tmp_path / "site", kind, name, module, {module: source}):
        if kind == "model":
            report = check_model(name, params={"n_estimators": 30})
        else:
            report = check_ensemble(name)
    assert report.ok, report
    assert {result.name for result in report.skipped} - {"one_thread"} == skipped


def test_every_check_is_documented_and_no_other() -> None:
    page = (ROOT / "docs" / "conformance.md").read_text()
    rows = [line.partition("|")[2].partition("|")[0] for line in page.splitlines() if "|" in line]
    listed = re.findall(r"`(\w+)`", " ".join(rows))
    assert sorted(listed) == sorted({check.name for check in (*MODEL_CHECKS, *ENSEMBLE_CHECKS)})


@pytest.mark.parametrize("check", [*MODEL_CHECKS, *ENSEMBLE_CHECKS], ids=lambda check: check.name)
def test_a_check_says_in_one_line_what_holds(check: object) -> None:
    assert 20 < len(check.about) < 100  # type: ignore[attr-defined]
    assert not check.about.endswith(".")  # type: ignore[attr-defined]
