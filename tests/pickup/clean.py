"""Clean environments, with wheels built here; and how long a module is."""

from __future__ import annotations

import io
import os
import subprocess
import tokenize
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ROOT / "packages"
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]


def sh(*command: str | Path, cwd: str | Path = ROOT.anchor, **env: str) -> str:
    done = subprocess.run(
        [str(c) for c in command],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**{k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}, **env},
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def environment(home: Path, *sources: Path, tools: tuple[str, ...] = ()) -> Path:
    """Return the Python of a clean environment with the wheels of these sources, and tools."""
    sh("uv", "venv", "--quiet", home / "venv", "--python", "3.11")
    install(home, *sources, tools=tools)
    return home / "venv" / "bin" / "python"


def install(home: Path, *sources: Path, tools: tuple[str, ...] = ()) -> None:
    """Build wheels of these sources, and install them and tools into that environment."""
    for source in sources:
        sh("uv", "build", "--quiet", "--wheel", "--out-dir", home / "wheels", source)
    pins, overrides = home / "constraints.txt", home / "overrides.txt"
    pins.write_text("\n".join(SETTINGS["constraint-dependencies"]))
    overrides.write_text("\n".join(SETTINGS["override-dependencies"]))
    sh("uv", "pip", "install", "--quiet", "--python", home / "venv" / "bin" / "python",
       "--constraints", pins, "--overrides", overrides, *sorted((home / "wheels").glob("*.whl")),
       *tools)  # fmt: skip


def effective_lines(path: Path) -> int:
    """Lines with code on them: no comments, no docstrings, no blanks."""
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    lines, fresh = set(), True
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        docstring = token.type == tokenize.STRING and fresh
        if token.type not in skipped and token.type != tokenize.ENDMARKER and not docstring:
            lines.update(range(token.start[0], token.end[0] + 1))
        if token.type != tokenize.COMMENT and token.type != tokenize.NL:
            fresh = token.type in {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    return len(lines)
