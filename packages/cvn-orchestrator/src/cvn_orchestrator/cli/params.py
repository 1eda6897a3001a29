"""`cvn params`: what can be set, what would be used, and writing it where people change it."""

from __future__ import annotations

import argparse
import json
from typing import Any

from cvn_harness_core import (
    ENSEMBLE_REGISTRY,
    MODEL_REGISTRY,
    Choice,
    EnsembleSpec,
    HPOParams,
    InputError,
    ModelSpec,
    Param,
    Range,
    config_differences,
    read_config,
    seed_config,
    space_text,
)
from cvn_orchestrator.cli.config import config_of, note_environment
from cvn_orchestrator.manifest import checked, dimension, manifest, used
from cvn_orchestrator.table import aligned


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked for."""
    _refuse_what_has_no_effect(arguments)
    return {"show": _show, "seed": _seed, "diff": _diff}[arguments.action](arguments)


def _refuse_what_has_no_effect(arguments: argparse.Namespace) -> None:
    reading = ("config", "config_sql", "used")
    foreign = {
        "show": ("to", "overwrite"),
        "seed": reading,
        "diff": ("to", "overwrite", "used"),
    }[arguments.action]
    for name in foreign:
        if getattr(arguments, name):
            option = "--sql" if name == "config_sql" else f"--{name}"
            message = f"{option} has no meaning for `cvn params {arguments.action}`."
            raise InputError("setting_invalid", message.replace("params show", "params MODEL"))


def _show(arguments: argparse.Namespace) -> int:
    spec = _spec(arguments.model)
    layered = arguments.used or arguments.config or arguments.config_sql or arguments.timeframe
    if layered:
        config = config_of(arguments, arguments.model)
        facts = used(spec, config, arguments.timeframe)
        searched = HPOParams(n_trials=1, config=config, timeframe=arguments.timeframe)
        note_environment({arguments.model: searched})
    else:
        facts = manifest(spec)
    if arguments.json:
        _print(facts, arguments)
    elif layered:
        print(_used_table(facts))
    else:
        print(_manifest_table(spec))
    return 0


def _seed(arguments: argparse.Namespace) -> int:
    target = arguments.to
    if target is None or not ("://" in target or target.endswith(".toml")):
        given = "is missing" if target is None else f"{target} is no place"
        message = f"--to {given}; give a file that ends in .toml, or a database's URL."
        raise InputError("setting_invalid", message)
    place = {"sql": target} if "://" in target else {"toml": target}
    done = seed_config(
        arguments.model, **place, timeframe=arguments.timeframe, overwrite=arguments.overwrite
    )
    if arguments.json:
        _print({"model": arguments.model, **done._asdict()}, arguments)
        return 0
    print(f"{arguments.model}: {_counted(done.written)} written{_listed(done.written)}")
    if done.kept:
        print(
            f"kept, since they differ from the plugin's (--overwrite replaces them)"
            f"{_listed(done.kept)}"
        )
    if done.left:
        why = "their defaults depend on the timeframe or on other parameters"
        print(f"left to the plugin, since {why}{_listed(done.left)}")
    return 0


def _diff(arguments: argparse.Namespace) -> int:
    if not (arguments.config or arguments.config_sql):
        message = "`cvn params diff` compares the plugin with a place; give --config or --sql."
        raise InputError("setting_invalid", message)
    config = read_config(arguments.model, toml=arguments.config, sql=arguments.config_sql)
    found = config_differences(arguments.model, config, arguments.timeframe)
    if arguments.json:
        differ = [
            {**d._asdict(), "plugin": _json(d.plugin), "configured": _json(d.configured)}
            for d in found
        ]
        _print({"model": arguments.model, "differences": differ}, arguments)
        return 0
    rows = [(d.name, _entry(d.plugin), _entry(d.configured), d.origin) for d in found]
    if rows:
        print(aligned(("parameter", "plugin", "configured", "where"), rows, left=4))
    else:
        print(f"{arguments.model}: nothing that is configured differs from the plugin's")
    return 0


def _manifest_table(spec: ModelSpec | EnsembleSpec) -> str:
    rows = [
        (
            param.name,
            param.type.__name__,
            " | ".join(param.choices)
            or ("true | false" if param.type is bool else param.range() if _numeric(param) else ""),
            _value(param.default),
            "" if param.search is None else space_text(checked(param)),
            "; ".join(_remarks(param)),
        )
        for param in spec.params
    ]
    if not rows:
        return f"{spec.name} has no parameters"
    return aligned(("parameter", "type", "allowed", "default", "search", "remarks"), rows, left=6)


def _remarks(param: Param) -> list[str]:
    remarks = [f"{when}: {_value(value)}" for when, value in param.by_timeframe.items()]
    for other, values in param.needs.items():
        wanted = " or ".join("the library's" if v is None else str(v) for v in values)
        remarks.append(f"needs {other}{f' {wanted}' if wanted else ''}")
    if param.dataset_level:
        remarks.append("dataset")
    if param.per_feature:
        remarks.append("one for each feature")
    return remarks


def _used_table(facts: dict[str, Any]) -> str:
    rows = [
        (
            name,
            _value(entry["value"]),
            entry["source"],
            entry["origin"] or "",
            ", ".join(f"{_value(old['value'])} ({old['source']})" for old in entry["overridden"]),
        )
        for name, entry in facts["values"].items()
    ]
    parts = [aligned(("parameter", "value", "source", "where", "instead of"), rows, left=5)]
    if facts["search"]:
        tried = [
            (name, _tried(entry), entry["source"], entry["origin"] or "")
            for name, entry in facts["search"].items()
        ]
        parts.append(aligned(("a search tries", "", "source", "where"), tried, left=4))
    if facts["without_effect"]:
        parts.append(
            f"not searched, since other values rule it out{_listed(facts['without_effect'])}"
        )
    return "\n\n".join(parts)


def _tried(entry: dict[str, Any]) -> str:
    if "choices" in entry:
        return space_text(Choice(*entry["choices"]))
    log = entry["scale"] == "log"
    return space_text(Range(entry["low"], entry["high"], log=log, step=entry["step"]))


def _entry(entry: Any) -> str:
    return space_text(entry) if isinstance(entry, Range | Choice) else _value(entry)


def _json(entry: Any) -> Any:
    return dimension(entry) if isinstance(entry, Range | Choice) else entry


def _value(value: Any) -> str:
    return "" if value is None else str(value)


def _numeric(param: Param) -> bool:
    return param.type in (int, float, tuple)


def _counted(names: list[str]) -> str:
    return f"{len(names)} parameter{'' if len(names) == 1 else 's'}"


def _listed(names: list[str]) -> str:
    return f": {', '.join(names)}" if names else ""


def _spec(name: str) -> ModelSpec | EnsembleSpec:
    if name in ENSEMBLE_REGISTRY and name not in MODEL_REGISTRY:
        return ENSEMBLE_REGISTRY[name]
    return MODEL_REGISTRY[name]


def _print(document: Any, arguments: argparse.Namespace) -> None:
    print(json.dumps(document, indent=1), file=arguments.answer)
