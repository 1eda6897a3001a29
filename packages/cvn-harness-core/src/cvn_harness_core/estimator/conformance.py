"""Which of scikit-learn's own checks the estimator cannot pass, and why."""

from __future__ import annotations

from cvn_harness_core.estimator.classifier import HarnessClassifier
from cvn_harness_core.estimator.settings import policy_of
from cvn_harness_core.theta.fixed import Fixed

_ALWAYS = {
    "check_positive_only_tag_during_fit": (
        "It fits labels that are sorted, without time. Rows then stand in the order of time, and "
        "the later half, where validation must lie, has one class only: InputError "
        "labels_one_class."
    ),
    "check_sample_weight_equivalence_on_dense_data": (
        "It holds rows of weight k against k rows each, in another order. Number and order decide "
        "which rows are validation, so that the two divide differently (and the later half of the "
        "repeated ones has one class only). A row of weight 0 is as good as none."
    ),
}
_BY_THETA = {
    "check_classifiers_train": (
        "It wants predict to be the likelier class. predict applies theta, which is seldom 0.5, "
        "and NO_TRADE never signals. With TrainingPolicy(theta=Fixed(0.5)) it passes."
    )
}


def expected_failed_checks(estimator: HarnessClassifier) -> dict[str, str]:
    """Return the checks that fail by design, each with its reason.

    For ``sklearn.utils.estimator_checks``: ``check_estimator(e, expected_failed_checks=
    expected_failed_checks(e))`` and ``parametrize_with_checks([e], expected_failed_checks=
    expected_failed_checks)``. They hold for models; the checks give no time, without which an
    ensemble does not train.
    """
    rule = policy_of(estimator.policy).theta
    by_theta = {} if isinstance(rule, Fixed) and rule.theta == 0.5 else _BY_THETA
    return {**_ALWAYS, **by_theta}
