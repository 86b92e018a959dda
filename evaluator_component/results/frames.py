"""Results as pandas data frames.

pandas is imported when a frame is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.errors import ResultError, did_you_mean
from evaluator_component.keys import OVERALL, MetricKey, PlotKey, slice_name
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.writers.matrix_protos import is_structured

__all__ = ["by_slice_frame", "column_labels", "overall_series", "plots_frame", "tidy_frame"]

Array = npt.NDArray[Any]


def tidy_frame(table: Any) -> Any:
    """Returns a tidy Arrow table as a DataFrame; whole numbers and truth values may be missing."""
    import pandas as pd
    import pyarrow as pa

    kinds = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    return table.to_pandas(types_mapper=kinds.get)


def column_labels(tables: Sequence[MetricsTable]) -> dict[MetricKey, str]:
    """Returns the names of all metrics, without the model's where there is one model only."""
    keys = {key: None for table in tables for key in table.columns}
    models = {key.model_name for key in keys} - {""}
    if len(models) > 1:
        return {key: str(key) for key in keys}
    return {key: str(replace(key, model_name="")) for key in keys}


def _numbers(table: MetricsTable, labels: dict[MetricKey, str]) -> dict[str, Array]:
    """Returns the number columns, and one column per entry of the vectors."""
    found: dict[str, Array] = {}
    for key, column in table.columns.items():
        if column.is_number:
            found[labels[key]] = column.value
        elif column.value.dtype != object:
            flat = column.value.reshape(len(table), -1)
            for place, name in enumerate(_entry_names(column, flat.shape[1])):
                found[f"{labels[key]}[{name}]"] = flat[:, place]
    return found


def _entry_names(column: Column, width: int) -> Sequence[str]:
    return column.labels if len(column.labels) == width else [str(i) for i in range(width)]


def by_slice_frame(tables: Sequence[MetricsTable]) -> Any:
    """Returns a DataFrame: one row per slice, one column per number.

    The index is the slice, or (dataset, slice) where there are several datasets. The first columns
    are `examples` and `weight`.
    """
    import pandas as pd

    labels = column_labels(tables)
    frames = []
    for table in tables:
        examples = pd.array(table.examples, dtype="Int64")
        examples[table.examples < 0] = pd.NA
        columns = {"examples": examples, "weight": table.weights, **_numbers(table, labels)}
        frame = pd.DataFrame(columns, index=pd.Index(table.names(), name="slice"))
        frames.append(frame)
    if not frames:
        return pd.DataFrame(columns=["examples", "weight"], index=pd.Index([], name="slice"))
    if len(frames) == 1:
        return frames[0]
    return pd.concat(frames, keys=[table.dataset for table in tables], names=["dataset"])


def overall_series(tables: Sequence[MetricsTable]) -> Any:
    """Returns the numbers of all examples as a Series by metric, or by (dataset, metric)."""
    import pandas as pd

    labels = column_labels(tables)
    series = []
    for table in tables:
        row = table.row_of.get(OVERALL)
        numbers = _numbers(table, labels)
        values = {name: np.nan if row is None else column[row] for name, column in numbers.items()}
        index = pd.Index(list(values), name="metric")
        series.append(pd.Series(list(values.values()), index=index, name="Overall", dtype=float))
    if not series:
        return pd.Series([], name="Overall", dtype=float, index=pd.Index([], name="metric"))
    if len(series) == 1:
        return series[0]
    return pd.concat(series, keys=[table.dataset for table in tables], names=["dataset"])


def plots_frame(
    tables: Sequence[MetricsTable], kind: str | None = None, *, slices: Sequence[Any] | None = None
) -> Any:
    """Returns the data of all plots of one kind as a DataFrame.

    Args:
        tables: the tables.
        kind: such as "confusion_matrices" or "calibration"; may be left out where there is one.
        slices: keys of the slices; all when not given.

    Returns:
        Columns dataset, model, output, slice, plot, class_id, top_k, weighted, then those of the
        plot, one row per point.

    Raises:
        ResultError: there are no such plots.
    """
    import pandas as pd

    found: dict[str, list[Any]] = {}
    wanted = None if slices is None else set(slices)
    for table in tables:
        for key, plots in table.plots.items():
            for row, plot in enumerate(plots):
                slice_key = table.slices[row]
                if is_structured(plot) and (wanted is None or slice_key in wanted):
                    described = _describe(table, key, slice_name(slice_key))
                    columns = {**described, **plot["columns"]}
                    found.setdefault(plot["kind"], []).append(pd.DataFrame(columns))
    if kind is None and len(found) == 1:
        kind = next(iter(found))
    if kind is None or kind not in found:
        what = "plots_frame: say which kind" if kind is None else f"there are no {kind!r} plots"
        raise ResultError(f"{what} {did_you_mean(kind, found)}")
    return pd.concat(found[kind], ignore_index=True)


def _describe(table: MetricsTable, key: PlotKey, name: str) -> dict[str, Any]:
    sub_key = key.sub_key
    return {
        "dataset": table.dataset,
        "model": key.model_name,
        "output": key.output_name,
        "slice": name,
        "plot": key.name,
        "class_id": None if sub_key is None else sub_key.class_id,
        "top_k": None if sub_key is None else sub_key.top_k,
        "weighted": key.example_weighted,
    }
