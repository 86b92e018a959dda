"""The slices of every row are those that a loop over rows finds, batch after batch."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator_component.config import SliceSpec
from evaluator_component.errors import InputError
from evaluator_component.slicing import SliceIndex, index

FEATURES = ("color", "size", "tags")

colors = st.sampled_from([b"red", b"green", b"blue", None])
sizes = st.integers(-3, 40)
tags = st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=3)
rows = st.fixed_dictionaries({"color": colors, "size": sizes, "tags": tags})
batches = st.lists(st.lists(rows, min_size=1, max_size=30), min_size=1, max_size=4)
specs = st.lists(
    st.lists(st.sampled_from(FEATURES), unique=True, max_size=3).map(
        lambda keys: SliceSpec(feature_keys=tuple(keys))
    ),
    min_size=1,
    max_size=4,
)


def columns_of(batch: list[dict[str, Any]]) -> dict[str, pa.Array]:
    return {
        "color": pa.array([row["color"] for row in batch], pa.binary()),
        "size": pa.array([row["size"] for row in batch], pa.int64()),
        "tags": pa.array([row["tags"] for row in batch], pa.list_(pa.binary())),
    }


def slices_of(row: dict[str, Any], wanted: list[SliceSpec]) -> set[Any]:
    """All slices of a row: a value of each feature of a spec, in every combination."""
    values = {
        "color": [row["color"].decode()] if row["color"] is not None else [],
        "size": [row["size"]],
        "tags": [tag.decode() for tag in row["tags"]],
    }
    return {
        tuple(zip(sorted(spec.feature_keys), combination, strict=True))
        for spec in wanted
        for combination in itertools.product(*(values[key] for key in sorted(spec.feature_keys)))
    }


def rows_by_slice(groups: Any) -> set[tuple[Any, int]]:
    found = set()
    for member in groups.memberships:
        at = np.arange(len(member.ids)) if member.rows is None else member.rows
        found.update(
            (groups.keys[number], row)
            for number, row in zip(member.ids.tolist(), at.tolist(), strict=True)
        )
    return found


@pytest.mark.parametrize("cells", [index._TABLE_CELLS, 40, 0])
@given(batches=batches, wanted=specs)
def test_rows_are_in_the_slices_that_a_loop_finds(
    batches: Any, wanted: list[SliceSpec], cells: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        # Without a table, and with one that becomes too small on the way.
        patch.setattr(index, "_TABLE_CELLS", cells)
        slices = SliceIndex(wanted)
        for batch in batches:
            groups = slices.assign(columns_of(batch), len(batch))
            expected = {
                (key, number) for number, row in enumerate(batch) for key in slices_of(row, wanted)
            }
            assert rows_by_slice(groups) == expected


@given(batches=batches, wanted=specs)
def test_a_slice_keeps_its_group_between_batches(batches: Any, wanted: list[SliceSpec]) -> None:
    slices = SliceIndex(wanted)
    total: Counter[Any] = Counter()
    before: list[Any] = []
    for batch in batches:
        groups = slices.assign(columns_of(batch), len(batch))
        assert slices.keys[: len(before)] == before
        before = list(slices.keys)
        counts = groups.counts().tolist()
        total.update({key: count for key, count in zip(before, counts, strict=True) if count})
    expected = Counter(key for batch in batches for row in batch for key in slices_of(row, wanted))
    assert total == expected


def test_two_specs_that_name_one_slice_do_not_count_its_rows_twice() -> None:
    wanted = [
        SliceSpec(feature_keys=("color",)),
        SliceSpec(feature_values=(("color", "red"),)),
    ]
    groups = SliceIndex(wanted).assign({"color": np.array(["red", "blue", "red"])}, 3)
    assert dict(zip(groups.keys, groups.counts().tolist(), strict=True)) == {
        (("color", "red"),): 2.0,
        (("color", "blue"),): 1.0,
    }


def test_a_feature_that_the_data_lack_is_named_with_its_nearest_neighbour() -> None:
    with pytest.raises(InputError, match=r"'colour' is not in the data .*'color'"):
        SliceIndex([SliceSpec(feature_keys=("colour",))]).assign({"color": np.array(["red"])}, 1)
