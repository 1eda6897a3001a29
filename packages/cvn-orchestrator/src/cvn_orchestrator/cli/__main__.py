"""`python -m cvn_orchestrator.cli`: the `cvn` command."""

from __future__ import annotations

import sys

from cvn_orchestrator.cli import main

if __name__ == "__main__":
    sys.exit(main())
