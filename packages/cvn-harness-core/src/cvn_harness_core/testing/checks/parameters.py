"""Checks of hyperparameters: which are accepted, which are refused, and what becomes of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from cvn_harness_core import HPOParams, Param, ParameterError, TrainingPolicy, train_one
from cvn_harness_core.harness.parameters import resolve_parameters
from cvn_harness_core.testing.subject import ModelUnderTest
from cvn_harness_core.testing.synthetic import synthetic_datasets
from cvn_harness_core.testing.verdict import require


class ParameterChecks(ModelUnderTest):
    """A parameter is set as declared, or refused; never is it ignored."""

    def test_declared_values_pass_their_own_check(self) -> None:
        """Defaults, choices and closed bounds are accepted; what lies beyond them is not."""
        for param in self.spec.params:
            within, beyond = _edges(param)
            for value, legal in [(v, True) for v in within] + [(v, False) for v in beyond]:
                try:
                    param.check(value)
                    accepted = True
                except ParameterError:
                    accepted = False
                require(
                    accepted == legal,
                    f"{param.name}={value!r} to be {'accepted' if legal else 'refused'}",
                    param,
                    "correct low, high, open_low, open_high, choices or default",
                )

    def test_an_unknown_parameter_is_refused_with_the_nearest_name(self) -> None:
        """A slip of the finger never trains silently with the default."""
        for param in self.spec.params:
            slip = param.name + param.name[-1]
            self._refused({slip: 1}, "parameter_unknown", repr(slip), f"mean {param.name!r}?")

    def test_every_alias_stands_for_its_parameter(self) -> None:
        """A documented alias is accepted alone, and refused beside another spelling."""
        for param in self.spec.params:
            value = _edges(param)[0][0]
            for alias in param.aliases:
                given = {alias: value, **_needed(param)}
                resolved = resolve_parameters(self.spec, HPOParams(given)).values[param.name]
                require(
                    (resolved.source, resolved.value) == ("user", param.check(value)),
                    f"{alias}={value!r} to set {param.name}",
                    resolved,
                    "let each alias belong to one Param",
                )
                both = {alias: value, param.name: value}
                self._refused(both, "parameter_duplicate", repr(alias), repr(param.name))

    def test_every_reserved_name_is_refused_with_where_to_set_it(self) -> None:
        """What the harness sets itself cannot be set behind its back."""
        for name, where in self.spec.reserved.items():
            self._refused({name: 1}, "parameter_reserved", repr(name), where)

    def test_parameters_are_read_back_from_the_model(self) -> None:
        """What was asked for is what the fitted model itself says that it used."""
        artifact = self.train(policy=TrainingPolicy(class_balance=2.5, early_stopping=None))
        said = artifact.adapter.effective_params(artifact.native)
        if not said:
            pytest.skip(f"{self.model} has no effective_params; implement them to be checked")
        for name, effective in artifact.effective_params.items():
            if effective.requested is None:
                continue
            require(
                _close(effective.value, effective.requested),
                f"{name}={effective.requested!r}, as requested",
                f"{effective.value!r} in the fitted model",
                "pass it on in ModelAdapter.fit under the name that the library knows",
            )
            param = self.spec.param(name)
            native = (param.native if param else None) or name
            require(
                native in said or name == self.spec.iterations_param,
                f"{native!r} among what the fitted model reports",
                ", ".join(sorted(said)),
                "return it from ModelAdapter.effective_params, or correct Param.native",
            )

    def _refused(self, params: Mapping[str, Any], code: str, *words: str) -> None:
        """Require that ``train_one`` refuses ``params`` with ``code`` and says ``words``."""
        seen = "a training"
        try:
            train_one(self.model, synthetic_datasets(), HPOParams(params))
        except ParameterError as error:
            seen = f"{error.code}: {error}"
        require(
            seen.startswith(f"{code}: ") and all(word in seen for word in words),
            f"{dict(params)} to be refused as {code} with the words {' and '.join(words)}",
            seen,
            "make aliases and reserved names distinct, the latter by contracts.params.reserved",
        )


def _needed(param: Param) -> dict[str, Any]:
    """Return what else has to be set for a parameter to be accepted."""
    return {other: values[-1] for other, values in param.needs.items() if values}


def _close(value: Any, requested: Any) -> bool:
    if isinstance(value, int | float) and isinstance(requested, int | float):
        return math.isclose(value, requested, rel_tol=1e-5)
    return bool(value == requested)


def _edges(param: Param) -> tuple[list[Any], list[Any]]:
    """Return values that a parameter declares to be legal, and some beyond what it declares."""
    within: list[Any] = [] if param.default is None else [param.default]
    beyond: list[Any] = [None, object()]
    if param.type is bool:
        return [*within, True, False], [*beyond, "yes", 1]
    if param.type is tuple:
        return [*within, (1, 0, -1)], [*beyond, "1,0", 1]
    if param.type is str:
        return [*within, *(param.choices or ("any",))], [*beyond, 1, *("?" * bool(param.choices))]
    beyond += [float("nan"), float("inf"), "1", True]
    low, high = param.low, param.high
    for bound, is_open, step in ((low, param.open_low, -1), (high, param.open_high, 1)):
        if bound is not None:
            (beyond if is_open else within).append(param.type(bound))
            beyond.append(param.type(bound + step))
    if not within:
        low = (high - 2 if high is not None else 0) if low is None else low
        within = [param.type((low + (high if high is not None else low + 2)) / 2)]
    return within, beyond
