"""Checks of saving and loading."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np

from cvn_harness_core import TrainedArtifact
from cvn_harness_core.artifact.record import ArtifactRecord
from cvn_harness_core.testing.fresh_interpreter import run_python
from cvn_harness_core.testing.subject import ModelUnderTest
from cvn_harness_core.testing.synthetic import UNSEEN_ROWS
from cvn_harness_core.testing.verdict import largest_gap, require

_SCORE_A_BUNDLE = """
import sys
import numpy as np
from cvn_harness_core import TrainedArtifact
bundle, rows, scores = sys.argv[1:]
np.save(scores, TrainedArtifact.load(bundle).predict_proba(np.load(rows)))
"""


class PersistenceChecks(ModelUnderTest):
    """A saved model is the model, down to the last bit."""

    def test_it_scores_the_same_bits_in_another_process(self, tmp_path: Path) -> None:
        """A bundle holds the whole model: saved here, loaded by a fresh interpreter."""
        X = UNSEEN_ROWS.copy()
        X[::7, 0] = np.nan
        bundle, rows, scores = tmp_path / "bundle", tmp_path / "rows.npy", tmp_path / "scores.npy"
        self.artifact.save(bundle)
        np.save(rows, X)
        run_python(_SCORE_A_BUNDLE, bundle, rows, scores)
        gap = largest_gap(np.load(scores), self.artifact.predict_proba(X))
        require(
            gap == 0.0,
            "the same bits after saving and loading",
            f"a difference of {gap}",
            "save every number in full precision, and only the iterations that are used",
        )
        loaded, facts = TrainedArtifact.load(bundle), [f.name for f in fields(ArtifactRecord)]
        lost = [n for n in facts if getattr(loaded, n) != getattr(self.artifact, n)]
        require(
            not lost,
            "the same facts after saving and loading",
            f"other {lost}",
            "let diagnostics hold only what JSON can: str, float, int, bool, None, list, dict",
        )
