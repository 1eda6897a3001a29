"""The whole of the model's tests: those that the conformance kit brings."""

from cvn_harness_core.testing import ModelContract


class TestExtraTrees(ModelContract):
    model = "extratrees"
    params = {"n_estimators": 40}  # noqa: RUF012
