"""Slice sets: which slices a threshold is for.

Vocabulary:
    SliceSet: the slices that a slicing spec makes; empty means the overall slice.
    CrossSliceSet: comparisons of two slices that a cross slicing spec makes.

Example:
    >>> each_hour_of_ua = SliceSet(("hour",), (("carrier", "UA"),))
    >>> each_hour_of_ua.matches((("carrier", "UA"), ("hour", 7)))
    True
    >>> each_hour_of_ua.matches((("carrier", "UA"),))
    False
    >>> str(each_hour_of_ua)
    'carrier=UA, each hour'
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from evaluator_component.keys import CrossSliceKey, SliceKey
from evaluator_component.slicing.codes import matches
from evaluator_component.validation.reading import text

__all__ = ["CrossSliceSet", "SliceSet"]


@dataclass(frozen=True)
class SliceSet:
    """The slices that a slicing spec makes.

    Attributes:
        feature_keys: features whose every value is a slice.
        feature_values: pairs of feature and value (as text) that all slices have.
        sql: the query that makes the slices; then any slice may be one of them.
    """

    feature_keys: tuple[str, ...] = ()
    feature_values: tuple[tuple[str, str], ...] = ()
    sql: str = ""

    @classmethod
    def read(cls, spec: Any) -> SliceSet:
        """Reads a SlicingSpec."""
        return cls(
            tuple(sorted(set(spec.feature_keys))),
            tuple(sorted((str(key), str(value)) for key, value in spec.feature_values.items())),
            text(spec, "slice_keys_sql"),
        )

    def matches(self, key: SliceKey | CrossSliceKey) -> bool:
        """Tells whether the spec could have made the slice."""
        if isinstance(key, CrossSliceKey):
            return False
        if self.sql:
            return bool(key)
        fixed = dict(self.feature_values)
        free = set(self.feature_keys) - set(fixed)
        for feature, value in key:
            if feature in fixed:
                if not matches(value, fixed.pop(feature)):
                    return False
            elif feature in free:
                free.discard(feature)
            else:
                return False
        return not fixed and not free

    def __str__(self) -> str:
        if self.sql:
            return self.sql
        parts = [f"{feature}={value}" for feature, value in self.feature_values]
        if self.feature_keys:
            parts.append(f"each {' x '.join(self.feature_keys)}")
        return ", ".join(parts) or "Overall"


@dataclass(frozen=True)
class CrossSliceSet:
    """Comparisons of slices: a baseline slice minus each of the others.

    Attributes:
        baseline: the slices that come first.
        comparisons: the slices that they are compared with; any when empty.
    """

    baseline: SliceSet
    comparisons: tuple[SliceSet, ...] = ()

    @classmethod
    def read(cls, spec: Any) -> CrossSliceSet:
        """Reads a CrossSlicingSpec."""
        others: Iterable[Any] = spec.slicing_specs
        return cls(SliceSet.read(spec.baseline_spec), tuple(map(SliceSet.read, others)))

    def matches(self, key: SliceKey | CrossSliceKey) -> bool:
        """Tells whether the spec could have made the comparison."""
        if not isinstance(key, CrossSliceKey) or not self.baseline.matches(key.baseline):
            return False
        return not self.comparisons or any(s.matches(key.comparison) for s in self.comparisons)

    def __str__(self) -> str:
        others = " and ".join(map(str, self.comparisons)) or "all others"
        return f"{self.baseline} vs {others}"
