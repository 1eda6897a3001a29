"""The hyperparameters of CatBoost, by the names of ``catboost.CatBoostClassifier``.

Source: the CatBoost documentation, "Training parameters", whose aliases are accepted.
"""

from __future__ import annotations

from cvn_harness_core.contracts.params import Param, reserved
from cvn_harness_core.contracts.space import Choice, Range

PARAMS = (
    Param(
        "iterations",
        int,
        default=500,
        low=1,
        aliases=("n_estimators", "num_boost_round", "num_trees"),
    ),
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
    Param("depth", int, low=1, high=16, aliases=("max_depth",), search=Range(3, 8)),
    Param("l2_leaf_reg", float, low=0, aliases=("reg_lambda",), search=Range(1.0, 100.0, log=True)),
    Param("boosting_type", str, default="Plain", choices=("Plain", "Ordered")),
    Param(
        "bootstrap_type",
        str,
        choices=("Bayesian", "Bernoulli", "MVS", "No"),
        search=Choice("Bayesian", "Bernoulli", "MVS"),
    ),
    Param(
        "bagging_temperature",
        float,
        low=0,
        needs={"bootstrap_type": ("Bayesian",)},
        search=Range(0.0, 2.0),
    ),
    Param(
        "subsample",
        float,
        low=0,
        high=1,
        open_low=True,
        needs={"bootstrap_type": (None, "Bernoulli", "MVS")},
        search=Range(0.5, 1.0),
    ),
    Param("mvs_reg", float, low=0, needs={"bootstrap_type": (None, "MVS")}),
    Param("sampling_frequency", str, choices=("PerTree", "PerTreeLevel")),
    Param("random_strength", float, low=0, search=Range(0.01, 10.0, log=True)),
    Param(
        "rsm",
        float,
        low=0,
        high=1,
        open_low=True,
        aliases=("colsample_bylevel",),
        search=Range(0.3, 1.0),
    ),
    Param("grow_policy", str, choices=("SymmetricTree", "Depthwise", "Lossguide")),
    Param(
        "min_data_in_leaf",
        int,
        low=1,
        aliases=("min_child_samples",),
        needs={"grow_policy": ("Depthwise", "Lossguide")},
    ),
    Param(
        "max_leaves",
        int,
        low=2,
        aliases=("num_leaves",),
        needs={"grow_policy": ("Lossguide",)},
    ),
    Param("score_function", str, choices=("Cosine", "L2")),
    Param("leaf_estimation_method", str, choices=("Newton", "Gradient")),
    Param("leaf_estimation_iterations", int, low=1, search=Range(1, 10)),
    Param("leaf_estimation_backtracking", str, choices=("No", "AnyImprovement")),
    Param("model_shrink_rate", float, low=0, high=1),
    Param(
        "model_shrink_mode",
        str,
        choices=("Constant", "Decreasing"),
        needs={"model_shrink_rate": ()},
    ),
    Param("boost_from_average", bool),
    Param("langevin", bool),
    Param("diffusion_temperature", float, low=0, needs={"langevin": (True,)}),
    Param("posterior_sampling", bool),
    Param("has_time", bool),
    Param("scale_pos_weight", float, low=0, open_low=True),
    Param("monotone_constraints", tuple, low=-1, high=1, per_feature=True),
    Param("border_count", int, low=1, high=65535, aliases=("max_bin",), dataset_level=True),
    Param(
        "feature_border_type",
        str,
        choices=(
            "GreedyLogSum",
            "GreedyMinEntropy",
            "MaxLogSum",
            "Median",
            "MinEntropy",
            "Uniform",
            "UniformAndQuantiles",
        ),
        dataset_level=True,
    ),
    Param("nan_mode", str, choices=("Min", "Max", "Forbidden"), dataset_level=True),
)

RESERVED = reserved(
    seed=("random_seed", "random_state"),
    threads=("thread_count",),
    stopping=(
        "best_model_min_trees",
        "custom_metric",
        "early_stopping_rounds",
        "eval_metric",
        "od_pval",
        "od_type",
        "od_wait",
        "use_best_model",
    ),
    class_balance=("auto_class_weights", "class_weights"),
    fixed=(
        "allow_writing_files",
        "callback",
        "devices",
        "logging_level",
        "loss_function",
        "objective",
        "save_snapshot",
        "silent",
        "task_type",
        "train_dir",
        "verbose",
    ),
)
