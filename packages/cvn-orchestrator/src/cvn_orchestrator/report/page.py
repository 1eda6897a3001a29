"""A page: a title, a sentence, and sections of facts, plots and tables, in one HTML file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True)
class Table:
    """Rows of text under a header, the first column flush left."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Plot:
    """A figure of plotly's, and what it shows, in words."""

    caption: str
    figure: Figure

    @property
    def html(self) -> str:
        """Return the figure as a fragment that needs plotly's script."""
        html: str = self.figure.to_html(
            full_html=False,
            include_plotlyjs=False,
            config={"responsive": True, "displaylogo": False},
        )
        return html


@dataclass(frozen=True)
class Section:
    """A part of a page."""

    heading: str
    note: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    figures: Sequence[Plot] = ()
    tables: Sequence[Table] = ()

    @property
    def anchor(self) -> str:
        """Return what links name it by."""
        return re.sub(r"[^a-z0-9]+", "-", self.heading.lower()).strip("-")


def page(title: str, lede: str, sections: Sequence[Section]) -> str:
    """Return the HTML; plotly's script is in it if there is a plot."""
    from jinja2 import Environment
    from plotly.offline import get_plotlyjs

    source = files("cvn_orchestrator.report").joinpath("page.html.jinja").read_text("utf-8")
    template = Environment(autoescape=True, trim_blocks=True).from_string(source)
    plots = any(section.figures for section in sections)
    return template.render(
        title=title, lede=lede, sections=sections, plotlyjs=get_plotlyjs() if plots else ""
    )
