"""For every check of an ensemble there is an ensemble that fails it, and it alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from cvn_harness_core.testing import Report, check_ensemble
from cvn_harness_core.testing.ensemble_checks import ENSEMBLE_CHECKS

from .broken_ensembles import BROKEN_ENSEMBLES
from .broken_models import Broken
from .installed import installed, mutated

SOURCE = Path(__file__).with_name("sound_ensemble.py").read_text()
NAMES = [check.name for check in ENSEMBLE_CHECKS]


def report_of(module: str, change: Broken | None, folder: Path) -> Report:
    source, nodes = SOURCE, ""
    if change is not None:
        source, nodes = mutated(SOURCE, change.sound, change.broken), change.nodes
    sources = {module: source, f"{module}_nodes": nodes}
    with installed(folder / "site", "ensemble", "shares", module, sources):
        return check_ensemble("shares")


def test_the_sound_ensemble_passes(tmp_path: Path) -> None:
    report = report_of("sound", None, tmp_path)
    assert report.ok, report
    assert [result.name for result in report.results] == NAMES
    assert [result.name for result in report.skipped] == ["light_specification"]


def test_there_is_a_broken_ensemble_for_every_check() -> None:
    assert list(BROKEN_ENSEMBLES) == NAMES


@pytest.mark.parametrize("check", NAMES)
def test_a_broken_ensemble_fails_its_check_alone(
    check: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    report = report_of(f"broken_{check}", BROKEN_ENSEMBLES[check], tmp_path)
    assert [result.name for result in report.failed] == [check], report
    (failed,) = report.failed
    assert all((failed.expected, failed.seen, failed.mend)), failed
    held_back = {r.reason for r in report.skipped if r.name != "light_specification"}
    assert held_back <= {f"mend {check} first"}, held_back
