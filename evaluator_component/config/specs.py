"""Slicing specs as plain values: frozen, hashable, equal when they mean the same.

Vocabulary:
    SliceSpec: a set of slices, one for each combination of the values of `feature_keys`, among the
        examples that have all of `feature_values`; empty means all examples (the overall slice).
    CrossSliceSpec: a comparison of one set of slices with others.

Example:
    >>> spec = SliceSpec(feature_keys=("hour",), feature_values=(("carrier", "UA"),))
    >>> str(spec)
    'carrier=UA, each hour'
    >>> SliceSpec.from_proto(spec.to_proto()) == spec
    True
"""

from __future__ import annotations

from dataclasses import dataclass

from evaluator_component.protos import eval_config_pb2

__all__ = ["CrossSliceSpec", "SliceSpec"]


@dataclass(frozen=True)
class SliceSpec:
    """A set of slices.

    Keys and values are kept sorted and without repetition, so that equal sets compare equal.

    Attributes:
        feature_keys: features whose every value (or combination of values) is a slice.
        feature_values: pairs (feature, value as text) that every example of the slices has.
        sql: a query that gives the slice keys of an example; excludes the other two.
    """

    feature_keys: tuple[str, ...] = ()
    feature_values: tuple[tuple[str, str], ...] = ()
    sql: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "feature_keys", tuple(sorted(set(self.feature_keys))))
        object.__setattr__(self, "feature_values", tuple(sorted(set(self.feature_values))))

    @property
    def is_overall(self) -> bool:
        """Whether the spec means all examples as one slice."""
        return not (self.feature_keys or self.feature_values or self.sql)

    @property
    def features(self) -> frozenset[str]:
        """Names of the features that the keys of the slices consist of (unknown for SQL)."""
        return frozenset(self.feature_keys) | {feature for feature, _ in self.feature_values}

    def covers(self, other: SliceSpec) -> bool:
        """Tells whether some slice may belong to both specs.

        Both must have the same features, and no feature may be fixed to two values. Slices that
        come from SQL are not known beforehand, so they may belong to anything.

        Example:
            >>> SliceSpec(("hour",)).covers(SliceSpec((), (("hour", "7"),)))
            True
            >>> SliceSpec(("hour",)).covers(SliceSpec())
            False
        """
        if self.sql or other.sql:
            return True
        fixed = dict(self.feature_values)
        same = all(fixed.get(feature, value) == value for feature, value in other.feature_values)
        return same and self.features == other.features

    def __str__(self) -> str:
        if self.sql:
            return self.sql
        parts = [f"{feature}={value}" for feature, value in self.feature_values]
        if self.feature_keys:
            parts.append(f"each {' x '.join(self.feature_keys)}")
        return ", ".join(parts) or "Overall"

    @classmethod
    def from_proto(cls, message: eval_config_pb2.SlicingSpec) -> SliceSpec:
        """Reads the message."""
        return cls(
            feature_keys=tuple(message.feature_keys),
            feature_values=tuple(message.feature_values.items()),
            sql=message.slice_keys_sql,
        )

    def to_proto(self) -> eval_config_pb2.SlicingSpec:
        """Writes the message."""
        return eval_config_pb2.SlicingSpec(
            feature_keys=self.feature_keys,
            feature_values=dict(self.feature_values),
            slice_keys_sql=self.sql,
        )


@dataclass(frozen=True)
class CrossSliceSpec:
    """A comparison of slices: value of the baseline slice minus value of each comparison slice.

    Attributes:
        baseline: the slices to compare.
        comparisons: the slices to compare with; all others when empty.
    """

    baseline: SliceSpec
    comparisons: tuple[SliceSpec, ...] = ()

    def __str__(self) -> str:
        others = " and ".join(str(spec) for spec in self.comparisons) or "all others"
        return f"{self.baseline} vs {others}"

    @classmethod
    def from_proto(cls, message: eval_config_pb2.CrossSlicingSpec) -> CrossSliceSpec:
        """Reads the message."""
        return cls(
            baseline=SliceSpec.from_proto(message.baseline_spec),
            comparisons=tuple(SliceSpec.from_proto(spec) for spec in message.slicing_specs),
        )

    def to_proto(self) -> eval_config_pb2.CrossSlicingSpec:
        """Writes the message."""
        return eval_config_pb2.CrossSlicingSpec(
            baseline_spec=self.baseline.to_proto(),
            slicing_specs=[spec.to_proto() for spec in self.comparisons],
        )
