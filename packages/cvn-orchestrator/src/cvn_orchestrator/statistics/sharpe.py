"""Sharpe ratios with the doubt that length, skewness, tails and many trials put on them.

All ratios are per observation (here a test date), not annualised; kurtosis is 3 for a normal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cvn_harness_core import Array, InputError


@dataclass(frozen=True)
class SharpeRatio:
    """A Sharpe ratio and what its doubt depends on.

    Parameters
    ----------
    value
        Mean over standard deviation of a return.
    skewness, kurtosis
        Of the returns; kurtosis is not in excess.
    n
        How many independent returns it rests on; a fraction is allowed.
    """

    value: float
    skewness: float
    kurtosis: float
    n: float

    def __post_init__(self) -> None:
        if self.n <= 1 or self.kurtosis < (self.skewness**2 + 1) * (1 - 1e-9):
            message = f"{self} cannot be: n must be above 1, and kurtosis at least skewness^2 + 1."
            raise InputError("setting_invalid", message)

    @property
    def spread(self) -> float:
        """1 - skewness SR + (kurtosis - 1) / 4 SR^2: the variance of the estimate, times n - 1."""
        return 1 - self.skewness * self.value + (self.kurtosis - 1) / 4 * self.value**2


def sharpe_ratio(returns: Array, n: float | None = None) -> SharpeRatio | None:
    """Return the Sharpe ratio of returns (m,), worth ``n`` independent ones (default m).

    None for fewer than two returns, or ones that do not vary. Moments are those of the sample
    without correction, as Bailey and Lopez de Prado's are.
    """
    if returns.size < 2:
        return None
    mean, deviation = float(returns.mean()), float(returns.std())
    if deviation <= 1e-12 * max(1.0, float(np.abs(returns).max())):
        return None
    z = (returns - mean) / deviation
    value = mean / deviation
    return SharpeRatio(value, float((z**3).mean()), float((z**4).mean()), n or returns.size)


def probabilistic_sharpe(sharpe: SharpeRatio, benchmark: float = 0.0) -> float:
    """Return the probability that the true Sharpe ratio exceeds ``benchmark``.

    Bailey and Lopez de Prado (2012), "The Sharpe ratio efficient frontier", equation 11.
    """
    from scipy.stats import norm

    if sharpe.spread <= 0:
        return float(sharpe.value > benchmark)
    z = (sharpe.value - benchmark) * math.sqrt((sharpe.n - 1) / sharpe.spread)
    return float(norm.cdf(z))


def expected_maximum_sharpe(n_trials: int, variance: float) -> float:
    """Return the Sharpe ratio that the best of ``n_trials`` without skill is expected to show.

    ``variance`` is that of the trials' estimated Sharpe ratios. 0 for a single trial. Bailey and
    Lopez de Prado (2014), "The deflated Sharpe ratio", equation 1.
    """
    from scipy.stats import norm

    if n_trials < 1 or variance < 0:
        message = f"n_trials={n_trials} and variance={variance} must be at least 1 and 0."
        raise InputError("setting_invalid", message)
    if n_trials == 1:
        return 0.0
    most = (1 - np.euler_gamma) * norm.isf(1 / n_trials)
    most += np.euler_gamma * norm.isf(1 / (n_trials * math.e))
    return float(math.sqrt(variance) * most)


def deflated_sharpe(sharpe: SharpeRatio, *, n_trials: int, variance: float) -> float:
    """Return the probability that the true Sharpe ratio exceeds what luck gives the best trial.

    Bailey and Lopez de Prado (2014), "The deflated Sharpe ratio", equation 2.
    """
    return probabilistic_sharpe(sharpe, expected_maximum_sharpe(n_trials, variance))


def minimum_track_record(
    sharpe: SharpeRatio, benchmark: float = 0.0, confidence: float = 0.95
) -> float | None:
    """Return how many observations would show that the true ratio exceeds ``benchmark``.

    None where the ratio does not exceed it: no length would. Bailey and Lopez de Prado (2012),
    equation 13.
    """
    from scipy.stats import norm

    if sharpe.value <= benchmark:
        return None
    return float(1 + sharpe.spread * (norm.ppf(confidence) / (sharpe.value - benchmark)) ** 2)
