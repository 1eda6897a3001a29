"""Trains ensembles in a process of its own: `python -m tests.ensembles.worker STORE NAME ...`.

Events go to standard error, one JSON object a line; a digest of each ensemble's predictions to
standard output.
"""

from __future__ import annotations

import hashlib
import json
import sys

import msgspec

from cvn_harness_core import Store, configure_logging, train_ensemble

from .small import PARAMS, datasets

if __name__ == "__main__":
    configure_logging("json")
    data = datasets()
    for name in sys.argv[2:]:
        artifact = train_ensemble(name, data, PARAMS, store=Store(sys.argv[1]))
        # By names: an artifact that was read has them in another order than one that was made.
        decision = json.dumps(msgspec.to_builtins(artifact.decision), sort_keys=True)
        bits = artifact.predict_proba(data.test.X).tobytes() + decision.encode()
        print(name, hashlib.sha256(bits).hexdigest(), flush=True)
