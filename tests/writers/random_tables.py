"""Metrics tables made up by hypothesis, and what it means for two of them to be the same."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from hypothesis import strategies as st

from evaluator_component.keys import CrossSliceKey, MetricKey, PlotKey, SubKey, sorted_slice_key
from evaluator_component.metrics_table import Column, MetricsTable

NUMBERS = st.floats(allow_nan=True, allow_infinity=True, width=64)
FINITE = st.floats(allow_nan=False, allow_infinity=False, width=64)
TEXTS = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=12) | st.sampled_from(
    ["<script>alert(1)</script>", "=1+1", "[red]x[/]", "\x1b[2J", "a\nb", ""]
)
NAMES = st.text(alphabet="abc_é/ ", min_size=1, max_size=6)

SLICE_VALUES = TEXTS | st.integers(-(2**63), 2**63 - 1) | FINITE


def slice_keys() -> st.SearchStrategy[Any]:
    plain = st.dictionaries(NAMES, SLICE_VALUES, max_size=3).map(
        lambda pairs: sorted_slice_key(pairs.items())
    )
    return plain | st.builds(CrossSliceKey, plain, plain)


SUB_KEYS = st.one_of(
    st.none(),
    st.builds(SubKey, class_id=st.integers(0, 2**31 - 1)),
    st.builds(SubKey, k=st.integers(1, 9)),
    st.builds(SubKey, class_id=st.integers(0, 9), top_k=st.integers(1, 9)),
)


def keys(kind: type[MetricKey] = MetricKey) -> st.SearchStrategy[Any]:
    return st.builds(
        kind,
        name=NAMES,
        model_name=st.sampled_from(["", "candidate", "baseline"]),
        output_name=st.sampled_from(["", "tip"]),
        sub_key=SUB_KEYS,
        aggregation=st.sampled_from([None, "micro", "macro", "weighted_macro"]),
        example_weighted=st.sampled_from([None, True, False]),
        is_diff=st.booleans(),
    )


def _column(draw: Any, size: int, kind: str) -> Any:
    if kind == "float":
        values = draw(st.lists(NUMBERS, min_size=size, max_size=size))
        return np.array(values, dtype=np.float64)
    if kind == "id":
        values = draw(st.lists(st.integers(-1, 2**31 - 1), min_size=size, max_size=size))
        return np.array(values, dtype=np.int64)
    texts = np.empty(size, dtype=object)
    texts[:] = draw(st.lists(TEXTS, min_size=size, max_size=size))
    return texts


COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")
LAYOUTS: dict[str, dict[str, str]] = {
    "confusion_matrices": {"threshold": "float", **dict.fromkeys(COUNTS, "float")},
    "calibration": dict.fromkeys(("lower", "upper", "weight", "label", "prediction"), "float"),
    "multi_class_confusion_matrix": {
        "threshold": "float",
        "actual": "id",
        "predicted": "id",
        "weight": "float",
    },
    "multi_label_confusion_matrix": {
        "threshold": "float",
        "actual": "id",
        "predicted": "id",
        **dict.fromkeys(COUNTS, "float"),
    },
    "residuals": {"lower": "float", "count": "id", "label": "text"},
}


@st.composite
def structures(draw: Any) -> dict[str, Any]:
    """A dict of "kind" and "columns", perhaps with more columns and other entries."""
    kind = draw(st.sampled_from(sorted(LAYOUTS)))
    size = draw(st.integers(1, 4))
    layout = dict(LAYOUTS[kind])
    if draw(st.booleans()):
        layout["more"] = draw(st.sampled_from(["float", "id", "text"]))
    value: dict[str, Any] = {
        "kind": kind,
        "columns": {name: _column(draw, size, form) for name, form in layout.items()},
    }
    if draw(st.booleans()):
        value["class_names"] = draw(st.lists(TEXTS, max_size=3))
    return value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBERS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXTS, inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=5,
)
ARRAYS = st.lists(FINITE, max_size=4).map(lambda xs: np.array(xs, dtype=np.float64)) | st.lists(
    st.integers(-(2**31), 2**31 - 1), max_size=4
).map(lambda xs: np.array(xs, dtype=np.int32))
OBJECTS = st.one_of(
    st.none(), TEXTS, st.binary(max_size=6), structures(), ARRAYS, JSON, FINITE, st.booleans()
)


def objects(draw: Any, size: int, values: Any) -> Any:
    out = np.empty(size, dtype=object)
    for row in range(size):
        out[row] = draw(values)
    return out


@st.composite
def columns(draw: Any, size: int) -> Column:
    form = draw(st.sampled_from(["number", "vector", "object"]))
    width = draw(st.integers(1, 3))
    shape = (size,) if form == "number" else (size, width)

    def array() -> Any:
        if form == "object":
            return objects(draw, size, OBJECTS)
        flat = draw(st.lists(NUMBERS, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
        return np.array(flat, dtype=np.float64).reshape(shape)

    value = array()
    more: dict[str, Any] = {}
    if draw(st.booleans()):
        more = {name: array() for name in ("standard_error", "lower", "upper")}
        degrees = draw(st.lists(st.integers(0, 99), min_size=size, max_size=size))
        more["degrees_of_freedom"] = np.array(degrees, dtype=np.int64)
        more["confidence_level"] = draw(st.sampled_from([0.9, 0.95]))
        more["resampling"] = draw(st.sampled_from(["jackknife", "poisson_bootstrap"]))
        if form == "object":  # a bound of nothing is nothing
            for name in ("standard_error", "lower", "upper"):
                if all(bound is None for bound in more[name]):
                    more[name] = None
    if form == "vector":
        more["labels"] = tuple(str(place) for place in range(width))
    return Column(value, direction=draw(st.sampled_from([-1, 0, 1])), **more)


@st.composite
def tables(draw: Any, dataset: str = "") -> MetricsTable:
    names = draw(st.lists(slice_keys(), min_size=1, max_size=4, unique=True))
    size = len(names)
    metrics = draw(st.lists(keys(), max_size=3, unique=True))
    plots = draw(st.lists(keys(PlotKey), max_size=2, unique=True))
    standard = draw(st.booleans())
    if standard:
        plots = [PlotKey("confusion_matrix_plot"), PlotKey("calibration_plot")]
    found = {key: objects(draw, size, st.none() | structures()) for key in plots}
    notes = draw(st.dictionaries(st.sampled_from(names), TEXTS.filter(bool), max_size=2))
    return MetricsTable(
        slices=tuple(names),
        examples=np.array(draw(st.lists(st.integers(0, 2**40), min_size=size, max_size=size))),
        weights=np.array(draw(st.lists(FINITE, min_size=size, max_size=size))),
        columns={key: draw(columns(size)) for key in metrics},
        plots={key: rows for key, rows in found.items() if any(row is not None for row in rows)},
        dataset=dataset,
        notes=notes,
    )


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal, to the bit and the type; NaN equals NaN."""
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        if type(left) is not type(right) or left.shape != right.shape or left.dtype != right.dtype:
            return False
        return all(
            same(x, y) for x, y in zip(left.ravel().tolist(), right.ravel().tolist(), strict=True)
        )
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)) and isinstance(right, type(left)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (left != left and right != right)
    return type(left) is type(right) and left == right


def assert_same_table(left: MetricsTable, right: MetricsTable) -> None:
    """Asserts that two tables are the same; columns that hold nothing may be missing."""
    assert left.slices == right.slices
    assert left.dataset == right.dataset
    assert dict(left.notes) == dict(right.notes)
    assert same(left.examples.astype(np.int64), right.examples)
    assert same(left.weights.astype(np.float64), right.weights)
    assert set(left.columns) == set(right.columns)
    for key, column in left.columns.items():
        for field in dataclasses.fields(Column):
            if field.name != "replicates":
                one, other = getattr(column, field.name), getattr(right.columns[key], field.name)
                assert same(one, other), (key, field.name, one, other)
    for name in ("plots", "attributions"):
        one, other = dict(getattr(left, name)), dict(getattr(right, name))
        assert one.keys() == other.keys()
        for key, rows in one.items():
            assert same(rows, other[key]), (name, key, rows, other[key])
