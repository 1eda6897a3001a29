"""The checks of an ensemble, in the order in which they are run."""

from __future__ import annotations

from cvn_harness_core.testing.check import Check

ENSEMBLE_CHECKS: tuple[Check, ...] = ()
