"""For every check of an ensemble, what in the sound one's source breaks it and no other."""

from __future__ import annotations

from .broken_models import Broken

COMBINE = '        return np.clip((scores * np.array(learnt["shares"])).sum(axis=1), 0.0, 1.0)\n'
FIT = "        weight = np.ones"
SAVE = "        return json.dumps(learnt).encode()\n"
SPEC = '        file_name="shares.json",\n'
DAG = SPEC + '        dag=__import__(__name__ + "_nodes"),\n'
POWER = 'Param("power", float, default=1.0, low=0, open_low=True, aliases=("exponent",))'

BROKEN_ENSEMBLES = {
    "registration": Broken('name="shares"', 'name="parts"'),
    "specification": Broken('("xgboost", "lightgbm")', '("xgboost", "xgboost")'),
    "light_specification": Broken(
        SPEC, SPEC + '        libraries=(__import__("wave").__name__,),\n'
    ),
    "signatures": Broken(
        "def base_weights(self, learnt, n_bases):", "def base_weights(self, learnt):"
    ),
    "parameter_values": Broken(POWER, f'{POWER}, Param("floor", float, low=1, high=0)'),
    "parameter_names": Broken('aliases=("exponent",)', 'aliases=("exponent", "powerr")'),
    "probabilities": Broken(
        COMBINE,
        COMBINE.replace("return", "p =") + "        return np.column_stack([p, p])\n",
    ),
    "training": Broken(SPEC, SPEC + '        diagnostics=("base_distance",),\n'),
    "learning": Broken(COMBINE, COMBINE.replace("return ", "return 1.0 - ")),
    "row_alone": Broken(
        COMBINE, "        scores = scores.astype('f4') if len(scores) == 1 else scores\n" + COMBINE
    ),
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
        "        shares =",
        "        gains = gains * np.random.default_rng().uniform(0.9, 1.1, gains.size)\n"
        "        shares =",
    ),
    "label_leak": Broken(
        SPEC,
        DAG,
        """
        from cvn_harness_core import Datasets, MetaRows
        from cvn_harness_core.contracts.split import Array

        def meta_rows(base_scores: dict[str, Array], datasets: Datasets) -> MetaRows:
            return MetaRows(base_scores["test"], datasets.test.y)
        """,
    ),
    "saved": Broken(
        SAVE,
        '        short = [round(share, 6) for share in learnt["shares"]]\n'
        '        return json.dumps({**learnt, "shares": short}).encode()\n',
    ),
    "no_pickle": Broken(
        SAVE + "\n    def load(self, payload):\n        return json.loads(payload)\n",
        '        return __import__("pickle").dumps(learnt)\n'
        '\n    def load(self, payload):\n        return __import__("pickle").loads(payload)\n',
    ),
    "effective_parameters": Broken('{"power": learnt["power"]}', '{"power": 2.0}'),
    "any_bases": Broken(
        FIT,
        "        if rows.scores.shape[1] < 2:\n"
        '            raise ValueError("what is there to combine?")\n' + FIT,
    ),
    "extreme_scores": Broken(
        COMBINE, "        scores = np.where(scores == 1.0, np.nan, scores)\n" + COMBINE
    ),
    "few_rows": Broken(
        FIT,
        '        if len(rows.y) < 20:\n            raise ValueError("too few rows")\n' + FIT,
    ),
    "learns_as_declared": Broken("(gains, 1e-6)", "(0.0 * gains, 1e-6)"),
    "weights_in_learning": Broken(
        "np.ones(len(rows.y)) if rows.weight is None else rows.weight", "np.ones(len(rows.y))"
    ),
    "rows_untouched": Broken(FIT, "        rows.scores[0] = 0.5\n" + FIT),
    "base_weights": Broken(
        'return np.array(learnt["shares"])\n', 'return -np.array(learnt["shares"])\n'
    ),
    "out_of_fold_proof": Broken(
        SPEC,
        DAG,
        """
        from cvn_harness_core import Datasets, MetaRows
        from cvn_harness_core.contracts.split import Array
        from cvn_harness_core.nodes.ensemble import EnsembleRows

        def meta_rows(
            ensemble_rows: EnsembleRows, unseen_base_scores: Array, datasets: Datasets
        ) -> MetaRows:
            rows = ensemble_rows.scored
            return MetaRows(unseen_base_scores[rows], datasets.train.y[rows])
        """,
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
    "silence": Broken(FIT, '        print("stacking")\n' + FIT),
    "leftovers": Broken(
        FIT, '        __import__("pathlib").Path("stack.log").write_text("started")\n' + FIT
    ),
}
