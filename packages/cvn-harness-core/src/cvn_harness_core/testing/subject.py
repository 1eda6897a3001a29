"""What is checked, a model or an ensemble: its specification, and how the kit trains it."""

from __future__ import annotations

import json
import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from cvn_harness_core import (
    Datasets,
    EnsembleSpec,
    ModelSpec,
    PluginRegistry,
    TrainedArtifact,
    TrainingPolicy,
)
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.testing.fresh_interpreter import run_python
from cvn_harness_core.testing.synthetic import Change, unseen_rows

TO_THE_CEILING = TrainingPolicy(early_stopping=None)

_SCORE_A_BUNDLE = """
import json, sys
import numpy as np
from cvn_harness_core import TrainedArtifact
from cvn_harness_core.plugins.adapters import adapter_of
bundle, rows, scores, name, kind = sys.argv[1:]
adapter_of(name, kind)
unpickled = []
def hook(event, arguments):
    if event == "pickle.find_class":
        unpickled.append(".".join(map(str, arguments)))
sys.addaudithook(hook)
loaded = TrainedArtifact.load(bundle)
np.save(scores, loaded.predict_proba(np.load(rows)))
print(json.dumps(sorted(set(unpickled))))
"""


class Elsewhere(NamedTuple):
    """What a bundle gave in another process: scores here and there, and what was unpickled."""

    here: Array
    there: Array
    unpickled: list[str]
    loaded: TrainedArtifact


class Subject(ABC):
    """A plugin under test, by its name.

    ``params`` are fixed in every training of the kit; ``environment`` is what was set before any.
    """

    kind: ClassVar[Literal["model", "ensemble"]]
    registry: ClassVar[PluginRegistry[Any]]

    def __init__(self, name: str, params: Mapping[str, Any]) -> None:
        self.name, self.params = name, dict(params)
        self.environment = dict(os.environ)

    @property
    def spec(self) -> ModelSpec | EnsembleSpec:
        """The plugin's specification."""
        spec: ModelSpec | EnsembleSpec = self.registry[self.name]
        return spec

    @cached_property
    def artifact(self) -> TrainedArtifact:
        """One training as ``train()`` does it, shared by the checks that only look at it."""
        return self.train()

    @property
    def scores(self) -> Array:
        """The shared training's probabilities of unseen rows, (200, 2)."""
        return self.artifact.predict_proba(unseen_rows())

    @cached_property
    def elsewhere(self) -> Elsewhere:
        """The shared training, saved here and loaded by a fresh interpreter."""
        X = unseen_rows()
        X[::7, 0] = np.nan
        with tempfile.TemporaryDirectory(prefix="cvn-check-") as folder:
            bundle, rows, scores = (Path(folder) / n for n in ("bundle", "rows.npy", "scores.npy"))
            self.artifact.save(bundle)
            np.save(rows, X)
            said = run_python(_SCORE_A_BUNDLE, bundle, rows, scores, self.name, self.kind)
            there, loaded = np.load(scores), TrainedArtifact.load(bundle)
            return Elsewhere(self.artifact.predict_proba(X), there, json.loads(said), loaded)

    @abstractmethod
    def datasets(self, change: Change | None = None) -> Datasets:
        """Return synthetic datasets that the plugin can be trained on."""

    @abstractmethod
    def train(
        self,
        datasets: Datasets | None = None,
        policy: TrainingPolicy = TO_THE_CEILING,
        params: Mapping[str, Any] | None = None,
        *,
        n_threads: int = 1,
        **settings: Any,
    ) -> TrainedArtifact:
        """Train, by default on the synthetic data, to the ceiling, on one thread.

        ``params`` are the plugin's own, over the fixed ones; ``settings`` are of ``HPOParams``, and
        ``store``.
        """

    @abstractmethod
    def author(self) -> Any:
        """Return what the author wrote, made afresh: an adapter or a combiner."""

    @abstractmethod
    def calls(self) -> Iterator[tuple[str, tuple[Any, ...], dict[str, Any]]]:
        """Yield how the harness calls what the author wrote: method, arguments, keywords."""

    @abstractmethod
    def raw_scores(self) -> tuple[Any, int]:
        """Return scores as the author's code gives them, and for how many rows."""
