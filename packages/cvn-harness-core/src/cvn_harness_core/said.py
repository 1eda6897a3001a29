"""What an error says, where it is a plugin's: its ``__str__`` may raise, too."""

from __future__ import annotations


def said(error: BaseException) -> str:
    """Return ``str(error)``, or what became of it."""
    try:
        return str(error)
    except Exception as another:  # noqa: BLE001  a plugin's class may do anything
        return f"(it cannot say what: its __str__ raised {type(another).__name__})"
