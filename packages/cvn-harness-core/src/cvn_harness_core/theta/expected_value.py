"""The economic rule: the cut whose signals earn most, net of cost."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from cvn_harness_core.contracts.checks import integer, real
from cvn_harness_core.contracts.cuts import Cuts, require_finite
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.contracts.theta import ThetaChoice, ThetaEvidence
from cvn_harness_core.errors import InputError
from cvn_harness_core.theta.bounds import lower_bound
from cvn_harness_core.theta.constraints import check_band, first_unmet, within
from cvn_harness_core.theta.money import Money, default_band, money_of
from cvn_harness_core.theta.resampling import label_overlap
from cvn_harness_core.theta.stability import Bootstrap, check_bootstrap, pick, unusable

VETO_BELOW = -1.282
"""The z score of a cut's own hits, one-sided at 10 %, below which the evidence forbids the cut."""

REFUTED_BELOW = -2.326
"""The z score of the hits, one-sided at 1 %, below which the model's own probabilities are not
believed."""


@dataclass(frozen=True)
class ExpectedValue:
    """The cut with the largest expected net return, or NO_TRADE.

    What a cut earns is estimated twice: by the rows of the evidence, and by the model's own
    probabilities, which rest on the rows that it was fitted on. The two are averaged with the rows
    as weights. So few validation rows move theta little from the analytic cut ``p >= break-even``
    (Elkan, 2001), and many decide alone. Where the evidence refutes the probabilities (too few hits
    among the rows above break-even, z below -2.326), it decides alone at once.

    Where buying every row would have paid, signals must earn more than that: what any row earns is
    exposure, not selection, and without this hurdle the best cut is often to buy everything.

    Constraints: at least ``min_signals``; a buy rate within the band; an expectation above the
    hurdle; a lower confidence bound of the precision that both estimate at or above the net
    break-even that the hurdle implies; and, by the evidence alone, hits not significantly fewer
    than break-even needs (z of -1.282 or more). Of feasible cuts within one standard error of the
    best (block bootstrap over time), the highest is taken. docs/adr/0007 has the experiments behind
    the defaults.

    Parameters
    ----------
    min_signals
        The least signals on the evidence.
    min_buy_rate, max_buy_rate
        The band; None derives it from prevalence and break-even: see ``default_band``.
    confidence
        Of the lower bound of precision, one-sided, in [0.5, 1). At 0.5 it is precision itself. Rows
        count for as much as their labels do not overlap.
    hurdle
        What a signal must earn net, in the payoff's unit; None takes the mean net return of all
        rows of the evidence, or 0 if that is less.
    prior_rows
        How many rows the model's own probabilities count for; None takes those it was fitted on,
        0 believes only the evidence.
    bootstrap
        How the rule judges its stability; None takes the best cut as it is.
    """

    min_signals: int = 30
    min_buy_rate: float | None = None
    max_buy_rate: float | None = None
    confidence: float = 0.55
    hurdle: float | None = None
    prior_rows: int | None = None
    bootstrap: Bootstrap | None = field(default_factory=Bootstrap)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "min_signals", integer("ExpectedValue.min_signals", self.min_signals, low=1))
        if self.prior_rows is not None:
            put(self, "prior_rows", integer("ExpectedValue.prior_rows", self.prior_rows, low=0))
        put(self, "confidence", real("ExpectedValue.confidence", self.confidence, low=0.5))
        if self.confidence >= 1.0:
            message = f"ExpectedValue.confidence is {self.confidence!r}; it must be below 1."
            raise InputError("setting_invalid", message)
        if self.hurdle is not None:
            put(self, "hurdle", real("ExpectedValue.hurdle", self.hurdle, low=-math.inf))
        check_band("ExpectedValue", self.min_buy_rate, self.max_buy_rate)
        check_bootstrap("ExpectedValue", self.bootstrap)

    @property
    def name(self) -> str:
        """``expected_value``."""
        return "expected_value"

    def decide(self, evidence: ThetaEvidence) -> ThetaChoice:
        """Return the choice.

        Raises InputError ``scores_inflated`` for scores that are no probabilities, and
        ``money_unknown`` without returns or a payoff.
        """
        require_finite(evidence.scores)
        evidence.probability.require_probabilities("the rule expected_value")
        positives = int(np.count_nonzero(evidence.y))
        if not positives:
            return ThetaChoice(None, "no_positive_found")
        if positives == evidence.y.size:
            return ThetaChoice(None, "no_negative_found")
        money = money_of(evidence)
        if money is None:
            message = (
                "the rule expected_value needs returns or a payoff: give Datasets(payoff=Payoff("
                "take_profit, stop_loss, cost=...)), or returns with each split."
            )
            raise InputError("money_unknown", message)
        if money.gain <= money.loss:
            return ThetaChoice(None, "positives_earn_no_more")
        return self._decide(evidence, money)

    def _decide(self, evidence: ThetaEvidence, money: Money) -> ThetaChoice:
        cuts = evidence.cuts
        prevalence = cuts.n_positive / cuts.n
        hurdle = max(0.0, money.every_row) if self.hurdle is None else self.hurdle
        break_even = money.break_even(hurdle)
        least, most = default_band(float(prevalence), break_even)
        most = most if self.max_buy_rate is None else self.max_buy_rate
        least = min(least, most / 100.0) if self.min_buy_rate is None else self.min_buy_rate
        overlap = label_overlap(evidence)
        surprise = _surprise(evidence, break_even, overlap)
        prior_rows = evidence.n_train if self.prior_rows is None else self.prior_rows
        if surprise is not None and surprise < REFUTED_BELOW:
            prior_rows = 0
        share = evidence.scores.size / (evidence.scores.size + prior_rows)

        def value(some: Cuts) -> Array:
            return (_net(some, money, share) - hurdle * some.n_signals) / some.n

        def bound(some: Cuts) -> Array:
            hits = share * some.true_positives + (1.0 - share) * some.score_sum
            precision = np.clip(hits / some.n_signals, 0.0, 1.0)
            return lower_bound(precision, some.n_signals / (share * overlap), self.confidence)

        rounding = 1e-12 * (money.gain - money.loss)
        feasible, reason = first_unmet(
            cuts,
            ("too_few_signals", lambda some: some.n_signals >= self.min_signals),
            ("no_cut_within_buy_rate_band", lambda some: within(some.buy_rate, least, most)),
            ("expectancy_not_above_hurdle", lambda some: value(some) > rounding),
            ("precision_not_above_break_even", lambda some: bound(some) >= break_even),
            (
                "evidence_below_break_even",
                lambda some: z_of_hits(some, break_even, overlap) >= VETO_BELOW,
            ),
        )
        figures: dict[str, float | None] = {
            "break_even": break_even,
            "hurdle": hurdle,
            "label_overlap": overlap,
            "gain": money.gain,
            "loss": money.loss,
            "evidence_share": share,
            "hits_z": surprise,
        }
        band = (least, most)
        reason = unusable(evidence, self.bootstrap) or reason
        if reason is not None:
            return ThetaChoice(None, reason, band=band, feasible=feasible, figures=figures)
        found = pick(evidence, feasible, value, self.bootstrap)
        at_chosen = cuts[found.chosen : found.chosen + 1]
        figures["standard_error"] = found.standard_error
        figures["precision_bound"] = float(bound(at_chosen)[0])
        figures["evidence_z"] = float(z_of_hits(at_chosen, break_even, overlap)[0])
        return ThetaChoice(
            float(cuts.theta[found.chosen]),
            best_theta=float(cuts.theta[found.best]),
            band=band,
            feasible=feasible,
            interval=found.interval,
            predicted_expectancy=float((_net(at_chosen, money, share) / at_chosen.n_signals)[0]),
            figures=figures,
        )


def z_of_hits(cuts: Cuts, break_even: float, overlap: float) -> Array:
    """Return how far the positives of each cut are from what break-even needs, in deviations."""
    needed = min(max(break_even, 1e-9), 1.0 - 1e-9)
    spread = np.sqrt(overlap * needed * (1.0 - needed) * cuts.n_signals)
    missing = cuts.true_positives - needed * cuts.n_signals
    z: Array = missing / spread
    return z


def _net(cuts: Cuts, money: Money, share: float) -> Array:
    """Return what each cut earns in sum: the evidence's figure by ``share``, else the model's."""
    spread = money.gain - money.loss
    own = 1.0 - share
    if cuts.return_sum is None:
        hits = share * cuts.true_positives + own * cuts.score_sum
        return hits * spread + cuts.n_signals * money.loss
    by_model = cuts.score_sum * (own * spread) + cuts.n_signals * (own * money.loss)
    return by_model + share * cuts.return_sum


def _surprise(evidence: ThetaEvidence, break_even: float, overlap: float) -> float | None:
    """Return the z score of the positives among rows above break-even, were p the truth.

    Overlapping labels are not independent: their variance counts ``overlap`` times.
    """
    above = evidence.scores >= break_even
    p = evidence.scores[above]
    variance = overlap * float((p * (1.0 - p)).sum())
    if not variance:
        return None
    return float((np.count_nonzero(evidence.y[above]) - p.sum()) / np.sqrt(variance))
