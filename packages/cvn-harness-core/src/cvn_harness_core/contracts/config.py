"""Values and ranges of one model's hyperparameters that a file or a database holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cvn_harness_core.contracts.params import Overridden
from cvn_harness_core.contracts.space import Dimension


@dataclass(frozen=True)
class ParamConfig:
    """A layer between the plugin's defaults and the user: fixed values, and ranges for a search.

    Parameters
    ----------
    values, space
        By parameter, as in ``HPOParams``. A parameter stands in one of them at most.
    origins
        Where each comes from, for messages: ``hpo.toml [lightgbm]``,
        ``CVN_HPO_LIGHTGBM_NUM_LEAVES``.
    history
        The values that several places give one parameter, later ones in place of earlier ones, each
        with its place alone. Empty where there was one place.
    replaced_ranges
        The ranges that a later place replaced, by parameter, each with its place, in words.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    space: Mapping[str, Dimension] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    history: Mapping[str, tuple[Overridden, ...]] = field(default_factory=dict)
    replaced_ranges: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
