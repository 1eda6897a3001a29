"""What each library does with a refused allocation: an exception, the end of the process, a hang.

A fit runs in a fork of a process that has imported the library, under ``memory_limited`` at steps
from nothing to more than the fit's own peak, and says what came of it and whether the same process
can fit without the limit afterwards. The data are synthetic, 60,000 x 60.

    python benchmarks/out_of_memory.py [--threads 2] [--steps 20] [--models xgboost lightgbm ...]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from cvn_harness_core import MODEL_REGISTRY, Datasets, FitRequest, Stopping
from cvn_harness_core.resources.exhausted import is_out_of_memory, memory_limited
from cvn_harness_core.resources.peak import peak_memory

ROWS, WIDTH, ROUNDS = 60_000, 60, 20
IDLE_S, SPUN_S = 8.0, 20.0  # seconds without the processor, and with it, that mean a hang


def main() -> None:
    """Print a line for each library and outcome: how many limits led to it, and which."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--models", nargs="+", default=["xgboost", "lightgbm", "catboost"])
    options = parser.parse_args()
    data = synthetic()
    for model in options.models:
        fit = fit_of(model, data, options.threads)
        with_all = outcome(fit, None)
        peak = with_all["growth"]
        print(f"{model}: growth without a limit {peak / 2**20:.0f} MiB, {options.threads} threads")
        seen: dict[str, list[int]] = {}
        for step in range(options.steps):
            limit = int(1.6 * peak * step / (options.steps - 1))
            seen.setdefault(outcome(fit, limit)["what"], []).append(limit >> 20)
        for what, limits in Counter({k: len(v) for k, v in seen.items()}).most_common():
            print(f"  {limits:3d} x {what}: at {', '.join(map(str, seen[what]))} MiB", flush=True)


def synthetic() -> Datasets:
    """Return a weak signal in normal noise."""
    rng = np.random.default_rng(0)

    def part(n: int) -> tuple[Any, Any]:
        X = rng.normal(size=(n, WIDTH))
        return X, (X[:, 0] + 2 * rng.normal(size=n) > 0).astype(np.int8)

    names = [f"f{i}" for i in range(WIDTH)]
    return Datasets.from_arrays(part(ROWS), part(ROWS // 4), part(ROWS // 4), feature_names=names)


def fit_of(model: str, data: Datasets, threads: int) -> Any:
    """Return a function that prepares and fits, by the plugin's defaults, in few rounds."""
    spec = MODEL_REGISTRY[model]
    adapter = spec.adapter()
    params = {p.name: p.default for p in spec.params if p.default is not None}
    params[spec.iterations_param] = ROUNDS
    stopping = Stopping(next(iter(spec.stopping_metrics.values())), rounds=None)
    request = FitRequest(params, 0, threads, stopping)
    return lambda: adapter.fit(adapter.prepare(data, request), request)


def outcome(fit: Any, limit: int | None) -> dict[str, Any]:
    """Return what came of a fit in a fork of this process."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        os.write(write, json.dumps(attempt(fit, limit)).encode())
        os._exit(0)
    os.close(write)
    hung = wait(child)
    _, status = os.waitpid(child, 0)
    with os.fdopen(read) as told:
        text = told.read()
    if text:
        return json.loads(text)  # type: ignore[no-any-return]
    if hung:
        return {"what": "HUNG"}
    code = os.waitstatus_to_exitcode(status)
    return {"what": f"DIED by {signal.Signals(-code).name if code < 0 else f'exit {code}'}"}


def attempt(fit: Any, limit: int | None) -> dict[str, Any]:
    """Fit under the limit; after a failure, fit again without."""
    with peak_memory() as peak:
        try:
            with memory_limited(limit):
                fit()
            what = "fits"
        except Exception as error:  # noqa: BLE001
            kind = "" if is_out_of_memory(error) else ", NOT RECOGNISED"
            said = str(error).strip().partition("\n")[0].rpartition(": ")[2][:40]
            what = f"{type(error).__name__}({said!r}){kind}"
    if what != "fits":
        fit()
        what += ", then fits"
    return {"what": what, "growth": peak.growth_bytes}


def wait(child: int) -> bool:
    """Wait until the child has ended; kill it, and return True, if it sleeps or spins for long."""
    used, since = -1, time.monotonic()
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        now = int(fields[11]) + int(fields[12])
        if now != used:
            used, since = now, time.monotonic()
        if time.monotonic() - since > IDLE_S or used / os.sysconf("SC_CLK_TCK") > SPUN_S:
            os.kill(child, signal.SIGKILL)
            return True
        time.sleep(0.05)
    return False


if __name__ == "__main__":
    main()
