"""Trains in a process of its own: `python -m tests.ensembles.worker STORE NAME ...`.

Says ``ready`` when everything is imported and the data are there, and begins when a line comes in.
Events go to standard error, one JSON object a line; a digest of each artifact's predictions to
standard output.
"""

from __future__ import annotations

import hashlib
import json
import sys
from importlib import import_module

import msgspec

from cvn_harness_core import Store, configure_logging, dag_dot, train_ensemble, train_one

from .small import BASES, ENSEMBLES, PARAMS, datasets

if __name__ == "__main__":
    configure_logging("json")
    names, data = sys.argv[2:], datasets()
    for library in (*BASES, "sklearn.linear_model") if set(names) & set(ENSEMBLES) else names:
        import_module(library)  # so that a kill never strikes an import
    dag_dot(names[0])  # imports Hamilton
    print("ready", flush=True)
    sys.stdin.readline()
    store = Store(sys.argv[1])
    for name in names:
        if name in ENSEMBLES:
            artifact = train_ensemble(name, data, PARAMS, store=store)
        else:
            artifact = train_one(name, data, PARAMS[name], store=store)
        decision = json.dumps(msgspec.to_builtins(artifact.decision))
        bits = artifact.predict_proba(data.test.X).tobytes() + decision.encode()
        print(name, hashlib.sha256(bits).hexdigest(), flush=True)
