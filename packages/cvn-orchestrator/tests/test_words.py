"""Every code that the core may give has words for people."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import get_args

import pytest

import cvn_harness_core
from cvn_harness_core import Probability, TrainingHealth
from cvn_harness_core.contracts.calibration import CalibrationReason
from cvn_harness_core.contracts.params import Source
from cvn_harness_core.contracts.probability import ProbabilityKind
from cvn_harness_core.contracts.theta import RateAlarm
from cvn_orchestrator import words


def test_every_reason_for_no_trade_has_words() -> None:
    rules = Path(cvn_harness_core.__file__).parent / "theta"
    sources = "\n".join(path.read_text() for path in rules.glob("*.py"))
    given = set(re.findall(r'ThetaChoice\(\s*None, "(\w+)"', sources))
    given |= set(re.findall(r'\(\s*"(\w+)",\s*lambda', sources))
    given |= set(re.findall(r'return "(\w+)"\n', (rules / "stability.py").read_text()))
    assert given == set(words.NO_TRADE)


def test_everybody_who_chooses_a_value_has_words() -> None:
    assert set(words.SOURCE) == set(get_args(Source))


def test_every_alarm_and_reason_has_words() -> None:
    assert set(words.ALARM) == set(get_args(RateAlarm))
    assert set(words.CALIBRATION) == set(get_args(CalibrationReason))
    node = importlib.import_module("cvn_harness_core.nodes.training_health")
    assert node.__file__ is not None
    found = Path(node.__file__).read_text()
    for code in words.HEALTH:
        assert f'"{code}"' in found
        assert f"``{code}``" in (TrainingHealth.__doc__ or "")
    reasons = (TrainingHealth.__doc__ or "").partition("``reasons``")[2].partition("``figures``")[0]
    assert set(re.findall(r"``(\w+)``", reasons)) == set(words.HEALTH)


@pytest.mark.parametrize("kind", get_args(ProbabilityKind))
def test_every_kind_of_score_has_words(kind: ProbabilityKind) -> None:
    said = words.scores(Probability(kind, 2.5, "sigmoid", 400))
    assert ("2.5" in said) == (kind in ("weight_inflated", "prior_corrected"))


def test_a_code_of_a_third_partys_rule_is_shown_as_it_is() -> None:
    assert words.with_code(words.NO_TRADE, "moon_not_full") == "moon not full"
