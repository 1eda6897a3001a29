"""Every ensemble of this package keeps the contract."""

from cvn_harness_core.testing import EnsembleContract


class TestBlendAvg(EnsembleContract):
    ensemble = "blend_avg"


class TestStackLogreg(EnsembleContract):
    ensemble = "stack_logreg"


class TestStackXgbMeta(EnsembleContract):
    ensemble = "stack_xgb_meta"


class TestStack3ModelAvg(EnsembleContract):
    ensemble = "stack_3model_avg"


class TestStack3ModelLogregShrink(EnsembleContract):
    ensemble = "stack_3model_logreg_shrink"
