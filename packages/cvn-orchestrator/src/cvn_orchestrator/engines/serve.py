"""The worker of the local engine: ``python -m cvn_orchestrator.engines.serve FD PARENT``."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from multiprocessing.connection import Connection

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Run the tasks that come over the connection until it ends."""
    descriptor, parent = map(int, sys.argv[1:])
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return  # it died before this process could ask to die with it
    os.set_inheritable(descriptor, False)  # noqa: FBT003
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # whoever began this process ends it
    connection = Connection(descriptor)
    try:
        sys.path[:], share = connection.recv()
        os.environ.update(share)
        work = connection.recv()
        from cvn_orchestrator.engines.local import READY

        with work.open() as run:
            connection.send(READY)
            while True:
                connection.send(run(connection.recv()))
    except (EOFError, ConnectionError):
        return


if __name__ == "__main__":
    main()
