"""Checks of the entry point, of the specification behind it, and of what the author wrote."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Iterator

from cvn_harness_core import EnsembleSpec, ModelSpec
from cvn_harness_core.contracts.space import check_dimension
from cvn_harness_core.testing.check import check, first_check
from cvn_harness_core.testing.fresh_interpreter import run_python
from cvn_harness_core.testing.subject import Subject
from cvn_harness_core.testing.verdict import expecting, require, skip

_READ_A_SPECIFICATION = """
import sys
from cvn_harness_core import ENSEMBLE_REGISTRY, MODEL_REGISTRY
registry = {"model": MODEL_REGISTRY, "ensemble": ENSEMBLE_REGISTRY}[sys.argv[2]]
libraries = registry[sys.argv[1]].libraries
print(*(name for name in libraries if name in sys.modules))
"""


@first_check
def registration(subject: Subject) -> None:
    """The entry point is found, says which distribution it is from, and leads to a specification.

    ``PluginRegistry`` says what is wrong where it does not.
    """
    record = subject.registry.record(subject.name)
    require(
        bool(record.distribution and record.version) and record.status == "available",
        f"an available {subject.kind} from a distribution with a version",
        record,
        record.advice or "give the project in pyproject.toml a name and a version",
    )
    with expecting(
        f"an entry point that leads to the {subject.kind}'s specification",
        f"let its module have one @hookimpl cvn_{subject.kind}() that returns a specification of "
        "the entry point's name",
    ):
        subject.registry[subject.name]


@check("registration")
def specification(subject: Subject) -> None:
    """Everything that the specification refers to is declared, and its libraries can be found."""
    spec = subject.spec
    declared = {param.name for param in spec.params}
    for where, name in _references(spec):
        require(
            name in declared,
            f"{where} to name a declared parameter",
            repr(name),
            f"declare Param({name!r}, ...), or correct {where}",
        )
    for param in spec.params:
        if param.search is not None:
            with expecting(
                f"a search space of {param.name} within what it accepts",
                "correct Param.search, or the parameter's bounds",
            ):
                check_dimension(param, param.search)
    missing = [n for n in spec.libraries if importlib.util.find_spec(n) is None]
    require(
        not missing,
        "libraries that can be imported",
        missing,
        "name import packages, not distributions, in libraries, and depend on them",
    )
    if isinstance(spec, ModelSpec):
        ceiling = spec.param(spec.iterations_param or "")
        require(
            ceiling.default is not None if ceiling else not spec.stopping_metrics,
            "a ceiling of iterations, with a default, for a model with stopping_metrics",
            ceiling,
            "name it in ModelSpec.iterations_param and give that Param a default",
        )
    else:
        sound = spec.bases and len(set(spec.bases)) == len(spec.bases)
        require(
            bool(sound) and spec.name not in spec.bases,
            "one base or more, each once and none of them the ensemble itself",
            spec.bases,
            "correct EnsembleSpec.bases",
        )


@check("registration")
def light_specification(subject: Subject) -> None:
    """Reading the specification imports no library: listing and describing plugins is quick."""
    if not subject.spec.libraries:
        skip(f"{subject.name} declares no libraries")
    imported = run_python(_READ_A_SPECIFICATION, subject.name, subject.kind).split()
    require(
        not imported,
        "a specification that does without its library",
        imported,
        "import the library in the module of the adapter (of the combiner), and that module in a "
        "function that the specification names",
    )


@check("registration")
def signatures(subject: Subject) -> None:
    """The adapter (the combiner) is made without arguments, and takes what the harness passes."""
    with expecting(
        "an adapter (a combiner) from the specification",
        "mend what importing or making it raises",
    ):
        author = subject.author()
    for method, arguments, keywords in subject.calls():
        call = f"{method}({', '.join(map(str, [*arguments, *keywords]))})"
        with expecting(
            f"{type(author).__name__}.{call} to be callable",
            "give the method the parameters of its base class, by the same names",
        ):
            inspect.signature(getattr(author, method)).bind(*arguments, **keywords)


def _references(spec: ModelSpec | EnsembleSpec) -> Iterator[tuple[str, str]]:
    """Yield every place that names a parameter, and the name."""
    for param in spec.params:
        for other in param.needs:
            yield f"Param({param.name!r}).needs", other
    if isinstance(spec, ModelSpec):
        for role in ("iterations_param", "positive_weight_param"):
            if getattr(spec, role) is not None:
                yield f"ModelSpec.{role}", getattr(spec, role)
        for name in spec.thread_variant:
            yield "ModelSpec.thread_variant", name
