"""Names of results: which metric, of which model and output, on which slice.

Vocabulary:
    SliceKey: sorted pairs of (feature, value); `()` is the overall slice.
    CrossSliceKey: a pair (baseline slice, comparison slice).
    SubKey: which part of a multi-class prediction a metric looks at (class_id, k or top_k).
    MetricKey / PlotKey: the full name of a metric or a plot.

All are frozen, hashable, totally ordered and printable.

Example:
    >>> slice_name((("carrier", "UA"), ("hour", 7)))
    'carrier=UA, hour=7'
    >>> str(MetricKey("auc", model_name="candidate", sub_key=SubKey(class_id=3)))
    'candidate/auc@class_id=3'
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import total_ordering
from typing import Any

__all__ = [
    "AGGREGATIONS",
    "OVERALL",
    "CrossSliceKey",
    "MetricKey",
    "PlotKey",
    "SliceKey",
    "SliceValue",
    "SubKey",
    "is_cross_slice",
    "slice_name",
    "slice_sort_key",
    "sorted_slice_key",
]

SliceValue = str | int | float
SliceKey = tuple[tuple[str, SliceValue], ...]

OVERALL: SliceKey = ()

#: How the values of several classes become one.
AGGREGATIONS = ("micro", "macro", "weighted_macro")


def sorted_slice_key(pairs: Iterable[tuple[str, SliceValue]]) -> SliceKey:
    """Returns the canonical key of a slice: its pairs sorted by feature name, then value."""
    return tuple(sorted(pairs, key=lambda pair: (pair[0], _value_order(pair[1]))))


def _value_order(value: SliceValue) -> tuple[int, Any]:
    return (1, value) if isinstance(value, str) else (0, value)


@dataclass(frozen=True)
class CrossSliceKey:
    """Names the comparison of one slice with another: value = baseline - comparison."""

    baseline: SliceKey
    comparison: SliceKey


AnySliceKey = SliceKey | CrossSliceKey


def is_cross_slice(key: AnySliceKey) -> bool:
    """Tells whether a key names a pair of slices."""
    return isinstance(key, CrossSliceKey)


def slice_name(key: AnySliceKey) -> str:
    """Returns the slice as people read it: 'Overall', 'carrier=UA, hour=7' or 'a=1 vs b=2'.

    Example:
        >>> slice_name(())
        'Overall'
        >>> slice_name(CrossSliceKey((("a", 1),), ()))
        'a=1 vs Overall'
    """
    if isinstance(key, CrossSliceKey):
        return f"{slice_name(key.baseline)} vs {slice_name(key.comparison)}"
    if not key:
        return "Overall"
    return ", ".join(f"{feature}={value}" for feature, value in key)


def slice_sort_key(key: AnySliceKey) -> tuple[Any, ...]:
    """Orders slices: overall first, then by number of features, their names, and their values."""
    if isinstance(key, CrossSliceKey):
        return (1, slice_sort_key(key.baseline), slice_sort_key(key.comparison))
    names = tuple(feature for feature, _ in key)
    return (0, len(key), names, tuple(_value_order(value) for _, value in key))


def _order(value: Any) -> tuple[int, Any]:
    return (0, 0) if value is None else (1, value)


@total_ordering
@dataclass(frozen=True)
class SubKey:
    """The part of a multi-class prediction that a metric looks at.

    Attributes:
        class_id: one class against the rest.
        k: the class with the k-th highest score.
        top_k: the k classes with the highest scores (may be combined with class_id).
    """

    class_id: int | None = None
    k: int | None = None
    top_k: int | None = None

    def __post_init__(self) -> None:
        if self.k is not None and (self.class_id is not None or self.top_k is not None):
            raise ValueError(f"k excludes class_id and top_k, got {self!r}")

    def __str__(self) -> str:
        parts = (("class_id", self.class_id), ("k", self.k), ("top_k", self.top_k))
        return ",".join(f"{name}={value}" for name, value in parts if value is not None)

    def __bool__(self) -> bool:
        return any(part is not None for part in (self.class_id, self.k, self.top_k))

    def __lt__(self, other: SubKey) -> bool:
        return self._ordering() < other._ordering()

    def _ordering(self) -> tuple[Any, ...]:
        return tuple(_order(part) for part in (self.class_id, self.k, self.top_k))


@total_ordering
@dataclass(frozen=True)
class MetricKey:
    """The full name of a metric.

    Attributes:
        name: the metric's own name, such as "auc".
        model_name: "" where there is one model only.
        output_name: "" where the model has one output only.
        sub_key: class, k or top_k; None for the whole prediction.
        aggregation: "micro", "macro" or "weighted_macro" over classes; None if not aggregated.
        example_weighted: True, False, or None where the metric decides (in-model metrics).
        is_diff: the value is candidate minus baseline.
    """

    name: str
    model_name: str = ""
    output_name: str = ""
    sub_key: SubKey | None = None
    aggregation: str | None = None
    example_weighted: bool | None = None
    is_diff: bool = False

    def __str__(self) -> str:
        path = "/".join(part for part in (self.model_name, self.output_name, self.name) if part)
        sub = f"@{self.sub_key}" if self.sub_key else ""
        aggregation = f"[{self.aggregation}]" if self.aggregation else ""
        weighted = " (weighted)" if self.example_weighted else ""
        return f"{path}{sub}{aggregation}{weighted}{' difference' if self.is_diff else ''}"

    def __lt__(self, other: MetricKey) -> bool:
        return self._ordering() < other._ordering()

    def _ordering(self) -> tuple[Any, ...]:
        sub = self.sub_key._ordering() if self.sub_key else ()
        optional = (_order(self.aggregation), _order(self.example_weighted))
        return (self.name, self.model_name, self.output_name, sub, *optional, self.is_diff)

    def diff(self) -> MetricKey:
        """Returns the key of this metric's candidate-minus-baseline difference."""
        return replace(self, is_diff=True)


class PlotKey(MetricKey):
    """The full name of a plot; it has the same parts as a metric's."""
