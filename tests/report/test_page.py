"""The page as a file: every section in every scene, nothing from outside, nothing injected."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from cvn_orchestrator.report.sweep.found import Sweep
from cvn_orchestrator.report.sweep.judged import Judged

from .scenes import SCENES

Of = Callable[[str], tuple[Sweep, Judged, str]]

HEADINGS = [
    "Verdicts",
    "Leaderboard",
    "Theta",
    "Calibration",
    "Equity",
    "Spread",
    "Health and shift",
    "Ensembles",
    "Search",
    "Events and errors",
    "Plan and how to reproduce it",
]


class Seen(HTMLParser):
    """The tags of a page with their attributes, and its text outside of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.json, self._inside = "", list[str](), ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if "data-plot" in dict(attrs):
            self._inside = "plot"

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "plot":
            self.json.append(data)
        elif self._inside not in ("script", "style"):
            self.text += data

    def count(self, tag: str, **attributes: str) -> int:
        return sum(name == tag and attributes.items() <= found.items() for name, found in self.tags)


@pytest.mark.parametrize("name", SCENES)
def test_every_section_is_there_with_something_to_say(scene: Of, name: str) -> None:
    page = scene(name)[2]
    sections = re.split(r'<section id="[^"]+"', page)[1:]
    headings = [re.findall(r"<h2[^>]*>(.*?)</h2>", section)[0] for section in sections]
    assert headings == HEADINGS
    for section in sections:
        assert re.search(r'<p class="note">\S|<li>|<dl>|<table>|<figure', section)
    for link in re.findall(r'href="#([^"]+)"', page):
        assert f'id="{link}"' in page


@pytest.mark.parametrize("name", SCENES)
def test_the_verdict_comes_first(scene: Of, name: str) -> None:
    _, verdict, page = scene(name)
    seen = Seen(page)
    title = seen.text.index("Sweep ", seen.text.index("Skip to the content"))
    assert 0 < seen.text.index(verdict.sentence) - title < 500


@pytest.mark.parametrize("name", SCENES)
def test_no_plot_is_empty_and_each_has_titles_and_names_of_axes(scene: Of, name: str) -> None:
    seen = Seen(scene(name)[2])
    assert seen.count("figure") == len(seen.json) == scene(name)[2].count("<figcaption><strong>")
    for text in seen.json:
        drawn = json.loads(text)
        assert any(_points(trace) for trace in drawn["data"])
        assert drawn["layout"]["xaxis"]["title"]["text"]


def _points(trace: dict[str, object]) -> int:
    values = trace.get("y")
    if isinstance(values, dict):
        return len(values["bdata"])
    return sum(value is not None for value in values or [])  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", SCENES)
def test_nothing_is_loaded_and_the_file_is_small(scene: Of, name: str) -> None:
    page = scene(name)[2]
    seen = Seen(page)
    for _, found in seen.tags:
        for attribute in ("src", "href"):
            assert (found.get(attribute) or "#").startswith(("#", "data:,"))
    policy = next(f["content"] for t, f in seen.tags if t == "meta" and "http-equiv" in f)
    assert policy is not None
    assert "default-src 'none'" in policy
    assert len(page) < 3_000_000


def test_without_plots_there_is_no_script_of_plotly(scene: Of) -> None:
    assert len(scene("begun")[2]) < 30_000


def test_tables_have_scopes_and_can_be_reached_by_keyboard(scene: Of) -> None:
    seen = Seen(scene("whole")[2])
    assert seen.count("table") == seen.count("div", **{"class": "scroll", "tabindex": "0"})
    for tag, found in seen.tags:
        if tag == "th":
            assert found["scope"] in ("row", "col")


def test_names_and_messages_are_text(scene: Of) -> None:
    page = scene("hostile")[2]
    seen = Seen(page)
    assert seen.count("img") == 0
    assert not any("evil" in (found.get("href") or "") for _, found in seen.tags)
    assert seen.count("script") == Seen(scene("failures")[2]).count("script")
    assert "http://evil.example" in seen.text, "it is shown as it is"
    for text in seen.json:
        for trace in json.loads(text)["data"]:
            shown = f"{trace.get('name')}{trace.get('hovertemplate')}{trace.get('text')}"
            assert "<a " not in shown
            assert "<img" not in shown


def test_what_is_undefined_is_a_dash_with_its_reason(scene: Of) -> None:
    page = scene("no_trade")[2]
    assert re.search(r"<td>-<small[^>]*>no signals?</small>", page)
    assert "no cut that is allowed is expected to be more precise than break-even" in page
    for name in SCENES:
        text = Seen(scene(name)[2]).text
        assert not re.search(r"\b(nan|None|inf|null)\b", text.split("The plan, resolved")[0]), name


def test_failures_are_listed_with_what_they_said(scene: Of) -> None:
    page = scene("failures")[2]
    assert page.count("fit_failed") >= 3
    assert "no memory left" in page
    assert "and a second line" in page


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("without_money", "there is no equity to draw"),
        ("never_trades", "No cell gave a signal on test"),
        ("one_variant", "No variant is an ensemble"),
        ("one_variant", "No variant was searched"),
        ("without_facts", "has a theta curve, so none is drawn"),
        ("begun", "there is nothing to compare yet"),
    ],
)
def test_a_section_without_data_says_why(scene: Of, name: str, says: str) -> None:
    assert says in scene(name)[2]
