"""For every check of a model there is a model that fails it, and it alone."""

from __future__ import annotations

import inspect
from itertools import combinations
from pathlib import Path

import pytest

from cvn_harness_core.testing import Report, check_model, cores, stand_in
from cvn_harness_core.testing.apart import check_apart
from cvn_harness_core.testing.checks.searching import corners
from cvn_harness_core.testing.model_checks import MODEL_CHECKS
from cvn_harness_core.testing.stand_ins import stand_ins

from .broken_models import BROKEN_MODELS, LEFT_BEHIND, TWO_ENDS, Broken
from .installed import installed, mutated

NAMES = [check.name for check in MODEL_CHECKS]


@pytest.fixture(scope="module")
def sound() -> Report:
    with stand_ins():
        return check_model("stand_in")


def report_of(change: Broken, name: str, folder: Path, *, apart: bool = False) -> Report:
    module = f"broken_{name}"
    sources = {
        module: mutated(inspect.getsource(stand_in), change.sound, change.broken),
        f"{module}_nodes": change.nodes,
    }
    with installed(folder / "site", "model", "stand_in", f"{module}:first", sources):
        if apart:
            return check_apart("model", "stand_in", told=lambda _: None)
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
    report = report_of(BROKEN_MODELS[check], check, tmp_path)
    busy = [r.reason for r in report.skipped if r.name == check == "one_thread"]
    if busy:
        pytest.skip(busy[0] or "")
    assert [result.name for result in report.failed] == [check], report
    (failed,) = report.failed
    assert all((failed.expected, failed.seen, failed.mend)), failed
    alike = {"light_specification", "one_thread", "resources"}
    held_back = {r.name: r.reason for r in report.skipped if r.name not in alike}
    assert set(held_back.values()) <= {f"mend {check} first"}, held_back


@pytest.mark.parametrize("what", LEFT_BEHIND)
def test_whatever_a_fit_leaves_behind_fails_leftovers_alone(what: str, tmp_path: Path) -> None:
    report = report_of(LEFT_BEHIND[what], what, tmp_path, apart=True)
    assert [result.name for result in report.failed] == ["leftovers"], report


def test_two_ends_that_do_not_go_together_fail_search_space_alone(tmp_path: Path) -> None:
    report = report_of(TWO_ENDS, "two_ends", tmp_path)
    assert [result.name for result in report.failed] == ["search_space"], report
    assert "'degree': 1" in str(report.failed[0].expected)


@pytest.mark.parametrize("n", [0, 1, 2, 4, 5, 8, 9, 33])
def test_corners_have_every_pair_of_ends(n: int) -> None:
    tried = list(corners(n))
    assert all(len(corner) == n for corner in tried)
    assert len(set(tried)) == len(tried) <= max(2 ** min(n, 4), 2 * n.bit_length() + 2)
    for one, other in combinations(range(n), 2):
        assert len({(corner[one], corner[other]) for corner in tried}) == 4
