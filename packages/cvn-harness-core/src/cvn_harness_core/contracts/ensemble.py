"""What an ensemble's plugin provides: its bases by name, and how their scores become one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from cvn_harness_core.contracts.model import FitRequest
from cvn_harness_core.contracts.params import Param, ParamValue
from cvn_harness_core.contracts.split import Array


@dataclass(frozen=True, eq=False)
class MetaRows:
    """What a combiner learns from: forward out-of-fold scores, each by a fit of earlier rows only.

    No calibrator was fitted on these rows, and theta is picked on later ones.

    Parameters
    ----------
    scores
        (m, k) float64, the bases' probabilities of the positive class, in the bases' order.
    y
        (m,) labels in {0, 1}.
    weight
        (m,) sample weights, where the rows have them.
    """

    scores: Array
    y: Array
    weight: Array | None = None


class Combiner(ABC):
    """The part of an ensemble that is its own. Stateless; what it learns is what ``fit`` returns.

    It sees scores and labels only: bases, out-of-fold scores, theta, metrics, health, events and
    bundles are the harness's.
    """

    def check(self, params: Mapping[str, ParamValue], n_bases: int) -> None:  # noqa: B027
        """Raise InputError for parameters that cannot be, each sound by itself; by default nothing.

        Called before the first base is trained.
        """

    def fit(self, rows: MetaRows | None, request: FitRequest) -> Any:  # noqa: ARG002
        """Return what ``combine`` needs: what was learnt, or parameters; None by default.

        ``rows`` is None for an ensemble that declares that it does not learn.
        """
        return None

    @abstractmethod
    def combine(self, learnt: Any, scores: Array) -> Array:
        """Return one probability for each row, (n,), of the bases' scores (n, k) float64."""

    def save(self, learnt: Any) -> bytes:
        """Return what was learnt, without pickle."""
        if learnt is None:
            return b""
        message = f"{type(self).__name__} learns and does not say how to save it"
        raise NotImplementedError(message)

    def load(self, payload: bytes) -> Any:
        """Return what ``save`` wrote. The payload has been verified by its SHA-256."""
        if not payload:
            return None
        message = f"{type(self).__name__} learns and does not say how to load it"
        raise NotImplementedError(message)

    def effective_params(self, learnt: Any) -> Mapping[str, ParamValue]:  # noqa: ARG002
        """Return what was used in the fit, by the library's names."""
        return {}

    def base_weights(self, learnt: Any, n_bases: int) -> Array | None:  # noqa: ARG002
        """Return the influence of each base, (k,), not negative; None if that is undefined.

        Its shares are ``base_weights`` among the artifact's diagnostics.
        """
        return None


@dataclass(frozen=True, kw_only=True)
class EnsembleSpec:
    """An ensemble as a plugin declares it.

    Parameters
    ----------
    name
        The entry point's name.
    bases
        Names of registered models, or of other ensembles. A caller may choose others.
    combiner
        Called without arguments when the ensemble is first used; import libraries there.
    params, reserved, libraries, file_name, dag, diagnostics
        As of a ``ModelSpec``.
    learns
        Whether ``Combiner.fit`` learns from rows. Then a part of the out-of-fold rows is kept for
        it, and theta is picked on the rest.
    """

    name: str
    bases: tuple[str, ...]
    combiner: Callable[[], Combiner]
    params: tuple[Param, ...] = ()
    reserved: Mapping[str, str] = field(default_factory=dict)
    libraries: tuple[str, ...] = ()
    file_name: str = "combiner.bin"
    learns: bool = True
    dag: ModuleType | None = None
    diagnostics: tuple[str, ...] = ()

    def param(self, name: str) -> Param | None:
        """Return the parameter of that canonical name, or None."""
        return next((p for p in self.params if p.name == name), None)
