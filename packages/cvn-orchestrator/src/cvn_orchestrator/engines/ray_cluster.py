"""A connection to Ray: a cluster of its own on this machine, or one that runs already."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # workers run in this environment
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else it warns

import ray  # it reads some of these when it is imported
from ray._private import worker as _streams
from ray._private.ray_logging import global_worker_stdstream_dispatcher

from cvn_orchestrator.engines.ray_actor import LAST_LINE
from cvn_orchestrator.errors import SweepError

__all__ = ["Cluster", "ray"]

TCP_S, ANSWER_S = 5.0, 60.0
LINES_S = 2.0
_OBJECTS = 128 << 20  # rows pass through Ray's shared memory, arrays of data do not
_PROBE = "import sys, ray; ray.init(address=sys.argv[1], log_to_driver=False)"


class Cluster:
    """Ray, from ``Cluster.start`` or ``Cluster.join`` until ``leave``."""

    def __init__(self, **settings: Any) -> None:
        self._lines = _Lines()
        with _handlers_kept():
            try:
                ray.init(log_to_driver=True, logging_level=logging.ERROR, **settings)
            except Exception as error:  # its own are of no type
                ray.shutdown()  # what it had started
                message = f"Ray cannot be started or joined: {error}"
                raise SweepError("engine_failed", message) from error
        # Ray prints to standard output, also what it says of workers that died.
        _streams._worker_logs_enabled = False  # noqa: SLF001
        global_worker_stdstream_dispatcher.add_handler(_Lines.NAME, self._lines)

    @classmethod
    def start(cls, n_cpus: int) -> Cluster:
        """Start Ray on this machine, for this process alone."""
        return cls(
            address="local",
            num_cpus=n_cpus,
            num_gpus=0,
            include_dashboard=False,
            object_store_memory=_OBJECTS,
        )

    @classmethod
    def join(cls, address: str) -> Cluster:
        """Connect to a cluster: ``HOST:PORT`` of its head, or ``auto`` for one on this machine.

        Raises SweepError ``engine_failed`` if nothing answers there within a minute.
        """
        if "://" in address:
            message = (
                f"the address {address} is not supported: give HOST:PORT of the head (ray start "
                "prints it), on a machine of the cluster."
            )
            raise SweepError("engine_failed", message)
        _require_answer(address)
        return cls(address=address)

    def slots(self, n_threads: int) -> int:
        """Return how many actors of so many threads the nodes hold, if nothing else ran there."""
        told: Any = ray
        nodes = [node["Resources"] for node in told.nodes() if node["Alive"]]
        return sum(int(resources.get("CPU", 0)) // n_threads for resources in nodes)

    def wait_for_lines(self, n_actors: int) -> None:
        """Wait, but not long, until all has come that so many actors wrote until they ended."""
        self._lines.wait(n_actors)

    def leave(self) -> None:
        """Disconnect; what was started here ends."""
        with _handlers_kept():
            ray.shutdown()
        global_worker_stdstream_dispatcher.remove_handler(_Lines.NAME)
        _streams._worker_logs_enabled = True  # noqa: SLF001


class _Lines:
    """Writes what actors write to standard error as it is; Ray itself would use both streams.

    Called by a thread of Ray.
    """

    NAME = "cvn_lines"

    def __init__(self) -> None:
        self._n_ended = 0
        self._told = threading.Condition()

    def __call__(self, data: dict[str, Any]) -> None:
        if not str(data.get("pid")).isdecimal():
            return  # Ray's own news, of its autoscaler for instance
        lines = data.get("lines", ())
        for line in lines:
            if line != LAST_LINE:
                sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
        with self._told:
            self._n_ended += lines.count(LAST_LINE)
            self._told.notify_all()

    def wait(self, n_actors: int) -> None:
        with self._told:
            self._told.wait_for(lambda: self._n_ended >= n_actors, LINES_S)


@contextmanager
def _handlers_kept() -> Iterator[None]:
    """Keep the handlers of signals: Ray sets its own for SIGTERM, which would end this process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _require_answer(address: str) -> None:
    """Raise SweepError ``engine_failed`` unless Ray can be joined there.

    Ray itself tries for minutes, deaf to signals, so that another process tries first.
    """
    host, colon, port = address.rpartition(":")
    if not colon and address != "auto":
        message = f"the address {address!r} is neither HOST:PORT nor auto."
        raise SweepError("engine_failed", message)
    try:
        if colon:
            socket.create_connection((host, int(port)), TCP_S).close()
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-P", "-c", _PROBE, address],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ANSWER_S,
            check=False,
            process_group=0,
        )
    except (OSError, ValueError, OverflowError) as error:
        message = f"nothing answers at the address {address}: {error}."
        raise SweepError("engine_failed", message) from error
    except subprocess.TimeoutExpired:
        message = (
            f"what listens at the address {address} does not answer as the head of a Ray cluster "
            f"within {ANSWER_S:.0f} s."
        )
        raise SweepError("engine_failed", message) from None
    if done.returncode:
        *_, said = done.stderr.strip().splitlines() or ["it said nothing"]
        message = f"Ray at the address {address} cannot be joined: {said}"
        raise SweepError("engine_failed", message)
