from cvn_harness_core.testing import ModelContract


class TestCatBoost(ModelContract):
    model = "catboost"
