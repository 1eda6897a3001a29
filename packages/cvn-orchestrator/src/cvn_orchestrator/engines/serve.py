"""The worker of the local engine: ``python -m cvn_orchestrator.engines.serve FD PARENT``."""

from __future__ import annotations

import os
import signal
import sys
from multiprocessing.connection import Connection

from cvn_orchestrator.children import end_with_parent


def main() -> None:
    """Run the tasks that come over the connection until it ends."""
    descriptor, parent = map(int, sys.argv[1:])
    end_with_parent()
    if os.getppid() != parent:
        return  # it died before this process could ask to die with it
    os.set_inheritable(descriptor, False)  # noqa: FBT003
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # whoever began this process ends it
    connection = Connection(descriptor)
    os.register_at_fork(after_in_child=connection.close)  # one that outlives us must not hold it
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
