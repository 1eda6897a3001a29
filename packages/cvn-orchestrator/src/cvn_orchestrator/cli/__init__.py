"""The `cvn` command: one module per subcommand, imported only when it runs."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from cvn_orchestrator.cli.answer import answering, is_for_programs
from cvn_orchestrator.cli.interrupt import Stopped, exit_code
from cvn_orchestrator.cli.parser import build_parser

EXIT_FAILED, EXIT_USAGE = 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run `cvn` and return its exit code.

    0: done. 1: the work failed. 2: the command line, the data or a setting is not usable, and
    no bundle was written. 130: interrupted. 143: ended by SIGTERM.
    """
    parser = build_parser()
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser)
    given = sys.argv[1:] if argv is None else list(argv)
    arguments = parser.parse_args(given, argparse.Namespace(argv=given))
    if not hasattr(arguments, "run"):
        parser.print_help(sys.stderr)
        return EXIT_USAGE
    for_programs = is_for_programs(arguments)
    with answering(for_programs=for_programs, to_the_end=argv is None) as arguments.answer:
        return _run(arguments)


def _run(arguments: argparse.Namespace) -> int:
    try:
        code = int(arguments.run(arguments))
        arguments.answer.flush()
    except KeyboardInterrupt as error:
        print("cvn: interrupted", file=sys.stderr)
        return exit_code(error.number if isinstance(error, Stopped) else signal.SIGINT)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), arguments.answer.fileno())
        return EXIT_FAILED
    except (Exception, SystemExit) as error:
        failed = _told(error, arguments)
        if failed is None:
            raise
        return failed
    return code


def _told(error: BaseException, arguments: argparse.Namespace) -> int | None:
    """Report an error that is understood, and return the exit code; None for any other."""
    from cvn_harness_core import HarnessError

    if isinstance(error, SystemExit):  # no subcommand raises it: a plugin that loads or scores did
        message = f"a plugin called sys.exit({error.code!r})"
        return _report("plugin_exited", message, arguments, EXIT_FAILED)
    if isinstance(error, OSError) and not isinstance(error, HarnessError):
        where = "" if error.filename is None else f": {error.filename}"
        return _report("os_error", f"{error.strerror or error}{where}", arguments, EXIT_FAILED)
    if not isinstance(error, HarnessError):
        return None
    faults = getattr(error, "faults", ())
    return _report(error.code, str(error), arguments, _exit_code(error), faults)


_FAILED = ("store_unwritable", "sweep_ended")


def _exit_code(error: Exception) -> int:
    from cvn_harness_core import BundleError, FitError, HarnessError

    assert isinstance(error, HarnessError)
    failed = isinstance(error, FitError | BundleError) and error.code != "bundle_not_found"
    return EXIT_FAILED if failed or error.code in _FAILED else EXIT_USAGE


def _report(
    code: str,
    message: str,
    arguments: argparse.Namespace,
    exit_code: int,
    faults: Sequence[str] = (),
) -> int:
    if getattr(arguments, "json", False) or getattr(arguments, "format", None) == "json":
        import json

        facts = {"code": code, "message": message} | ({"faults": [*faults]} if faults else {})
        print(json.dumps({"error": facts}), file=arguments.answer)
    said, *lines = message.split("\n")
    print(f"cvn: error: {said} [{code}]", *lines, sep="\n", file=sys.stderr)
    return exit_code
