"""What several test files share: small data, installed sample models, and fake distributions."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cvn_harness_core import (
    ENSEMBLE_REGISTRY,
    MODEL_REGISTRY,
    Datasets,
    Payoff,
    discover,
    train_one,
)
from cvn_harness_core.events.log import OBSERVERS
from cvn_harness_core.plugins.registry import PluginRegistry

SITE = Path(__file__).parent / "site"
NAMES = ("momentum", "spread", "volume", "hour")
DAY = np.timedelta64(1, "D")


def _split(rng: np.random.Generator, n: int, first_day: str) -> dict[str, Any]:
    X = rng.normal(size=(n, len(NAMES)))
    odds = np.exp(X @ [1.0, -0.7, 0.3, 0.0] - 0.8)
    y = (rng.random(n) < odds / (1 + odds)).astype(np.int8)
    time = np.datetime64(first_day) + np.arange(n) * DAY
    return {
        "X": X,
        "y": y,
        "time": time,
        "label_end": time + 3 * DAY,
        "returns": np.where(y == 1, 1.5, -0.5) + rng.normal(scale=0.1, size=n),
        "weight": rng.uniform(0.5, 1.5, size=n),
        "symbol": np.full(n, "ES"),
    }


@pytest.fixture
def parts() -> dict[str, dict[str, Any]]:
    """Arguments of three sound splits, ten days apart, with everything that a split may have."""
    rng = np.random.default_rng(20240229)
    return {
        "train": _split(rng, 300, "2020-01-01"),
        "val": _split(rng, 160, "2020-11-10"),
        "test": _split(rng, 160, "2021-05-01"),
    }


@pytest.fixture
def names() -> tuple[str, ...]:
    return NAMES


@pytest.fixture
def datasets(parts: dict[str, dict[str, Any]]) -> Datasets:
    """Plain features and labels, with a payoff and tags."""
    plain = {name: (part["X"], part["y"]) for name, part in parts.items()}
    return Datasets.from_arrays(
        **plain,
        feature_names=NAMES,
        feature_version="sample-1",
        payoff=Payoff(1.5, 0.5, cost=0.05),
        tags={"symbol": "ES", "fold": "3", "variant": "base"},
    )


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """Install the sample models; ``fits`` holds every fit that they do, ``events`` every event."""
    for variable in ("CVN_PLUGINS", "CVN_PLUGINS_BLOCK"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.syspath_prepend(SITE)
    forget_plugins()
    forget_observers()
    logistic = importlib.import_module("sample_models.logistic")
    recorder = importlib.import_module("sample_models.recorder")
    for kept in (logistic.FITS, recorder.EVENTS, recorder.READY, recorder.SAVED):
        kept.clear()
    yield SimpleNamespace(
        fits=logistic.FITS,
        events=recorder.EVENTS,
        ready=recorder.READY,
        saved=recorder.SAVED,
        site=SITE,
    )
    forget_plugins()


def forget_plugins() -> None:
    """Have plugins looked for again, as in a fresh process."""
    MODEL_REGISTRY.refresh()
    ENSEMBLE_REGISTRY.refresh()


def forget_observers() -> None:
    """Have observers looked for again, as in a fresh process."""
    OBSERVERS.refresh()


@pytest.fixture
def train(models: SimpleNamespace) -> Callable[[Mapping[str, Any]], Any]:
    """Train ``logreg`` on parts, which a test may have spoilt."""

    def run(parts: Mapping[str, Any], **changes: Any) -> Any:
        arguments = {"feature_names": NAMES, **parts, **changes}
        return train_one("logreg", Datasets.from_arrays(**arguments))

    return run


@pytest.fixture
def refused(models: SimpleNamespace) -> Callable[..., AbstractContextManager[Any]]:
    """Expect exactly this error and code, and that no training was begun."""

    @contextmanager
    def expect(error: type[Exception], code: str, match: str | None = None) -> Iterator[Any]:
        with pytest.raises(error, match=match) as caught:
            yield caught
        assert type(caught.value) is error
        assert caught.value.code == code  # type: ignore[attr-defined]
        assert str(caught.value)
        assert models.fits == []
        assert [e for e in models.events if e.event == "training_started"] == []

    return expect


class Site:
    """A folder on ``sys.path`` that holds fake distributions, as an installer leaves them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(
        self,
        distribution: str,
        group: str,
        entry_points: Mapping[str, str],
        *,
        version: str = "1.0",
        files: Mapping[str, str] | None = None,
        **modules: str,
    ) -> Path:
        """Install a distribution with modules given as source; return its metadata folder."""
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        lines = [f"[{group}]", *(f"{name} = {target}" for name, target in entry_points.items())]
        contents = {
            "METADATA": f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n",
            "entry_points.txt": "\n".join(lines),
            **(files or {}),
        }
        for name, text in contents.items():
            (info / name).write_text(text)
        for name, source in modules.items():
            (self.folder / f"{name}.py").write_text(source)
        importlib.invalidate_caches()
        return info

    def discover(self, **lists: Any) -> tuple[Any, ...]:
        """Discover in this folder alone."""
        return discover(path=[str(self.folder)], **lists)

    def models(self) -> PluginRegistry[Any]:
        """Return a registry of the models in this folder alone."""
        return PluginRegistry("model", "cvn_model", discover=self.discover)

    def ensembles(self) -> PluginRegistry[Any]:
        """Return a registry of the ensembles in this folder alone."""
        return PluginRegistry("ensemble", "cvn_ensemble", discover=self.discover)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for variable in ("CVN_PLUGINS", "CVN_PLUGINS_BLOCK"):
        monkeypatch.delenv(variable, raising=False)
    forget_observers()
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield Site(folder)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]
    forget_plugins()


@pytest.fixture
def run_python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run source in a fresh interpreter that has the sample models installed."""

    def run(
        source: str, *arguments: object, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CVN_", "HAMILTON_", "COV", "PYTHONWARNINGS"))
        }
        path = os.pathsep.join(filter(None, [str(SITE), inherited.get("PYTHONPATH")]))
        return subprocess.run(
            [sys.executable, "-c", source, *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=inherited | {"PYTHONPATH": path} | dict(env or {}),
            timeout=120,
            check=False,
        )

    return run
