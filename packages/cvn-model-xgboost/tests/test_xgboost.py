from cvn_harness_core.testing import ModelContract


class TestXGBoost(ModelContract):
    model = "xgboost"
