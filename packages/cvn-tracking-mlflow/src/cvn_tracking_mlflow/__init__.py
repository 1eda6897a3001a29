"""MLflow tracking for CVN Harness: an observer, and a way back from MLflow to an artifact.

Names are imported when they are first used: the observer is loaded by every training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cvn_tracking_mlflow.__about__ import __version__

if TYPE_CHECKING:
    from cvn_tracking_mlflow.bundles import load_bundle
    from cvn_tracking_mlflow.errors import TrackingError

__all__ = ["TrackingError", "__version__", "load_bundle"]


def __getattr__(name: str) -> Any:
    if name == "load_bundle":
        from cvn_tracking_mlflow.bundles import load_bundle

        return load_bundle
    if name == "TrackingError":
        from cvn_tracking_mlflow.errors import TrackingError

        return TrackingError
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
