"""Slicer: TFMA's names for what slicing does here without copying a row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evaluator_component.keys import CrossSliceKey, SliceKey, slice_name

__all__ = ["CrossSliceKey", "FanoutSlices", "SliceKey", "slice_name"]


def FanoutSlices() -> Any:
    """Returns a transform PCollection[Extracts] -> PCollection[(SliceKey, Extracts)].

    For stages of your own that want the rows of each slice as a batch. The metrics do not need it:
    they sum over groups without copying rows.
    """
    import apache_beam as beam

    return beam.FlatMap(_rows_of_slices)


def _rows_of_slices(extracts: Any) -> Iterator[tuple[SliceKey, Any]]:
    import numpy as np

    from evaluator_component.extractors.base import take_rows

    groups = extracts["slice_keys"]
    rest = {name: column for name, column in extracts.items() if name != "slice_keys"}
    for membership in groups.memberships:
        order = np.argsort(membership.ids, kind="stable")
        present, starts = np.unique(membership.ids[order], return_index=True)
        for group, entries in zip(present, np.split(order, starts[1:]), strict=True):
            rows = entries if membership.rows is None else membership.rows[entries]
            yield groups.keys[group], take_rows(rest, np.sort(rows))
