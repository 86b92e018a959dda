"""Sparse sums merge into what a dictionary would hold, however many there are."""

from __future__ import annotations

import pickle
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator_component import cells
from evaluator_component.cells import Cells

parts = st.lists(
    st.dictionaries(
        st.tuples(st.integers(0, 6), st.integers(-4, 9)), st.integers(-50, 50), max_size=40
    ),
    min_size=1,
    max_size=5,
)


def cells_of(sums: dict[tuple[int, int], int]) -> Cells:
    pairs = sorted(sums)
    values = np.array([[sums[pair], 1.0] for pair in pairs]).reshape(len(pairs), 2)
    group, cell = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return Cells(group, cell, values)


@pytest.mark.parametrize("at_once", [cells._AT_ONCE, 8])
@given(parts=parts)
def test_merging_adds_up_entries_of_the_same_group_and_cell(parts: Any, at_once: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "_AT_ONCE", at_once)
        merged = Cells.merge([cells_of(part) for part in parts])
    expected: Counter[tuple[int, int]] = Counter()
    times: Counter[tuple[int, int]] = Counter()
    for part in parts:
        for pair, value in part.items():
            expected[pair] += value
            times[pair] += 1
    found = list(zip(merged.group.tolist(), merged.cell.tolist(), strict=True))
    assert found == sorted(times)
    assert merged.sums[:, 0].tolist() == [expected[pair] for pair in found]
    assert merged.sums[:, 1].tolist() == [times[pair] for pair in found]


@pytest.mark.parametrize("largest", [1.0, 2.0**24, 2.0**24 + 1, 0.1, np.inf, np.nan])
@pytest.mark.parametrize("cell", [100, 2**15, 2**31, -(2**40)])
def test_sums_travel_in_fewer_bytes_without_loss(largest: float, cell: int) -> None:
    group = np.repeat(np.arange(500), 2)
    kept = Cells(group, np.tile([0, cell], 500), np.tile([[1.0, 0.0], [largest, 3.0]], (500, 1)))
    encoded = pickle.dumps(kept)
    found = pickle.loads(encoded)
    for name in ("group", "cell", "sums"):
        np.testing.assert_array_equal(getattr(found, name), getattr(kept, name))
        assert getattr(found, name).dtype == getattr(kept, name).dtype
    assert len(encoded) < kept.group.nbytes + kept.cell.nbytes + kept.sums.nbytes
