"""Write deploy/grafana-dashboard.json, and its queries into docs/operations.md."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DASHBOARD = ROOT / "deploy" / "grafana-dashboard.json"
PAGE = ROOT / "docs" / "operations.md"
BEGIN, END = "<!-- queries: tools/dashboard.py -->", "<!-- end of queries -->"
LOKI = {"type": "loki", "uid": "${loki}"}


def lines(event: str, *fields: str, where: str = "") -> str:
    """Return the lines of an event, with fields of theirs as labels."""
    taken = ", ".join(f'{name}="{name}"' for name in ("event", "model", *fields))
    selected = f'{{job="$job"}} |= "{event}" | json {taken}'
    return f'{selected} | event="{event}" | model=~"$model"{where}'


def count(event: str, *by: str, where: str = "", over: str = "$__auto") -> str:
    """Return how many lines of an event there are, by fields of theirs."""
    asked = [where.partition("=")[0].strip(" |")] if where else []
    fields = dict.fromkeys(name for name in (*by, *asked) if name != "model")
    of = f" by ({', '.join(by)})" if by else ""
    return f"sum{of} (count_over_time({lines(event, *fields, where=where)} [{over}]))"


def total(event: str, where: str = "") -> str:
    """Return the number in the whole range, 0 if there is none."""
    return f"{count(event, where=where, over='$__range')} or vector(0)"


def share(part: str, whole: str) -> str:
    """Return a share of totals."""
    return f"({part}) / ({whole})"


def quantile(q: float, event: str, field: str) -> str:
    """Return a quantile of a field, by model."""
    inside = f'{lines(event, field)} | unwrap {field} | __error__=""'
    return f"quantile_over_time({q}, {inside} [$__auto]) by (model)"


@dataclass(frozen=True)
class Panel:
    """One picture: what it shows, and its queries by legend."""

    title: str
    kind: str
    queries: dict[str, str]
    says: str
    unit: str = "short"


NO_TRADE = ' | status="NO_TRADE"'
HITS = total("cache_hit")
PANELS = (
    Panel("Trainings", "stat", {"": total("training_complete")}, "Trainings that ended well."),
    Panel("Failures", "stat", {"": total("training_failed")}, "Trainings that ended in an error."),
    Panel("Theta alarms", "stat", {"": total("theta_alarm")},
          "Artifacts whose buy rate on test is not the one that theta was picked for."),
    Panel("NO_TRADE", "stat",
          {"": share(total("theta_picked", NO_TRADE), count("theta_picked", over="$__range"))},
          "The share of trainings for which no cut earns enough.", "percentunit"),
    Panel("Cache hits", "stat",
          {"": share(HITS, f"({HITS}) + ({total('cache_miss')})")},
          "The share of what was asked of the store that it had.", "percentunit"),
    Panel("Plugins rejected", "stat", {"": total("plugin_rejected")},
          "Plugins that could not be used, observers that raised or were cut off."),
    Panel("Trainings by model", "timeseries", {"{{model}}": count("training_complete", "model")},
          "How many ended, by model."),
    Panel("Failures by stage and code", "timeseries",
          {"{{model}} {{stage}} {{code}}": count("training_failed", "model", "stage", "code")},
          "docs/errors.md says what a code means."),
    Panel("Seconds of a training", "timeseries",
          {"{{model}} median": quantile(0.5, "training_complete", "seconds"),
           "{{model}} 95 %": quantile(0.95, "training_complete", "seconds")},
          "Trainings that were found in the store are not among them.", "s"),
    Panel("Health", "timeseries", {"{{verdict}}": count("training_health", "verdict")},
          "The verdict on each fit."),
    Panel("Theta alarms by kind", "timeseries",
          {"{{model}} {{alarm}}": count("theta_alarm", "model", "alarm")},
          "above_band and below_band: outside the band that was asked for; above_predicted and "
          "below_predicted: far from the rate on validation."),
    Panel("NO_TRADE by reason", "timeseries",
          {"{{model}} {{reason}}": count("theta_picked", "model", "reason", where=NO_TRADE)},
          "Why there is no cut."),
    Panel("Store", "timeseries",
          {"hits": count("cache_hit"), "misses": count("cache_miss"),
           "corrupt": count("cache_corrupt")},
          "What was asked of the store. A corrupt entry is put aside and trained again."),
    Panel("Trials of searches", "timeseries", {"{{state}}": count("hpo_trial_complete", "state")},
          "Trials that ended, by how."),
    Panel("Seconds of a trial", "timeseries",
          {"{{model}} median": quantile(0.5, "hpo_trial_complete", "seconds")},
          "The median of trials, pruned ones included.", "s"),
    Panel("Warnings and errors", "logs",
          {"": '{job="$job"} | json level="level", event="event", model="model" '
               '| level=~"warning|error" | model=~"$model"'},
          "The lines themselves."),
)  # fmt: skip


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana imports it."""
    panels, x, y, row = [], 0, 0, 0
    for number, panel in enumerate(PANELS, 1):
        width, height = {"stat": (4, 4), "timeseries": (8, 8), "logs": (24, 10)}[panel.kind]
        if x + width > 24:
            x, y = 0, y + row
        panels.append(_panel(number, panel, {"x": x, "y": y, "w": width, "h": height}))
        x, row = x + width, height
    return {
        "uid": "cvn-harness",
        "title": "CVN Harness",
        "description": "Trainings, thresholds, searches and the store, from JSON lines in Loki.",
        "tags": ["cvn"],
        "editable": True,
        "graphTooltip": 1,
        "schemaVersion": 39,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "templating": {"list": [
            {"name": "loki", "label": "Loki", "type": "datasource", "query": "loki", "hide": 0},
            _textbox("job", "Job", "cvn"),
            _textbox("model", "Model (regular expression)", ".*"),
        ]},
        "annotations": {"list": []},
        "links": [],
        "panels": panels,
    }  # fmt: skip


def _textbox(name: str, label: str, value: str) -> dict[str, Any]:
    current = {"text": value, "value": value, "selected": True}
    return {"name": name, "label": label, "type": "textbox", "query": value, "current": current,
            "options": [current], "hide": 0}  # fmt: skip


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    targets = [
        {
            "refId": chr(ord("A") + i),
            "datasource": LOKI,
            "expr": expr,
            "legendFormat": legend,
            "queryType": "instant" if panel.kind == "stat" else "range",
        }
        for i, (legend, expr) in enumerate(panel.queries.items())
    ]
    options: dict[str, Any] = {
        "stat": {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
                 "colorMode": "value", "graphMode": "none", "textMode": "auto"},
        "timeseries": {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True,
                                  "calcs": []},
                       "tooltip": {"mode": "multi", "sort": "desc"}},
        "logs": {"showTime": True, "wrapLogMessage": True, "sortOrder": "Descending",
                 "enableLogDetails": True, "dedupStrategy": "none", "showLabels": False,
                 "showCommonLabels": False, "prettifyLogMessage": False},
    }[panel.kind]  # fmt: skip
    defaults: dict[str, Any] = {"unit": panel.unit}
    if panel.kind == "timeseries" and panel.unit == "short":
        defaults["custom"] = {
            "drawStyle": "bars",
            "fillOpacity": 60,
            "stacking": {"mode": "normal"},
        }
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.says,
        "datasource": LOKI,
        "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": targets,
    }


def queries() -> str:
    """Return the part of the page that lists the queries."""
    found = [BEGIN]
    for panel in PANELS:
        shown = [expr.replace("$job", "cvn") for expr in panel.queries.values()]
        found += ["", f"**{panel.title}.** {panel.says}", "", "```logql", *shown, "```"]
    return "\n".join([*found, "", END])


def main() -> int:
    """Write both; with --check, only say whether they are up to date."""
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    made = {
        DASHBOARD: json.dumps(dashboard(), indent=1) + "\n",
        PAGE: before + queries() + rest.partition(END)[2],
    }
    stale = [p for p, text in made.items() if not p.exists() or p.read_text() != text]
    if "--check" not in sys.argv[1:]:
        for path, text in made.items():
            path.write_text(text)
        return 0
    for path in stale:
        print(f"{path.relative_to(ROOT)} is out of date: run python tools/dashboard.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
