"""What a training depends on: the keys of artifacts and of forward folds."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from cvn_harness_core.contracts.datasets import Datasets
from cvn_harness_core.contracts.features import FeatureVersion
from cvn_harness_core.contracts.params import ResolvedParam
from cvn_harness_core.contracts.theta import ThetaRule
from cvn_harness_core.errors import StoreError
from cvn_harness_core.plugins.record import PluginRecord
from cvn_harness_core.policy import TrainingPolicy
from cvn_harness_core.store.code_digest import code_digest, package_digest
from cvn_harness_core.store.key import Key, key_of
from cvn_harness_core.store.typed_text import typed_text


def artifact_key(
    record: PluginRecord,
    datasets: Datasets,
    content: Mapping[str, str],
    parameters: Mapping[str, ResolvedParam],
    policy: TrainingPolicy,
    *,
    seed: int,
    n_threads: int,
    versions: Mapping[str, str],
    bases: Mapping[str, str] | None = None,
    search: Mapping[str, Any] | None = None,
) -> Key:
    """Return the key of a training's artifact.

    ``content`` is that of ``datasets``, ``bases`` are an ensemble's, name to key, and ``search`` is
    whatever decides its outcome.
    """
    assert isinstance(datasets.feature_version, FeatureVersion)
    parts: dict[str, Any] = {
        "name": record.name,
        "data": content,
        "feature_version": datasets.feature_version.digest,
        "payoff": datasets.payoff,
        **_of_parameters(parameters),
        "policy": policy,
        "seed": seed,
        "n_threads": n_threads,
        "libraries": dict(versions),
        "code": code_digest(record),
        "core": package_digest("cvn_harness_core"),
        "rules": rules_code(policy),
    }
    if search is not None:
        parts["search"] = search
    if bases is not None:
        parts["bases"] = list(bases.items())
    return key_of(record.kind, parts)


def with_parameters(key: Key, parameters: Mapping[str, ResolvedParam]) -> Key:
    """Return the key of the training with other parameters, and without a search."""
    gone = ("params", "sources", "search")
    kept = {name: text for name, text in key.parts.items() if name.partition(".")[0] not in gone}
    return Key(key.kind, {**kept, **key_of(key.kind, _of_parameters(parameters)).parts})


def _of_parameters(parameters: Mapping[str, ResolvedParam]) -> dict[str, Any]:
    """Return values and sources; where a configuration has them makes no other artifact."""
    return {
        "params": {name: p.value for name, p in parameters.items()},
        "sources": {
            name: (p.source, tuple((old.value, old.source) for old in p.overridden))
            for name, p in parameters.items()
        },
    }


def fold_key(artifact: Key, policy: TrainingPolicy, number: int) -> Key:
    """Return the key of one forward fold's scores: what its fit depends on, and no more.

    Two policies that differ in theta, calibration or health only share their folds. Whether a value
    is a default is part of it: the policy's class weight replaces a default, and not a given one.
    """
    ignored = ("data.val.", "data.test.", "policy", "payoff", "rules", "sources")
    default = typed_text("", ("default", ()))
    parts: dict[str, Any] = {
        name: text for name, text in artifact.parts.items() if not name.startswith(ignored)
    }
    parts |= {
        name: text
        for name, text in artifact.parts.items()
        if name.startswith("sources.") and text == default
    }
    relevant = (policy.out_of_fold, policy.early_stopping, policy.class_balance)
    settings = key_of("settings", {"fits": [*relevant, policy.prior_correction]})
    return Key("fold", {**parts, **settings.parts, "fold": str(number)})


def _within(rule: Any) -> Iterator[Any]:
    """Yield a rule and, however deep, the rules that it chooses among."""
    yield rule
    if is_dataclass(rule):
        for part in (getattr(rule, f.name) for f in fields(rule)):
            if is_dataclass(part) or isinstance(part, ThetaRule):
                yield from _within(part)


def rules_code(policy: TrainingPolicy) -> dict[str, bytes]:
    """Return the source of every rule that is not the core's, by class: to change it is a miss.

    Raises StoreError ``key_type_unknown`` for a rule whose source cannot be read.
    """
    found = {}
    for kind in {type(rule) for rule in _within(policy.theta)}:
        if kind.__module__.partition(".")[0] == "cvn_harness_core":
            continue
        try:
            found[f"{kind.__module__}.{kind.__qualname__}"] = inspect.getsource(
                sys.modules[kind.__module__]
            ).encode()
        except (OSError, TypeError, KeyError) as error:
            message = (
                f"policy.theta: the source of {kind.__qualname__} cannot be read ({error}), so a "
                "change of it would go unnoticed; put the rule into a module, or use no store (and "
                "no storage of trials)."
            )
            raise StoreError("key_type_unknown", message) from error
    return found
