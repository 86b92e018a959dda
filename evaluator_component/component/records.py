"""What the metadata store holds of an evaluation: the values.

The store answers "how did this metric move over runs" without a result folder being opened, so it
holds overall values and those of the largest slices; the folder holds everything.

Vocabulary:
    record: the custom properties of one output artifact, as plain values.
    name of a value: the metric's full name, without the candidate's model name ("auc",
        "baseline/auc", "auc difference"); with several datasets, "<dataset>: " before it.

Example:
    >>> import numpy as np
    >>> from evaluator_component.keys import MetricKey
    >>> from evaluator_component.metrics_table import Column, MetricsTable
    >>> table = MetricsTable(
    ...     slices=((), (("origin", "JFK"),)),
    ...     examples=np.array([10, 4]),
    ...     weights=np.array([10.0, 4.0]),
    ...     columns={MetricKey("auc", "candidate"): Column(np.array([0.9, 0.8]))},
    ... )
    >>> record = metrics_record({"": table}, candidate="candidate")
    >>> record["auc"], record["by_slice"]
    (0.9, {'origin=JFK': {'examples': 4, 'auc': 0.8}})
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from evaluator_component.keys import OVERALL, MetricKey, slice_name
from evaluator_component.metrics_table import MetricsTable

__all__ = ["BY_SLICE", "OVERALL_VALUES", "metrics_record", "value_name"]

#: The overall values once more, in one structure: a store keeps numbers inside structures to the
#: last digit, but numbers by themselves with six decimals only.
OVERALL_VALUES = "overall"
BY_SLICE = "by_slice"
#: Added to the name of a metric that the model carries, where the config has one of that name.
IN_THE_MODEL = " (in the model)"


def value_name(key: MetricKey, candidate: str, dataset: str = "") -> str:
    """Returns the name under which the store holds a metric.

    Example:
        >>> value_name(MetricKey("auc", "candidate", is_diff=True), "candidate", "train")
        'train: auc difference'
    """
    shown = replace(key, model_name="") if key.model_name == candidate else key
    return f"{dataset}: {shown}" if dataset else str(shown)


def metrics_record(
    tables: Mapping[str, MetricsTable], *, candidate: str = "", max_slices: int = 50
) -> dict[str, Any]:
    """Returns overall values by name, and those of the largest slices under `by_slice`.

    The overall values are also under `overall`, where a store rounds nothing.

    Args:
        tables: metrics by dataset name.
        candidate: the model name of the candidate, which is left out of names.
        max_slices: slices to keep, per dataset; 0 keeps none.
    """
    overall: dict[str, Any] = {}
    by_slice: dict[str, dict[str, Any]] = {}
    for name, table in tables.items():
        dataset = name if len(tables) > 1 else ""
        names: dict[str, Any] = {}
        for key, column in sorted(table.columns.items(), key=_saved_last):
            name_of_value = value_name(key, candidate, dataset)
            if name_of_value in names:
                name_of_value += IN_THE_MODEL
            if column.is_number:
                names[name_of_value] = column.value
        prefix = f"{dataset}: " if dataset else ""
        for row in _rows_to_keep(table, max_slices):
            values = {label: float(column[row]) for label, column in names.items()}
            counts = {f"{prefix}examples": int(table.examples[row])}
            if table.slices[row] == OVERALL:
                overall.update(counts | values)
            else:
                by_slice.setdefault(slice_name(table.slices[row]), {}).update(counts | values)
    record = {**overall, OVERALL_VALUES: overall}
    if by_slice:
        record[BY_SLICE] = by_slice
    return record


def _saved_last(item: tuple[MetricKey, Any]) -> tuple[bool, MetricKey]:
    """Puts metrics that were saved in the model after those of the config."""
    return item[0].example_weighted is None, item[0]


def _rows_to_keep(table: MetricsTable, max_slices: int) -> list[int]:
    """Returns the overall row, then the largest slices; of equal ones those that come first."""
    overall = [row for row, key in enumerate(table.slices) if key == OVERALL]
    others = [row for row, key in enumerate(table.slices) if key != OVERALL]
    others.sort(key=lambda row: (-int(table.examples[row]), row))
    return overall + sorted(others[:max_slices])
