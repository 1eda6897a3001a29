"""A theta rule of elsewhere is found by its name, or refused with what is wrong with it."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from dataclasses import is_dataclass
from typing import Any

import numpy as np
import pytest

from cvn_harness_core import ThetaEvidence, ThetaRule, TrainingPolicy, theta, training_dependencies
from cvn_harness_core.errors import (
    PluginConflictError,
    PluginContractError,
    PluginNotInstalledError,
)
from cvn_harness_core.plugins.examination import examine
from cvn_harness_core.plugins.judging import CORE_RULES
from cvn_harness_core.plugins.registry import PluginRegistry

GROUP = "cvn_harness.theta.v1"

SOURCE = """
from dataclasses import dataclass
from cvn_harness_core import ThetaChoice, hookimpl

@dataclass(frozen=True)
class Third:
    name: str = "third"

    def decide(self, evidence):
        return ThetaChoice(1 / 3)

@hookimpl
def cvn_theta_rule():
    return {returned}
"""


def rules(site: Any, returned: str = "Third()", name: str = "third") -> PluginRegistry[ThetaRule]:
    site.add("acme-theta", GROUP, {name: "acme_rule"}, acme_rule=SOURCE.format(returned=returned))
    return PluginRegistry("theta-rule", "cvn_theta_rule", discover=site.discover)


def test_a_rule_is_found_by_name_and_decides(site: Any) -> None:
    registry = rules(site)
    assert list(registry) == ["third"]
    assert "acme_rule" not in sys.modules
    rule = registry["third"]
    evidence = ThetaEvidence(np.linspace(0, 1, 10), np.tile([0, 1], 5))
    assert rule.decide(evidence).theta == 1 / 3
    assert TrainingPolicy(theta=rule).theta is rule
    (record,) = site.discover()
    assert (record.kind, record.name, record.status) == ("theta-rule", "third", "available")


FAULTS = pytest.mark.parametrize(
    ("returned", "fault"),
    [
        ("Third", "<class 'acme_rule.Third'>, not a frozen dataclass"),
        ("object()", "not a frozen dataclass with a name and decide(evidence)"),
        ("None", "has 0 implementations of cvn_theta_rule"),
        ("Third('fourth')", "calls itself 'fourth'"),
    ],
)


@FAULTS
def test_what_is_no_rule_is_found_by_an_examination(returned: str, fault: str, site: Any) -> None:
    rules(site, returned)
    (record,) = [r for r in examine(site.discover()) if r.kind == "theta-rule"]
    assert record.status == "contract"
    assert record.error is not None
    assert fault in record.error


@FAULTS
def test_what_is_no_rule_is_refused_at_the_door(returned: str, fault: str, site: Any) -> None:
    with pytest.raises(PluginContractError) as caught:
        rules(site, returned)["third"]
    assert fault in str(caught.value)
    assert "acme-theta 1.0" in str(caught.value)


@pytest.mark.parametrize("name", [*CORE_RULES, "0.35", "nan", "inf"])
def test_a_name_that_means_something_already_is_a_conflict(name: str, site: Any) -> None:
    registry = rules(site, name=name)
    assert list(registry) == []
    with pytest.raises(PluginConflictError, match="another name"):
        registry[name]


def test_the_cores_rules_are_those_whose_names_are_kept() -> None:
    found = set()
    for module in pkgutil.iter_modules(theta.__path__, f"{theta.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if is_dataclass(value) and hasattr(value, "decide"):
                found.add(value().name)
    assert found == set(CORE_RULES)


def test_one_that_nobody_offers_says_what_to_install(site: Any) -> None:
    registry = rules(site)
    with pytest.raises(PluginNotInstalledError, match="Did you mean 'third'"):
        registry["thrd"]
    with pytest.raises(PluginNotInstalledError, match="pip install cvn-theta-quarter"):
        registry["quarter"]


def test_what_a_training_depends_on_has_the_rules_code(models: Any, site: Any) -> None:
    rule = rules(site)["third"]
    known = training_dependencies("logreg", TrainingPolicy(theta=rule))
    assert "code of acme_rule.Third" in known
    assert not [k for k in training_dependencies("logreg", TrainingPolicy()) if "rule" in k]
