"""For every check of a model there is a model that fails it, and it alone."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from cvn_harness_core.testing import Report, check_model, cores, stand_in
from cvn_harness_core.testing.model_checks import MODEL_CHECKS
from cvn_harness_core.testing.stand_ins import stand_ins

from .broken_models import BROKEN_MODELS
from .installed import installed, mutated

NAMES = [check.name for check in MODEL_CHECKS]


@pytest.fixture(scope="module")
def sound() -> Report:
    with stand_ins():
        return check_model("stand_in")


def report_of(check: str, folder: Path) -> Report:
    change, module = BROKEN_MODELS[check], f"broken_{check}"
    sources = {
        module: mutated(inspect.getsource(stand_in), change.sound, change.broken),
        f"{module}_nodes": change.nodes,
    }
    with installed(folder / "site", "model", "stand_in", f"{module}:first", sources):
        return check_model("stand_in")


def test_the_sound_model_passes(sound: Report) -> None:
    assert sound.ok, sound
    assert [result.name for result in sound.results] == NAMES
    assert {result.name for result in sound.skipped} <= {
        "light_specification",
        "one_thread",
        "resources",
    }


def test_there_is_a_broken_model_for_every_check() -> None:
    assert list(BROKEN_MODELS) == NAMES


@pytest.mark.parametrize("check", NAMES)
def test_a_broken_model_fails_its_check_alone(
    check: str, sound: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if check != "one_thread":
        monkeypatch.setattr(cores, "WINDOW_S", 0.02)
    report = report_of(check, tmp_path)
    busy = [r.reason for r in report.skipped if r.name == check == "one_thread"]
    if busy:
        pytest.skip(busy[0] or "")
    assert [result.name for result in report.failed] == [check], report
    (failed,) = report.failed
    assert all((failed.expected, failed.seen, failed.mend)), failed
    alike = {"light_specification", "one_thread", "resources"}
    held_back = {r.name: r.reason for r in report.skipped if r.name not in alike}
    assert set(held_back.values()) <= {f"mend {check} first"}, held_back
