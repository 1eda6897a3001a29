"""How many threads one fit uses."""

from __future__ import annotations

from cvn_harness_core.contracts.hpo import HPOParams
from cvn_harness_core.contracts.model import ModelSpec


def threads_for(spec: ModelSpec, hpo_params: HPOParams) -> int:
    """Return the threads of one fit: the user's, else by what the model declares.

    Every core available to this process (control groups included) where threads do not change
    bits; one where they do, so that results never depend on the machine.
    """
    if hpo_params.n_threads is not None:
        return hpo_params.n_threads
    if not spec.thread_invariant:
        return 1
    from joblib import cpu_count

    return int(cpu_count())
