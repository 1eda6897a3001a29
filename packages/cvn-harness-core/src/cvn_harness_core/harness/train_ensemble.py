"""The canonical entry point for ensembles: bases found or fitted once, then combined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cvn_harness_core.artifact.ensemble import EnsembleAdapter
from cvn_harness_core.artifact.trained import TrainedArtifact
from cvn_harness_core.contracts.calibration import Calibration
from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.ensemble import Combiner
from cvn_harness_core.contracts.hpo import HPOParams
from cvn_harness_core.contracts.out_of_fold import OutOfFold
from cvn_harness_core.contracts.params import ResolvedParam
from cvn_harness_core.errors import (
    HarnessError,
    InputError,
    PluginNotInstalledError,
    SearchError,
)
from cvn_harness_core.harness.base_nodes import base_nodes
from cvn_harness_core.harness.parameters import resolve_parameters
from cvn_harness_core.harness.planning import (
    OnTrial,
    Request,
    StopWanted,
    Training,
    check_arguments,
    of_base,
    settle,
)
from cvn_harness_core.harness.train_one import plan_model
from cvn_harness_core.harness.training import Ran, run
from cvn_harness_core.nodes import ensemble as ensemble_nodes
from cvn_harness_core.plugins.adapters import combiner_of
from cvn_harness_core.plugins.loading import call
from cvn_harness_core.plugins.record import PluginRecord
from cvn_harness_core.plugins.registry import ENSEMBLE_REGISTRY, MODEL_REGISTRY
from cvn_harness_core.policy import TrainingPolicy
from cvn_harness_core.store.disk import Store

Params = HPOParams | Mapping[str, HPOParams]


def train_ensemble(
    name: str,
    datasets: Datasets,
    hpo_params: Params | None = None,
    *,
    bases: Sequence[str] | None = None,
    policy: TrainingPolicy | None = None,
    store: Store | None = None,
    tags: Mapping[str, str] | None = None,
    on_trial: OnTrial | None = None,
    stop_wanted: StopWanted | None = None,
) -> TrainedArtifact:
    """Train one registered ensemble and return its artifact.

    Each base is trained as ``train_one`` (or this function) does, with forward out-of-fold scores
    and calibrated: with a store, once, whoever asks for it. The combiner sees only out-of-fold
    scores: each comes from a fit that used neither its row nor anything later, to train on or to
    stop on. (A later fold does train and stop on rows that an earlier one scored.) Validation stops
    the bases themselves. Calibration, the combiner and theta have rows of their own, in that order.

    Parameters
    ----------
    name
        A name in ``ENSEMBLE_REGISTRY``.
    datasets
        Train, validation and test, with time (and label ends, to purge).
    hpo_params
        One for all bases and the ensemble (without ``params`` and ``config``), or by name: of each
        base, and of the ensemble itself. Bases may be searched; an ensemble has no search of its
        own.
    bases
        By default those that the ensemble declares. Any registered models and ensembles.
    policy
        By default ``TrainingPolicy.economic()``. Bases get it too, with ``OutOfFold()`` and
        ``Calibration()`` where it has none.
    store, tags, on_trial, stop_wanted
        As of ``train_one``.

    Raises
    ------
    PluginError
        If the ensemble or a base is not installed or cannot be used; it is named.
    InputError
        ``bases_invalid`` for no bases, one twice, or a cycle; ``probability_kinds_differ``;
        ``time_missing`` and ``history_too_short`` where no forward folds can be laid; whatever
        ``train_one`` raises.
    FitError
        If a base or the combiner fails.
    """
    request = Request(datasets, store, tags, on_trial, stop_wanted)
    return run_ensemble(name, hpo_params, bases, policy, request).artifact


def run_ensemble(
    name: str,
    hpo_params: Params | None,
    bases: Sequence[str] | None,
    policy: TrainingPolicy | None,
    request: Request,
) -> Ran:
    """Do as ``train_ensemble``, and return whether the store had the ensemble's artifact, too."""
    policy = TrainingPolicy.economic() if policy is None else policy
    given = _by_name(hpo_params)
    asked = _Call(request, given, policy)
    training = _plan(name, asked, bases, above=())
    _check_given(given, training)
    return _run(training, {})


def _by_name(hpo_params: Params | None) -> Mapping[str, HPOParams]:
    """Return the parameters by name; those under "" are for everyone who has none."""
    if hpo_params is None:
        return {}
    if isinstance(hpo_params, Mapping):
        return dict(hpo_params)
    for what in ("params", "config"):
        if isinstance(hpo_params, HPOParams) and getattr(hpo_params, what):
            message = (
                f"HPOParams({what}=...) of an ensemble must say whose they are: give a mapping, as "
                f"{{'lightgbm': HPOParams({what}=...)}}."
            )
            raise InputError("setting_invalid", message)
    return {"": hpo_params}


def _params_of(name: str, given: Mapping[str, HPOParams]) -> HPOParams:
    return given.get(name, given.get("", HPOParams()))


def _own_params(name: str, given: Mapping[str, HPOParams]) -> HPOParams:
    """Return the parameters of the ensemble itself: a search meant for all is that of its bases."""
    if name in given and given[name].n_trials:
        message = f"{name} is an ensemble and has no search of its own; search its bases."
        raise SearchError("search_unsupported", message)
    own = _params_of(name, given)
    for param in own.config.space if own.config else ():
        where = own.config.origins.get(param, "") if own.config else ""
        message = (
            f"{where}: {name} is an ensemble and has no search, so {param} cannot be searched."
        )
        raise SearchError("search_unsupported", message.removeprefix(": "))
    return HPOParams(
        own.params,
        seed=own.seed,
        n_threads=own.n_threads,
        config=own.config,
        timeframe=own.timeframe,
    )


def base_policy(policy: TrainingPolicy) -> TrainingPolicy:
    """Return the policy of an ensemble's bases: with forward folds, and calibrated first."""
    return replace(
        policy,
        out_of_fold=policy.out_of_fold or OutOfFold(),
        calibration=policy.calibration or Calibration(),
    )


@dataclass(frozen=True, eq=False)
class _Call:
    """What one call asks for. ``planned`` holds each base once, however many ensembles share it."""

    request: Request
    given: Mapping[str, HPOParams]
    policy: TrainingPolicy
    planned: dict[str, Training] = field(default_factory=dict)


def _plan(
    name: str, asked: _Call, bases: Sequence[str] | None, *, above: tuple[str, ...]
) -> Training:
    """Check everything, bases included, and return what there is to do; fits nothing."""
    request, given, policy = asked.request, asked.given, asked.policy
    spec, record = ENSEMBLE_REGISTRY[name], ENSEMBLE_REGISTRY.record(name)
    hpo_params = _own_params(name, given)
    check_arguments(request.datasets, hpo_params, policy)
    names = tuple(spec.bases if bases is None else bases)
    _check_bases(name, names, above)
    parameters = resolve_parameters(spec, hpo_params, n_features=len(names)).values
    combiner = combiner_of(name)
    _check_parameters(record, combiner, parameters, len(names))
    below = (*above, name)
    return settle(
        "ensemble",
        spec,
        record,
        request,
        policy,
        adapter=EnsembleAdapter(combiner),
        parameters=parameters,
        seed=hpo_params.seed,
        n_threads=hpo_params.n_threads or 1,
        dags=(ensemble_nodes, base_nodes(names)),
        inputs={"ensemble": spec, "combiner": combiner},
        bases={base: _plan_base(base, asked, above=below) for base in names},
    )


def _plan_base(base: str, asked: _Call, *, above: tuple[str, ...]) -> Training:
    """Return the plan of a base; whatever is wrong with it names it.

    Within one call a name says all of it: its parameters go by name, and the policy is one.
    """
    if base in asked.planned:
        return asked.planned[base]
    try:
        if base in ENSEMBLE_REGISTRY and base not in MODEL_REGISTRY:
            plan = _plan(base, asked, None, above=above)
        else:
            own, policy = _params_of(base, asked.given), base_policy(asked.policy)
            if own.study_name is not None:
                own = replace(own, study_name=f"{own.study_name}-{base}")
            plan = plan_model(base, asked.request, own, policy)
    except HarnessError as error:
        raise of_base(error, base, above[-1]) from error
    asked.planned[base] = plan
    return plan


def _run(training: Training, trained: dict[Training, TrainedArtifact]) -> Ran:
    """Return the artifact; ``trained`` are the bases that this call has already."""

    def train_base(base: str) -> TrainedArtifact:
        plan = training.bases[base]
        if plan not in trained:
            try:
                trained[plan] = _run(plan, trained).artifact
            except HarnessError as error:
                raise of_base(error, base, training.spec.name) from error
        return trained[plan]

    own = training
    if training.bases:
        own = replace(training, inputs={**training.inputs, "train_base": train_base})
    return run(own, lambda base, _: train_base(base))


def _check_bases(name: str, bases: tuple[str, ...], above: tuple[str, ...]) -> None:
    if not bases:
        message = f"{name} has no bases; name at least one with bases=(...)."
        raise InputError("bases_invalid", message)
    twice = sorted({base for base in bases if bases.count(base) > 1})
    if twice:
        message = f"{name} names {twice[0]} twice among its bases; name each once."
        raise InputError("bases_invalid", message)
    for base in bases:
        if base == name or base in above:
            circle = " -> ".join((*above, name, base))
            message = f"ensembles contain one another: {circle}; break the circle."
            raise InputError("bases_invalid", message)
        if base not in MODEL_REGISTRY and base not in ENSEMBLE_REGISTRY:
            try:
                MODEL_REGISTRY[base]
            except PluginNotInstalledError as error:
                raise of_base(error, base, name) from error


def _check_parameters(
    record: PluginRecord, combiner: Combiner, parameters: Mapping[str, ResolvedParam], n_bases: int
) -> None:
    """Raise what the combiner has against its parameters."""
    params = {name: p.value for name, p in parameters.items()}

    def check() -> HarnessError | None:
        try:
            combiner.check(params, n_bases)
        except HarnessError as error:
            return error
        return None

    refused = call(record, "checking its parameters", check)
    if refused is not None:
        raise refused.at(record.name)


def _check_given(given: Mapping[str, HPOParams], training: Training) -> None:
    """Refuse parameters of nobody, however deep the ensembles contain one another."""
    known = list(dict.fromkeys(_names(training)))
    unknown = sorted(set(given) - {"", *known}, key=str)
    if unknown:
        message = f"hpo_params names {unknown}; this ensemble has {', '.join(known)}."
        raise InputError("setting_invalid", message)


def _names(training: Training) -> Iterator[str]:
    yield training.spec.name
    for base in training.bases.values():
        yield from _names(base)
