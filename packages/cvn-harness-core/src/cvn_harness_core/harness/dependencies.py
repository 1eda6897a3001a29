"""The versions and the code that trainings of a name depend on, known before there are data."""

from __future__ import annotations

from collections.abc import Sequence

from cvn_harness_core.contracts.content import text_digest
from cvn_harness_core.harness.environment import environment, optuna_version
from cvn_harness_core.harness.keys import rules_code
from cvn_harness_core.plugins.loading import call
from cvn_harness_core.plugins.registry import ENSEMBLE_REGISTRY, MODEL_REGISTRY
from cvn_harness_core.policy import TrainingPolicy
from cvn_harness_core.store.code_digest import code_digest, package_digest

CODE = "code of "
"""What the names of digests begin with."""


def training_dependencies(
    name: str,
    policy: TrainingPolicy,
    bases: Sequence[str] | None = None,
    *,
    searched: bool = False,
) -> dict[str, str]:
    """Return what trainings of a model or an ensemble depend on besides data and settings.

    By name: the versions of Python, NumPy, scikit-learn, SciPy, the core, the plugin and its
    libraries (which are imported), and digests of the code of plugin, core and theta rules of
    others, their names beginning with ``code of``. Those of all bases, however deep, are in it.
    Where one of these differs, results may.

    Parameters
    ----------
    name
        A registered model, else a registered ensemble.
    policy
        What they are trained under.
    bases
        Of an ensemble; by default those that it declares.
    searched
        Whether hyperparameters are searched, which depends on Optuna's version.

    Raises
    ------
    PluginError
        If one is not installed or cannot be used.
    StoreError
        ``code_not_found``; ``key_type_unknown`` for a theta rule whose source cannot be read.
    """
    registry = MODEL_REGISTRY if name in MODEL_REGISTRY else ENSEMBLE_REGISTRY
    spec, record = registry[name], registry.record(name)
    found = {
        **call(record, "naming its libraries", lambda: environment(record, spec.libraries, policy)),
        f"{CODE}{record.distribution}": code_digest(record),
        f"{CODE}cvn-harness-core": package_digest("cvn_harness_core"),
        **{f"{CODE}{r}": text_digest(code.decode()) for r, code in rules_code(policy).items()},
    }
    if registry is ENSEMBLE_REGISTRY:
        for base in ENSEMBLE_REGISTRY[name].bases if bases is None else bases:
            found |= training_dependencies(base, policy)
    if searched:
        found["optuna"] = optuna_version()
    return dict(sorted(found.items()))
