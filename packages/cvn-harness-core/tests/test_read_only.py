"""What observers are shown they cannot change, and it is copied, compared and written as before."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from cvn_harness_core import OBSERVERS, Datasets, HPOParams, OutOfFold, TrainingPolicy, train_one
from cvn_harness_core.artifact.trained import TrainedArtifact
from cvn_harness_core.contracts.read_only import read_only
from cvn_harness_core.contracts.search import SearchRecord, TrialRecord

MEDDLES = """
from dataclasses import replace
from cvn_harness_core import ObserverLimits, hookimpl

REFUSED = []

@hookimpl
def cvn_observer_limits():
    return ObserverLimits(per_fit=60)

def meddle(change):
    try:
        change()
    except TypeError as error:
        REFUSED.append(str(error))

@hookimpl
def cvn_event(event):
    if event.event == "training_started":
        meddle(lambda: event.params.update(C=1e-9))

@hookimpl
def cvn_artifact_ready(artifact, hit):
    better = replace(artifact.metrics["test"], expectancy=9.99)
    meddle(lambda: artifact.metrics.update(test=better))

@hookimpl
def cvn_artifact_saved(artifact, path):
    meddle(artifact.tags.clear)
"""

CHANGES: dict[str, Callable[[Any], object]] = {
    "set": lambda d: d.__setitem__("a", 0),
    "delete": lambda d: d.__delitem__("a"),
    "update": lambda d: d.update(a=0),
    "merge": lambda d: d.__ior__({"a": 0}),
    "setdefault": lambda d: d.setdefault("z", 0),
    "pop": lambda d: d.pop("a"),
    "popitem": lambda d: d.popitem(),
    "clear": lambda d: d.clear(),
    "list set": lambda d: d["a"].__setitem__(0, 0),
    "list delete": lambda d: d["a"].__delitem__(0),
    "list append": lambda d: d["a"].append(0),
    "list extend": lambda d: d["a"].extend([0]),
    "list insert": lambda d: d["a"].insert(0, 0),
    "list add": lambda d: d["a"].__iadd__([0]),
    "list repeat": lambda d: d["a"].__imul__(2),
    "list pop": lambda d: d["a"].pop(),
    "list remove": lambda d: d["a"].remove(1),
    "list clear": lambda d: d["a"].clear(),
    "list sort": lambda d: d["a"].sort(),
    "list reverse": lambda d: d["a"].reverse(),
    "inner dict": lambda d: d["a"][1].clear(),
}
PLAIN = {"a": [1, {"b": None}], "c": (0.5,)}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_nothing_changes_a_dict_or_a_list_of_a_record(change: Callable[[Any], object]) -> None:
    held = read_only(PLAIN)
    with pytest.raises(TypeError, match="change a copy"):
        change(held)
    assert held == PLAIN


def test_they_are_compared_copied_and_written_as_before() -> None:
    held = read_only(PLAIN)
    again = [pickle.loads(pickle.dumps(held)), copy.deepcopy(held), copy.copy(held)]
    assert [held, *again] == [PLAIN] * 4
    assert {repr(one) for one in again} == {repr(PLAIN)}
    assert json.dumps(held) == json.dumps(PLAIN)
    assert msgspec.json.encode(held) == msgspec.json.encode(PLAIN)
    changed = copy.deepcopy(held)
    changed["a"][1]["b"] = 0
    assert held == PLAIN


def test_observers_change_neither_the_training_nor_the_artifact_nor_the_bundle(
    models: Any, site: Any, datasets: Datasets, tmp_path: Path
) -> None:
    undisturbed = train_one("logreg", datasets, HPOParams({"C": 0.5}))
    group = "cvn_harness.plugins.v1"
    site.add("acme-meddler", group, {"meddler": "acme_meddler"}, acme_meddler=MEDDLES)
    OBSERVERS.refresh()
    artifact = train_one("logreg", datasets, HPOParams({"C": 0.5}))
    artifact.save(tmp_path / "bundle")
    import acme_meddler  # type: ignore[import-not-found]

    assert len(acme_meddler.REFUSED) == 3
    for seen in (artifact, TrainedArtifact.load(tmp_path / "bundle")):
        assert seen.metrics == undisturbed.metrics
        assert seen.effective_params == undisturbed.effective_params
        assert seen.tags == undisturbed.tags


def test_a_record_holds_nothing_that_can_be_changed(
    models: Any, parts: dict[str, dict[str, Any]], names: tuple[str, ...]
) -> None:
    policy = TrainingPolicy(out_of_fold=OutOfFold(n_folds=2, embargo=timedelta(hours=1)))
    artifact = train_one(
        "logreg", Datasets.from_arrays(**parts, feature_names=names), policy=policy
    )
    trial = TrialRecord(number=0, state="complete", params={"C": 1.0}, rungs={"1": 0.5})
    search = SearchRecord(
        **{f.name: None for f in fields(SearchRecord)}  # type: ignore[arg-type]
        | {"space": {}, "trials": (trial,), "replaced_ranges": {"C": ()}}
    )
    assert artifact.out_of_fold_scores is not None
    assert changeable("artifact", replace(artifact, search=search)) == []


def changeable(path: str, value: Any) -> list[str]:
    """Return where something can be changed; the plugin's adapter and native model are its own."""
    if isinstance(value, dict):
        found = [path] if type(value) is dict else []
        return found + [w for k, v in value.items() for w in changeable(f"{path}[{k!r}]", v)]
    if isinstance(value, list | tuple):
        found = [path] if type(value) is list else []
        return found + [w for i, v in enumerate(value) for w in changeable(f"{path}[{i}]", v)]
    if isinstance(value, np.ndarray):
        return [path] if value.flags.writeable else []
    if is_dataclass(value):
        named = [f.name for f in fields(value) if f.name not in ("adapter", "native")]
        return [w for n in named for w in changeable(f"{path}.{n}", getattr(value, n))]
    return []
