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
  cvn check lightgbm                         whether a plugin keeps the contract
  cvn params lightgbm                        what can be set, and what a search tries
  cvn train lightgbm --data bars.parquet --features rsi,atr --label label \\
      --time date --label-end label_end
  cvn hpo show runs/lightgbm -o search.html  what a search tried
  cvn predict runs/lightgbm --data new.parquet --out signals.csv
  cvn sweep plan.toml                        train and judge a plan of many cells
  cvn results                                what sweeps found
  cvn report demo -o report.html             the verdict on a sweep, as one page
  cvn new-plugin fast-trees                  a package for a model of your own
  cvn doctor                                 what is wrong here, and what to do

exit codes: 0 done; 1 the work failed; 2 the command, the data or a setting is not usable; 130
interrupted; 143 ended by SIGTERM

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
    _check(
        commands.add_parser(
            "check",
            help="check that a model or an ensemble keeps the contract",
            description=_CHECK,
            epilog=_CHECK_EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    )
    _demo(
        commands.add_parser(
            "demo", help="train models and ensembles walk-forward on real daily bars"
        )
    )
    _train(commands.add_parser("train", help="train on a file and write a bundle"))
    _predict(commands.add_parser("predict", help="score a file with a bundle"))
    _splits(commands.add_parser("splits", help="draw a plan's folds over its data"))
    _sweep(
        commands.add_parser(
            "sweep",
            help="train and judge every cell of a plan",
            epilog=_SWEEP_EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    )
    _results(commands.add_parser("results", help="show what sweeps found, cell by cell"))
    _report(commands.add_parser("report", help="give the verdict on a sweep, as one HTML page"))
    _dag(commands.add_parser("dag", help="draw a model's training path"))
    _params(commands.add_parser("params", help="show, seed and compare hyperparameters"))
    _hpo(commands.add_parser("hpo", help="show what a search did, with plots"))
    _store(commands.add_parser("store", help="list, verify and tidy a store of trained models"))
    _new_plugin(commands.add_parser("new-plugin", help="write a package for a plugin of yours"))
    _doctor(
        commands.add_parser(
            "doctor",
            help="examine installation, machine, store and results, and say what to do",
            description=_DOCTOR,
            epilog=_DOCTOR_EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    )
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
        "--load",
        action="store_true",
        help="import each, in a process apart, to see what breaks only then",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="--load, and exit with 1 if any cannot be used that is not blocked",
    )


_CHECK = """\
Run the conformance kit on an installed model or ensemble: some forty checks on made-up data, from
its signatures to what a failing fit leaves behind (docs/conformance.md). Each that fails says what
was expected, what was seen, and how to mend it."""

_CHECK_EPILOG = """\
exit codes: 0 no check failed; 1 at least one failed; 2 the name or a check is unknown."""


def _check(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_runs("check"))
    _add_model(parser)
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="CHECK",
        help="run this check and what it needs; repeatable",
    )
    parser.add_argument("--json", action="store_true", help="print JSON; progress on stderr")


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
    _add_config(fit, sql="--config-sql")
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
    _add_search(parser)
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


def _add_search(parser: argparse.ArgumentParser) -> None:
    search = parser.add_argument_group("search (by Optuna; the best trial's model is the result)")
    search.add_argument(
        "--trials", type=int, default=0, metavar="N", help="trials of the study in all (default: 0)"
    )
    search.add_argument("--timeout", type=float, metavar="SECONDS")
    search.add_argument(
        "--objective",
        choices=("pr_auc", "log_loss", "f1_buy", "expectancy"),
        help="what a trial is worth (default: pr_auc)",
    )
    search.add_argument(
        "--evaluate-on",
        choices=("validation", "forward_folds"),
        help="the rows that it is measured on (default: validation)",
    )
    search.add_argument(
        "--space",
        action="append",
        default=[],
        metavar="NAME=LOW:HIGH[:log]",
        help="narrow or add a dimension, or NAME=A|B|...; repeatable; of an ensemble WHOSE.NAME=",
    )
    search.add_argument("--sampler", choices=("tpe", "random"), help="default: tpe")
    search.add_argument(
        "--pruner",
        choices=("extrapolation", "hyperband", "median", "none"),
        help="ends trials early (default: extrapolation)",
    )
    search.add_argument(
        "--max-concurrent",
        type=int,
        metavar="N",
        help="trials that may be under way at once; decides which are tried (default: 1 for models "
        "whose fits may take any number of threads, else 4)",
    )
    search.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="trials at once; changes no trial (default, and at most: --max-concurrent)",
    )
    search.add_argument(
        "--storage",
        metavar="URL",
        help="sqlite:///FILE, postgresql+psycopg://..., or FILE.journal: the same command goes on "
        "with what is there (default: OUT.journal); memory keeps nothing",
    )
    search.add_argument("--study", metavar="NAME", help="default: what the study depends on")
    search.add_argument(
        "--in-process",
        action="store_true",
        help="do not run the search in a process of its own: a library that crashes then ends the "
        "command, and not one trial",
    )


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
        help="a threshold such as 0.35, or f1_grid, f1_capped, expected_value, or an installed "
        "rule that `cvn plugins` lists (default: "
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
    parser.set_defaults(run=_runs("predict"), for_programs=True)
    parser.add_argument("bundle", type=Path, metavar="BUNDLE")
    parser.add_argument("--data", type=Path, required=True, metavar="FILE", help="Parquet or CSV")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="Parquet or CSV (default: CSV on standard output)"
    )
    parser.add_argument("--threads", type=int, help="threads (default: as in training)")
    parser.add_argument("--json", action="store_true", help="print one JSON object a row")


def _splits(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_runs("splits"))
    _add_plan(parser)
    parser.add_argument(
        "--out", "-o", type=Path, metavar="FILE.html", help="write the picture as one HTML file"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


_SWEEP_EPILOG = """\
exit codes: 0 all cells are done; 1 some failed; 2 plan, data or settings are not usable; 130, 143
interrupted, and the same command goes on."""


def _sweep(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_runs("sweep"))
    _add_plan(parser)
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="check plan, data and splits, and print cells, expected fits, and time and memory by "
        "one real fit of each kind; keep no model",
    )
    parser.add_argument(
        "--no-estimate",
        action="store_true",
        help="a dry run without those fits, and so without time and memory",
    )
    engine = parser.add_argument(
        "--engine", default="local", metavar="NAME", help="where cells run (default: local)"
    )
    engine.completer = _engine_names  # type: ignore[attr-defined]
    parser.add_argument("--address", metavar="ADDRESS", help="of the engine's cluster")
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="cells at once, at most (default: as many as cores and memory allow)",
    )
    parser.add_argument(
        "--store",
        metavar="DIR|URL",
        help="where trained models are shared and kept (default: WORK/store); a URL such as "
        "s3://bucket/store shares them between machines, beside WORK/store on each",
    )
    _add_results(parser)
    parser.add_argument(
        "--retry-failed", action="store_true", help="try cells again that failed in earlier calls"
    )
    parser.add_argument(
        "--events", type=Path, metavar="FILE", help="append a line of JSON for each cell"
    )
    _add_log(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def _engine_names(**_: object) -> list[str]:
    from cvn_orchestrator.engines.choice import engine_names

    return list(engine_names())


def _add_plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plan", type=Path, metavar="PLAN.toml", help="see docs/sweeps.md")
    parser.add_argument(
        "--work",
        type=Path,
        default=Path(".cvn-sweep"),
        metavar="DIR",
        help="the folder of the sweep's own files, such as the data's arrays "
        "(default: ./.cvn-sweep)",
    )


def _results(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_runs("results"))
    of = parser.add_argument(
        "of",
        nargs="?",
        metavar="RUN",
        help="a run's name or the first digits of its digest (default: list the runs)",
    )
    of.completer = _run_names  # type: ignore[attr-defined]
    _add_results(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--format",
        choices=("table", "csv", "parquet", "json"),
        help="default: by the ending of --out, else table; csv and parquet have a row a cell with "
        "every figure, json also the plan, the environment and all facts",
    )
    form.add_argument(
        "--json", dest="format", action="store_const", const="json", help="as --format json"
    )
    parser.add_argument("--out", "-o", type=Path, metavar="FILE", help="write it to a file")
    parser.add_argument(
        "--failed", action="store_true", help="only cells that failed, and what they said"
    )


def _report(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_runs("report"))
    of = parser.add_argument(
        "of", metavar="RUN", help="a run's name or the first digits of its digest"
    )
    of.completer = _run_names  # type: ignore[attr-defined]
    _add_results(parser)
    parser.add_argument(
        "--out", "-o", type=Path, metavar="FILE.html", help="write the report as one page"
    )
    parser.add_argument(
        "--cost",
        type=float,
        metavar="C",
        help="round-trip cost of a signal at which verdicts are made (default: the data's own)",
    )
    parser.add_argument(
        "--trials",
        type=int,
        metavar="N",
        help="configurations ever tried for this end, in all sweeps so far: the hurdle of the "
        "deflated Sharpe ratio (default: those of the runs on the same rows in the database)",
    )
    parser.add_argument("--json", action="store_true", help="print verdict and leaderboard as JSON")


def _add_results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--results",
        metavar="URL",
        help="sqlite:///FILE.db or postgresql+psycopg://... (default: $CVN_RESULTS, else "
        "sqlite:///cvn-results.db)",
    )


def _dag(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_runs("dag"))
    _add_model(parser)
    parser.add_argument(
        "--out", "-o", type=Path, metavar="FILE", help=".svg or .dot (default: ./cvn-MODEL.svg)"
    )


_PARAMS_USAGE = """\
cvn params MODEL [--used] [--config FILE] [--sql URL] [--timeframe T] [--json]
       cvn params seed MODEL --to URL|FILE.toml [--timeframe T] [--overwrite] [--json]
       cvn params diff MODEL [--config FILE] [--sql URL] [--timeframe T] [--json]"""

_PARAMS_EPILOG = """\
A model that is itself named seed or diff is reached like any other: `cvn params seed` shows it,
`cvn params seed seed --to hpo.toml` writes what it declares."""


def _params(parser: argparse.ArgumentParser) -> None:
    parser.usage, parser.epilog = _PARAMS_USAGE, _PARAMS_EPILOG
    parser.set_defaults(run=_runs("params"))
    model = parser.add_argument(
        "model",
        nargs="+",
        action=_ActionAndModel,
        metavar="[seed|diff] MODEL",
        help="show a model's or an ensemble's parameters; seed: write what it declares where you "
        "can change it; diff: what is changed there",
    )
    model.completer = lambda **_: ["seed", "diff", *_model_names()]  # type: ignore[attr-defined]
    _add_config(parser, sql="--sql")
    parser.add_argument(
        "--used",
        action="store_true",
        help="show what `cvn train` would use and where each value comes from, the environment's "
        "CVN_HPO_* included (implied by --config, --sql and --timeframe)",
    )
    parser.add_argument("--to", metavar="URL|FILE.toml", help="where seed writes")
    parser.add_argument(
        "--overwrite", action="store_true", help="have seed replace what differs from the plugin's"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


class _ActionAndModel(argparse.Action):
    """A model, or what is to be done and a model."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        words = [str(word) for word in values] if isinstance(values, list) else []
        namespace.action = words.pop(0) if len(words) > 1 else "show"
        if len(words) != 1 or namespace.action not in ("show", "seed", "diff"):
            parser.error("give MODEL, seed MODEL or diff MODEL")
        namespace.model = words[0]


def _add_config(group: argparse._ActionsContainer, *, sql: str) -> None:
    group.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="hyperparameters in a TOML file, a table for each model; CVN_HPO_<MODEL>_<PARAM> in "
        "the environment is over it",
    )
    group.add_argument(
        sql,
        dest="config_sql",
        metavar="URL",
        help="hyperparameters in a database, under the file's, such as sqlite:///hpo.db",
    )
    group.add_argument(
        "--timeframe", metavar="T", help="length of a bar, such as 1h: which defaults hold"
    )


def _hpo(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    show = actions.add_parser("show", help="show the trials of a search, finished or running")
    show.set_defaults(run=_runs("hpo"))
    show.add_argument(
        "search",
        metavar="BUNDLE|STORAGE",
        help="a bundle that `cvn train --trials` wrote, or what its --storage was",
    )
    show.add_argument("--study", metavar="NAME", help="which of a storage's studies")
    show.add_argument(
        "--out", "-o", type=Path, metavar="FILE.html", help="write a page with Optuna's plots"
    )
    show.add_argument("--json", action="store_true", help="print JSON")


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


PLUGIN_KINDS = ("model", "ensemble", "observer", "theta-rule")


def _new_plugin(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_runs("new_plugin"))
    parser.description = (
        "Write a complete package: a plugin that works, its tests, a README and a CI workflow. "
        "It is found by its entry point as soon as it is installed; see docs/plugins.md."
    )
    parser.add_argument(
        "name", metavar="NAME", help="lower-case words joined by - or _, for instance fast-trees"
    )
    parser.add_argument("--kind", choices=PLUGIN_KINDS, default="model", help="default: model")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="the package's folder, which must not be there yet (default: ./ and the "
        "distribution's name, such as ./cvn-model-NAME)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


_DOCTOR = """\
Examine what is installed, plugins, threads, memory, the store and the results, and say what to do
where something is wrong. Nothing is changed: a store that is there, or that is named, is tried in a
temporary folder beside its entries, and that is deleted."""

_DOCTOR_EPILOG = """\
exit codes: 0 no problem, though there may be warnings; 1 at least one problem; 2 the command line
is not usable."""


def _doctor(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_runs("doctor"))
    parser.add_argument(
        "--store",
        type=Path,
        metavar="DIR",
        help="the store's folder (default: $CVN_STORE, else ./.cvn-store)",
    )
    parser.add_argument(
        "--results",
        metavar="URL",
        help="sqlite:///FILE.db or postgresql+psycopg://... (default: $CVN_RESULTS, else "
        "sqlite:///cvn-results.db)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _size(text: str) -> int:
    from cvn_harness_core import bytes_of

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


def _run_names(*, parsed_args: argparse.Namespace, **_: object) -> list[str]:
    from cvn_harness_core import HarnessError
    from cvn_orchestrator.results.database import open_results
    from cvn_orchestrator.results.finding import DIGITS
    from cvn_orchestrator.results.url import results_url

    try:
        url = results_url(parsed_args.results)
        with open_results(url, must_exist=True, patience_s=0.0) as results:
            runs = results.runs()
    except HarnessError:
        return []
    return [*dict.fromkeys(row.name for row in runs), *(row.run[:DIGITS] for row in runs)]


def _model_names(**_: object) -> list[str]:
    from cvn_harness_core import ENSEMBLE_REGISTRY, MODEL_REGISTRY

    return [*MODEL_REGISTRY, *ENSEMBLE_REGISTRY]
