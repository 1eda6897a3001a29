"""Twenty plugins as an installer leaves them: twelve sound ones, and eight ways to be broken.

Beside them is a distribution of nobody's plugin whose entry points are damaged: what reads those of
all distributions, as scikit-learn and LightGBM do, must not end with it.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

MODELS, ENSEMBLES, OBSERVERS = (f"cvn_harness.{g}.v1" for g in ("models", "ensembles", "plugins"))

MODEL = """
    import numpy as np
    import cvn_harness_core as cvn


    class Slopes(cvn.ModelAdapter):
        def fit(self, prepared, request):
            X, y = np.nan_to_num(prepared.train.X), prepared.train.y
            return cvn.Fitted(np.array([np.cov(x, y)[0, 1] for x in X.T]) * {scale})

        def predict_proba(self, native, X, *, n_threads):
            return 1 / (1 + np.exp(-np.nan_to_num(X) @ native))

        def save(self, native):
            return native.tobytes()

        def load(self, payload):
            return np.frombuffer(payload)


    @cvn.hookimpl
    def cvn_model({arguments}):
        return cvn.ModelSpec(
            name="{name}", adapter=Slopes, libraries=("numpy",), params=(), thread_invariant=True
        )
"""
ENSEMBLE = """
    import numpy as np
    import cvn_harness_core as cvn


    class Median(cvn.Combiner):
        def combine(self, learnt, scores):
            return np.asarray(np.median(scores, axis=1))


    @cvn.hookimpl
    def cvn_ensemble():
        bases = ("sound1", "sound2")
        return cvn.EnsembleSpec(name="{name}", bases=bases, combiner=Median, learns=False)
"""
OBSERVER = """
    import os
    import cvn_harness_core as cvn


    @cvn.hookimpl
    def cvn_event(event):
        if event.event == "training_complete" and "SEEN" in os.environ:
            with open(os.environ["SEEN"], "a") as file:
                file.write(event.model + chr(10))
"""

SOUND_MODELS = tuple(f"sound{n}" for n in range(1, 11))
BROKEN = {
    # name: status, what is said, what is advised
    "raises": ("import_failed", "raised on import: ValueError: bad day", "--force-reinstall acme-"),
    "lacks": ("dependency_missing", "it needs 'acme_library'", "install 'acme_library'"),
    "leaves": ("import_failed", "raised on import: SystemExit: 3", "CVN_PLUGINS_BLOCK=leaves"),
    "crashes": ("import_failed", "ended the process (SIGSEGV)", "CVN_PLUGINS_BLOCK=crashes"),
    "future": ("incompatible", "written for contract v2", "--upgrade cvn-harness-core"),
    "misfits": ("contract", "hook that does not fit", "pip install --upgrade acme-misfits"),
    "garbled": ("malformed", "'acme garbled!'", "pip install --upgrade acme-garbled"),
    "twin": ("conflict", "acme-twin and rival-twin both offer", "uninstall one, or block it"),
}


def install(folder: Path) -> None:
    """Install all twenty; the name of a broken one says how it is (``twin`` is from two).

    And install ``bystander``, which is damaged.
    """
    for n, name in enumerate(SOUND_MODELS, 1):
        _put(folder, name, MODELS, MODEL.format(name=name, scale=n, arguments=""))
    _put(folder, "middle", ENSEMBLES, ENSEMBLE.format(name="middle"))
    _put(folder, "watch", OBSERVERS, OBSERVER)
    for name, source in {
        "raises": "raise ValueError('bad day')",
        "lacks": "import acme_library.deep",
        "leaves": "raise SystemExit(3)",
        "crashes": "import ctypes; ctypes.string_at(0)",
        "misfits": MODEL.format(name="misfits", scale=1, arguments="config"),
        "twin": MODEL.format(name="twin", scale=1, arguments=""),
    }.items():
        _put(folder, name, MODELS, source)
    _put(folder, "future", "cvn_harness.models.v2", MODEL)
    _put(folder, "garbled", MODELS, "", target="acme garbled!")
    _put(folder, "twin", MODELS, "raise AssertionError", owner="rival")
    (folder / "bystander-1.0.dist-info").mkdir()
    (folder / "bystander-1.0.dist-info" / "entry_points.txt").write_text("[console_scripts]\nrun\n")


def _put(
    folder: Path, name: str, group: str, source: str, *, owner: str = "acme", target: str = ""
) -> None:
    module, distribution = f"{owner}_{name}", f"{owner}-{name}"
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {target or module}\n")
    (info / "RECORD").write_text(f"{module}.py,,\n")
    (folder / f"{module}.py").write_text(textwrap.dedent(source))
