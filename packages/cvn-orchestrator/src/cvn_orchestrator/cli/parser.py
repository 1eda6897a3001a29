"""The command line of `cvn`. Imports nothing heavy: `cvn --help` must be instant."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path

from cvn_orchestrator.__about__ import __version__

POLICY_NAMES = ("economic", "adr0089")

_DESCRIPTION = """\
Train gradient-boosted classifiers on market features and pick a BUY threshold."""

_EPILOG = """\
examples:
  cvn demo                                   the main job on real daily bars
  cvn plugins                                what is installed
  cvn train lightgbm --data bars.parquet --features rsi,atr --label label \\
      --time date --label-end label_end
  cvn predict runs/lightgbm --data new.parquet --out signals.csv

shell completion: eval "$(register-python-argcomplete cvn)" """


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; each command's ``run`` imports its module when it is called."""
    parser = argparse.ArgumentParser(
        prog="cvn",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"cvn {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _plugins(commands.add_parser("plugins", help="list installed plugins, sound and broken"))
    _demo(
        commands.add_parser(
            "demo", help="train models and ensembles walk-forward on real daily bars"
        )
    )
    _train(commands.add_parser("train", help="train on a file and write a bundle"))
    _predict(commands.add_parser("predict", help="score a file with a bundle"))
    _dag(commands.add_parser("dag", help="draw a model's training path"))
    _store(commands.add_parser("store", help="list, verify and tidy a store of trained models"))
    return parser


def _runs(command: str) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        module = importlib.import_module(f"cvn_orchestrator.cli.{command}")
        code: int = module.run(arguments)
        return code

    return run


def _plugins(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_runs("plugins"))
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--strict", action="store_true", help="exit with 1 if any plugin cannot be used"
    )


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_runs("demo"))
    parser.add_argument(
        "--out", type=Path, default=Path("cvn-demo"), help="folder to write (default: ./cvn-demo)"
    )
    parser.add_argument("--folds", type=int, default=5, help="walk-forward folds (default: 5)")
    parser.add_argument("--threads", type=int, default=1, help="threads of a fit (default: 1)")
    parser.add_argument("--json", action="store_true", help="print the results file, not the table")
    _add_log(parser)


def _train(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_runs("train"))
    _add_model(parser)
    data = parser.add_argument_group("data")
    data.add_argument("--data", type=Path, required=True, metavar="FILE", help="Parquet or CSV")
    data.add_argument("--label", required=True, metavar="COL", help="column of 0 and 1")
    data.add_argument("--time", metavar="COL", help="when each row's features were known")
    data.add_argument("--label-end", metavar="COL", help="when each row's label was decided")
    data.add_argument("--returns", metavar="COL", help="realised net return of each row if traded")
    data.add_argument("--weight", metavar="COL", help="sample weights")
    data.add_argument("--symbol", metavar="COL", help="what was traded, for panels")
    data.add_argument("--features", metavar="A,B,...", help="default: every other column")
    data.add_argument("--exclude", metavar="A,B,...", help="columns that are no features")
    data.add_argument(
        "--feature-version", default="unversioned", metavar="NAME", help="name of the feature set"
    )
    split = parser.add_argument_group("division (purged by label end; default: by --time, shares)")
    split.add_argument("--split", metavar="COL", help="column of train, val and test")
    split.add_argument("--val-from", metavar="DATE")
    split.add_argument("--test-from", metavar="DATE")
    split.add_argument("--train-from", metavar="DATE")
    split.add_argument("--test-until", metavar="DATE")
    split.add_argument("--val-share", type=float, default=0.2, help="default: 0.2")
    split.add_argument("--test-share", type=float, default=0.2, help="default: 0.2")
    split.add_argument(
        "--embargo-days",
        type=float,
        default=0.0,
        metavar="DAYS",
        help="no label of train may end this close before validation, nor of validation before "
        "test, nor before an out-of-fold stretch (default: 0)",
    )
    fit = parser.add_argument_group("training")
    fit.add_argument(
        "--param",
        "-p",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="repeatable; of an ensemble WHOSE.NAME=VALUE, for instance lightgbm.num_leaves=15",
    )
    fit.add_argument("--bases", metavar="A,B,...", help="an ensemble's bases (default: its own)")
    fit.add_argument(
        "--store",
        type=Path,
        metavar="DIR",
        help="keep results here by what they depend on, and read what is there already "
        "(default: $CVN_STORE, else nothing is kept)",
    )
    fit.add_argument("--seed", type=int, default=0)
    fit.add_argument("--threads", type=int, help="threads of the fit")
    _add_policy(parser)
    output = parser.add_argument_group("output")
    output.add_argument("--out", type=Path, metavar="DIR", help="bundle (default: ./cvn-MODEL)")
    output.add_argument("--overwrite", action="store_true", help="replace an existing bundle")
    output.add_argument(
        "--json",
        action="store_true",
        help="print the result as JSON: theta with its decision, outcome, tradability, metrics, "
        "health, calibration, parameters, policy; without the theta curve",
    )
    output.add_argument(
        "--curve",
        action="store_true",
        help="with --json: add decision.curve, what up to 512 other thresholds would have done",
    )
    _add_log(output)


def _add_policy(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("policy (a preset, and what is changed in it)")
    group.add_argument(
        "--policy",
        choices=POLICY_NAMES,
        default="economic",
        help="economic (default): no class weight, theta by money where money is known; adr0089: "
        "the original design, of which only --costs and --on-unhealthy can be changed",
    )
    group.add_argument("--payoff", metavar="TP/SL[/COST]", help="for instance 1.5/0.5/0.05")
    group.add_argument(
        "--theta",
        metavar="RULE",
        help="a threshold such as 0.35, or f1_grid, f1_capped, expected_value (default: "
        "expected_value where --returns or --payoff are given, else f1_capped)",
    )
    group.add_argument(
        "--min-signals",
        metavar="N",
        help="least signals that a threshold must give where it is picked (default: 30)",
    )
    group.add_argument(
        "--max-buy-rate",
        metavar="R",
        help="largest share of rows that a threshold may buy, in (0, 1] (default: by prevalence "
        "and break-even)",
    )
    group.add_argument(
        "--class-balance",
        metavar="none|auto|WEIGHT",
        help="what positives weigh in the fit; auto: negatives over positives; its effect on the "
        "scores is undone (default: none)",
    )
    group.add_argument(
        "--calibrate",
        metavar="METHOD",
        help="sigmoid, isotonic or venn_abers; refused, with a reason, where it does not help "
        "(default: off)",
    )
    group.add_argument(
        "--out-of-fold",
        metavar="N",
        help="pick theta on scores of N forward folds over train, for N fits more (default: on "
        "validation)",
    )
    group.add_argument(
        "--costs",
        metavar="A,B,...",
        help="round-trip costs at which the theta curve shows expectancy (default: none, one, two "
        "and three times the payoff's)",
    )
    group.add_argument(
        "--on-unhealthy",
        metavar="report|error",
        help="error: exit with 1 and write no bundle if the fit is unhealthy (default: report)",
    )


def _predict(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_runs("predict"))
    parser.add_argument("bundle", type=Path, metavar="BUNDLE")
    parser.add_argument("--data", type=Path, required=True, metavar="FILE", help="Parquet or CSV")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="Parquet or CSV (default: CSV on standard output)"
    )
    parser.add_argument("--threads", type=int, help="threads (default: as in training)")
    parser.add_argument("--json", action="store_true", help="print one JSON object a row")


def _dag(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_runs("dag"))
    _add_model(parser)
    parser.add_argument(
        "--out", "-o", type=Path, metavar="FILE", help=".svg or .dot (default: ./cvn-MODEL.svg)"
    )


def _store(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    actions.add_parser("ls", help="list the entries, the most recently used first")
    actions.add_parser("verify", help="read every entry; exit with 1 if any is damaged")
    gc = actions.add_parser(
        "gc", help="delete leftovers, damaged entries and, with a size, old ones"
    )
    gc.add_argument(
        "--max-size",
        type=_size,
        metavar="SIZE",
        help="delete the least recently used entries above this, such as 500M or 20G",
    )
    explain = actions.add_parser("explain", help="say in which parts two keys differ")
    explain.add_argument("key", metavar="KEY", help="the first digits of a key that `ls` shows")
    explain.add_argument(
        "other", nargs="?", metavar="OTHER", help="default: the most similar entry of its kind"
    )
    for action in actions.choices.values():
        action.set_defaults(run=_runs("store"))
        action.add_argument(
            "--store",
            type=Path,
            metavar="DIR",
            help="the store's folder (default: $CVN_STORE, else ./.cvn-store)",
        )
        action.add_argument("--json", action="store_true", help="print JSON")


def _size(text: str) -> int:
    from cvn_harness_core.resources.size import bytes_of

    return bytes_of(text)


_size.__name__ = "size"  # what argparse calls it in an error


def _add_model(parser: argparse.ArgumentParser) -> None:
    model = parser.add_argument("model", metavar="MODEL", help="a name that `cvn plugins` lists")
    model.completer = _model_names  # type: ignore[attr-defined]


def _add_log(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--log",
        choices=("off", "human", "json"),
        default="off",
        help="events on standard error (default: off)",
    )


def _model_names(**_: object) -> list[str]:
    from cvn_harness_core import ENSEMBLE_REGISTRY, MODEL_REGISTRY

    return [*MODEL_REGISTRY, *ENSEMBLE_REGISTRY]
