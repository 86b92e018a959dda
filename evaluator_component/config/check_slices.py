"""Rules of derived columns, slicing specs and comparisons of slices."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

from evaluator_component.config.specs import CrossSliceSpec, SliceSpec
from evaluator_component.errors import Problems
from evaluator_component.protos import eval_config_pb2

__all__ = ["check_derived_columns", "check_slices", "check_slicing_spec"]


def check_derived_columns(config: eval_config_pb2.EvalConfig, problems: Problems) -> None:
    """Notes derived columns that are not defined, or not defined once."""
    names: dict[str, int] = {}
    for i, column in enumerate(config.derived_columns):
        where = f"derived_columns[{i}]"
        if not column.name:
            problems.add(f"{where}.name", "a derived column needs a name")
        elif (first := names.setdefault(column.name, i)) != i:
            what = f"column {column.name!r} is defined twice, first at derived_columns[{first}]"
            problems.add(f"{where}.name", what)
        kind = column.WhichOneof("kind")
        if kind is None:
            problems.add(where, "needs one of 'sql', 'quantile_bins' and 'fixed_bins'")
        elif kind == "sql":
            if not column.sql.strip():
                problems.add(f"{where}.sql", "the expression is empty")
        elif kind == "quantile_bins":
            _check_quantile_bins(column.quantile_bins, f"{where}.quantile_bins", problems)
        else:
            _check_fixed_bins(column.fixed_bins, f"{where}.fixed_bins", problems)


def _check_quantile_bins(
    bins: eval_config_pb2.DerivedColumn.QuantileBins, where: str, problems: Problems
) -> None:
    if not bins.key:
        problems.add(f"{where}.key", "names no feature")
    if bins.num_bins < 2:
        problems.add(f"{where}.num_bins", f"must be at least 2, got {bins.num_bins}")


def _check_fixed_bins(
    bins: eval_config_pb2.DerivedColumn.FixedBins, where: str, problems: Problems
) -> None:
    if not bins.key:
        problems.add(f"{where}.key", "names no feature")
    if not bins.edges:
        problems.add(f"{where}.edges", "must have at least one edge")
    if not all(math.isfinite(edge) for edge in bins.edges):
        problems.add(f"{where}.edges", f"must be finite, got {list(bins.edges)}")
    if any(not low < high for low, high in pairwise(bins.edges)):
        problems.add(f"{where}.edges", f"must increase, got {list(bins.edges)}")
    needed = len(bins.edges) + 1
    if bins.labels and len(bins.labels) != needed:
        what = f"{len(bins.edges)} edges make {needed} bins, got {len(bins.labels)} labels"
        problems.add(f"{where}.labels", what)
    if len(set(bins.labels)) < len(bins.labels):
        problems.add(f"{where}.labels", f"must differ, got {list(bins.labels)}")


def check_slices(config: eval_config_pb2.EvalConfig, problems: Problems) -> None:
    """Notes slicing specs and comparisons that contradict themselves."""
    for i, spec in enumerate(config.slicing_specs):
        check_slicing_spec(spec, f"slicing_specs[{i}]", problems)
    for i, cross in enumerate(config.cross_slicing_specs):
        where = f"cross_slicing_specs[{i}]"
        check_slicing_spec(cross.baseline_spec, f"{where}.baseline_spec", problems)
        baseline = SliceSpec.from_proto(cross.baseline_spec)
        for j, other in enumerate(CrossSliceSpec.from_proto(cross).comparisons):
            place = f"{where}.slicing_specs[{j}]"
            check_slicing_spec(cross.slicing_specs[j], place, problems)
            if other == baseline and not other.feature_keys and not other.sql:
                problems.add(place, f"compares the slice '{other}' with itself")


def check_slicing_spec(spec: eval_config_pb2.SlicingSpec, where: str, problems: Problems) -> None:
    """Notes what is wrong with one slicing spec."""
    for feature, count in Counter(spec.feature_keys).items():
        if not feature:
            problems.add(f"{where}.feature_keys", "a feature needs a name")
        elif count > 1:
            problems.add(f"{where}.feature_keys", f"feature {feature!r} is given {count} times")
        if feature in spec.feature_values:
            what = f"feature {feature!r} is fixed by feature_values and cannot vary, too"
            problems.add(f"{where}.feature_keys", what)
    if "" in spec.feature_values:
        problems.add(f"{where}.feature_values", "a feature needs a name")
    if spec.slice_keys_sql and (spec.feature_keys or spec.feature_values):
        what = "excludes feature_keys and feature_values; give the query a spec of its own"
        problems.add(f"{where}.slice_keys_sql", what)
