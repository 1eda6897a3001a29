"""Values as text, as the environment and a database hold them."""

from __future__ import annotations

import json
from typing import Any

from cvn_harness_core.contracts.params import Param, ParamValue

_FLAGS = {"true": True, "false": False}


def from_text(param: Param, text: str) -> Any:
    """Return the value that a text stands for, by the parameter's type.

    A ``bool`` is ``true`` or ``false``, a ``tuple`` a JSON list, a ``str`` the text as it is. A
    text that stands for no such value is returned as it is, for ``Param.check`` to refuse.
    """
    try:
        if param.type is bool:
            return _FLAGS[text.strip().lower()]
        if param.type is tuple:
            return json.loads(text)
        return param.type(text)
    except (KeyError, ValueError):
        return text


def to_text(value: ParamValue) -> str:
    """Return the text of which ``from_text`` makes the value again."""
    return value if isinstance(value, str) else json.dumps(value)
