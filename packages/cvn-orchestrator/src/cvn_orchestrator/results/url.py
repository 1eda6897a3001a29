"""Which database holds the results. Imports nothing heavy."""

from __future__ import annotations

import os

DEFAULT_URL = "sqlite:///cvn-results.db"
VARIABLE = "CVN_RESULTS"


def results_url(given: str | None = None) -> str:
    """Return the URL that was given, else ``$CVN_RESULTS``, else a file in this folder."""
    return given or os.environ.get(VARIABLE) or DEFAULT_URL
