"""What the trials of a study depend on: another identity is another study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from cvn_harness_core.harness.planning import STUDY_SETTINGS, Training
from cvn_harness_core.search.trial import trial_threads_are_free
from cvn_harness_core.store.key import Key, key_of

_BY_MONEY = ("expectancy", "f1_buy")
"""The objectives that depend on theta, and so on what a signal earns and costs."""

_AFTERWARDS = ("name", "health", "on_unhealthy", "costs")
"""What a policy says of a training after its fit, and not of a trial."""


def identity_of(training: Training) -> Key:
    """Return what the trials depend on, and nothing else: with it a study is gone on with."""
    assert training.search is not None
    request, settings = training.request, training.search.settings
    parts = {
        "model": training.spec.name,
        "data": _nested(request.content),
        "payoff": request.datasets.payoff if settings.objective in _BY_MONEY else None,
        "space": dict(training.search.space),
        "fixed": {
            n: p.value for n, p in training.parameters.items() if n not in training.search.space
        },
        "policy": {
            f.name: getattr(training.policy, f.name)
            for f in fields(training.policy)
            if f.name not in _AFTERWARDS
        },
        "seed": training.seed,
        "n_threads": None if trial_threads_are_free(training) else training.n_threads,
        "libraries": {**training.versions, **training.search.versions},
        "code": dict(training.code),
        **{name: getattr(settings, name) for name in STUDY_SETTINGS},
    }
    return key_of("study", parts)


def _nested(content: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return texts by split and array, so that a difference is named ``data.train.X``."""
    found: dict[str, dict[str, str]] = {}
    for name, text in content.items():
        split, _, array = name.partition(".")
        found.setdefault(split, {})[array] = text
    return found
