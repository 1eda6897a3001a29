"""What the documents show, done word for word."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cvn_orchestrator.demo import market

from .command import TRAIN, cvn

ROOT = Path(__file__).parents[1]
DOCUMENTS = ["README.md", "packages/cvn-harness-core/README.md", "docs/sklearn.md"]


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_first_python_example_runs(document: str, tmp_path: Path) -> None:
    example = blocks(document, "python")[0]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_the_verdict_that_the_readme_quotes_is_what_it_says(tmp_path: Path) -> None:
    table = market.frame(
        "NASDAQ",
        take_profit=market.TAKE_PROFIT,
        stop_loss=market.STOP_LOSS,
        horizon=market.HORIZON,
        cost=market.COST,
    )
    table.write_parquet(tmp_path / "table.parquet")
    done = cvn(
        "train", "lightgbm", "--data=table.parquet", *TRAIN, "--payoff=2/1/0.05", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    quotes = re.findall(r"^> (.*)\n> (.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert " ".join(quotes[0]) == done.stdout.splitlines()[-1]


def test_ci_calls_the_readmes_test_command() -> None:
    commands = [block.strip() for block in blocks("README.md", "bash")]
    assert commands == ["pip install uv && uv run cvn demo", "pip install uv && uv run nox"]
    assert commands[1] in (ROOT / ".ci" / "run").read_text().splitlines()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_placeholder_is_left(document: str) -> None:
    shouted = set(re.findall(r"\b[A-Z]+_[A-Z_]+\b", (ROOT / document).read_text()))
    assert shouted <= {
        "CVN_MEMORY",
        "CVN_THREADS",
        "CVN_PLUGINS",
        "CVN_PLUGINS_BLOCK",
        "MODEL_REGISTRY",
        "NO_TRADE",
    }


@pytest.mark.parametrize(
    "page", sorted(ROOT.glob("packages/*/README.md")), ids=lambda page: page.parent.name
)
def test_what_pypi_shows_has_no_link_into_the_repository(page: Path) -> None:
    targets = re.findall(r"\]\(([^)]+)\)", page.read_text())
    assert [target for target in targets if not target.startswith("https://")] == []


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/**/*.md")))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target
