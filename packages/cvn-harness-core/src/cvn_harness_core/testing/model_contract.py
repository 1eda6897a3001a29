"""The contract of a model as a class of tests.

An author subclasses it in one line, in a test module of the model's own package::

    from cvn_harness_core.testing import ModelContract


    class TestMyModel(ModelContract):
        model = "my_model"

Every test trains the installed plugin through ``train_one``, the way that users do, on synthetic
data of the kit's own. What a model cannot be asked (early stopping, of one that does not boost) is
skipped. A failure says what was expected, what was seen, and how to mend it. The tests themselves
are in ``cvn_harness_core.testing.checks``, a module for each group.
"""

from __future__ import annotations

from cvn_harness_core.testing.checks.events import EventChecks
from cvn_harness_core.testing.checks.inputs import InputChecks
from cvn_harness_core.testing.checks.parameters import ParameterChecks
from cvn_harness_core.testing.checks.persistence import PersistenceChecks
from cvn_harness_core.testing.checks.registration import RegistrationChecks
from cvn_harness_core.testing.checks.reproducibility import ReproducibilityChecks
from cvn_harness_core.testing.checks.scores import ScoreChecks
from cvn_harness_core.testing.checks.stopping import StoppingChecks
from cvn_harness_core.testing.checks.weights import WeightChecks


class ModelContract(  # pytest runs the last base's tests first, so read from below
    EventChecks,
    StoppingChecks,
    InputChecks,
    WeightChecks,
    ReproducibilityChecks,
    PersistenceChecks,
    ScoreChecks,
    ParameterChecks,
    RegistrationChecks,
):
    """What every model must do. Subclass it and name the model.

    Attributes
    ----------
    model
        The registered name: that of the entry point.
    params
        Hyperparameters fixed in every training of the kit, for a model that is slow without them.
    iterations
        The ceiling of boosting iterations, for a model that declares ``iterations_param``.
    """
