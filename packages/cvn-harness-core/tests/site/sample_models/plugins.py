"""The doors: one object with the hook for each model and each ensemble."""

from cvn_harness_core import Choice, EnsembleSpec, ModelSpec, Range, hookimpl
from cvn_harness_core.contracts.params import Param, reserved
from sample_models import dag


class Plugin:
    def __init__(self, spec):
        self.spec = spec

    @hookimpl
    def cvn_model(self):
        return self.spec


class EnsemblePlugin:
    def __init__(self, spec):
        self.spec = spec

    @hookimpl
    def cvn_ensemble(self):
        return self.spec


def _logistic():
    from sample_models.logistic import LogisticAdapter

    return LogisticAdapter()


def _descent():
    from sample_models.descent import DescentAdapter

    return DescentAdapter()


def _mean():
    from sample_models.mean import Mean

    return Mean()


def _faulty():
    from sample_models.faulty import FaultyAdapter

    return FaultyAdapter()


PARAMS = (
    Param("C", float, default=1.0, low=0, open_low=True, aliases=("inverse_l2",)),
    Param("max_iter", int, default=200, low=1, high=10_000, aliases=("iterations", "n_iter")),
    Param("tol", float, low=0, high=1),
    Param("solver", str, choices=("lbfgs", "newton-cholesky")),
    Param("fit_intercept", bool),
)
RESERVED = reserved(
    seed=("random_state",), threads=("n_jobs",), class_balance=("class_weight",), fixed=("loss",)
)

logreg = Plugin(
    ModelSpec(
        name="logreg",
        adapter=_logistic,
        params=PARAMS,
        reserved=RESERVED,
        libraries=("sklearn",),
        file_name="coefficients.json",
        dag=dag,
        diagnostics=("coefficients",),
    )
)
weighted = Plugin(
    ModelSpec(
        name="weighted",
        adapter=_logistic,
        params=(*PARAMS, Param("positive_weight", float, low=0, open_low=True)),
        positive_weight_param="positive_weight",
        thread_invariant=True,
    )
)
weighted_by_default = Plugin(
    ModelSpec(
        name="weighted_by_default",
        adapter=_logistic,
        params=(*PARAMS, Param("positive_weight", float, default=1.0, low=0, open_low=True)),
        positive_weight_param="positive_weight",
    )
)
descent = Plugin(
    ModelSpec(
        name="descent",
        adapter=_descent,
        params=(
            Param("n_steps", int, default=300, low=1),
            Param("rate", float, default=1.0, low=0, open_low=True),
        ),
        iterations_param="n_steps",
        stopping_metrics={"log_loss": "logistic"},
        stopping_min_delta=False,
    )
)
faulty = Plugin(
    ModelSpec(
        name="faulty",
        adapter=_faulty,
        params=(*PARAMS, Param("fault", str)),
    )
)
searched = Plugin(
    ModelSpec(
        name="searched",
        adapter=_logistic,
        params=(
            Param(
                "C", float, default=1.0, low=0, open_low=True, search=Range(0.01, 10.0, log=True)
            ),
            Param(
                "max_iter",
                int,
                default=200,
                low=1,
                aliases=("iterations",),
                by_timeframe={"1h": 100},
            ),
            Param("tol", float, default=1e-4, low=0),
            Param(
                "solver",
                str,
                choices=("lbfgs", "newton-cholesky"),
                search=Choice(None, "lbfgs", "newton-cholesky"),
            ),
            Param("fit_intercept", bool, default=True),
            Param("intercept_scaling", float, default=1.0, needs={"solver": ("lbfgs",)}),
            Param("verbose", int, low=0, search=Range(0, 6, step=2)),
            Param("signs", tuple),
            Param("iter_min", int, low=0),
            Param("iter", int, low=0),
        ),
        reserved=RESERVED,
    )
)
mean = EnsemblePlugin(
    EnsembleSpec(
        name="mean",
        bases=("logreg", "weighted"),
        combiner=_mean,
        params=(Param("power", float, default=1.0, low=0, open_low=True),),
        file_name="power.json",
        learns=False,
    )
)
