"""The files of a new package: rendered from templates, and written all or none."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cvn_orchestrator.errors import NewPluginError
from cvn_orchestrator.new_plugin.kinds import Kind
from cvn_orchestrator.new_plugin.names import Names


def files_of(names: Names, kind: Kind) -> dict[str, str]:
    """Return the text of every file of a new package, by its path within the package's folder."""
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader(__package__ or "", "templates"),
        autoescape=select_autoescape(),  # escapes HTML only, and there is none
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    source = f"src/{names.package}"
    templates = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        ".gitignore": "gitignore",
        ".github/workflows/ci.yml": "ci.yml",
        f"{source}/__init__.py": "init.py",
        f"{source}/plugin.py": f"{kind.name}/plugin.py",
        f"tests/test_{names.plugin}.py": f"{kind.name}/test_plugin.py",
    }
    known = {"names": names, "kind": kind}
    texts = {
        path: environment.get_template(f"{template}.jinja").render(known)
        for path, template in templates.items()
    }
    return {**texts, f"{source}/py.typed": ""}


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write the files into a folder that is not there yet; after an error, it is still not.

    Raises NewPluginError ``plugin_folder_exists`` if it is there, and OSError.
    """
    if folder.exists() or folder.is_symlink():
        message = f"{folder} exists already; choose another --out."
        raise NewPluginError("plugin_folder_exists", message)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        made = beside / folder.name
        for path, text in files.items():
            file = made / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        made.rename(folder)
    finally:
        shutil.rmtree(beside)
