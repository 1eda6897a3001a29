"""The page in headless Chromium: plots drawn, no error, phones, dark, print."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cvn_orchestrator.report.sweep.found import Sweep
from cvn_orchestrator.report.sweep.judged import Judged

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

Of = Callable[[str], tuple[Sweep, Judged, str]]
WRAPPED = """<body style="margin:0"><iframe src="page.html" style="width:390px;height:2000px">
</iframe><script>addEventListener("message", (e) => { document.title = e.data; })</script>"""
PROBE = """<script>setInterval(() => parent.postMessage([
 document.documentElement.dataset.plots, innerWidth, document.documentElement.scrollWidth,
 Math.max(0, ...[...document.querySelectorAll(".main-svg")].map((s) => s.clientWidth)),
].join(" "), "*"), 200)</script>"""


def chromium(folder: Path, *arguments: str, page: str = "page.html") -> tuple[str, list[str]]:
    """Return what Chromium prints for a page, and the errors of its console."""
    assert CHROMIUM is not None
    done = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-dev-shm-usage",
            "--enable-logging=stderr",
            "--virtual-time-budget=8000",
            f"--user-data-dir={folder / 'profile'}",
            *arguments,
            f"file://{folder / page}",
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize("name", ["whole", "under_way", "without_money", "begun", "hostile"])
def test_all_plots_are_drawn_without_an_error(scene: Of, name: str, tmp_path: Path) -> None:
    page = scene(name)[2]
    (tmp_path / "page.html").write_text(page)
    dom, errors = chromium(tmp_path, "--dump-dom")
    assert errors == []
    plots = page.count("data-plot>")
    assert len(re.findall(r'class="plotly-graph-div js-plotly-plot"', dom)) == plots
    if plots:
        assert f'data-plots="{plots}"' in dom
    assert "cannot be drawn" not in dom.split("<script>")[0]
    assert 'data-pwned="1"' not in dom
    assert '<a href="http://evil' not in dom


def test_a_phone_scrolls_in_one_direction_only(scene: Of, tmp_path: Path) -> None:
    page = scene("whole")[2]
    (tmp_path / "page.html").write_text(page.replace("</body>", f"{PROBE}</body>"))
    (tmp_path / "phone.html").write_text(WRAPPED)
    dom, errors = chromium(tmp_path, "--dump-dom", page="phone.html")
    assert errors == []
    found = re.search(r"<title>(\d+) (\d+) (\d+) (\d+)</title>", dom)
    assert found, dom[:500]
    plots, width, needed, widest = map(int, found.groups())
    assert plots == page.count("data-plot>")
    assert needed <= width <= 390
    assert widest < 390


@pytest.mark.parametrize("dark", [False, True])
def test_the_screenshot_has_the_grounds_colour(scene: Of, dark: bool, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "page.html").write_text(scene("whole")[2])
    picture = tmp_path / "page.png"
    how = ["--force-dark-mode", "--blink-settings=preferredColorScheme=0"] if dark else []
    chromium(tmp_path, *how, "--window-size=1280,1600", f"--screenshot={picture}")
    with image.open(picture) as opened:
        seen = opened.convert("RGB")
    assert seen.getpixel((2, 2)) == ((0x14, 0x17, 0x1B) if dark else (255, 255, 255))
    assert len(seen.getcolors(1 << 20)) > 50, "text and plots"


def test_it_prints_all_of_it(scene: Of, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(scene("whole")[2])
    out = tmp_path / "page.pdf"
    chromium(tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={out}")
    pdf = out.read_bytes()
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 8
