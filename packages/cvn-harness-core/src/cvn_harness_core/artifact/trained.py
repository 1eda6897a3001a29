"""The trained model: its facts, its scores and its signals."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cvn_harness_core.artifact.record import ArtifactRecord
from cvn_harness_core.contracts.checks import integer
from cvn_harness_core.contracts.features import FeatureVersion
from cvn_harness_core.contracts.model import ModelAdapter
from cvn_harness_core.contracts.out_of_fold import OutOfFoldScores
from cvn_harness_core.contracts.split import Array, as_matrix
from cvn_harness_core.errors import InputError
from cvn_harness_core.scoring import map_scores, positive_scores

if TYPE_CHECKING:
    from cvn_harness_core.store.disk import Store


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedArtifact(ArtifactRecord):
    """A trained model or ensemble with everything that is known of it.

    ``adapter`` and ``native`` are the plugin's adapter and the library's own model;
    ``out_of_fold_scores`` are there where the policy asked for them.
    """

    adapter: ModelAdapter = field(repr=False)
    native: Any = field(repr=False)
    out_of_fold_scores: OutOfFoldScores | None = field(default=None, repr=False)

    def predict_proba(
        self,
        X: Any,
        *,
        feature_version: FeatureVersion | None = None,
        n_threads: int | None = None,
    ) -> Array:
        """Return the probability of each class, (n, 2) float64, rows summing to 1.

        Parameters
        ----------
        X
            (n, f) array, or a dataframe whose columns are the trained features in order.
        feature_version
            What X was made with; compared with the trained version if given.
        n_threads
            Threads for this call; by default as many as in training.

        Raises
        ------
        InputError
            ``feature_width``, ``feature_order``, ``feature_version``, ``features_dtype`` or any
            fault of a matrix.
        """
        matrix = self._matrix(X)
        if feature_version is not None:
            self.feature_version.require(feature_version)
        threads = self.n_threads
        if n_threads is not None:
            threads = integer("n_threads", n_threads, low=1)
        if matrix.shape[0] == 0:
            return np.empty((0, 2))
        native = positive_scores(self.adapter, self.native, matrix, threads)
        positive = map_scores(self.score_map, native)
        return np.column_stack([1.0 - positive, positive])

    def predict(
        self,
        X: Any,
        *,
        feature_version: FeatureVersion | None = None,
        n_threads: int | None = None,
    ) -> Array:
        """Return the signals, (n,) int8: 1 where p >= theta. A NO_TRADE artifact never signals.

        Arguments and errors are those of ``predict_proba``.
        """
        scores = self.predict_proba(X, feature_version=feature_version, n_threads=n_threads)
        return self.signals(scores[:, 1])

    def signals(self, scores: Array) -> Array:
        """Return which of these probabilities of the positive class (n,) are signals, int8."""
        if self.theta is None:
            return np.zeros(scores.size, dtype=np.int8)
        return (scores >= self.theta).astype(np.int8)

    def save(
        self, path: str | Path, *, overwrite: bool = False, self_contained: bool = False
    ) -> Path:
        """Write a bundle (a folder) and return its path; nothing is left behind on failure.

        The bundle of an ensemble that was trained with a store refers to its bases by their content
        keys; with ``self_contained``, and without a store, it holds them, so that it can be sent.

        Raises BundleError ``bundle_exists`` (unless ``overwrite``) or ``bundle_unwritable``.
        """
        from cvn_harness_core.artifact.saving import save

        return save(self, Path(path), overwrite=overwrite, self_contained=self_contained)

    @classmethod
    def load(cls, path: str | Path, *, store: Store | None = None) -> TrainedArtifact:
        """Verify a bundle and read it; its plugin must be installed.

        ``store`` is where an ensemble's bases are looked for that are not in the bundle.

        Raises
        ------
        BundleError
            ``bundle_not_found``, ``bundle_corrupt``, ``bundle_format``, ``bundle_unreadable`` or
            ``bundle_base_missing``.
        PluginError
            If the plugin cannot be used.
        """
        from cvn_harness_core.artifact.saving import load

        return load(Path(path), store)

    def _matrix(self, X: Any) -> Array:
        trained = self.feature_version
        if not isinstance(X, np.ndarray) and hasattr(X, "columns"):
            from cvn_harness_core.contracts.frame import column_names, feature_matrix

            names = column_names(X)
            trained.require(FeatureVersion(trained.name, names, trained.dtype))
            X = feature_matrix(X, names)
        matrix = as_matrix(X)
        if matrix.shape[1] != len(trained.feature_names):
            message = (
                f"X has {matrix.shape[1]} columns and the model was trained on "
                f"{len(trained.feature_names)} (artifact.feature_version.feature_names)."
            )
            raise InputError("feature_width", message)
        if not np.can_cast(matrix.dtype, trained.dtype, "safe"):
            message = (
                f"X is {matrix.dtype} and the model was trained on {trained.dtype}; convert it "
                f"as the training data were: X.astype('{trained.dtype}')."
            )
            raise InputError("features_dtype", message)
        return matrix.astype(trained.dtype, copy=False)
