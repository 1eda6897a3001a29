"""One digest of the parameters that a training was asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping

from cvn_harness_core.contracts.content import text_digest
from cvn_harness_core.contracts.params import EffectiveParam
from cvn_harness_core.contracts.plain import plain


def digest_of_params(effective: Mapping[str, EffectiveParam]) -> str:
    """Return the BLAKE3 of names, values, sources and what was overridden, as 64 hex digits.

    It is of what was passed to the library, not of what the library reports beyond that, and can be
    made again from ``artifact.effective_params``: over JSON with sorted keys, without spaces. Where
    a configuration has a value is not part of it.
    """
    asked = {
        name: {
            "value": p.requested,
            "source": p.source,
            "overridden": [{"value": old.value, "source": old.source} for old in p.overridden],
        }
        for name, p in effective.items()
        if p.source != "library"
    }
    return text_digest(json.dumps(plain(asked), sort_keys=True, separators=(",", ":")))
