"""Adjusted p values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvn_orchestrator.statistics import benjamini_hochberg


def test_the_example_of_benjamini_and_hochberg_finds_four() -> None:
    # Fifteen hypotheses of their section 3.2; at 0.05 the procedure rejects the first four.
    p = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
        0.5719, 0.6528, 0.7590, 1.0,
    ]  # fmt: skip
    assert [q < 0.05 for q in benjamini_hochberg(p) if q is not None] == [True] * 4 + [False] * 11


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=40))
def test_a_hole_counts_as_a_p_of_one(p: list[float | None]) -> None:
    found = benjamini_hochberg(p)
    whole = benjamini_hochberg([1.0 if one is None else one for one in p])
    assert [q is None for q in found] == [one is None for one in p]
    for one, q, filled in zip(p, found, whole, strict=True):
        if one is not None:
            assert q == filled
            assert q is not None
            assert one <= q + 1e-12 <= 1 + 1e-12


def test_noise_is_found_in_at_most_one_family_of_twenty() -> None:
    rng = np.random.default_rng(0)
    found = [
        any(q < 0.05 for q in benjamini_hochberg(list(rng.random(30))) if q is not None)
        for _ in range(400)
    ]
    assert np.mean(found) == pytest.approx(0.05, abs=0.025)
