"""Every error that the harness raises on purpose.

An error has a class (what kind of thing is wrong), a stable ``code`` (what exactly; safe to match
on) and a message that says what was wrong, where, and what to do. Each class declares its codes,
so the list below is the whole list.
"""

from __future__ import annotations

from typing import ClassVar, Self


class HarnessError(Exception):
    """Base of every error raised on purpose. ``code`` is stable across releases."""

    codes: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, code: str, message: str) -> None:
        if code not in self.codes:
            problem = f"{type(self).__name__} does not declare the code {code!r}"
            raise AssertionError(problem)
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message

    def at(self, where: str) -> Self:
        """Return the same error with ``where`` (for instance a split's name) put before it."""
        return type(self)(self.code, f"{where}: {self.message}")


class InputError(HarnessError, ValueError):
    """The data, a setting, or the scores that a model returned are not usable."""

    codes = frozenset(
        {
            "bases_invalid",
            "data_column_missing",
            "data_differ",
            "data_unreadable",
            "feature_names_duplicate",
            "feature_names_missing",
            "feature_order",
            "feature_version",
            "feature_width",
            "figure_invalid",
            "features_dtype",
            "features_infinite",
            "features_not_numeric",
            "history_too_short",
            "label_end_before_time",
            "labels_not_binary",
            "labels_not_finite",
            "labels_one_class",
            "length_mismatch",
            "money_unknown",
            "out_of_fold_missing",
            "probability_kinds_differ",
            "returns_not_finite",
            "scores_inflated",
            "scores_not_finite",
            "setting_invalid",
            "shape_invalid",
            "split_leak",
            "symbol_missing",
            "time_duplicate",
            "time_invalid",
            "time_missing",
            "time_unsorted",
            "weights_invalid",
            "zero_rows",
        }
    )


class MulticlassError(HarnessError, NotImplementedError, ValueError):
    """More than two classes: not wired yet, and never silently reduced to two."""

    codes = frozenset({"multiclass_not_implemented"})


class SearchError(HarnessError, RuntimeError):
    """A hyperparameter search cannot be begun, cannot be resumed, or found nothing."""

    codes = frozenset(
        {
            "no_trial_finished",
            "prepared_changed",
            "search_unsupported",
            "space_empty",
            "storage_unavailable",
            "study_busy",
            "study_differs",
            "study_unknown",
            "trial_differs",
        }
    )


class ParameterError(HarnessError, ValueError):
    """A hyperparameter, or a configuration of some, is unknown, doubled, reserved or wrong."""

    codes = frozenset(
        {
            "config_invalid",
            "config_unreadable",
            "parameter_unknown",
            "parameter_duplicate",
            "parameter_reserved",
            "parameter_invalid",
            "space_invalid",
        }
    )


class FitError(HarnessError, RuntimeError):
    """The library or its plugin failed (the cause is chained), or the fit is unhealthy."""

    codes = frozenset({"fit_failed", "out_of_memory", "training_unhealthy"})


class PluginError(HarnessError):
    """A plugin cannot be used; see the subclass for why."""


class PluginNotInstalledError(PluginError, KeyError):
    """No installed distribution offers this name."""

    codes = frozenset({"plugin_not_installed"})


class PluginDependencyError(PluginError, ImportError):
    """The plugin is installed, but a library that it imports is not."""

    codes = frozenset({"plugin_dependency_missing"})


class PluginImportError(PluginError, ImportError):
    """The plugin is installed and raised while it was imported."""

    codes = frozenset({"plugin_import_failed"})


class PluginContractError(PluginError, TypeError):
    """The plugin was imported and does not honour the contract."""

    codes = frozenset(
        {"observer_floods", "plugin_contract", "plugin_incompatible", "plugin_malformed"}
    )


class PluginConflictError(PluginError):
    """Two distributions offer the same name."""

    codes = frozenset({"plugin_conflict"})


class PluginBlockedError(PluginError):
    """The plugin is installed and an allow-list or a block-list keeps it out."""

    codes = frozenset({"plugin_blocked"})


class PluginTooSlowError(PluginError, TimeoutError):
    """The observer lags further than it may, and is told nothing more."""

    codes = frozenset({"observer_too_slow"})


class BundleError(HarnessError, ValueError):
    """A bundle on disk cannot be written or must not be trusted."""

    codes = frozenset(
        {
            "bundle_base_missing",
            "bundle_corrupt",
            "bundle_exists",
            "bundle_format",
            "bundle_not_found",
            "bundle_unreadable",
            "bundle_unwritable",
        }
    )


class StoreError(HarnessError, RuntimeError):
    """The store of trained models cannot be used, or something cannot be kept in it."""

    codes = frozenset(
        {
            "array_refused",
            "code_not_found",
            "key_ambiguous",
            "key_not_found",
            "key_type_unknown",
            "store_invalid",
            "store_not_found",
            "store_unreachable",
            "store_unreadable",
            "store_unwritable",
        }
    )
