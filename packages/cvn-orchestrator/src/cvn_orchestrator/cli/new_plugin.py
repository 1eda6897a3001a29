"""`cvn new-plugin`: a package that installs, passes its own tests, and is there to be edited."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path

from cvn_orchestrator.new_plugin.kinds import KINDS
from cvn_orchestrator.new_plugin.names import names_of
from cvn_orchestrator.new_plugin.writing import files_of, write
from cvn_orchestrator.target import writing


def run(arguments: argparse.Namespace) -> int:
    """Write the package, and print its files and what to do next."""
    kind = KINDS[arguments.kind]
    names = names_of(arguments.name, kind)
    folder = arguments.out or Path(names.distribution)
    files = files_of(names, kind)
    with writing(folder):
        write(folder, files)
    look = f"cvn check {names.plugin}" if kind.checked else "cvn plugins"
    steps = [f"cd {shlex.quote(str(folder))}", "uv pip install -e '.[test]'", "pytest", look]
    if arguments.json:
        facts = {
            "name": names.plugin,
            "kind": kind.name,
            "distribution": names.distribution,
            "package": names.package,
            "folder": str(folder),
            "files": sorted(files),
            "next": steps,
        }
        print(json.dumps(facts, indent=1), file=arguments.answer)
        return 0
    print(f"{folder}: the {kind.name} {names.plugin}, {kind.does}")
    print(*(f"  {path}" for path in sorted(files)), sep="\n")
    print("\nnext, in an environment that has CVN Harness:", *(f"  {s}" for s in steps), sep="\n")
    print("\n(until 0.1.0 is on PyPI, that which `uv sync` makes in a clone of it, activated)")
    print(f"\nthen edit src/{names.package}/plugin.py")
    return 0
