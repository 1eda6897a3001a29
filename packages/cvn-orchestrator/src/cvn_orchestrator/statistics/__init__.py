"""From the results of a sweep to statistics and a verdict per variant.

`judge` composes it all; `results` says what goes in. Nothing here knows of databases, files or
training.
"""

from __future__ import annotations

from cvn_orchestrator.statistics.best_of_many import confidence_set, superior_predictive_ability
from cvn_orchestrator.statistics.comparison import Comparison
from cvn_orchestrator.statistics.coverage import Coverage, Signals
from cvn_orchestrator.statistics.estimate import Estimate
from cvn_orchestrator.statistics.family import Family
from cvn_orchestrator.statistics.judge import judge
from cvn_orchestrator.statistics.judgement import AtCost, Judgement, VariantJudgement
from cvn_orchestrator.statistics.luck import Luck
from cvn_orchestrator.statistics.multiple import benjamini_hochberg
from cvn_orchestrator.statistics.overfitting import Overfitting, probability_of_overfitting
from cvn_orchestrator.statistics.sharpe import (
    SharpeRatio,
    deflated_sharpe,
    expected_maximum_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
    sharpe_ratio,
)
from cvn_orchestrator.statistics.verdict import LADDER, VERDICTS, Rules, Verdict

__all__ = [
    "LADDER",
    "VERDICTS",
    "AtCost",
    "Comparison",
    "Coverage",
    "Estimate",
    "Family",
    "Judgement",
    "Luck",
    "Overfitting",
    "Rules",
    "SharpeRatio",
    "Signals",
    "VariantJudgement",
    "Verdict",
    "benjamini_hochberg",
    "confidence_set",
    "deflated_sharpe",
    "expected_maximum_sharpe",
    "judge",
    "minimum_track_record",
    "probabilistic_sharpe",
    "probability_of_overfitting",
    "sharpe_ratio",
    "superior_predictive_ability",
]
