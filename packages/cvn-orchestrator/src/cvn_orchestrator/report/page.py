"""A page: a title, a sentence, and sections of facts, plots and tables, in one HTML file."""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_HEIGHT = 450  # pixels of a plot that has none of its own

Tone: TypeAlias = Literal["", "good", "bad", "doubt"]


@dataclass(frozen=True)
class Cell:
    """A figure with what is to be said of it, such as its interval or why there is none."""

    text: str
    note: str = ""
    tone: Tone = ""


@dataclass(frozen=True)
class Table:
    """Rows under a header; the first cell of a row names it.

    A folded table opens on demand; one of prose has words, not figures, in its cells.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    folded: bool = False
    prose: bool = False


@dataclass(frozen=True)
class Plot:
    """A figure of plotly's, its title, and what it shows, in words."""

    caption: str
    figure: Figure
    title: str = ""
    wide: bool = False

    @property
    def json(self) -> str:
        """Return the figure as JSON in which nothing can end the script that it stands in."""
        if self.figure.layout.height is None:
            self.figure.update_layout(height=_HEIGHT)
        text: str = self.figure.to_json()
        return text.replace("<", "\\u003c")


@dataclass(frozen=True)
class Finding:
    """A sentence behind a word that sums it up."""

    word: str
    text: str
    tone: Tone = ""


@dataclass(frozen=True)
class Text:
    """Preformatted text that opens on demand."""

    summary: str
    text: str


@dataclass(frozen=True)
class Section:
    """A part of a page. ``note`` says what it shows, or why it shows nothing."""

    heading: str
    note: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    figures: Sequence[Plot] = ()
    tables: Sequence[Table] = ()
    findings: Sequence[Finding] = ()
    texts: Sequence[Text] = ()

    @property
    def anchor(self) -> str:
        """Return what links name it by."""
        return re.sub(r"[^a-z0-9]+", "-", self.heading.lower()).strip("-")


def page(
    title: str,
    lede: str,
    sections: Sequence[Section],
    *,
    about: Mapping[str, Any] | None = None,
    tone: Tone = "",
) -> str:
    """Return the HTML; plotly's script is in it if there is a plot. Nothing is loaded from outside.

    Parameters
    ----------
    lede
        What to know if only one sentence is read; ``tone`` is how it is meant.
    about
        What the page is about, by name.
    """
    from jinja2 import Environment

    source = files("cvn_orchestrator.report").joinpath("page.html.jinja").read_text("utf-8")
    template = Environment(autoescape=True, trim_blocks=True).from_string(source)
    plots = any(section.figures for section in sections)
    return template.render(
        title=title,
        lede=lede,
        tone=tone,
        about=about or {},
        sections=sections,
        plotlyjs=packed_plotly() if plots else "",
    )


@cache
def packed_plotly() -> str:
    """Return plotly's script, compressed by gzip, in base64: 2 MB, not 5."""
    from plotly.offline import get_plotlyjs

    packed = gzip.compress(get_plotlyjs().encode(), compresslevel=9, mtime=0)
    return base64.b64encode(packed).decode()
