"""What can go wrong between the harness and MLflow."""

from __future__ import annotations

from cvn_harness_core import HarnessError


class TrackingError(HarnessError):
    """MLflow refuses, cannot be reached, or does not have what was asked for."""

    codes = frozenset({"tracking_failed", "tracking_not_found", "tracking_setting"})
