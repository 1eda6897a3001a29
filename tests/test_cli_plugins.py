"""`cvn plugins`: what each status says to do, what only an import tells, and exit codes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from .command import cvn

MODELS, OBSERVERS = "cvn_harness.models.v1", "cvn_harness.plugins.v1"
LIMITS = """
from cvn_harness_core import hookimpl

@hookimpl
def cvn_observer_limits():
    return 5
"""


@pytest.fixture(autouse=True)
def _only_acme(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave our own plugins out: their libraries take seconds to import."""
    monkeypatch.setenv("CVN_PLUGINS", "acme,acme-x")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder whose distributions count as installed."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def put(
    site: Path, source: str, group: str = MODELS, name: str = "acme", owner: str = "acme-x"
) -> Path:
    info = site / f"{owner.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {owner}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = acme_{name}\n")
    (site / f"acme_{name}.py").write_text(source)
    return info


def told(*options: str, cwd: Path) -> tuple[int, list[dict[str, Any]]]:
    done = cvn("plugins", "--json", *options, cwd=cwd)
    listed = json.loads(done.stdout)
    return done.returncode, [r for r in listed if r["distribution"].startswith("acme")]


@pytest.mark.parametrize(
    ("source", "group", "status", "error", "advice"),
    [
        ("raise ValueError(1)", MODELS, "import_failed", "ValueError: 1", "--force-reinstall"),
        ("raise SystemExit(0)", MODELS, "import_failed", "SystemExit: 0", "CVN_PLUGINS_BLOCK="),
        ("import os; os._exit(0)", MODELS, "import_failed", "exit code 0", "CVN_PLUGINS_BLOCK="),
        ("import os; os.abort()", MODELS, "import_failed", "SIGABRT", "CVN_PLUGINS_BLOCK="),
        ("import nosuch.a", MODELS, "dependency_missing", "needs 'nosuch'", "'nosuch'"),
        ("x = 1", MODELS, "contract", "has 0 implementations of cvn_model", "--upgrade acme-x"),
        ("x = 1; print('noise')", OBSERVERS, "available", None, None),
        (LIMITS, OBSERVERS, "contract", "returned int, not ObserverLimits", "--upgrade acme-x"),
    ],
)
def test_what_only_an_import_tells(
    source: str,
    group: str,
    status: str,
    error: str | None,
    advice: str | None,
    site: Path,
    tmp_path: Path,
) -> None:
    put(site, source, group)
    code, (record,) = told(cwd=tmp_path)
    assert (code, record["status"]) == (0, "available")
    code, (record,) = told("--strict", cwd=tmp_path)
    assert (code, record["status"]) == (0 if status == "available" else 1, status)
    for field, part in (("error", error), ("advice", advice)):
        assert (record[field] is None) if part is None else (part in record[field])
    assert told("--load", cwd=tmp_path)[0] == 0


def test_one_that_hangs_is_told_and_the_next_is_judged(site: Path) -> None:
    from cvn_harness_core import discover, examine

    put(site, "import time; time.sleep(3600)")
    put(site, "x = 1", OBSERVERS, "later", "acme")
    records = [r for r in discover() if r.status == "available"]
    hung, later = examine(records, seconds=2.0)
    assert (hung.status, later.status) == ("import_failed", "available")
    assert hung.error == "importing it took more than 2 s"
    assert "import libraries in the functions that use them" in hung.advice
    assert "CVN_PLUGINS_BLOCK=acme" in hung.advice


def test_what_is_blocked_is_never_imported_and_no_fault(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(site, f"open({str(tmp_path / 'imported')!r}, 'w')")
    monkeypatch.setenv("CVN_PLUGINS_BLOCK", "acme_x")
    code, (record,) = told("--strict", cwd=tmp_path)
    assert (code, record["status"]) == (0, "blocked")
    assert not (tmp_path / "imported").exists()


def test_unreadable_metadata_are_told_with_the_distribution(site: Path, tmp_path: Path) -> None:
    (put(site, "x = 1") / "entry_points.txt").write_text(f"[{MODELS}]\nacme\n")
    code, (record,) = told("--strict", cwd=tmp_path)
    assert (code, record["status"], record["version"]) == (1, "malformed", "1.0")
    assert record["distribution"] == "acme_x"
    assert str(site) in record["error"]
    assert "reinstall" in record["advice"]


def test_a_second_copy_is_a_note_and_no_fault(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(site, "x = 1", OBSERVERS)
    other = tmp_path / "other"
    other.mkdir()
    put(other, "x = 1", OBSERVERS)
    assert cvn("plugins", cwd=tmp_path).stdout.count("acme-x") == 1
    monkeypatch.syspath_prepend(other)
    code, (record,) = told("--strict", cwd=tmp_path)
    assert (code, record["status"]) == (0, "available")
    said = cvn("plugins", cwd=tmp_path).stdout
    assert "acme (acme-x 1.0): acme-x is installed twice" in said
    assert os.path.realpath(site) in said


@pytest.mark.parametrize("variable", ["CVN_PLUGINS", "CVN_PLUGINS_BLOCK"])
def test_a_listed_name_that_nothing_has_is_told(variable: str, site: Path, tmp_path: Path) -> None:
    put(site, "x = 1", OBSERVERS)
    lists = {"CVN_PLUGINS": "acme", variable: "acme,acmee"}
    done = cvn("plugins", "--json", cwd=tmp_path, **lists)
    assert done.returncode == 0
    assert done.stderr == (
        f"cvn: warning: {variable} lists 'acmee', and no installed plugin or distribution is "
        "called so\n"
    )
    assert cvn("plugins", "--strict", cwd=tmp_path, **lists).returncode == 1
