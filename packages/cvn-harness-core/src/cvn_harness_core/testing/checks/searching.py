"""Checks of the declared search space, and of what trials share."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from cvn_harness_core import Choice, Param, Range
from cvn_harness_core.contracts.params import ParamValue
from cvn_harness_core.contracts.split import Array
from cvn_harness_core.harness.parameters import active
from cvn_harness_core.testing.check import check
from cvn_harness_core.testing.model_subject import ModelUnderTest
from cvn_harness_core.testing.synthetic import unseen_rows
from cvn_harness_core.testing.verdict import expecting, largest_gap, require, skip

TRIALS = 6
ALL_CORNERS_OF = 4
"""How many dimensions have all their corners tried; of more, enough for every pair of ends."""


@check()
def search_space(model: ModelUnderTest) -> None:
    """Every sample of the declared space can be fitted: each pair of ends, and random ones."""
    if not _searched(model):
        skip(f"{model.name} declares no search space")
    mend = "narrow Param.search to what the library can fit, or say in Param.needs what goes with"
    for lasts in corners(len(_searched(model))):
        params = _corner(model, lasts)
        with expecting(f"a fit with {params}", mend):
            model.train(params=params)
    if importlib.util.find_spec("optuna") is None:
        skip("its corners fit; random samples need pip install cvn-harness-core[search]")
    with expecting("a search that finds something", mend):
        search = model.train(n_trials=TRIALS, sampler="random", pruner="none").search
    failed = [t for t in search.trials if t.state != "complete"] if search else ["no search"]
    require(not failed, f"{TRIALS} complete trials", failed, mend)


@check("same_seed")
def prepared_data(model: ModelUnderTest) -> None:
    """No fit changes the prepared data that others share."""
    adapter, request = model.author(), model.request()
    prepared = adapter.prepare(model.datasets().without_test(), request)
    before = adapter.fingerprint(prepared)

    def scores(params: Mapping[str, Any]) -> Array:
        wanted = model.request(params)
        fitted = adapter.fit(prepared, wanted)
        return adapter.predict_proba(fitted.native, unseen_rows(), n_threads=1)

    first = scores({})
    for last in (False, True):
        corner = _corner(model, [last] * len(_searched(model)))
        scores({n: v for n, v in corner.items() if not _shapes_data(model, n)})
    gap = largest_gap(scores({}), first)
    mend = (
        "copy what fit changes; declare what shapes the prepared data by Param(dataset_level=True)"
    )
    require(gap == 0.0, "the same bits after other fits on it", f"a difference of {gap:g}", mend)
    require(
        bool(adapter.fingerprint(prepared) == before),
        "the same fingerprint after other fits",
        "another one",
        mend,
    )


def corners(n: int) -> Iterator[tuple[bool, ...]]:
    """Yield corners of ``n`` dimensions: whether each takes its last value, or its first.

    All of few. Of more, enough for any two to have all four pairs of ends: two alike where all are
    alike; two different by a binary digit in which the dimensions' numbers differ, and the reverse.
    """
    if n <= ALL_CORNERS_OF:
        yield from product((False, True), repeat=n)
        return
    digits = [tuple(bool(number >> at & 1) for number in range(n)) for at in range(n.bit_length())]
    for row in ((False,) * n, *(row for row in digits if any(row))):
        yield row
        yield tuple(not last for last in row)


def _searched(model: ModelUnderTest) -> list[Param]:
    return [p for p in model.spec.params if p.search is not None and p.name not in model.params]


def _corner(model: ModelUnderTest, lasts: Sequence[bool]) -> dict[str, ParamValue]:
    """Return the first or last value of every dimension that has an effect beside the others."""
    chosen: dict[str, ParamValue] = {}
    defaults = {p.name: p.default for p in model.spec.params if p.default is not None}
    for param, last in zip(_searched(model), lasts, strict=True):
        if active(param, {**defaults, **chosen}):
            chosen[param.name] = _end(param, last=last)
    return {name: value for name, value in chosen.items() if value is not None}


def _end(param: Param, *, last: bool) -> ParamValue:
    if isinstance(param.search, Choice):
        return param.search.values[-1 if last else 0]
    assert isinstance(param.search, Range)
    return param.check(param.search.high if last else param.search.low)


def _shapes_data(model: ModelUnderTest, name: str) -> bool:
    param = model.spec.param(name)
    return param is not None and param.dataset_level
