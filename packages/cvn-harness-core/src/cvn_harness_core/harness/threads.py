"""How many threads one fit uses, and how many trials of a search are under way at once."""

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
    """Return the user's ``max_concurrent``, else by the model; never by the machine.

    One trial at a time knows of all those before it. Where threads change bits a fit has one, and
    trials run beside one another to use the cores.
    """
    if hpo_params.max_concurrent is not None:
        return hpo_params.max_concurrent
    return 1 if _threads_change_no_bits(spec, parameters, space) else 4


def threads_are_free(
    spec: ModelSpec,
    hpo_params: HPOParams,
    parameters: Mapping[str, ResolvedParam],
    space: Mapping[str, Dimension],
) -> bool:
    """Return whether threads change no bits and the user names no number of them."""
    return hpo_params.n_threads is None and _threads_change_no_bits(spec, parameters, space)


def _threads_change_no_bits(
    spec: ModelSpec, parameters: Mapping[str, ResolvedParam], space: Mapping[str, Dimension]
) -> bool:
    varies = any(
        name in space or (name in parameters and parameters[name].value in values)
        for name, values in spec.thread_variant.items()
    )
    return spec.thread_invariant and not varies
