from cvn_harness_core.testing import ModelContract


class TestLightGBM(ModelContract):
    model = "lightgbm"
