"""What the core's codes mean, in words for people. An unknown code is shown as it is."""

from __future__ import annotations

from cvn_harness_core import Probability

NO_TRADE = {
    "evidence_below_break_even": "the rows that decide speak against every cut that is allowed",
    "expectancy_not_above_hurdle": "no cut that is allowed is expected to earn more, after cost, "
    "than nothing or than buying every row would",
    "no_cut_within_buy_rate_band": "no cut with enough signals buys at a rate within the band",
    "no_negative_found": "every label there is positive, so nothing can be told apart",
    "no_positive_found": "no cut that is allowed buys a row with a positive label",
    "positives_earn_no_more": "positive rows earn no more than negative ones",
    "precision_not_above_break_even": "no cut that is allowed is expected to be more "
    "precise than break-even by the margin asked for",
    "scores_constant": "all scores are equal",
    "too_few_rows": "there are too few rows to tell one cut from another",
    "too_few_signals": "no cut that is allowed gives as many signals as are asked for",
}

ALARM = {
    "above_band": "it buys more often on test than its rule allows",
    "below_band": "it buys less often on test than its rule allows",
    "above_predicted": "it buys over 2.5 times as often on test as predicted",
    "below_predicted": "it buys less than 1/2.5 times as often on test as predicted",
}

HEALTH = {
    "at_ceiling": "boosting reached its ceiling before it stopped improving",
    "constant_scores": "all validation scores are equal",
    "covariate_shift": "features differ between train and validation",
    "few_distinct_scores": "few validation scores are distinct",
    "narrow_scores": "validation scores hardly vary",
    "overfit": "ROC AUC falls far from train to validation",
    "prevalence_shift": "labels are positive more, or less, often on validation than on train",
    "shallow": "boosting stopped at once: validation confirms nothing",
    "too_good": "too good to be true: look for the label or the outcome among the features",
    "undefined_curve": "the stopping metric is undefined on validation",
    "weight_inflated": "the class weight is still in the scores",
}

SOURCE = {
    "library": "the library",
    "default": "the plugin",
    "policy": "the policy",
    "config": "the configuration",
    "user": "the user",
    "search": "the search",
}

CALIBRATION = {
    "brier_not_better": "it does not lower the Brier score",
    "ece_not_better": "it does not lower the calibration error",
    "ranking_lost": "the fitted map does not rise, so it would lose the ranking",
    "too_few_of_a_class": "too few rows of one class",
    "too_few_rows": "too few rows",
}


def with_code(words: dict[str, str], code: str) -> str:
    """Return what a code means, and the code."""
    return f"{words[code]} ({code})" if code in words else code.replace("_", " ")


def scores(probability: Probability) -> str:
    """Return what an artifact's scores are."""
    weight = f"{probability.positive_weight:.4g}"
    return {
        "raw": "raw, the library's own; no class weight",
        "weight_inflated": f"no probabilities: a class weight of {weight} inflates their odds",
        "prior_corrected": f"probabilities; the class weight of {weight} is undone, exactly",
        "calibrated": f"probabilities, calibrated by {probability.method} on "
        f"{probability.rows} rows",
    }[probability.kind]
