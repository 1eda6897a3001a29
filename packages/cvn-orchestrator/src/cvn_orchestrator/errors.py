"""Errors of plans, data and splits, every fault at once with its place; of sweeps and results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from cvn_harness_core import HarnessError

SHOWN = 100


class FaultsError(HarnessError, ValueError):
    """Something has faults; ``faults`` holds them one by one, the message the first hundred."""

    faults: tuple[str, ...] = ()

    @classmethod
    def of(cls, code: str, heading: str, faults: Sequence[str]) -> Self:
        """Return the error of one or more faults, a line each under the heading."""
        more = [f"... and {len(faults) - SHOWN:,} more"] if len(faults) > SHOWN else []
        lines = [f"  {fault}" for fault in (*faults[:SHOWN], *more)]
        error = cls(code, "\n".join((heading, *lines)))
        error.faults = tuple(faults)
        return error


class PlanError(FaultsError):
    """A plan cannot be read, or says what cannot be."""

    codes = frozenset({"plan_invalid", "plan_unreadable"})


class NewPluginError(HarnessError, ValueError):
    """A package for a new plugin cannot be made under that name, or there."""

    codes = frozenset({"plugin_folder_exists", "plugin_name_invalid", "plugin_name_taken"})


class DataError(FaultsError):
    """A table cannot be used for a plan."""

    codes = frozenset({"data_invalid"})


class SplitsError(FaultsError):
    """The folds of a plan cannot be laid over its data, or leak."""

    codes = frozenset({"splits_incomplete", "splits_leak"})


class ResultsError(HarnessError, RuntimeError):
    """The database of results cannot be used, or what is asked of it is not there."""

    codes = frozenset(
        {
            "results_corrupt",
            "results_invalid",
            "results_newer",
            "results_unavailable",
            "run_ambiguous",
            "run_unknown",
        }
    )


class SweepError(HarnessError, RuntimeError):
    """A sweep cannot be run, or a cell of it ended with its worker."""

    codes = frozenset(
        {"engine_failed", "engine_unknown", "sweep_busy", "sweep_ended", "worker_died"}
    )
