"""What a run is known by: every setting, whatever a plugin's rule has for its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from cvn_harness_core import InputError, ThetaChoice, ThetaEvidence
from cvn_orchestrator.plan.reading import Plan, read_plan
from cvn_orchestrator.report.sweep.tried import tried_elsewhere
from cvn_orchestrator.results.rows import RunRow
from cvn_orchestrator.sweep.identity import Identity, plan_facts
from cvn_orchestrator.sweep.prepared import prepare

from .small import HEAD, bars, write


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


def row_of(folder: Path, *data: str) -> RunRow:
    """Return the row of a run with these lines among those of its data."""
    head = HEAD.replace("[splits]", "\n".join((*data, "[splits]")))
    table = bars().with_columns(w=1.0 + abs(bars()["a"]), y2=1 - bars()["y"])
    path = write(folder, f'{head}[variants.lgbm]\nmodel = "lightgbm"\n', table)
    return Identity(prepare(read_plan(path), folder / "work")).row()


def test_every_feature_set_tried_on_the_same_rows_counts(tmp_path: Path) -> None:
    sets = ('["a"]', '["b"]', '["a", "b"]', '["b", "c"]')
    runs = [row_of(tmp_path, f"features = {one}") for one in sets]
    runs.append(row_of(tmp_path, 'exclude = ["c", "w", "y2"]'))
    runs.append(row_of(tmp_path, 'features = ["a"]', 'weight = "w"'))
    assert len({run.run for run in runs}) == len({run.plan["rows"] for run in runs}) + 5 == 6
    trials = {run.run: {"lgbm": 1} for run in runs}
    assert tried_elsewhere(runs[0], runs, trials) == 5


def test_another_label_is_another_question(tmp_path: Path) -> None:
    one = row_of(tmp_path, 'features = ["a"]')
    head = HEAD.replace('label = "y"', 'label = "y2"').replace(
        "[splits]", 'features = ["a"]\n[splits]'
    )
    path = tmp_path / "plan.toml"
    path.write_text(f'{head}[variants.lgbm]\nmodel = "lightgbm"\n')
    other = Identity(prepare(read_plan(path), tmp_path / "work")).row()
    assert tried_elsewhere(one, [one, other], {other.run: {"lgbm": 1}}) == 0
