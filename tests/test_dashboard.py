"""The dashboard is one that Grafana imports, and every query fits the declared events."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import fields
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from cvn_harness_core.events.schema import EVENTS

ROOT = Path(__file__).parents[1]
DASHBOARD = json.loads((ROOT / "deploy" / "grafana-dashboard.json").read_text())
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"]}
PAGE = (ROOT / "docs" / "operations.md").read_text()
STAMPS = {"event", "schema", "level", "timestamp"}
SHOWN = [t["expr"] for panel in PANELS.values() for t in panel["targets"]]
WRITTEN = [
    line
    for block in re.findall(r"```logql\n(.*?)```", PAGE, re.DOTALL)
    for line in block.split("\n")
]
QUERIES = sorted({*SHOWN, *filter(None, WRITTEN)})


def pipelines(query: str) -> list[str]:
    """Return each selection of lines within a query: from its braces to its range or its end."""
    return re.findall(r"\{job=[^}]*\}[^\[]*", query)


def test_it_is_what_the_script_writes() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "dashboard.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_it_has_what_grafana_needs_to_import_it() -> None:
    assert 8 <= len(DASHBOARD["uid"]) <= 40
    assert DASHBOARD["schemaVersion"] >= 36
    assert {"title", "time", "templating", "annotations", "graphTooltip"} < set(DASHBOARD)
    assert "id" not in DASHBOARD
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD["panels"])))
    assert used - {"__auto", "__range"} == variables == {"loki", "job", "model"}
    ids = [panel["id"] for panel in PANELS.values()]
    assert len(set(ids)) == len(DASHBOARD["panels"])
    for panel in PANELS.values():
        assert panel["type"] in {"stat", "timeseries", "logs"}
        assert panel["description"]
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references) > 0
        for thing in (panel, *panel["targets"]):
            assert thing["datasource"] == {"type": "loki", "uid": "${loki}"}


def test_no_panel_lies_over_another_or_beside_the_page() -> None:
    def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
        at = panel["gridPos"]
        across, down = range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])
        return {(x, y) for x in across for y in down}

    assert all(0 <= x < 24 for panel in PANELS.values() for x, _ in cells(panel))
    for one, other in combinations(PANELS.values(), 2):
        assert not cells(one) & cells(other), (one["title"], other["title"])


@pytest.mark.parametrize(
    ("subject", "event"),
    [
        ("Trainings", "training_complete"),
        ("Failures", "training_failed"),
        ("Theta alarms", "theta_alarm"),
        ("NO_TRADE", "theta_picked"),
        ("Cache hits", "cache_hit"),
        ("Trials of searches", "hpo_trial_complete"),
        ("Seconds of a training", "training_complete"),
    ],
)
def test_there_is_a_panel_for_what_is_asked_daily(subject: str, event: str) -> None:
    assert any(f'event="{event}"' in target["expr"] for target in PANELS[subject]["targets"])


def test_the_page_has_every_query_of_the_dashboard() -> None:
    assert {query.replace("$job", "cvn") for query in SHOWN} <= set(WRITTEN)


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_uses_only_what_is_declared(query: str) -> None:
    assert query.count("(") == query.count(")")
    found = pipelines(query)
    assert found
    outside = re.sub(r"\{job=[^}]*\}[^\[]*\[[^\]]*\]", "", query)
    grouped = {n.strip() for by in re.findall(r"by \(([^)]*)\)", outside) for n in by.split(",")}
    for pipeline in found:
        taken = dict(re.findall(r'(\w+)="(\w+)"', pipeline.partition("| json ")[2].split("|")[0]))
        assert all(name == field for name, field in taken.items())
        filters = re.findall(r'\| (\w+)(=~|=)"([^"]*)"', pipeline)
        unwrapped = set(re.findall(r"unwrap (\w+)", pipeline))
        used = {name for name, _, _ in filters} | unwrapped | grouped
        assert used - {"__error__"} <= set(taken), "every label comes from the line"
        named = [value for name, _, value in filters if name == "event"]
        events = [EVENTS[name] for name in named] or list(EVENTS.values())
        for event in events:
            hints = get_type_hints(event)
            assert set(taken) - STAMPS <= {field.name for field in fields(event)}
            for field in unwrapped:
                assert hints[field] in (int, float), "what is unwrapped is always a number"
            for name, _, value in filters:
                if get_origin(hints.get(name)) is Literal:
                    assert value in get_args(hints[name])


def test_the_queries_tell_apart_what_a_training_writes() -> None:
    """A line filter must stand in the very line: JSON is written with the event's name quoted."""
    for query in QUERIES:
        for pipeline in pipelines(query):
            line = re.search(r'\|= "(\w+)"', pipeline)
            event = re.search(r'\| event="(\w+)"', pipeline)
            assert (line and line[1]) == (event and event[1])
