"""Errors carry a code that is declared, a message that helps, and survive a process boundary."""

from __future__ import annotations

import ast
import copy
import pickle
from pathlib import Path

import pytest

import cvn_harness_core
from cvn_harness_core import errors
from cvn_harness_core.errors import HarnessError


def subclasses(cls: type[HarnessError]) -> list[type[HarnessError]]:
    return [cls, *(c for sub in cls.__subclasses__() for c in subclasses(sub))]


CLASSES = [cls for cls in subclasses(HarnessError) if cls.__module__ == errors.__name__]
CODES = [(cls, code) for cls in CLASSES for code in sorted(cls.codes)]


@pytest.mark.parametrize(
    ("cls", "code"), CODES, ids=lambda value: getattr(value, "__name__", value)
)
def test_an_error_survives_pickling_and_copying(cls: type[HarnessError], code: str) -> None:
    error = cls(code, "what was wrong")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), error.at("train")):
        assert type(again) is cls
        assert again.code == code
    assert str(pickle.loads(pickle.dumps(error))) == "what was wrong"
    assert str(error.at("train")) == "train: what was wrong"


def test_a_code_belongs_to_one_class() -> None:
    codes = [code for _, code in CODES]
    assert len(codes) == len(set(codes))
    assert all(code == code.lower() and code.isidentifier() for code in codes)


def test_an_undeclared_code_cannot_be_raised() -> None:
    with pytest.raises(AssertionError, match="does not declare the code 'mystery'"):
        errors.InputError("mystery", "message")


@pytest.mark.parametrize(
    ("cls", "kind"),
    [
        (errors.InputError, ValueError),
        (errors.ParameterError, ValueError),
        (errors.BundleError, ValueError),
        (errors.MulticlassError, NotImplementedError),
        (errors.SearchError, RuntimeError),
        (errors.FitError, RuntimeError),
        (errors.PluginNotInstalledError, KeyError),
        (errors.PluginImportError, ImportError),
        (errors.PluginDependencyError, ImportError),
        (errors.PluginContractError, TypeError),
    ],
)
def test_an_error_is_also_the_kind_that_python_would_raise(
    cls: type[HarnessError], kind: type[Exception]
) -> None:
    assert issubclass(cls, kind)
    assert issubclass(cls, HarnessError)


def test_every_declared_code_is_used() -> None:
    """Codes stand in the source as literals; a few are there for the packages around core."""
    package = Path(cvn_harness_core.__file__).parent
    words = {
        node.value
        for path in package.rglob("*.py")
        if path.name != "errors.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    declared_for_others = {"data_unreadable", "history_too_short"}
    assert {code for _, code in CODES} - words <= declared_for_others
