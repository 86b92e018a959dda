"""Attributions: how much each feature contributed to predictions, in total and on average.

Attributions come from an extractor of yours: for each feature a number per example, or one per
class; or rows whose numbers of values differ, which are then summed position by position.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.cells import Cells
from evaluator_component.errors import MetricError
from evaluator_component.groups import Groups
from evaluator_component.metrics import screen
from evaluator_component.metrics.base import ROWS, Array, Metric, State, Statistic
from evaluator_component.metrics.registry import register
from evaluator_component.metrics.state import Names

__all__ = [
    "AttributionSum",
    "MeanAbsoluteAttributions",
    "MeanAttributions",
    "TotalAbsoluteAttributions",
    "TotalAttributions",
]

#: Bits of a cell that number the values of one feature; the others are a hash of its name.
_POSITION_BITS = 16


def _code(name: str) -> int:
    """A number for a feature name: 46 bits, the same in every process."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 18


@dataclass(frozen=True)
class AttributionSum(Statistic):
    """Weighted sums of attributions by feature and position, and the weight of all examples.

    Attributes:
        absolute: whether to sum absolute values.
    """

    absolute: bool = False

    state: ClassVar[Mapping[str, str]] = {"total": "cells", "names": "names", "weight": "sum"}
    form: ClassVar[str] = ROWS

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums w * attribution for every feature and position."""
        screen.weights(batch)
        if batch.attributions is None:
            raise MetricError("no attributions in the data: add an extractor that computes them")
        weight = batch.row_weight
        names = {_code(name): name for name in batch.attributions}
        if len(names) < len(batch.attributions):
            raise MetricError("two features share a hash: rename one of them")
        cells = []
        for name, column in batch.attributions.items():
            for position, rows, values in _columns(name, column):
                values = np.abs(values) if self.absolute else values
                weighted = (values * weight[rows])[:, None]
                code = (_code(name) << _POSITION_BITS) | position
                members = groups if len(rows) == len(weight) else groups.take(rows)
                cells.append(members.cells(np.full(len(rows), code), weighted))
        empty = groups.take(np.zeros(0, dtype=np.int64))
        cells.append(empty.cells(np.zeros(0, dtype=np.int64), np.zeros((0, 1))))
        return {
            "total": Cells.merge(cells),
            "names": Names(names),
            "weight": groups.sum(weight),
        }


def _columns(name: str, column: Any) -> Iterator[tuple[int, Array, Array]]:
    """Yields (position, rows that have a value there, the values)."""
    if isinstance(column, np.ndarray) and column.dtype != object:
        values = column.reshape(len(column), int(np.prod(column.shape[1:]))).astype(np.float64)
        screen.require(np.isfinite(values), values, f"attributions of {name!r} must be finite")
        for position in range(values.shape[1]):
            yield position, np.arange(len(values)), values[:, position]
        return
    rows_of_values = column.tolist() if isinstance(column, np.ndarray) else column.to_pylist()
    ragged = [np.atleast_1d(np.asarray([] if row is None else row)) for row in rows_of_values]
    lengths = np.array([len(row) for row in ragged], dtype=np.int64)
    flat = np.concatenate([np.zeros(0), *ragged]).astype(np.float64)
    screen.require(np.isfinite(flat), flat, f"attributions of {name!r} must be finite")
    starts = np.cumsum(lengths) - lengths
    for position in range(int(lengths.max(initial=0))):
        rows = np.flatnonzero(lengths > position)
        yield position, rows, flat[starts[rows] + position]


@dataclass(frozen=True)
class _Attributions(Metric):
    """A dict of {feature: number} per slice, or of arrays where a feature has several values."""

    kind = "attribution"
    absolute: ClassVar[bool] = False
    mean: ClassVar[bool] = False

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The sums of attributions."""
        return (AttributionSum(self.absolute),)

    @property
    def binarizes(self) -> bool:
        """Attributions to classes may be asked for by class_id, k and top_k."""
        return True

    def result(self, sums: State) -> Array:
        """Returns the dicts; empty for slices without examples."""
        cells: Cells = sums["total"]
        out = np.empty(sums.shape[0], dtype=object)
        for group in range(len(out)):
            out[group] = {}
        for group, span in cells.spans():
            if not sums["weight"][group] > 0:
                continue
            values = cells.sums[span, 0] / (sums["weight"][group] if self.mean else 1.0)
            code, position = cells.cell[span] >> _POSITION_BITS, cells.cell[span]
            for feature in np.unique(code):
                at = np.flatnonzero(code == feature)
                places = position[at] & ((1 << _POSITION_BITS) - 1)
                array = np.zeros(places.max() + 1)
                array[places] = values[at]
                name = sums["names"].get(feature)
                out[group][name] = float(array[0]) if len(array) == 1 else array
            out[group] = dict(sorted(out[group].items()))
        return out


@register
@dataclass(frozen=True)
class TotalAttributions(_Attributions):
    """Sum of each feature's attributions: sum(w * a)."""


@register
@dataclass(frozen=True)
class TotalAbsoluteAttributions(_Attributions):
    """Sum of the sizes of each feature's attributions: sum(w * |a|)."""

    absolute = True


@register
@dataclass(frozen=True)
class MeanAttributions(_Attributions):
    """Mean of each feature's attributions over all examples: sum(w * a) / sum(w)."""

    mean = True


@register
@dataclass(frozen=True)
class MeanAbsoluteAttributions(_Attributions):
    """Mean size of each feature's attributions over all examples: sum(w * |a|) / sum(w)."""

    absolute = True
    mean = True
