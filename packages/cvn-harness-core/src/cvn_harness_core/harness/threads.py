"""How many threads one fit uses."""

from __future__ import annotations

from collections.abc import Mapping

from cvn_harness_core.contracts.hpo import HPOParams
from cvn_harness_core.contracts.model import ModelSpec
from cvn_harness_core.contracts.params import ResolvedParam
from cvn_harness_core.contracts.space import Dimension
from cvn_harness_core.resources.budget import Budget


def threads_for(
    spec: ModelSpec,
    hpo_params: HPOParams,
    parameters: Mapping[str, ResolvedParam],
    space: Mapping[str, Dimension],
) -> int:
    """Return the threads of one fit: the user's, else by what the model declares.

    Every thread of the budget (``CVN_THREADS``, or the cores of this process) where threads do not
    change bits; one where they do, so that results never depend on the machine.
    """
    if hpo_params.n_threads is not None:
        return hpo_params.n_threads
    free = threads_are_free(spec, hpo_params, parameters, space)
    return Budget.current().threads if free else 1


def trials_at_once(
    spec: ModelSpec,
    hpo_params: HPOParams,
    parameters: Mapping[str, ResolvedParam],
    space: Mapping[str, Dimension],
) -> int:
    """Return the user's ``max_concurrent``, else by what a fit takes; never by the machine.

    One trial at a time knows of all those before it. Where a fit has one thread only, trials run
    beside one another to use the cores.
    """
    if hpo_params.max_concurrent is not None:
        return hpo_params.max_concurrent
    several = threads_are_free(spec, hpo_params, parameters, space)
    several = several or (hpo_params.n_threads or 1) > 1
    return 1 if several else 4


def threads_are_free(
    spec: ModelSpec,
    hpo_params: HPOParams,
    parameters: Mapping[str, ResolvedParam],
    space: Mapping[str, Dimension],
) -> bool:
    """Return whether threads change no bits and the user names no number of them."""
    varies = any(
        name in space or (name in parameters and parameters[name].value in values)
        for name, values in spec.thread_variant.items()
    )
    return hpo_params.n_threads is None and spec.thread_invariant and not varies
