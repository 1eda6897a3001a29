"""Which records may be loaded: as the lists say, the contract, the target, and the name."""

from __future__ import annotations

import re

from cvn_harness_core.plugins.record import CONTRACT_VERSION, PluginRecord, malformed

CORE_RULES = ("expected_value", "f1_capped", "f1_grid", "fixed")
"""The core's own theta rules, whose names no plugin can have."""

_DOTTED = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"
_TARGET = re.compile(rf"{_DOTTED}(\s*:\s*{_DOTTED})?\s*(\[[^\]]*\])?")


def judged(
    record: PluginRecord, allowed: frozenset[str] | None, blocked: frozenset[str]
) -> PluginRecord:
    """Return a record with its status, as far as that depends on no other record."""
    if record.status != "available":
        return record
    if record.identity & blocked:
        error, advice = "it is on the block-list (CVN_PLUGINS_BLOCK)", "take it off to use it"
        return record._replace(status="blocked", error=error, advice=advice)
    if allowed is not None and not record.identity & allowed:
        error, advice = "it is not on the allow-list (CVN_PLUGINS)", "add it to use it"
        return record._replace(status="blocked", error=error, advice=advice)
    if record.contract != CONTRACT_VERSION:
        error = (
            f"it is written for contract v{record.contract} and this cvn-harness-core honours "
            f"v{CONTRACT_VERSION}"
        )
        newer = "cvn-harness-core" if record.contract > CONTRACT_VERSION else record.distribution
        advice = (
            f"install a release of {record.distribution} for v{CONTRACT_VERSION}, "
            f"or pip install --upgrade {newer}"
        )
        return record._replace(status="incompatible", error=error, advice=advice)
    if not _TARGET.fullmatch(record.target):
        error = f"its entry point {record.target!r} is not of the form package.module[:attribute]"
        return malformed(record, error)
    return _judge_rule(record) if record.kind == "theta-rule" else record


def _judge_rule(record: PluginRecord) -> PluginRecord:
    if record.name not in CORE_RULES and not _is_number(record.name):
        return record
    error = f"{record.name!r} means the core's own rule wherever a rule is named"
    advice = f"have {record.distribution} give its entry point another name"
    return record._replace(status="conflict", error=error, advice=advice)


def _is_number(text: str) -> bool:
    # ``nan`` is one, too
    try:
        float(text)
    except ValueError:
        return False
    return True


def with_conflicts(records: list[PluginRecord]) -> list[PluginRecord]:
    """Return the records, those in conflict that may be loaded and have one name.

    Models and ensembles have their names together: whoever asks for one says nothing of the kind.
    """
    owners: dict[tuple[str, str], set[PluginRecord]] = {}
    for record in records:
        if record.status == "available":
            owners.setdefault(_means(record), set()).add(record)
    return [
        _in_conflict(record, rivals)
        if record.status == "available" and len(rivals := owners[_means(record)]) > 1
        else record
        for record in records
    ]


def _means(record: PluginRecord) -> tuple[str, str]:
    kind = "model" if record.kind == "ensemble" else record.kind
    return kind, record.name


def _in_conflict(record: PluginRecord, rivals: set[PluginRecord]) -> PluginRecord:
    who = sorted({rival.distribution for rival in rivals})
    offered = f"the {record.kind} {record.name!r}"
    kinds = {rival.kind for rival in rivals}
    if len(who) == 1:
        targets = " and ".join(sorted(rival.target for rival in rivals))
        error = f"{record.distribution} offers {offered} more than once: {targets}"
        advice = f"pip install --upgrade {record.distribution}, or uninstall it and tell its author"
    else:
        error = f"{' and '.join(who)} both offer {offered}"
        other = next(name for name in who if name != record.distribution)
        advice = f"uninstall one, or block it by its distribution: CVN_PLUGINS_BLOCK={other}"
    if len(kinds) > 1:
        offers = sorted(f"the {rival.kind} of {rival.distribution}" for rival in rivals)
        error = f"{record.name!r} is {' and '.join(offers)}, and a name must mean one of them"
    return record._replace(status="conflict", error=error, advice=advice)
