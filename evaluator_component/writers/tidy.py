"""The tidy table: one row per dataset, slice and number, with everything that names it.

It is what `metrics.parquet` and `metrics.csv` hold and what `EvalResult.to_frame` returns.

====================  ==========================================================================
column                meaning
====================  ==========================================================================
run                   name of the run
dataset               name of the dataset; "" where there is one only
model, output         names; "" where there is one only
slice                 the slice as people read it: "Overall", "carrier=UA, hour=7"
metric                name of the metric
class_id, k, top_k    part of a multi-class prediction; null for the whole
aggregation           "micro", "macro" or "weighted_macro"; "" where not aggregated
weighted              whether example weights were used; null where the metric decides
is_diff               whether the value is candidate minus baseline
entry                 which entry of a vector this is, such as a threshold; "" for other values
value                 the number; null where it is undefined
ci_low, ci_high       the interval; null without one
standard_error        null without an interval
n                     examples of the slice (queries, for metrics by query); null where unknown
weight                sum of their weights
threshold             what the value must satisfy, in words; null where nothing
decision              the gravest outcome of those thresholds: "FAILED", "PASSED", ...
confidence_level      of the interval, such as 0.95
direction             "higher" or "lower" is better; "" neither
text                  a value that is no number: text, or JSON of a matrix
note                  what to know about the slice
slice_key             the slice for programs: JSON [["carrier", "UA"], ["hour", 7]]
====================  ==========================================================================

Example:
    >>> import numpy as np
    >>> from evaluator_component.keys import MetricKey
    >>> table = MetricsTable(((),), np.array([3]), np.array([3.0]),
    ...                      {MetricKey("auc"): Column(np.array([0.5]))})
    >>> tidy_table([table], run="today").select(["run", "slice", "metric", "value"]).to_pylist()
    [{'run': 'today', 'slice': 'Overall', 'metric': 'auc', 'value': 0.5}]
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.keys import CrossSliceKey, MetricKey, SliceKey
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.writers.judgements import Judgement, JudgementKey
from evaluator_component.writers.plain_json import plain

__all__ = ["SCHEMA", "slice_key_json", "tidy_table"]

Array = npt.NDArray[Any]

SCHEMA = pa.schema(
    [
        ("run", pa.string()),
        ("dataset", pa.string()),
        ("model", pa.string()),
        ("output", pa.string()),
        ("slice", pa.string()),
        ("metric", pa.string()),
        ("class_id", pa.int64()),
        ("k", pa.int64()),
        ("top_k", pa.int64()),
        ("aggregation", pa.string()),
        ("weighted", pa.bool_()),
        ("is_diff", pa.bool_()),
        ("entry", pa.string()),
        ("value", pa.float64()),
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
        ("standard_error", pa.float64()),
        ("n", pa.int64()),
        ("weight", pa.float64()),
        ("threshold", pa.string()),
        ("decision", pa.string()),
        ("confidence_level", pa.float64()),
        ("direction", pa.string()),
        ("text", pa.string()),
        ("note", pa.string()),
        ("slice_key", pa.string()),
    ]
)

_DIRECTIONS = {1: "higher", 0: "", -1: "lower"}


def tidy_table(
    tables: Sequence[MetricsTable],
    *,
    run: str = "",
    judgements: Mapping[JudgementKey, Judgement] | None = None,
) -> pa.Table:
    """Returns the tidy table of some metrics tables: slice by slice, metrics in their order.

    Args:
        tables: one or several per dataset.
        run: name of the run.
        judgements: what thresholds said, from `judgements.judgements_of`.
    """
    parts = [_tidy(table, run, judgements or {}) for table in tables]
    # An empty part would make Arrow write the header of a CSV file twice.
    filled = [part for part in parts if part.num_rows]
    return pa.concat_tables(filled).combine_chunks() if filled else SCHEMA.empty_table()


@dataclass(frozen=True)
class _Block:
    """Rows of one metric, before they are put in order.

    Attributes:
        row: int64 (rows,), the slice.
        entry: int64 (rows,), the entry of a vector.
        numbers: float64 (rows,) by column name.
        text: of values that are no numbers.
    """

    row: Array
    entry: Array
    numbers: Mapping[str, Array]
    text: Sequence[str | None] | None = None


def _tidy(table: MetricsTable, run: str, judgements: Mapping[JudgementKey, Judgement]) -> pa.Table:
    blocks = [_block(column) for column in table.columns.values()]
    if not blocks:
        return SCHEMA.empty_table()
    sizes = [len(block.row) for block in blocks]
    metric = np.repeat(np.arange(len(blocks)), sizes)
    row = np.concatenate([block.row for block in blocks])
    entry = np.concatenate([block.entry for block in blocks])
    order = np.lexsort((entry, metric, row))
    metric, row, entry = metric[order], row[order], entry[order]

    def numbers(name: str) -> pa.Array:
        parts = [
            block.numbers.get(name, np.full(size, np.nan))
            for block, size in zip(blocks, sizes, strict=True)
        ]
        return pa.array(np.concatenate(parts)[order], from_pandas=True)

    keys = list(table.columns)
    described = {name: values.take(pa.array(metric)) for name, values in _key_columns(keys).items()}
    of_column = _column_columns(list(table.columns.values()))
    described |= {name: values.take(pa.array(metric)) for name, values in of_column.items()}
    slices = {name: values.take(pa.array(row)) for name, values in _slice_columns(table).items()}
    rows = len(row)
    columns = {
        "run": pa.repeat(pa.scalar(run, pa.string()), rows),
        "dataset": pa.repeat(pa.scalar(table.dataset, pa.string()), rows),
        **described,
        **slices,
        "entry": _entries(list(table.columns.values()), metric, entry),
        **{name: numbers(name) for name in ("value", "ci_low", "ci_high", "standard_error")},
        "text": _texts(blocks, sizes, order),
        **_judged(table, keys, metric, row, judgements),
    }
    arrays = [columns[field.name].cast(field.type) for field in SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _block(column: Column) -> _Block:
    size = len(column.value)
    names = {"value": "value", "ci_low": "lower", "ci_high": "upper"}
    names["standard_error"] = "standard_error"
    if column.value.dtype == object:
        texts = [None if value is None else _text(value) for value in column.value]
        rows = np.flatnonzero([text is not None for text in texts])
        return _Block(
            rows,
            np.zeros(len(rows), dtype=np.int64),
            {},
            [text for text in texts if text is not None],
        )
    width = int(np.prod(column.value.shape[1:]))
    numbers = {}
    for name, attribute in names.items():
        values = getattr(column, attribute)
        if values is not None:
            numbers[name] = np.asarray(values, dtype=np.float64).reshape(size * width)
    return _Block(np.repeat(np.arange(size), width), np.tile(np.arange(width), size), numbers)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(plain(value))


def _texts(blocks: Sequence[_Block], sizes: Sequence[int], order: Array) -> pa.Array:
    if all(block.text is None for block in blocks):
        return pa.nulls(len(order), pa.string())
    texts: list[str | None] = []
    for block, size in zip(blocks, sizes, strict=True):
        texts.extend([None] * size if block.text is None else block.text)
    return pa.array(texts, pa.string()).take(pa.array(order))


def _key_columns(keys: Sequence[MetricKey]) -> dict[str, pa.Array]:
    def of_sub_key(part: str) -> pa.Array:
        parts = [None if key.sub_key is None else getattr(key.sub_key, part) for key in keys]
        return pa.array(parts, pa.int64())

    return {
        "model": pa.array([key.model_name for key in keys]),
        "output": pa.array([key.output_name for key in keys]),
        "metric": pa.array([key.name for key in keys]),
        "class_id": of_sub_key("class_id"),
        "k": of_sub_key("k"),
        "top_k": of_sub_key("top_k"),
        "aggregation": pa.array([key.aggregation or "" for key in keys]),
        "weighted": pa.array([key.example_weighted for key in keys], pa.bool_()),
        "is_diff": pa.array([key.is_diff for key in keys]),
    }


def _column_columns(columns: Sequence[Column]) -> dict[str, pa.Array]:
    levels = [
        column.confidence_level if column.lower is not None or column.upper is not None else None
        for column in columns
    ]
    return {
        "confidence_level": pa.array(levels, pa.float64()),
        "direction": pa.array([_DIRECTIONS.get(column.direction, "") for column in columns]),
    }


def _slice_columns(table: MetricsTable) -> dict[str, pa.Array]:
    known = table.examples >= 0
    return {
        "slice": pa.array(table.names(), pa.string()),
        "slice_key": pa.array([slice_key_json(key) for key in table.slices], pa.string()),
        "note": pa.array([table.notes.get(key, "") for key in table.slices], pa.string()),
        "n": pa.array(table.examples.astype(np.int64), mask=~known),
        "weight": pa.array(table.weights.astype(np.float64), from_pandas=True),
    }


def slice_key_json(key: SliceKey | CrossSliceKey) -> str:
    """Returns a slice as JSON: pairs of feature and value; a pair of slices as an object.

    Example:
        >>> slice_key_json((("hour", 7),))
        '[["hour", 7]]'
    """
    if isinstance(key, CrossSliceKey):
        pair = {"baseline": plain(key.baseline), "comparison": plain(key.comparison)}
        return json.dumps(pair, ensure_ascii=False)
    return json.dumps(plain(key), ensure_ascii=False)


def _entries(columns: Sequence[Column], metric: Array, entry: Array) -> pa.Array:
    """Returns the names of entries: "" for numbers, the label or the position for vectors."""
    names: list[str] = []
    starts: list[int] = []
    for column in columns:
        starts.append(len(names))
        if column.value.dtype == object or column.is_number:
            names.append("")
        else:
            width = int(np.prod(column.value.shape[1:]))
            labelled = len(column.labels) == width
            names.extend(column.labels if labelled else [str(place) for place in range(width)])
    return pa.array(names, pa.string()).take(pa.array(np.array(starts)[metric] + entry))


def _judged(
    table: MetricsTable,
    keys: Sequence[MetricKey],
    metric: Array,
    row: Array,
    judgements: Mapping[JudgementKey, Judgement],
) -> dict[str, pa.Array]:
    """Returns what thresholds said of each row."""
    place = {key: index for index, key in enumerate(keys)}
    texts: list[str | None] = [None]
    outcomes: list[str | None] = [None]
    index = np.zeros((len(keys), len(table)), dtype=np.int64)
    for (dataset, key, slice_key), judgement in judgements.items():
        found = place.get(key), table.row_of.get(slice_key)
        if dataset == table.dataset and found[0] is not None and found[1] is not None:
            index[found[0], found[1]] = len(texts)
            texts.append(judgement.threshold)
            outcomes.append(judgement.outcome)
    chosen = pa.array(index[metric, row])
    return {
        "threshold": pa.array(texts, pa.string()).take(chosen),
        "decision": pa.array(outcomes, pa.string()).take(chosen),
    }
