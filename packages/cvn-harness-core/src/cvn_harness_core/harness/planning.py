"""What is settled before the first fit, the same for a model, an ensemble and each of its bases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import Any, Literal

from cvn_harness_core.calibration.fit import require
from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.hpo import HPOParams
from cvn_harness_core.contracts.model import ModelAdapter
from cvn_harness_core.contracts.params import ResolvedParam
from cvn_harness_core.errors import HarnessError, InputError, SearchError
from cvn_harness_core.harness.environment import environment
from cvn_harness_core.harness.keys import artifact_key
from cvn_harness_core.harness.parameters import Spec
from cvn_harness_core.plugins.discovery import PluginRecord
from cvn_harness_core.plugins.loading import call
from cvn_harness_core.policy import TrainingPolicy
from cvn_harness_core.store.disk import Store
from cvn_harness_core.store.key import Key


@dataclass(frozen=True, eq=False)
class Request:
    """One call: what is trained on, where results are kept, and how they are tagged."""

    datasets: Datasets
    store: Store | None = None
    tags: Mapping[str, str] | None = None

    @cached_property
    def content(self) -> dict[str, str]:
        """The data's content, hashed once however many trainings share them."""
        return self.datasets.content()

    @property
    def all_tags(self) -> dict[str, str]:
        """The tags of the data and of the call together."""
        return {**self.datasets.tags, **{str(k): str(v) for k, v in (self.tags or {}).items()}}


@dataclass(frozen=True, kw_only=True, eq=False)
class Training:
    """One training: everything that it depends on.

    ``dags`` are the modules of nodes laid over the shared ones, ``inputs`` what they need besides
    what every training has, and ``bases`` the trainings of an ensemble's bases, by name. ``key`` is
    None where nothing is kept.
    """

    kind: Literal["model", "ensemble"]
    spec: Spec
    adapter: ModelAdapter
    request: Request
    policy: TrainingPolicy
    parameters: Mapping[str, ResolvedParam]
    seed: int
    n_threads: int
    versions: Mapping[str, str]
    key: Key | None
    dags: tuple[ModuleType, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    bases: Mapping[str, Training] = field(default_factory=dict)

    @property
    def diagnostics(self) -> tuple[str, ...]:
        """The nodes whose values are the artifact's diagnostics; every ensemble's weights are."""
        own = self.spec.diagnostics
        return own if self.kind == "model" else tuple(dict.fromkeys(("base_weights", *own)))

    @property
    def fixed(self) -> dict[str, Any]:
        """What the user fixed, by canonical names."""
        return {name: p.value for name, p in self.parameters.items() if p.source == "user"}


def settle(
    kind: Literal["model", "ensemble"],
    spec: Spec,
    record: PluginRecord,
    request: Request,
    policy: TrainingPolicy,
    *,
    adapter: ModelAdapter,
    parameters: Mapping[str, ResolvedParam],
    seed: int,
    n_threads: int,
    dags: tuple[ModuleType, ...],
    inputs: Mapping[str, Any] | None = None,
    bases: Mapping[str, Training] | None = None,
) -> Training:
    """Return the training of a plugin, with its libraries' versions and its key."""
    versions = call(
        record, "naming its libraries", lambda: environment(record, spec.libraries, policy)
    )
    key = None
    if request.store is not None:
        of_bases = {name: base.key.digest for name, base in (bases or {}).items() if base.key}
        key = artifact_key(
            record,
            request.datasets,
            request.content,
            parameters,
            policy,
            seed=seed,
            n_threads=n_threads,
            versions=versions,
            bases=None if bases is None else of_bases,
        )
    return Training(
        kind=kind,
        spec=spec,
        adapter=adapter,
        request=request,
        policy=policy,
        parameters=parameters,
        seed=seed,
        n_threads=n_threads,
        versions=versions,
        key=key,
        dags=dags if spec.dag is None else (*dags, spec.dag),
        inputs=inputs or {},
        bases=bases or {},
    )


def of_base(error: HarnessError, base: str, ensemble: str) -> HarnessError:
    """Return the error of a base with its name; the base that it arose in is named already."""
    where = f"the base {base} of {ensemble}"
    return error if str(error).startswith("the base ") else error.at(where)


def check_arguments(datasets: Any, hpo_params: Any, policy: Any) -> None:
    """Raise InputError for arguments of another type, SearchError for a search."""
    for name, value, kind in (
        ("datasets", datasets, Datasets),
        ("hpo_params", hpo_params, HPOParams),
        ("policy", policy, TrainingPolicy),
    ):
        if not isinstance(value, kind):
            message = f"{name} is a {type(value).__name__}; it must be of type {kind.__name__}."
            raise InputError("setting_invalid", message)
    if policy.calibration is not None:
        require(policy.calibration.method)
    # Names only: a storage may hold a password.
    settings = ("timeout_s", "storage", "study_name", "pruner")
    asked = [name for name in settings if getattr(hpo_params, name) is not None]
    if hpo_params.n_trials or asked:
        message = (
            f"HPOParams({', '.join([f'n_trials={hpo_params.n_trials}', *asked])}): this release "
            "has no hyperparameter search; fix the parameters and leave these out."
        )
        raise SearchError("search_not_implemented", message)
