"""An installed theta rule goes by its name: in `cvn train`, in a plan, and through a sweep."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cvn_harness_core import THETA_REGISTRY
from cvn_orchestrator.errors import PlanError
from cvn_orchestrator.plan.reading import read_plan
from tests.command import cvn
from tests.sweep.small import HEAD, bars, write
from tests.sweep.tables import tables

SOURCE = """
from dataclasses import dataclass
from cvn_harness_core import ThetaChoice, hookimpl

@dataclass(frozen=True)
class Rarest:
    max_buy_rate: float = 0.1
    name: str = "rarest"

    def __post_init__(self):
        if self.max_buy_rate == 0.77:
            raise RuntimeError("not that one")

    def decide(self, evidence):
        allowed = evidence.cuts.buy_rate <= self.max_buy_rate{change}
        return ThetaChoice(float(evidence.cuts.theta[allowed][0]))

@hookimpl
def cvn_theta_rule():
    return Rarest()
"""
TRAIN = ("--label=y", "--time=t", "--label-end=e", "--returns=r", "--exclude=s", "--threads=1",
         "--param=n_estimators=12")  # fmt: skip
VARIANT = '[variants.lgbm]\nmodel = "lightgbm"\nparams = { n_estimators = 12 }\n'


def install(folder: Path, module: str = "rarest_rule", change: str = "") -> Path:
    """Install the rule in a folder, and a broken one beside it."""
    info = folder / "acme_theta-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-theta\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[cvn_harness.theta.v1]\nrarest = {module}\nbroken = nowhere_at_all\n"
    )
    (folder / f"{module}.py").write_text(SOURCE.format(change=change))
    return folder


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = install(tmp_path / "site")
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()
    THETA_REGISTRY.refresh()
    (tmp_path / "work").mkdir()
    yield tmp_path / "work"
    THETA_REGISTRY.refresh()
    sys.modules.pop("rarest_rule", None)


def trained(folder: Path, *options: str) -> dict[str, Any]:
    bars(600).filter(s="ES").write_parquet(folder / "bars.parquet")
    data = ("--data", folder / "bars.parquet")
    done = cvn("train", "lightgbm", *data, *TRAIN, "--json", *options, cwd=folder)
    facts: dict[str, Any] = {**json.loads(done.stdout), "exit": done.returncode}
    return facts


def test_cvn_train_takes_it_by_name(site: Path) -> None:
    facts = trained(site, "--theta=rarest", "--max-buy-rate=0.2")
    assert facts["decision"]["rule"] == "rarest"
    assert 0.1 < facts["decision"]["buy_rate"] <= 0.2
    assert facts["policy"]["theta"] == {"rule": "rarest", "name": "rarest", "max_buy_rate": 0.2}


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--theta=rare"], "setting_invalid", "f1_grid, f1_capped, expected_value, broken, rarest"),
        (["--theta=broken"], "plugin_import_failed", "acme-theta 1.0"),
        (["--theta=rarest", "--min-signals=9"], "setting_invalid", "--min-signals would do nothin"),
        (["--theta=rarest", "--max-buy-rate=0.77"], "setting_invalid", "refuses {'max_buy_rate':"),
    ],
)
def test_what_cvn_train_refuses(options: list[str], code: str, words: str, site: Path) -> None:
    facts = trained(site, *options)
    assert facts["exit"] == 2
    assert facts["error"]["code"] == code
    assert words in facts["error"]["message"]


def test_a_plan_takes_it_by_name(site: Path) -> None:
    policy = 'policy = { theta = "rarest", max_buy_rate = 0.2 }\n'
    rule = read_plan(write(site, HEAD + VARIANT + policy)).variant("lgbm").policy.theta
    assert rule == type(THETA_REGISTRY["rarest"])(max_buy_rate=0.2)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("policy", "fault"),
    [
        ('{ theta = "rare" }', "policy.theta: 'rare' is no rule and no threshold such as 0.35; d"),
        ('{ theta = "broken" }', "policy.theta: the theta-rule plugin 'broken' (acme-theta 1.0"),
        ('{ theta = "rarest", min_signals = 9 }', "policy.min_signals: has no effect on theta = '"),
        ('{ theta = "rarest", max_buy_rate = 0.77 }', "policy.theta: the theta rule 'rarest' refu"),
    ],
)  # fmt: skip
def test_what_a_plan_refuses(policy: str, fault: str, site: Path) -> None:
    with pytest.raises(PlanError) as caught:
        read_plan(write(site, f"{HEAD}{VARIANT}policy = {policy}\n"))
    (found,) = caught.value.faults
    assert f"variants.lgbm.{fault}" in found


def test_the_registry_is_listed(site: Path) -> None:
    listed = json.loads(cvn("plugins", "--json", cwd=site).stdout)
    assert [r["name"] for r in listed if r["kind"] == "theta-rule"] == ["broken", "rarest"]


def test_a_sweep_decides_by_it_and_again_when_its_code_changed(tmp_path: Path) -> None:
    policy = 'policy = { theta = "rarest" }\n'
    write(tmp_path, HEAD + VARIANT + policy)

    def sweep(change: str) -> list[float]:
        env = {**os.environ, "PYTHONPATH": str(install(tmp_path / "site", change=change))}
        env.pop("CVN_RESULTS", None)
        command = [Path(sys.executable).with_name("cvn"), "sweep", "plan.toml", "--workers=1"]
        done = subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return [row["theta"] for row in tables(tmp_path / "cvn-results.db")]

    first, other = sweep(""), sweep(" / 2")
    assert len(first) == len(other) == 4
    assert all(new > old for new, old in zip(other, first, strict=True))
