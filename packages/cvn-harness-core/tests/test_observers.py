"""Observers see everything and can break nothing."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cvn_harness_core import Datasets, Store, train_one

OBSERVERS = "cvn_harness.plugins.v1"

WATCHES = """
from cvn_harness_core import ObserverLimits, hookimpl

SEEN = []

@hookimpl
def cvn_observer_limits():
    return ObserverLimits(per_fit=60)

@hookimpl
def cvn_event(event):
    SEEN.append(event)
"""

RAISES = """
from cvn_harness_core import ObserverLimits, hookimpl

CALLS = []

@hookimpl
def cvn_observer_limits():
    return ObserverLimits(per_fit=60)

@hookimpl
def cvn_event(event):
    CALLS.append(event.event)
    raise {error}

@hookimpl
def cvn_artifact_saved(artifact, path):
    CALLS.append("saved")
    raise {error}
"""

TRAINING = [
    "training_started",
    "class_balance_applied",
    "learning_curve",
    "calibration_applied",
    "theta_picked",
    "training_health",
    "training_complete",
]


def rejected(models: Any) -> list[Any]:
    return [event for event in models.events if event.event == "plugin_rejected"]


def test_an_observer_sees_every_event_of_a_training_in_order(
    models: Any, datasets: Datasets
) -> None:
    train_one("logreg", datasets)
    assert [event.event for event in models.events] == TRAINING


def test_an_observer_sees_each_artifact_once_trained_or_found(
    models: Any, datasets: Datasets, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    first = train_one("logreg", datasets, store=store)
    again = train_one("logreg", datasets, store=store)
    alone = train_one("logreg", datasets)
    assert models.ready == [
        (first, False, "training_complete"),
        (again, True, "cache_hit"),
        (alone, False, "training_complete"),
    ]
    assert again.run_id == first.run_id


def test_an_observer_sees_what_was_saved(models: Any, datasets: Datasets, tmp_path: Path) -> None:
    artifact = train_one("logreg", datasets)
    artifact.save(tmp_path / "bundle")
    assert models.events[-1].event == "artifact_saved"
    assert models.saved == [(artifact, tmp_path / "bundle")]


@pytest.mark.parametrize("error", ["ValueError('bad day')", "SystemExit(3)", "MemoryError()"])
def test_an_observer_that_raises_is_reported_once_and_breaks_no_training(
    error: str, models: Any, site: Any, datasets: Datasets, tmp_path: Path
) -> None:
    source = RAISES.format(error=error)
    site.add("acme-watch", OBSERVERS, {"watcher": "acme_watch"}, acme_watch=source)
    artifact = train_one("logreg", datasets)
    artifact.save(tmp_path / "bundle")
    train_one("logreg", datasets)
    (event,) = rejected(models)
    assert (event.plugin, event.kind, event.distribution) == ("watcher", "observer", "acme-watch")
    assert event.code == error.partition("(")[0]
    assert [e.event for e in models.events if e.event != "plugin_rejected"] == [
        *TRAINING,
        "artifact_saved",
        *TRAINING,
    ]


def test_an_error_that_cannot_say_what_it_is_breaks_no_training(
    models: Any, site: Any, datasets: Datasets
) -> None:
    source = RAISES.format(error="type('Mute', (Exception,), {'__str__': lambda self: 1 / 0})()")
    site.add("acme-watch", OBSERVERS, {"watcher": "acme_watch"}, acme_watch=source)
    train_one("logreg", datasets)
    (event,) = rejected(models)
    assert (event.plugin, event.code) == ("watcher", "Mute")
    assert event.message == "(it cannot say what: its __str__ raised ZeroDivisionError)"


def test_a_blocked_observer_is_left_out_and_nothing_is_said(
    models: Any, site: Any, datasets: Datasets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CVN_PLUGINS_BLOCK", "watcher")
    source = RAISES.format(error="ValueError")
    site.add("acme-watch", OBSERVERS, {"watcher": "acme_watch"}, acme_watch=source)
    train_one("logreg", datasets)
    assert rejected(models) == []
    assert "acme_watch" not in sys.modules


def test_an_observer_that_raised_is_still_called(
    models: Any, site: Any, datasets: Datasets
) -> None:
    source = RAISES.format(error="ValueError")
    site.add("acme-watch", OBSERVERS, {"watcher": "acme_watch"}, acme_watch=source)
    train_one("logreg", datasets)
    import acme_watch

    assert [name for name in acme_watch.CALLS if name != "plugin_rejected"] == TRAINING


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("raise ValueError('bad day')", "plugin_import_failed"),
        ("import acme_library", "plugin_dependency_missing"),
        (
            "from cvn_harness_core import hookimpl\n@hookimpl\ndef cvn_event(happening): ...",
            "plugin_contract",
        ),
        (
            "from cvn_harness_core import hookimpl\n@hookimpl\ndef cvn_evnt(event): ...",
            "plugin_contract",
        ),
    ],
)
@pytest.mark.parametrize("name", ["a_first", "z_last"])
def test_an_observer_that_cannot_be_loaded_is_reported_once_to_all_others(
    name: str, source: str, code: str, models: Any, site: Any, datasets: Datasets
) -> None:
    site.add("acme-watch", OBSERVERS, {name: "acme_watch"}, acme_watch=source)
    train_one("logreg", datasets)
    train_one("logreg", datasets)
    assert [event.code for event in rejected(models)] == [code]
    assert [e.event for e in models.events if e.event != "plugin_rejected"] == TRAINING * 2


SLOW = (
    """
import time
time.sleep(0.3)
"""
    + WATCHES
)


def test_an_observer_that_is_slow_to_load_misses_nothing_of_another_thread(
    models: Any, site: Any, datasets: Datasets
) -> None:
    site.add("acme-watch", OBSERVERS, {"watcher": "acme_watch"}, acme_watch=SLOW)

    def late(seconds: float) -> str:
        time.sleep(seconds)
        return train_one("logreg", datasets).run_id

    with ThreadPoolExecutor(2) as pool:
        runs = set(pool.map(late, [0.0, 0.1]))
    import acme_watch

    for seen in (acme_watch.SEEN, models.events):
        for run in runs:
            assert [event.event for event in seen if event.run_id == run] == TRAINING


def test_several_observers_see_the_same_events(models: Any, site: Any, datasets: Datasets) -> None:
    site.add("acme-watch", OBSERVERS, {"watcher": "acme_watch"}, acme_watch=WATCHES)
    train_one("logreg", datasets)
    import acme_watch

    assert models.events == acme_watch.SEEN


def test_a_blocked_observer_is_not_imported(
    models: Any, site: Any, datasets: Datasets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CVN_PLUGINS_BLOCK", "watcher")
    source = "raise RuntimeError('imported')"
    site.add("acme-watch", OBSERVERS, {"watcher": "acme_watch"}, acme_watch=source)
    train_one("logreg", datasets)
    assert [event.code for event in rejected(models)] in ([], ["plugin_blocked"])
    assert "training_complete" in [event.event for event in models.events]


def test_an_observer_may_not_change_what_it_sees(models: Any, datasets: Datasets) -> None:
    train_one("logreg", datasets)
    with pytest.raises(AttributeError):
        models.events[0].model = "another"
