"""The `cvn` command: one module per subcommand, imported only when it runs."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence

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
    try:
        return int(arguments.run(arguments))
    except KeyboardInterrupt as error:
        print("cvn: interrupted", file=sys.stderr)
        return exit_code(error.number if isinstance(error, Stopped) else signal.SIGINT)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except OSError as error:
        print(f"cvn: error: {error.strerror}: {error.filename} [os_error]", file=sys.stderr)
        return EXIT_FAILED
    except (Exception, SystemExit) as error:
        code = _report(error, as_json=getattr(arguments, "json", False))
        if code is None:
            raise
        return code


def _report(error: BaseException, *, as_json: bool) -> int | None:
    """Print an error that is understood and return the exit code; None for any other."""
    from cvn_harness_core import BundleError, FitError, HarnessError

    if isinstance(error, SystemExit):  # no subcommand raises it: a plugin that loads or scores did
        print(f"cvn: error: a plugin called sys.exit({error.code!r})", file=sys.stderr)
        return EXIT_FAILED
    if not isinstance(error, HarnessError):
        return None
    if as_json:
        import json

        facts: dict[str, object] = {"code": error.code, "message": str(error)}
        if faults := getattr(error, "faults", ()):
            facts["faults"] = list(faults)
        print(json.dumps({"error": facts}))
    said, *lines = str(error).split("\n")
    print(f"cvn: error: {said} [{error.code}]", *lines, sep="\n", file=sys.stderr)
    failed = isinstance(error, FitError | BundleError) and error.code != "bundle_not_found"
    failed = failed or error.code == "store_unwritable"
    return EXIT_FAILED if failed else EXIT_USAGE
