"""What `nox -s docs` would find, as far as it can be seen without building the site."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import cvn_harness_core as core

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    listed = re.findall(r"(?:^| )([\w/.-]+\.md)$", navigation, re.MULTILINE)
    assert sorted(listed) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_the_reference_has_every_public_name() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import pages; print(pages.names())"],
        cwd=ROOT / "tools",
        capture_output=True,
        text=True,
        check=True,
    )
    names = re.findall(r"^::: cvn_harness_core\.(\w+)$", done.stdout, re.MULTILINE)
    assert sorted([*names, "__version__"]) == sorted(core.__all__)


def test_the_reference_has_a_place_for_them() -> None:
    assert (DOCS / "reference.md").read_text().count("<!-- public names -->") == 1
