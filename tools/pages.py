"""What MkDocs is told beside mkdocs.yml: the list of public names, and links out of docs/."""

from __future__ import annotations

import logging
import re
from itertools import groupby
from pathlib import PurePosixPath
from posixpath import normpath
from typing import TYPE_CHECKING

import cvn_harness_core as core

if TYPE_CHECKING:
    from mkdocs.structure.pages import Page

NAMES = "<!-- public names -->"
"""Where reference.md gets them: on the site only, so that they stand nowhere twice."""
_LOADS = re.compile(
    r"""<(?:script|img|iframe)[^>]+src=["']?(?:https?:)?//|<link[^>]+stylesheet[^>]+//"""
)
_log = logging.getLogger("mkdocs.hooks.pages")
_LINK = re.compile(r"\[([^\]]+)\]\((\.\.?/[^)#]+)\)")


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Return a page as the site shows it."""
    folder = PurePosixPath("docs", page.file.src_uri).parent
    return _LINK.sub(lambda link: _inside(link, folder), markdown).replace(NAMES, names())


def on_post_page(output: str, page: Page, **_: object) -> str:
    """Warn of a page that loads something from elsewhere: under ``--strict`` an error."""
    for found in _LOADS.findall(output):
        _log.warning("%s loads from elsewhere: %s", page.file.src_uri, found)
    return output


def names() -> str:
    """Return every public name of the core by the folder it comes from, for mkdocstrings."""
    public = sorted(set(core.__all__) - {"__version__"}, key=lambda name: (_home(name), name))
    lines = []
    for home, group in groupby(public, _home):
        lines += ["", f"## {home}", ""]
        lines += [f"::: {core.__name__}.{name}" for name in group]
    return "\n".join(lines)


def _home(name: str) -> str:
    return core._MODULE_OF[name].partition(".")[0]  # noqa: SLF001  the core's one list


def _inside(link: re.Match[str], folder: PurePosixPath) -> str:
    """Return a link within docs/ as it is; one to other files of the repository as words."""
    text, target = link.groups()
    path = PurePosixPath(normpath(str(folder / target)))
    if path.parts[0] == "docs":
        return link[0]
    return text if str(path) in text else f"{text} (`{path}` in the repository)"
