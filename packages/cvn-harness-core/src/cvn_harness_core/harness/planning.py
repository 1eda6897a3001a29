"""What is settled before the first fit, the same for a model, an ensemble and each of its bases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import ModuleType
from typing import Any, Literal, TypeAlias

from cvn_harness_core.calibration.fit import require
from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.hpo import HPOParams
from cvn_harness_core.contracts.model import ModelAdapter
from cvn_harness_core.contracts.params import ResolvedParam
from cvn_harness_core.contracts.search import TrialRecord
from cvn_harness_core.contracts.space import Dimension
from cvn_harness_core.errors import HarnessError, InputError, SearchError
from cvn_harness_core.harness.environment import environment, optuna_version
from cvn_harness_core.harness.keys import artifact_key, rules_code, with_parameters
from cvn_harness_core.harness.parameters import Spec
from cvn_harness_core.plugins.loading import call
from cvn_harness_core.plugins.record import PluginRecord
from cvn_harness_core.policy import TrainingPolicy
from cvn_harness_core.store.code_digest import code_digest, package_digest
from cvn_harness_core.store.disk import Store
from cvn_harness_core.store.key import Key

OnTrial: TypeAlias = Callable[[str, TrialRecord], None]
"""Told of every trial that ended and was kept, with the model's name; what it raises ends the
search, and a search with a storage can be resumed."""

StopWanted: TypeAlias = Callable[[], bool]
"""Asked before a trial is begun; from the first yes on none is, and those in hand are finished."""


@dataclass(frozen=True, eq=False)
class Request:
    """One call: what is trained on, where results are kept, how they are tagged, who is told."""

    datasets: Datasets
    store: Store | None = None
    tags: Mapping[str, str] | None = None
    on_trial: OnTrial | None = None
    stop_wanted: StopWanted | None = None

    @cached_property
    def content(self) -> dict[str, str]:
        """The data's content, hashed once however many trainings share them."""
        return self.datasets.content()

    @property
    def all_tags(self) -> dict[str, str]:
        """The tags of the data and of the call together."""
        return {**self.datasets.tags, **{str(k): str(v) for k, v in (self.tags or {}).items()}}


@dataclass(frozen=True)
class Search:
    """What is searched, and how: by parameter, and by the settings of ``HPOParams``.

    Their ``max_concurrent`` is a number, never None.
    """

    space: Mapping[str, Dimension]
    settings: HPOParams

    @property
    def most_workers(self) -> int:
        """How many trials ever run at once."""
        most = self.settings.max_concurrent
        assert most is not None
        return min(most, self.settings.n_workers or most)

    @cached_property
    def versions(self) -> dict[str, str]:
        """What samples the trials.

        Raises PluginDependencyError ``plugin_dependency_missing`` without it.
        """
        return {"optuna": optuna_version()}

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that decides which trials are run, and which of them wins."""
        names = ("n_trials", "timeout_s", *STUDY_SETTINGS)
        settings = {name: getattr(self.settings, name) for name in names}
        return {"space": self.space, "libraries": self.versions, **settings}


STUDY_SETTINGS = ("objective", "evaluate_on", "sampler", "pruner", "max_concurrent")
"""The settings that cannot change when a study is resumed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Training:
    """One training: everything that it depends on.

    ``dags`` are the modules of nodes laid over the shared ones, ``inputs`` what they need besides
    what every training has, and ``bases`` the trainings of an ensemble's bases, by name. ``key`` is
    None where nothing is kept, and ``code``, what code the trials depend on, empty.
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
    search: Search | None = None
    code: Mapping[str, Any] = field(default_factory=dict)
    dags: tuple[ModuleType, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    bases: Mapping[str, Training] = field(default_factory=dict)

    def settled(self, parameters: Mapping[str, ResolvedParam]) -> Training:
        """Return the training with what its search found.

        Its key is that of a training with these values, so that forward folds are shared with it.
        """
        key = self.key
        if key is not None:
            key = with_parameters(key, parameters)
        return replace(self, parameters=parameters, search=None, key=key)

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
    search: Search | None = None,
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
            search=None if search is None else search.identity,
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
        search=search,
        code=_code(record, request, search, policy),
        dags=dags if spec.dag is None else (*dags, spec.dag),
        inputs=inputs or {},
        bases=bases or {},
    )


def _code(
    record: PluginRecord, request: Request, search: Search | None, policy: TrainingPolicy
) -> dict[str, Any]:
    """Return what the code is, if trials are kept that depend on it.

    Digests of the plugin and of the core, and the sources of theta rules of elsewhere.
    """
    if search is None or (search.settings.storage is None and request.store is None):
        return {}
    return {
        "plugin": code_digest(record),
        "core": package_digest("cvn_harness_core"),
        "rules": rules_code(policy),
    }


def of_base(error: HarnessError, base: str, ensemble: str) -> HarnessError:
    """Return the error of a base with its name; the base that it arose in is named already."""
    where = f"the base {base} of {ensemble}"
    return error if str(error).startswith("the base ") else error.at(where)


def check_arguments(datasets: Any, hpo_params: Any, policy: Any) -> None:
    """Raise InputError for arguments of another type."""
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


def search_of(
    name: str, hpo_params: HPOParams, space: Mapping[str, Dimension], n_at_once: int
) -> Search | None:
    """Return the search that was asked for; raise SearchError ``space_empty`` if it has none."""
    if not hpo_params.n_trials:
        return None
    if not space:
        message = (
            f"{name}: n_trials={hpo_params.n_trials}, and there is nothing to search: the plugin "
            "declares no space, or everything is fixed. Give HPOParams(space={...}), or n_trials=0."
        )
        raise SearchError("space_empty", message)
    return Search(space, replace(hpo_params, max_concurrent=n_at_once))
