"""Checks of the entry point and of the specification that it leads to."""

from __future__ import annotations

import pytest

from cvn_harness_core import MODEL_REGISTRY
from cvn_harness_core.testing.fresh_interpreter import run_python
from cvn_harness_core.testing.subject import ModelUnderTest
from cvn_harness_core.testing.verdict import require

_READ_A_SPECIFICATION = """
import sys
from cvn_harness_core import MODEL_REGISTRY
libraries = MODEL_REGISTRY[sys.argv[1]].libraries
print(*(name for name in libraries if name in sys.modules))
"""


class RegistrationChecks(ModelUnderTest):
    """The model is found, and what it declares of itself holds together."""

    def test_it_is_registered(self) -> None:
        """The entry point is found, may be loaded, and says which distribution it is from."""
        require(
            self.model in MODEL_REGISTRY,
            f"an entry point {self.model!r} in the group cvn_harness.models.v1",
            ", ".join(MODEL_REGISTRY) or "no models",
            "declare it in pyproject.toml and install the package (pip install -e .)",
        )
        record = MODEL_REGISTRY.record(self.model)
        known = bool(record.distribution and record.version)
        require(
            known and (record.kind, record.status) == ("model", "available"),
            "an available model from a distribution with a version",
            record,
            record.error or "give the project in pyproject.toml a name and a version",
        )

    def test_its_specification_is_consistent(self) -> None:
        """No spelling means two things, and every parameter that it refers to is declared."""
        spec = self.spec
        spellings = [s for p in spec.params for s in (p.name, *p.aliases)] + list(spec.reserved)
        twice = sorted({s for s in spellings if spellings.count(s) > 1})
        require(
            not twice,
            "every name, alias and reserved name once",
            twice,
            "let each spelling belong to one Param, or to ModelSpec.reserved",
        )
        for role in ("iterations_param", "positive_weight_param"):
            name = getattr(spec, role)
            require(
                name is None or spec.param(name) is not None,
                f"ModelSpec.{role} to be one of params",
                name,
                "declare a Param of that name",
            )
        ceiling = spec.param(spec.iterations_param or "")
        require(
            ceiling.default is not None if ceiling else not spec.stopping_metrics,
            "a ceiling of iterations, with a default, for a model with stopping_metrics",
            ceiling,
            "name it in ModelSpec.iterations_param and give that Param a default",
        )

    def test_reading_its_specification_imports_no_library(self) -> None:
        """Listing and describing models is quick: the library is imported with the adapter."""
        if not self.spec.libraries:
            pytest.skip(f"{self.model} declares no libraries")
        imported = run_python(_READ_A_SPECIFICATION, self.model).split()
        require(
            not imported,
            "a specification that does without its library",
            imported,
            "import the library in the adapter's module, and that module in ModelSpec.adapter",
        )
