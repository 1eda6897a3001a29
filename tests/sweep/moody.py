"""A model of elsewhere that does what its parameter ``mood`` says: fail, die, or take its time."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

CODE = """
    import ctypes
    import os
    import time

    import numpy as np

    import cvn_harness_core as cvn


    class Moody(cvn.ModelAdapter):
        def fit(self, prepared, request):
            mood = request.params["mood"]
            y = prepared.train.y
            if mood == "slow":
                time.sleep(0.6)
            if mood == "raises":
                raise RuntimeError("not today")
            if mood == "greedy":
                raise MemoryError("std::bad_alloc")
            if mood == "dies":
                ctypes.string_at(0)
            if mood == "dies once":
                place = os.environ["MOODY_DIED"]
                if not os.path.exists(place):
                    open(place, "w").close()
                    ctypes.string_at(0)
            if mood == "leaves":
                raise SystemExit(3)
            slopes = np.array([np.cov(x, y)[0, 1] for x in np.nan_to_num(prepared.train.X).T])
            return cvn.Fitted(slopes)

        def predict_proba(self, native, X, *, n_threads):
            return 1 / (1 + np.exp(-np.nan_to_num(X) @ native))

        def save(self, native):
            return native.tobytes()

        def load(self, payload):
            return np.frombuffer(payload)


    MOODS = ("good", "slow", "raises", "greedy", "dies", "dies once", "leaves")


    @cvn.hookimpl
    def cvn_model():
        return cvn.ModelSpec(
            name="moody", adapter=Moody, libraries=("numpy",), thread_invariant=True,
            params=(cvn.Param("mood", str, default="good", choices=MOODS),),
        )
"""


def install(folder: Path) -> dict[str, str]:
    """Install the model in a folder, and return the variables with which it is found."""
    info = folder / "moody-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: moody\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[cvn_harness.models.v1]\nmoody = moody\n")
    (info / "RECORD").write_text("moody.py,,\n")
    (folder / "moody.py").write_text(textwrap.dedent(CODE))
    found = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    found.pop("CVN_RESULTS", None)
    return {**found, "MOODY_DIED": str(folder / "died")}
