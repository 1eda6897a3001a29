"""The whole of the model's tests: those that the conformance kit brings."""

from cvn_harness_core.testing import ModelContract


class TestHistGradientBoosting(ModelContract):
    model = "histgb"
