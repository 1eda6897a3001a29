"""Plugins that cannot be used, as `cvn plugins` knows them. Imports none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cvn_harness_core import PluginRecord, discover, unmatched_names
from cvn_orchestrator.doctor.finding import Asked, Finding


def check(asked: Asked) -> Iterator[Finding]:  # noqa: ARG001
    """Yield a finding for all sound plugins together, and one for each that cannot be used.

    One, too, for each name on a list that nothing installed has.
    """
    records = discover()
    sound = [record for record in records if record.status == "available"]
    facts = {kind: [r.name for r in sound if r.kind == kind] for kind in ("model", "ensemble")}
    if facts["model"]:
        counts = Counter(record.kind for record in sound)
        said = ", ".join(f"{n} {kind}{'s' if n > 1 else ''}" for kind, n in sorted(counts.items()))
        yield Finding("plugins", "ok", said, facts=facts)
    else:
        advice = "pip install cvn-model-lightgbm"
        yield Finding("plugins", "warning", "no model can be used", advice, facts)
    for record in records:
        if record.status != "available":
            yield _unusable(record)
    for variable, name in unmatched_names(records):
        said = f"lists {name!r}, and no installed plugin or distribution is called so"
        advice = "correct the name, or take it off; cvn plugins lists what there is"
        yield Finding(variable, "warning", said, advice, {"name": name})


def _unusable(record: PluginRecord) -> Finding:
    return Finding(
        record.name,
        "warning" if record.status == "blocked" else "problem",
        f"{record.kind} of {record.distribution}: {record.status}: {record.error}",
        record.advice or f"pip install --upgrade {record.distribution}, or uninstall it",
        record.as_dict(),
    )
