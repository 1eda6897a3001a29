"""From ``[variants.NAME]`` to a variant: its model or ensemble found, its settings checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from cvn_harness_core import (
    ExpectedValue,
    HPOParams,
    ModelSpec,
    OutOfFold,
    TrainingPolicy,
)
from cvn_orchestrator.data.schema import Schema
from cvn_orchestrator.plan.faults import Faults, nearest, section
from cvn_orchestrator.plan.parameters import Common, Spec, hpo_params_of
from cvn_orchestrator.plan.policies import policy_of
from cvn_orchestrator.plan.positions import Key
from cvn_orchestrator.plan.sections import SearchSection, VariantSection
from cvn_orchestrator.plan.specs import bases_of, specs_of
from cvn_orchestrator.plan.variants import Variant


def variant_of(
    name: str,
    table: Any,
    shared_policy: Mapping[str, Any],
    embargo: timedelta,
    common: Common,
    schema: Schema | None,
    faults: Faults,
) -> Variant | None:
    """Return a variant; None, and what is wrong noted, if it cannot be one.

    An ensemble whose policy has no forward folds gets four, embargoed as the splits are: its bases
    are trained with them in any case.
    """
    at: Key = ("variants", name)
    before = len(faults)
    found = section(VariantSection, table, at, faults)
    policy = policy_of(found.policy, (*at, "policy"), shared_policy, embargo, faults)
    specs = specs_of(found, at, faults)
    search = None
    if found.search:
        search = section(SearchSection, found.search, (*at, "search"), faults)
    if not specs:
        return None
    own = next(iter(specs.values()))
    by_name = (
        _of_model(own, found, at, search, common, schema, faults)
        if isinstance(own, ModelSpec)
        else _of_ensemble(specs, found, at, search, common, schema, faults)
    )
    if policy is not None:
        _check_policy(policy, specs, search, (*at, "policy"), schema, faults)
    if len(faults) > before or policy is None:
        return None
    if isinstance(own, ModelSpec):
        return Variant(name, "model", own.name, policy, by_name)
    if policy.out_of_fold is None:
        policy = replace(policy, out_of_fold=OutOfFold(embargo=embargo))
    return Variant(name, "ensemble", own.name, policy, by_name, bases_of(own, found))


def _of_model(
    spec: Spec,
    found: VariantSection,
    at: Key,
    search: SearchSection | None,
    common: Common,
    schema: Schema | None,
    faults: Faults,
) -> dict[str, HPOParams]:
    width = _width(schema)
    space = {} if search is None else search.space
    where = (*at, "params"), (*at, "search", "space")
    one = hpo_params_of(
        spec, found.params, where[0], search, space, where[1], common, width, faults
    )
    return {} if one is None else {spec.name: one}


def _of_ensemble(
    specs: Mapping[str, Spec],
    found: VariantSection,
    at: Key,
    search: SearchSection | None,
    common: Common,
    schema: Schema | None,
    faults: Faults,
) -> dict[str, HPOParams]:
    """Return the settings of the ensemble and of each base; in the plan they go by name."""
    where = (*at, "params"), (*at, "search", "space")
    spaces = {} if search is None else search.space
    for tables, key in ((found.params, where[0]), (spaces, where[1])):
        for whose, table in tables.items():
            if whose not in specs:
                fault = f"an ensemble's go by whose they are, a table each{nearest(whose, specs)}"
                faults.add((*key, whose), fault)
            elif not isinstance(table, Mapping):
                faults.add((*key, whose), f"must be a table of parameters of {whose}")
    by_name = {}
    for number, (whose, spec) in enumerate(specs.items()):
        table, space = (t.get(whose, {}) for t in (found.params, spaces))
        if not (isinstance(table, Mapping) and isinstance(space, Mapping)):
            continue
        if isinstance(spec, ModelSpec):
            searched, width = search, _width(schema)
        else:
            bases = spec.bases if number else bases_of(spec, found)
            searched, width = None, len(bases)
            if space:
                faults.add((*where[1], whose), f"{whose} is an ensemble and has no search")
        one = hpo_params_of(
            spec,
            table,
            (*where[0], whose),
            searched,
            {} if searched is None else space,
            (*where[1], whose),
            common,
            width,
            faults,
        )
        if one is not None:
            by_name[whose] = one
    return by_name


def _width(schema: Schema | None) -> int | None:
    return None if schema is None or schema.features is None else len(schema.features)


def _check_policy(
    policy: TrainingPolicy,
    specs: Mapping[str, Spec],
    search: SearchSection | None,
    at: Key,
    schema: Schema | None,
    faults: Faults,
) -> None:
    """Note what the policy asks for and a model cannot, or money that nobody knows."""
    for spec in specs.values():
        stopping = policy.early_stopping
        if stopping is None or not isinstance(spec, ModelSpec) or not spec.stopping_metrics:
            continue
        if hasattr(spec.dag, "stopping"):  # a plugin's own node may know better
            continue
        if stopping.metric not in spec.stopping_metrics:
            offers = ", ".join(spec.stopping_metrics)
            faults.add(at, f"{spec.name} cannot stop on {stopping.metric!r}; it offers {offers}")
        if stopping.min_delta and not spec.stopping_min_delta:
            faults.add(at, f"{spec.name} cannot stop by a least improvement; set min_delta = 0")
    if schema is None or schema.money_known:
        return
    unknown = "weighs money, and none is known: give data.returns or data.payoff"
    if isinstance(policy.theta, ExpectedValue):
        faults.add((*at, "theta"), f"expected_value {unknown}")
    if search is not None and search.objective == "expectancy":
        faults.add((*at[:-1], "search", "objective"), f"expectancy {unknown}")
