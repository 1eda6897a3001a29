"""What a run is known by: every setting, whatever a plugin's rule has for its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from cvn_harness_core import InputError, ThetaChoice, ThetaEvidence
from cvn_orchestrator.plan.reading import Plan, read_plan
from cvn_orchestrator.sweep.identity import plan_facts

from .small import HEAD, write


@dataclass(frozen=True)
class Odd:
    """A rule of elsewhere."""

    setting: object
    name: str = "odd"

    def decide(self, evidence: ThetaEvidence) -> ThetaChoice:
        return ThetaChoice(theta=float(np.median(evidence.scores)))


def plan_with(rule: Odd, folder: Path) -> Plan:
    plan = read_plan(write(folder, f'{HEAD}[variants.lgbm]\nmodel = "lightgbm"\n'))
    (variant,) = plan.variants
    return replace(plan, variants=(replace(variant, policy=replace(variant.policy, theta=rule)),))


def test_a_rules_settings_are_in_it(tmp_path: Path) -> None:
    facts = plan_facts(plan_with(Odd(np.array([0.1, 0.2])), tmp_path))
    theta = facts["variants"]["lgbm"]["policy"]["theta"]
    assert theta == {"class": "Odd", "setting": [0.1, 0.2], "name": "odd"}


def test_a_setting_without_a_plain_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no plain form") as raised:
        plan_facts(plan_with(Odd(print), tmp_path))
    assert raised.value.code == "setting_invalid"
