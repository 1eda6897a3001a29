"""Values as MLflow keeps them: short enough for any server of any version, and without secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MAX_PARAM = 500
MAX_TAG = 5000
MAX_KEY = 250
"""What the oldest servers take; newer ones take 6000 and 8000. The artifacts hold it all."""

HIDDEN = "[redacted]"
_SECRET = re.compile(
    r"(?i)(^|[._-])(api_?key|authorization|credentials?|passw(or)?d|secret|storage|token)($|[._-])"
)
_IN_URL = re.compile(r"(?P<scheme>\b[\w+.-]+://)[^\s/@:]*(:[^\s@]*)?@")


def cut(value: Any, most: int) -> str:
    """Return a value as text of at most ``most`` characters; what was cut ends in dots."""
    text = redacted(_plain(value))
    return text if len(text) <= most else f"{text[: most - 3]}..."


def key(name: str) -> str:
    """Return a name that MLflow takes as a key: other characters become underscores."""
    return re.sub(r"[^\w.\-/ ]", "_", name, flags=re.ASCII)[:MAX_KEY]


def is_secret(name: str) -> bool:
    """Return whether a value of this name is not to be logged: a whole word of it says so."""
    return _SECRET.search(name) is not None


def redacted(text: str) -> str:
    """Return the text without users and passwords of URLs."""
    return _IN_URL.sub(rf"\g<scheme>{HIDDEN}@", text)


def harmless(value: Any) -> Any:
    """Return JSON-like values without secrets, by name and in URLs, however deep."""
    if isinstance(value, Mapping):
        return {
            name: HIDDEN if is_secret(str(name)) and item is not None else harmless(item)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [harmless(item) for item in value]
    return redacted(value) if isinstance(value, str) else value


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)
