"""The contract of a plugin as a class of tests, for pytest.

An author subclasses it in one line, in a test module of the plugin's own package::

    from cvn_harness_core.testing import ModelContract


    class TestMyModel(ModelContract):
        model = "my_model"

Each check is a test by its name (``pytest -k early_stopping``). What a plugin cannot be asked is
skipped, and so is what another failure would only repeat. A failure says what was expected, what
was seen, and how to mend it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest

from cvn_harness_core.testing.check import Check
from cvn_harness_core.testing.ensemble_checks import ENSEMBLE_CHECKS
from cvn_harness_core.testing.ensemble_subject import EnsembleUnderTest
from cvn_harness_core.testing.model_checks import MODEL_CHECKS
from cvn_harness_core.testing.model_subject import ModelUnderTest
from cvn_harness_core.testing.running import Checking
from cvn_harness_core.testing.stand_ins import stand_ins


def _name(check: Check) -> str:
    return check.name


class ModelContract:
    """What every model must do. Subclass it and name the model.

    Attributes
    ----------
    model
        The registered name: that of the entry point.
    params
        Hyperparameters fixed in every training of the kit, for a model that is slow without them.
    iterations
        The ceiling of boosting iterations, for a model that declares ``iterations_param``.
    """

    model: ClassVar[str]
    params: ClassVar[Mapping[str, Any]] = {}
    iterations: ClassVar[int] = 30

    @pytest.mark.parametrize("check", MODEL_CHECKS, ids=_name)
    def test_contract(self, check: Check) -> None:
        """Do what a check asks."""
        mine = type(self)
        if mine not in _CHECKING:
            _require_named(mine, "model")
            subject = ModelUnderTest(self.model, self.params, self.iterations)
            _CHECKING[mine] = Checking(subject, MODEL_CHECKS)
        _require(_CHECKING[mine], check)


class EnsembleContract:
    """What every ensemble must do. Subclass it and name the ensemble.

    Attributes
    ----------
    ensemble
        The registered name: that of the entry point.
    params
        Hyperparameters fixed in every training of the kit.
    """

    ensemble: ClassVar[str]
    params: ClassVar[Mapping[str, Any]] = {}

    @pytest.fixture(autouse=True)
    def _stand_ins(self) -> Iterator[None]:
        with stand_ins():
            yield

    @pytest.mark.parametrize("check", ENSEMBLE_CHECKS, ids=_name)
    def test_contract(self, check: Check) -> None:
        """Do what a check asks."""
        mine = type(self)
        if mine not in _CHECKING:
            _require_named(mine, "ensemble")
            subject = EnsembleUnderTest(self.ensemble, self.params)
            _CHECKING[mine] = Checking(subject, ENSEMBLE_CHECKS)
        _require(_CHECKING[mine], check)


_CHECKING: dict[type, Checking] = {}


def _require_named(tests: type, kind: str) -> None:
    __tracebackhide__ = True
    if not isinstance(getattr(tests, kind, None), str):
        message = f'{tests.__qualname__} names no {kind}: give it {kind} = "...", as in cvn plugins'
        pytest.fail(message, pytrace=False)


def _require(checking: Checking, check: Check) -> None:
    __tracebackhide__ = True
    result = checking.result(check.name)
    if result.outcome == "failed":
        pytest.fail(str(result), pytrace=False)
    if result.outcome == "skipped":
        pytest.skip(result.reason or "")
