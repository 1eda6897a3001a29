"""A sound model and, for every check, what in its source breaks that check and no other."""

from __future__ import annotations

from typing import NamedTuple


class Broken(NamedTuple):
    """A text of the sound source, what stands there instead, and nodes over the shared ones."""

    sound: str
    broken: str
    nodes: str = ""


PREPARE = '        degree = request.params["degree"]\n'
TRAIN = "products(train.X, degree), train.y, weight=train.weight"
VAL = "products(val.X, degree)"
FIT = "        assert stopping is not None\n"
PREDICT = "        coefficients = np.array"
RUN = "        run = len(curve)\n"
SPEC = "            thread_invariant=True,\n"
DAG = SPEC + '            dag=__import__(__name__ + "_nodes"),\n'

BROKEN_MODELS = {
    "registration": Broken("name=self.name", 'name=self.name + "_of_another_name"'),
    "specification": Broken(SPEC, SPEC + '            thread_variant={"boosting": ("goss",)},\n'),
    "light_specification": Broken(
        SPEC, SPEC + '            libraries=(__import__("wave").__name__,),\n'
    ),
    "signatures": Broken("X: Array, *, n_threads: int) -> Array:", "X: Array) -> Array:"),
    "parameter_values": Broken(
        'Param("shrinkage", float, low=0, high=1)', 'Param("shrinkage", float, low=1, high=0)'
    ),
    "parameter_names": Broken(
        'Param("degree", int, ', 'Param("degree", int, aliases=("degreee",), '
    ),
    "probabilities": Broken(
        PREDICT,
        '        p = chance(products(X, native["params"]["degree"]), '
        'np.array(native["coefficients"]))\n'
        "        return np.column_stack([p, p])\n" + PREDICT,
    ),
    "training": Broken(SPEC, SPEC + '            diagnostics=("feature_importance",),\n'),
    "learning": Broken(
        TRAIN,
        "products(np.random.default_rng(0).permutation(train.X), degree), "
        "train.y, weight=train.weight",
    ),
    "row_alone": Broken(PREDICT, "        X = X.astype('f4') if len(X) == 1 else X\n" + PREDICT),
    "figures": Broken(
        SPEC,
        DAG,
        """
        from cvn_harness_core.nodes import eval_metrics as shared
        from cvn_harness_core.contracts.datasets import Datasets
        from cvn_harness_core.contracts.metrics import SplitMetrics
        from cvn_harness_core.contracts.theta import ThetaDecision
        from cvn_harness_core.nodes.fit import Scores

        def eval_metrics(
            scores: Scores, theta_sweep: ThetaDecision, datasets: Datasets
        ) -> dict[str, SplitMetrics]:
            found = shared.eval_metrics(scores, theta_sweep, datasets)
            return {**found, "holdout": found["test"]}
        """,
    ),
    "same_seed": Broken(
        RUN, RUN + "        steps[run] = steps[run] + np.random.default_rng().normal(scale=1e-7)\n"
    ),
    "thread_invariance": Broken(
        RUN, RUN + "        steps[run] = steps[run] + 1e-9 * request.n_threads\n"
    ),
    "one_thread": Broken(
        FIT,
        FIT + "        if len(train) > 10_000:\n"
        "            import threading\n"
        "            numbers = np.random.default_rng(0).random(4_000_000)\n"
        "            others = [threading.Thread(target=numbers.copy().sort) for _ in range(4)]\n"
        "            [one.start() for one in others]\n"
        "            [one.join() for one in others]\n",
    ),
    "label_leak": Broken(
        SPEC,
        DAG,
        """
        from dataclasses import replace
        from typing import Any
        import numpy as np
        from cvn_harness_core.contracts.datasets import Datasets
        from cvn_harness_core.contracts.model import FitRequest

        def prepared(
            prepare: Any, training_data: Datasets, fit_request: FitRequest, datasets: Datasets
        ) -> Any:
            train, centre = training_data.train, np.nan_to_num(datasets.test.X).mean(axis=0)
            centred = replace(train, X=train.X - centre)
            return prepare(replace(training_data, train=centred), fit_request)
        """,
    ),
    "saved": Broken(
        "return json.dumps(native).encode()",
        'short = [round(c, 6) for c in native["coefficients"]]\n'
        '        return json.dumps({**native, "coefficients": short}).encode()',
    ),
    "no_pickle": Broken(
        "def load(self, payload: bytes) -> dict[str, Any]:",
        "def save(self, native):\n"
        '        return __import__("pickle").dumps(native)\n\n'
        "    def load(self, payload):\n"
        '        return __import__("pickle").loads(payload)\n\n'
        "    def load_json(self, payload):",
    ),
    "effective_parameters": Broken(
        'return dict(native["params"])', 'return {**native["params"], "rate": 0.1}'
    ),
    "weights_in_fit": Broken(
        "np.ones(len(train)) if train.weight is None else train.weight", "np.ones(len(train))"
    ),
    "weights_in_evaluation": Broken("weights=split.weight", "weights=None"),
    "class_balance": Broken('params.get("weight_of_positives", 1.0)', "1.0"),
    "odd_columns": Broken(
        PREPARE,
        PREPARE + "        if np.isnan(datasets.train.X).all(axis=0).any():\n"
        '            raise ValueError("a feature without values")\n',
    ),
    "single_precision": Broken(
        PREPARE,
        PREPARE + '        if datasets.train.X.dtype != "f8":\n'
        '            raise TypeError("float64, please")\n',
    ),
    "tiny_data": Broken(
        FIT, FIT + '        if len(train) < 50:\n            raise ValueError("too few rows")\n'
    ),
    "imbalanced_data": Broken(
        FIT,
        FIT + "        if train.y.mean() < 0.05:\n"
        '            raise ValueError("too few positives")\n',
    ),
    "inputs_untouched": Broken(
        PREDICT,
        "        X.setflags(write=True)\n        np.nan_to_num(X, copy=False)\n" + PREDICT,
    ),
    "feature_order": Broken(
        PREPARE,
        PREPARE + "        from dataclasses import replace\n"
        "        order = np.argsort(datasets.feature_names)\n"
        "        datasets = replace(\n"
        "            datasets,\n"
        "            train=replace(datasets.train, X=datasets.train.X[:, order]),\n"
        "            val=replace(datasets.val, X=datasets.val.X[:, order]),\n"
        "        )\n",
    ),
    "early_stopping": Broken(
        "ended = stopping.rounds is not None and number - best >= stopping.rounds", "ended = False"
    ),
    "no_early_stopping": Broken('params["iterations"] + 1', 'params["iterations"]'),
    "least_improvement": Broken("lowest - stopping.min_delta", "lowest"),
    "best_iteration": Broken("steps[kept].tolist()", "steps[-1].tolist()"),
    "watching": Broken("(request.watch is not None and request.watch(number, curve[-1])) or ", ""),
    "search_space": Broken(
        FIT,
        FIT + '        if params["degree"] == 1:\n            raise ValueError("no products")\n',
    ),
    "prepared_data": Broken(
        RUN, RUN + "        train.X.setflags(write=True)\n        train.X[:, 1] = 0.0\n"
    ),
    "events": Broken(
        SPEC,
        DAG,
        """
        from cvn_harness_core import Event

        def log_theta() -> Event:
            return None
        """,
    ),
    "failure_told": Broken(
        SPEC,
        DAG,
        """
        from cvn_harness_core import Fixed, ThetaRule
        from cvn_harness_core.contracts.datasets import Datasets
        from cvn_harness_core.policy import TrainingPolicy

        def theta_rule(policy: TrainingPolicy) -> ThetaRule:
            return Fixed(0.5)
        """,
    ),
    "silence": Broken(FIT, FIT + '        print("[0] training")\n'),
    "leftovers": Broken(
        FIT, FIT + '        __import__("pathlib").Path("train.log").write_text("started")\n'
    ),
    "resources": Broken(
        SPEC,
        SPEC
        + '            envelope=__import__("cvn_harness_core").Envelope(memory=0.1, time=1e4),\n',
    ),
}


def _fitting(*lines: str) -> Broken:
    return Broken(FIT, FIT + "".join(f"        {line}\n" for line in lines))


def _first_fitting(statement: str) -> Broken:
    return _fitting(
        'if "FITTED" not in globals():', '    globals()["FITTED"] = True', f"    {statement}"
    )


LEFT_BEHIND = {
    "variable": _first_fitting('__import__("os").environ["ACME_FITTED"] = "1"'),
    "variable_each_time": _fitting('__import__("os").environ["ACME_FITTED"] = "1"'),
    "folder": _first_fitting('__import__("os").chdir("/")'),
    "thread": _first_fitting(
        '__import__("threading").Thread(target=__import__("time").sleep, args=(60,), '
        "daemon=True).start()"
    ),
    "process": _first_fitting('__import__("os").posix_spawnp("sleep", ["sleep", "20"], {})'),
    "descriptor": _first_fitting('__import__("os").open("/dev/null", 0)'),
    "file": _fitting('__import__("pathlib").Path(__file__).with_name("train.log").write_text("")'),
    "seed_of_numpy": _fitting("np.random.seed(request.seed)"),
    "seed": _fitting('__import__("random").seed(request.seed)'),
    "warnings": _fitting('__import__("warnings").simplefilter("default")'),
    "numpy_errors": _fitting('np.seterr(divide="ignore")'),
    "sklearn": _fitting('__import__("sklearn").set_config(assume_finite=True)'),
    "switch_interval": _fitting('__import__("sys").setswitchinterval(0.01)'),
    "signal": _first_fitting('__import__("signal").signal(12, __import__("signal").SIG_IGN)'),
    "logging": _fitting("__import__('logging').getLogger().setLevel(10)"),
    "patch": _first_fitting(
        "m = __import__('sklearn.metrics').metrics; f = m.roc_auc_score; "
        "m.roc_auc_score = lambda *a, **k: f(*a, **k)"
    ),
}
"""What else a fit may leave behind, each of which fails ``leftovers``."""

TWO_ENDS = _fitting(
    'if params["rate"] == 1.0 and params["degree"] == 1:',
    '    raise ValueError("too quick without products")',
)
"""What fails ``search_space`` in one corner only, of those that are neither first nor last."""
