"""What all plots of a sweep have in common: axes with names, colours for both grounds, no HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

COLOURS = (
    "#3d85d8", "#d0762a", "#2c9f74", "#b85aa3", "#c9534f", "#8478d8", "#8c8f36", "#2097a8",
)  # fmt: skip
"""Each has a contrast of 3 or more on white and on the page's dark ground."""
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
GREY = "#868e98"
CELLS = 24
"""How many cells are drawn as lines of their own in one plot."""
VARIANTS = 8
"""How many variants have plots of their own."""
_LONGEST = 32


def axes(x: str, y: str, *, height: int = 340, **layout: Any) -> go.Figure:
    """Return an empty plot with names on its axes."""
    drawn = go.Figure()
    axis = {"automargin": True, "showline": False, "ticks": "", "gridwidth": 1}
    drawn.update_layout(
        template="none",
        height=height,
        margin={"l": 10, "r": 12, "t": 10, "b": 10},
        font={"family": "system-ui, sans-serif", "size": 12, "color": GREY},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        dragmode=False,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        xaxis={**axis, "title": {"text": x, "standoff": 10}},
        yaxis={**axis, "title": {"text": y, "standoff": 10}},
    )
    drawn.update_layout(**layout)
    return drawn


def safe(text: str) -> str:
    """Return a name for plotly, which takes some HTML for markup; a long one without its middle."""
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]}...{text[3 - _LONGEST // 2 :]}"
    return html.escape(text, quote=False)


def colour(at: int) -> str:
    """Return the colour of the variant, or symbol, of that number."""
    return COLOURS[at % len(COLOURS)]


def line(at: int, width: float = 2) -> dict[str, Any]:
    """Return a line's style: its dash tells it apart where colours do not."""
    return {"color": colour(at), "dash": DASHES[at % len(DASHES)], "width": width}


def thinned(n: int, most: int) -> list[int]:
    """Return at most so many indices out of n, evenly spaced, the ends included."""
    if n <= most:
        return list(range(n))
    return sorted({round(at * (n - 1) / (most - 1)) for at in range(most)})


def reference(
    drawn: go.Figure, *, x: float | None = None, y: float | None = None, says: str
) -> None:
    """Draw a line across at x or y, which says what it is."""
    style = {"color": GREY, "width": 1.5, "dash": "dash"}
    if x is not None:
        drawn.add_vline(x, line=style)
        at = {"x": x, "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False}
        drawn.add_annotation(text=says, **at)
        drawn.update_layout(margin={"t": 26})
    if y is not None:
        drawn.add_hline(y, line=style, annotation_text=says, annotation_position="bottom right")


def digits(values: Sequence[float | None]) -> list[float | None]:
    """Return numbers with five digits, which a plot does not need more of."""
    return [None if value is None else float(f"{value:.5g}") for value in values]
