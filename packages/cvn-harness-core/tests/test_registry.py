"""A name becomes a specification, or an error that says whose fault it is and what to do."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from cvn_harness_core import ENSEMBLE_REGISTRY, MODEL_REGISTRY, Datasets, ModelSpec, train_one
from cvn_harness_core.errors import (
    PluginBlockedError,
    PluginConflictError,
    PluginContractError,
    PluginDependencyError,
    PluginError,
    PluginImportError,
    PluginNotInstalledError,
)

MODELS = "cvn_harness.models.v1"
ENSEMBLES = "cvn_harness.ensembles.v1"

SOUND = """
from cvn_harness_core import ModelSpec, hookimpl

@hookimpl
def cvn_model():
    return ModelSpec(name={name!r}, adapter=lambda: None, params=())
"""

BLEND = """
from cvn_harness_core import EnsembleSpec, hookimpl

@hookimpl
def cvn_ensemble():
    return EnsembleSpec(name="blend", bases=("trees", "nets"), combiner=lambda: None)
"""

RETURNS = """
from cvn_harness_core import EnsembleSpec, ModelSpec, hookimpl

@hookimpl
def cvn_model():
    return {value}
"""


def sound(name: str) -> str:
    return SOUND.format(name=name)


# --- a mapping ------------------------------------------------------------------------------


@pytest.fixture
def two(site: Any) -> Any:
    site.add("acme-models", MODELS, {"trees": "acme_trees"}, acme_trees=sound("trees"))
    site.add("other-models", MODELS, {"nets": "other_nets"}, other_nets=sound("nets"))
    return site


def test_a_registry_is_a_mapping(two: Any) -> None:
    registry = two.models()
    assert isinstance(registry, Mapping)
    assert list(registry) == list(registry.keys()) == ["nets", "trees"]
    assert len(registry) == 2
    assert "trees" in registry
    assert "forest" not in registry
    assert None not in registry
    assert registry["trees"].name == "trees"
    assert registry.get("trees") is registry["trees"]
    assert registry.get("forest") is None
    assert registry.get("forest", 7) == 7
    assert {name: spec.name for name, spec in registry.items()} == {
        "nets": "nets",
        "trees": "trees",
    }
    with pytest.raises(KeyError):
        registry["forest"]
    assert repr(registry) == "<model registry: nets, trees>"


def test_asking_for_one_imports_only_that_one_and_once(two: Any) -> None:
    registry = two.models()
    spec = registry["trees"]
    assert isinstance(spec, ModelSpec)
    assert "acme_trees" in sys.modules
    assert "other_nets" not in sys.modules
    assert registry["trees"] is spec


def test_an_ensemble_goes_through_the_same_door(site: Any) -> None:
    site.add("acme-stacks", ENSEMBLES, {"blend": "acme_blend"}, acme_blend=BLEND)
    assert site.ensembles()["blend"].bases == ("trees", "nets")
    assert list(site.models()) == []


def test_a_target_may_be_an_object_in_a_module(site: Any) -> None:
    source = """
from cvn_harness_core import ModelSpec, hookimpl

class Plugin:
    @hookimpl
    def cvn_model(self):
        return ModelSpec(name="trees", adapter=lambda: None, params=())

class plugins:
    trees = Plugin()
"""
    site.add("acme-models", MODELS, {"trees": "acme_door:plugins.trees"}, acme_door=source)
    assert site.models()["trees"].name == "trees"


def test_one_module_may_offer_a_model_and_an_ensemble(site: Any) -> None:
    both = sound("trees") + BLEND
    info = site.add("acme", MODELS, {"trees": "acme_both"}, acme_both=both)
    with (info / "entry_points.txt").open("a") as file:
        file.write(f"\n[{ENSEMBLES}]\nblend = acme_both\n")
    assert site.models()["trees"].name == "trees"
    assert site.ensembles()["blend"].name == "blend"


def test_what_was_installed_or_removed_is_seen_after_a_refresh(site: Any) -> None:
    registry = site.models()
    assert list(registry) == []
    info = site.add("acme-models", MODELS, {"trees": "acme_trees"}, acme_trees=sound("trees"))
    assert list(registry) == []
    registry.refresh()
    assert registry["trees"].name == "trees"
    shutil.rmtree(info)
    assert "trees" in registry
    registry.refresh()
    assert "trees" not in registry
    with pytest.raises(PluginNotInstalledError):
        registry["trees"]


def test_one_that_was_removed_before_its_import_says_how_to_forget_it(site: Any) -> None:
    info = site.add("acme-models", MODELS, {"trees": "acme_trees"}, acme_trees=sound("trees"))
    registry = site.models()
    assert "trees" in registry
    shutil.rmtree(info)
    (site.folder / "acme_trees.py").unlink()
    with pytest.raises(PluginImportError, match=r"if it was removed, call refresh\(\)"):
        registry["trees"]
    registry.refresh()
    with pytest.raises(PluginNotInstalledError):
        registry["trees"]


def test_the_global_registries_read_what_is_on_the_path(models: Any) -> None:
    assert {"logreg", "descent"} <= set(MODEL_REGISTRY)
    assert MODEL_REGISTRY.record("logreg").distribution == "sample-models"
    assert "logreg" not in ENSEMBLE_REGISTRY
    assert "mean" in ENSEMBLE_REGISTRY
    assert "mean" not in MODEL_REGISTRY


# --- not installed --------------------------------------------------------------------------


def test_an_unknown_name_says_how_to_install_it_and_what_is_near(two: Any) -> None:
    with pytest.raises(PluginNotInstalledError) as caught:
        two.models()["tress"]
    assert caught.value.code == "plugin_not_installed"
    said = str(caught.value)
    assert "Did you mean 'trees'?" in said
    assert "Installed: nets, trees" in said
    assert "pip install cvn-model-tress" in said


def test_an_unknown_ensemble_says_how_to_install_it(site: Any) -> None:
    with pytest.raises(PluginNotInstalledError, match="pip install cvn-ensembles") as caught:
        site.ensembles()["blend_avg"]
    assert "Installed: none" in str(caught.value)


@pytest.mark.parametrize("name", [None, 5, ("trees",)])
def test_a_name_that_is_no_text_is_not_installed(name: Any, two: Any) -> None:
    assert two.models().get(name, "nothing") == "nothing"


def test_training_an_unknown_model_fails_before_anything_else(
    datasets: Datasets, refused: Any
) -> None:
    with refused(PluginNotInstalledError, "plugin_not_installed", match="Did you mean 'logreg'"):
        train_one("logrge", datasets)


@pytest.mark.parametrize(
    ("group", "kind"),
    [("cvn_harness.plugins.v1", "observer"), ("cvn_harness.theta.v1", "theta-rule")],
)
def test_what_is_installed_as_another_kind_is_not_to_be_installed(
    group: str, kind: str, two: Any
) -> None:
    two.add("acme-watch", group, {"watch": "acme_watch"})
    with pytest.raises(PluginNotInstalledError) as caught:
        two.models()["watch"]
    assert f"What is called so is the {kind} of acme-watch." in str(caught.value)
    assert "pip install" not in str(caught.value)


# --- installed and not usable ---------------------------------------------------------------

UNUSABLE: dict[str, tuple[str, type[PluginError], str, str]] = {
    "it raises on import": (
        "raise ValueError('bad day')",
        PluginImportError,
        "plugin_import_failed",
        "ValueError: bad day",
    ),
    "it exits on import": (
        "raise SystemExit(3)",
        PluginImportError,
        "plugin_import_failed",
        "SystemExit: 3",
    ),
    "it raises what cannot be said": (
        "raise type('Mute', (Exception,), {'__str__': lambda self: 1 / 0})()",
        PluginImportError,
        "plugin_import_failed",
        "Mute: (it cannot say what: its __str__ raised ZeroDivisionError)",
    ),
    "its module cannot be looked through": (
        "def __dir__(): raise RuntimeError('not for you')",
        PluginContractError,
        "plugin_contract",
        "not for you",
    ),
    "its hook raises what cannot be said": (
        "class Mute(Exception):\n    def __str__(self): raise KeyError\n"
        + RETURNS.format(value="(_ for _ in ()).throw(Mute())"),
        PluginContractError,
        "plugin_contract",
        "its __str__ raised KeyError",
    ),
    "it is no Python": ("def", PluginImportError, "plugin_import_failed", "SyntaxError"),
    "it imports a name that is not there": (
        "from json import nothing_of_the_kind",
        PluginImportError,
        "plugin_import_failed",
        "nothing_of_the_kind",
    ),
    "its library is missing": (
        "import acme_library.deep.inside",
        PluginDependencyError,
        "plugin_dependency_missing",
        "needs 'acme_library', which is not installed",
    ),
    "its library is missing when the hook is called": (
        RETURNS.format(value="__import__('acme_library')"),
        PluginDependencyError,
        "plugin_dependency_missing",
        "needs 'acme_library', which is not installed",
    ),
    "it exits when the hook is called": (
        RETURNS.format(value="exit(3)"),
        PluginContractError,
        "plugin_contract",
        "cvn_model raised SystemExit: 3",
    ),
    "its hook raises": (
        RETURNS.format(value="1 / 0"),
        PluginError,
        "",
        "ZeroDivisionError",
    ),
    "its hook takes arguments": (
        "from cvn_harness_core import hookimpl\n@hookimpl\ndef cvn_model(config): ...",
        PluginContractError,
        "plugin_contract",
        "config",
    ),
    "its hook is misspelt": (
        "from cvn_harness_core import hookimpl\n@hookimpl\ndef cvn_modle(): ...",
        PluginContractError,
        "plugin_contract",
        "cvn_modle",
    ),
    "it has no hook": ("x = 1", PluginContractError, "plugin_contract", "cvn_model"),
    "its hook is not marked": (
        "def cvn_model(): ...",
        PluginContractError,
        "plugin_contract",
        "@hookimpl",
    ),
    "its hook returns nothing": (
        RETURNS.format(value="None"),
        PluginContractError,
        "plugin_contract",
        "cvn_model",
    ),
    "its hook returns a mapping": (
        RETURNS.format(value="{'name': 'trees'}"),
        PluginContractError,
        "plugin_contract",
        "returned dict, not ModelSpec",
    ),
    "its hook returns an ensemble": (
        RETURNS.format(value="EnsembleSpec(name='trees', bases=(), combiner=int)"),
        PluginContractError,
        "plugin_contract",
        "returned EnsembleSpec, not ModelSpec",
    ),
    "it calls itself otherwise": (
        sound("forest"),
        PluginContractError,
        "plugin_contract",
        "calls itself 'forest'",
    ),
}


@pytest.mark.parametrize("fault", UNUSABLE)
def test_an_unusable_plugin_is_told_with_its_distribution_and_hurts_no_other(
    fault: str, site: Any
) -> None:
    source, error, code, said = UNUSABLE[fault]
    site.add("acme-models", MODELS, {"trees": "acme_trees"}, version="2.1", acme_trees=source)
    site.add("other-models", MODELS, {"nets": "other_nets"}, other_nets=sound("nets"))
    registry = site.models()
    for _ in range(2):
        with pytest.raises(error) as caught:
            registry["trees"]
        assert caught.value.code == (code or caught.value.code)
        assert said in str(caught.value)
        assert "'trees' (acme-models 2.1, acme_trees)" in str(caught.value)
    assert list(registry) == ["nets", "trees"]
    assert registry["nets"].name == "nets"


def test_the_cause_is_chained(site: Any) -> None:
    source = "raise ValueError('bad day')"
    site.add("acme-models", MODELS, {"trees": "acme_trees"}, acme_trees=source)
    with pytest.raises(PluginImportError) as caught:
        site.models()["trees"]
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize("target", ["acme_nowhere", "acme_trees.nowhere", "acme_trees:nowhere"])
def test_a_target_that_does_not_exist_is_the_plugins_own_fault(target: str, site: Any) -> None:
    site.add("acme-models", MODELS, {"trees": target}, acme_trees=sound("trees"))
    with pytest.raises(PluginImportError, match="raised on import") as caught:
        site.models()["trees"]
    assert caught.value.code == "plugin_import_failed"


def test_an_interrupt_is_not_swallowed(site: Any) -> None:
    source = "raise KeyboardInterrupt"
    site.add("acme-models", MODELS, {"trees": "acme_trees"}, acme_trees=source)
    with pytest.raises(KeyboardInterrupt):
        site.models()["trees"]


def test_a_blocked_plugin_is_not_imported(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site.add("acme-models", MODELS, {"trees": "acme_trees"}, acme_trees=sound("trees"))
    monkeypatch.setenv("CVN_PLUGINS_BLOCK", "acme-models")
    registry = site.models()
    assert list(registry) == []
    with pytest.raises(PluginBlockedError, match="CVN_PLUGINS_BLOCK") as caught:
        registry["trees"]
    assert caught.value.code == "plugin_blocked"
    assert "acme_trees" not in sys.modules


def test_a_conflict_names_both_and_imports_neither(site: Any) -> None:
    site.add("acme-models", MODELS, {"trees": "acme_trees"}, acme_trees=sound("trees"))
    site.add("rival-models", MODELS, {"trees": "rival_trees"}, rival_trees=sound("trees"))
    registry = site.models()
    assert "trees" not in registry
    with pytest.raises(PluginConflictError, match="acme-models and rival-models") as caught:
        registry["trees"]
    assert caught.value.code == "plugin_conflict"
    assert not {"acme_trees", "rival_trees"} & set(sys.modules)


def test_the_one_that_is_left_after_blocking_the_other_is_used(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.add("acme-models", MODELS, {"trees": "acme_trees"}, acme_trees=sound("trees"))
    site.add("rival-models", MODELS, {"trees": "rival_trees"}, rival_trees=sound("trees"))
    monkeypatch.setenv("CVN_PLUGINS_BLOCK", "acme-models")
    registry = site.models()
    assert registry["trees"].name == "trees"
    assert registry.record("trees").distribution == "rival-models"


@pytest.mark.parametrize(
    ("group", "target", "code"),
    [
        ("cvn_harness.models.v2", "acme_trees", "plugin_incompatible"),
        (MODELS, "acme trees", "plugin_malformed"),
    ],
)
def test_what_cannot_be_loaded_is_refused_without_an_import(
    group: str, target: str, code: str, site: Any
) -> None:
    site.add("acme-models", group, {"trees": target}, acme_trees=sound("trees"))
    with pytest.raises(PluginContractError) as caught:
        site.models()["trees"]
    assert caught.value.code == code
    assert "acme_trees" not in sys.modules


# --- reported -------------------------------------------------------------------------------


def test_a_rejected_plugin_is_an_event(site: Any, models: Any) -> None:
    source = "raise ValueError('bad day')"
    site.add("acme-models", MODELS, {"trees": "acme_trees"}, version="2.1", acme_trees=source)
    with pytest.raises(PluginImportError):
        site.models()["trees"]
    (event,) = models.events
    assert event.event == "plugin_rejected"
    assert (event.plugin, event.kind, event.code) == ("trees", "model", "plugin_import_failed")
    assert (event.distribution, event.version, event.target) == ("acme-models", "2.1", "acme_trees")


# --- the adapter ----------------------------------------------------------------------------

ADAPTER = """
from cvn_harness_core import ModelSpec, hookimpl

def adapter():
    {body}

@hookimpl
def cvn_model():
    return ModelSpec(name="trees", adapter=adapter, params=())
"""


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        ("import acme_library", PluginDependencyError, "needs 'acme_library'"),
        ("from json import nothing_of_the_kind", PluginImportError, "nothing_of_the_kind"),
        ("return 5", PluginContractError, "its adapter is a int"),
        ("raise ValueError('bad day')", PluginError, "bad day"),
    ],
)
def test_an_adapter_that_cannot_be_made_is_the_plugins_fault(
    body: str, error: type[PluginError], said: str, site: Any, datasets: Datasets
) -> None:
    source = ADAPTER.format(body=body)
    site.add("acme-models", MODELS, {"trees": "acme_trees"}, acme_trees=source)
    MODEL_REGISTRY.refresh()
    assert MODEL_REGISTRY["trees"].name == "trees"
    with pytest.raises(error, match=said) as caught:
        train_one("trees", datasets)
    assert "acme-models" in str(caught.value)
