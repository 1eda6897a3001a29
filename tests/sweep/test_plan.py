"""A plan is checked as a whole, against the installed plugins; each fault has its line."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cvn_harness_core import (
    ByMoney,
    Calibration,
    EarlyStopping,
    ExpectedValue,
    F1Capped,
    F1Grid,
    Fixed,
    OutOfFold,
    Payoff,
    Range,
    TrainingPolicy,
)
from cvn_orchestrator.errors import PlanError
from cvn_orchestrator.plan.reading import Plan, read_plan
from cvn_orchestrator.plan.variants import Variant
from cvn_orchestrator.splits.settings import Combinatorial, WalkForward

HEAD = """\
[data]
path = "bars.parquet"
symbol = "s"
time = "t"
label = "y"
label_end = "e"
payoff = "2/1/0.05"
[splits]
kind = "walk_forward"
n_folds = 3
val_days = 100
test_days = 50
embargo_days = 2.5
[sweep]
name = "try"
baseline = "a"
seed = 7
threads = 2
"""
LINES = HEAD.count("\n")


def read(tmp_path: Path, text: str) -> Plan:
    path = tmp_path / "plan.toml"
    path.write_text(text)
    return read_plan(path)


def variant(tmp_path: Path, text: str) -> Variant:
    return read(tmp_path, HEAD + text).variant("a")


def faults(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(PlanError) as caught:
        read(tmp_path, text)
    assert caught.value.code == "plan_invalid"
    return [text.removeprefix(f"{tmp_path / 'plan.toml'}:") for text in caught.value.faults]


def test_a_plan_says_all_of_it(tmp_path: Path) -> None:
    text = HEAD + 'costs = [0, 0.1]\nretries = 2\n[variants.a]\nmodel = "lightgbm"\n'
    plan = read(tmp_path, text)
    assert (plan.name, plan.baseline, plan.seed, plan.threads) == ("try", "a", 7, 2)
    assert (plan.costs, plan.retries, plan.symbols) == ((0.0, 0.1), 2, None)
    assert plan.schema.path == tmp_path / "bars.parquet"
    assert plan.schema.payoff == Payoff(2, 1, cost=0.05)
    assert plan.splits.layout == WalkForward(3, 100, 50)
    assert plan.splits.embargo == timedelta(days=2.5)
    (one,) = plan.variants
    assert (one.kind, one.trains, one.policy) == ("model", "lightgbm", TrainingPolicy.economic())
    own = one.hpo_params["lightgbm"]
    assert (own.seed, own.n_threads, own.n_trials, dict(own.params)) == (7, 2, 0, {})


def test_rolling_and_combinatorial_splits(tmp_path: Path) -> None:
    end = '[variants.a]\nmodel = "lightgbm"\n'
    rolling = HEAD.replace("n_folds", 'window = "rolling"\ntrain_days = 300\nn_folds')
    assert read(tmp_path, rolling + end).splits.layout == WalkForward(3, 100, 50, 300)
    groups = HEAD.replace('"walk_forward"', '"combinatorial"\nn_groups = 6\nn_test_groups = 2')
    for line in ("n_folds = 3\n", "val_days = 100\n", "test_days = 50\n"):
        groups = groups.replace(line, "")
    assert read(tmp_path, groups + end).splits.layout == Combinatorial(6, 2)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("theta = 0.4", Fixed(0.4)),
        ('theta = "f1_grid"', F1Grid()),
        ('theta = "f1_capped"\nmin_signals = 9', F1Capped(min_signals=9)),
        ('theta = "expected_value"\nmax_buy_rate = 0.2', ExpectedValue(max_buy_rate=0.2)),
        ("min_signals = 9", ByMoney(ExpectedValue(min_signals=9), F1Capped(min_signals=9))),
    ],
)
def test_a_policys_theta(text: str, rule: object, tmp_path: Path) -> None:
    assert variant(
        tmp_path, f'[policy]\n{text}\n[variants.a]\nmodel = "lightgbm"'
    ).policy.theta == (rule)


def test_a_variants_policy_is_laid_over_the_plans_unless_it_names_a_preset(tmp_path: Path) -> None:
    shared = (
        '[policy]\nout_of_fold = 3\ncalibrate = "sigmoid"\n'
        "early_stopping = { rounds = 9 }\n[variants.a]\nmodel = 'lightgbm'\n"
    )
    policy = variant(tmp_path, shared + 'policy = { calibrate = "none", class_balance = 2 }').policy
    assert policy.out_of_fold == OutOfFold(3, embargo=timedelta(days=2.5))
    assert policy.calibration is None
    assert policy.class_balance == 2.0
    assert policy.early_stopping == EarlyStopping(rounds=9)
    assert variant(tmp_path, shared).policy.calibration == Calibration("sigmoid")
    assert variant(tmp_path, shared + 'policy = "adr0089"').policy == TrainingPolicy.adr0089()
    fresh = variant(tmp_path, shared + 'policy = { preset = "economic", early_stopping = false }')
    assert fresh.policy.out_of_fold is None
    assert fresh.policy.early_stopping is None


def test_an_ensembles_settings_go_by_whose_they_are(tmp_path: Path) -> None:
    found = variant(
        tmp_path,
        """\
[variants.a]
ensemble = "stack_logreg"
bases = ["lightgbm", "xgboost"]
params.stack_logreg.C = 0.5
params.lightgbm = { num_leaves = 9 }
[variants.a.search]
n_trials = 4
space.xgboost.max_depth = { low = 2, high = 5 }
""",
    )
    assert (found.kind, found.trains, found.bases) == (
        "ensemble",
        "stack_logreg",
        ("lightgbm", "xgboost"),
    )
    by_name = found.hpo_params
    assert set(by_name) == {"stack_logreg", "lightgbm", "xgboost"}
    assert dict(by_name["stack_logreg"].params) == {"C": 0.5}
    assert by_name["stack_logreg"].n_trials == 0
    assert (by_name["lightgbm"].n_trials, by_name["xgboost"].n_trials) == (4, 4)
    assert by_name["xgboost"].space == {"max_depth": Range(2, 5)}
    assert found.policy.out_of_fold == OutOfFold(embargo=timedelta(days=2.5))


def test_an_empty_file_lacks_every_table(tmp_path: Path) -> None:
    found = faults(tmp_path, "")
    assert found == [f"1:1: {name} is missing" for name in ("data", "splits", "sweep", "variants")]


def test_all_faults_of_all_tables_are_told_in_the_files_order(tmp_path: Path) -> None:
    text = (
        HEAD.replace('"t"', "5")
        .replace("payoff", "payof")
        .replace("n_folds = 3", "n_folds = 0")
        .replace('baseline = "a"', 'baseline = "b"')
    )
    text += """\
[policy]
thetas = 0.4
[variants.a]
model = "lightgbm"
params = { num_leavs = 15, min_child_samples = -4, n_jobs = 3 }
policy.early_stopping = { round = 3 }
[variants.bb]
model = "xgbost"
[other]
"""
    found = faults(tmp_path, text)
    assert [line.partition(": ")[0] for line in found] == [
        "4:1", "7:1", "10:1", "16:1", "20:1", "23:12", "23:28", "23:52", "24:27", "26:1", "27:2"
    ]  # fmt: skip
    assert found[0] == "4:1: data.time: expected str, got int"
    assert found[1] == "7:1: data.payof: unknown key 'payof'; did you mean 'payoff'?"
    assert found[2] == "10:1: splits.n_folds: expected int >= 1"
    assert found[5] == (
        "23:12: variants.a.params.num_leavs: unknown parameter 'num_leavs' of lightgbm; did you "
        "mean 'num_leaves'?"
    )
    assert found[6].endswith("min_child_samples=-4 must be within [0, 2147483647]")
    assert found[7].endswith("set sweep.threads")
    assert "Did you mean 'xgboost'?" in found[9]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (('symbol = "s"', ""), "1:2: data: name a symbol column, or set symbol_from_file"),
        (('label_end = "e"', 'label_end = "s"'), "3:1: data.symbol: 's' has two roles"),
        (('payoff = "2/1/0.05"', 'payoff = "2/x"'), "7:1: data.payoff: '2/x' is not TP/SL"),
        (('payoff = "2/1/0.05"', 'payoff = "2/1/3"'), "7:1: data.payoff: Payoff.cost (3.0) is"),
        (('payoff = "2/1/0.05"', 'features = ["a", "y"]'), "7:18: data.features.1: 'y' has anoth"),
        (('payoff = "2/1/0.05"', 'features = ["a", "a"]'), "7:18: data.features.1: 'a' stands th"),
        (("n_folds = 3", 'n_folds = 3\nwindow = "rolling"'), "8:2: splits.train_days: train_days"),
        (('"walk_forward"', '"forward"'), "9:1: splits.kind: invalid value 'forward'; choose one"),
        (("seed = 7", "seed = -1"), "17:1: sweep.seed: expected int >= 0"),
        (("seed = 7", 'symbols = ["A", "A"]'), "17:1: sweep.symbols: names 'A' more than once"),
        (
            ("seed = 7", "costs = [0.1, 0.2, 0.1000000001]"),
            "17:1: sweep.costs: names 0.1000000001 more than once",
        ),
        (("seed = 7", "costs = [inf]"), "17:1: sweep.costs: expected float <= 1"),
        (("embargo_days = 2.5", "embargo_days = 2e5"), "13:1: splits.embargo_days: expected"),
    ],
)
def test_what_contradicts_itself_is_told(
    change: tuple[str, str], fault: str, tmp_path: Path
) -> None:
    text = HEAD.replace(*change) + '[variants.a]\nmodel = "lightgbm"\n'
    found = faults(tmp_path, text)
    assert found[0].startswith(fault)
    assert len(found) == (2 if "two roles" in fault else 1)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "1:11: variants.a: name a model or an ensemble"),
        ('model = "lightgbm"\nensemble = "blend_avg"', "1:11: variants.a: name a model or an"),
        ('model = "blend_avg"', "2:1: variants.a.model: 'blend_avg' is an ensemble; write"),
        ('ensemble = "lightgbm"', "2:1: variants.a.ensemble: 'lightgbm' is a model; write"),
        ('model = "lightgbm"\nbases = ["xgboost"]', "3:1: variants.a.bases: bases belong to an"),
        ('ensemble = "blend_avg"\nbases = []', "3:1: variants.a.bases: name one base or more"),
        ('ensemble = "blend_avg"\nbases = ["blend_avg"]', "3:1: variants.a.bases: ensembles con"),
        ('ensemble = "blend_avg"\nparams.weights = [1]', "3:8: variants.a.params.weights: an en"),
        (
            'ensemble = "blend_avg"\nparams.blend_avg.weights = [0.5, 0.5]',
            "3:18: variants.a.params.blend_avg.weights: weights=[0.5, 0.5] must be one value",
        ),
        (
            'ensemble = "blend_avg"\nbases = ["xgboost"]\nparams.blend_avg.weights = [0.4]',
            "4:18: variants.a.params.blend_avg.weights: weights (0.4,) sum to 0.4",
        ),
        (
            'model = "lightgbm"\nparams = { num_leaves = 9, max_leaves = 9 }',
            "3:12: variants.a.params.num_leaves: lightgbm: 'num_leaves' and 'max_leaves' are two",
        ),
        (
            'model = "lightgbm"\nparams = { top_rate = 0.3 }',
            "3:12: variants.a.params.top_rate: lightgbm: top_rate has no effect unless",
        ),
        ('model = "lightgbm"\nsearch = {objective = "f1_buy"}', "3:1: variants.a.search: n_trials"),
        (
            'model = "lightgbm"\nsearch = { n_trials = 2, space.num_leaves = {low = 9, high = 3} }',
            "3:32: variants.a.search.space.num_leaves: lightgbm: the search space of num_leaves",
        ),
        (
            'model = "lightgbm"\nsearch = { n_trials = 2, space.num_leaves = { low = 9 } }',
            "3:32: variants.a.search.space.num_leaves: high is missing",
        ),
        (
            'ensemble = "blend_avg"\nsearch = { n_trials = 2, space.blend_avg.x = {} }',
            "3:32: variants.a.search.space.blend_avg: blend_avg is an ensemble and has no search",
        ),
        (
            'model = "lightgbm"\npolicy = { preset = "adr0089", min_signals = 3 }',
            "3:32: variants.a.policy.min_signals: the preset adr0089 is kept as it was",
        ),
        (
            'model = "lightgbm"\npolicy = { theta = 0.4, min_signals = 3 }',
            "3:25: variants.a.policy.min_signals: has no effect on theta = 0.4",
        ),
        ('model = "lightgbm"\npolicy = "adr"', "3:1: variants.a.policy: invalid value 'adr'; ch"),
    ],
)  # fmt: skip
def test_a_variant_that_cannot_be_is_told(text: str, fault: str, tmp_path: Path) -> None:
    line, _, rest = fault.partition(":")
    (found,) = faults(tmp_path, f"{HEAD}[variants.a]\n{text}\n")
    assert found.startswith(f"{int(line) + LINES}:{rest}")


def test_what_weighs_money_needs_money(tmp_path: Path) -> None:
    text = HEAD.replace('payoff = "2/1/0.05"', "") + (
        'costs = [0.1]\n[variants.a]\nmodel = "lightgbm"\npolicy.theta = "expected_value"\n'
        'search = { n_trials = 2, objective = "expectancy" }\n'
    )
    found = faults(tmp_path, text)
    assert [line.split(": ")[1] for line in found] == [
        "sweep.costs",
        "variants.a.policy.theta",
        "variants.a.search.objective",
    ]


def test_one_value_a_feature_is_counted_where_features_are_named(tmp_path: Path) -> None:
    text = HEAD.replace('payoff = "2/1/0.05"', 'features = ["a", "b"]')
    text += '[variants.a]\nmodel = "lightgbm"\nparams = { monotone_constraints = [1, 0, 1] }\n'
    (found,) = faults(tmp_path, text)
    assert "must be one value for each of the 2 features" in found
