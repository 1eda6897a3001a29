"""The hyperparameters of XGBoost, by the names of ``xgboost.XGBClassifier``.

Source: the XGBoost documentation, "XGBoost Parameters" (tree booster).
"""

from __future__ import annotations

from cvn_harness_core import Param, Range, reserved

PARAMS = (
    Param("n_estimators", int, default=500, low=1, aliases=("num_boost_round", "num_round")),
    Param(
        "learning_rate",
        float,
        default=0.05,
        low=0,
        high=1,
        open_low=True,
        aliases=("eta",),
        search=Range(0.01, 0.2, log=True),
    ),
    Param("max_depth", int, low=0, search=Range(2, 8)),
    Param("max_leaves", int, low=0),
    Param("max_bin", int, low=2, dataset_level=True),
    Param("grow_policy", str, choices=("depthwise", "lossguide")),
    Param("min_child_weight", float, low=0, search=Range(1.0, 200.0, log=True)),
    Param(
        "gamma",
        float,
        low=0,
        aliases=("min_split_loss",),
        native="min_split_loss",
        search=Range(1e-4, 5.0, log=True),
    ),
    Param("max_delta_step", float, low=0),
    Param("subsample", float, low=0, high=1, open_low=True, search=Range(0.5, 1.0)),
    Param("sampling_method", str, choices=("uniform",)),
    Param("colsample_bytree", float, low=0, high=1, open_low=True, search=Range(0.3, 1.0)),
    Param("colsample_bylevel", float, low=0, high=1, open_low=True),
    Param("colsample_bynode", float, low=0, high=1, open_low=True, search=Range(0.3, 1.0)),
    Param("reg_alpha", float, low=0, aliases=("alpha",), search=Range(1e-3, 10.0, log=True)),
    Param("reg_lambda", float, low=0, aliases=("lambda",), search=Range(0.01, 100.0, log=True)),
    Param("scale_pos_weight", float, low=0, open_low=True),
    Param(
        "tree_method",
        str,
        default="hist",
        choices=("hist", "approx", "exact"),
        dataset_level=True,
    ),
    Param("num_parallel_tree", int, low=1),
    Param("monotone_constraints", tuple, low=-1, high=1, per_feature=True),
)

RESERVED = reserved(
    seed=("seed", "random_state"),
    threads=("nthread", "n_jobs"),
    stopping=("early_stopping_rounds", "eval_metric"),
    fixed=(
        "booster",
        "callbacks",
        "device",
        "enable_categorical",
        "missing",
        "objective",
        "validate_parameters",
        "verbosity",
    ),
)
