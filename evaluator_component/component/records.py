"""What the metadata store holds of an evaluation: values, verdict, lineage, the ROC curve.

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

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.keys import OVERALL, MetricKey, slice_name
from evaluator_component.metrics_table import MetricsTable

__all__ = ["BY_SLICE", "metrics_record", "roc_record", "value_name"]

BY_SLICE = "by_slice"
#: Added to the name of a metric that the model carries, where the config has one of that name.
IN_THE_MODEL = " (in the model)"
#: Points of a ROC curve that are kept: a picture needs no more, and a store's messages are small.
ROC_POINTS = 101


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

    Args:
        tables: metrics by dataset name.
        candidate: the model name of the candidate, which is left out of names.
        max_slices: slices to keep, per dataset; 0 keeps none.
    """
    record: dict[str, Any] = {}
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
                record.update(counts | values)
            else:
                by_slice.setdefault(slice_name(table.slices[row]), {}).update(counts | values)
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


def roc_record(
    thresholds: npt.ArrayLike,
    true_positives: npt.ArrayLike,
    false_positives: npt.ArrayLike,
    true_negatives: npt.ArrayLike,
    false_negatives: npt.ArrayLike,
    *,
    class_names: Sequence[str] = ("negative", "positive"),
    at: float = 0.5,
) -> dict[str, Any]:
    """Returns the ROC curve and the confusion matrix in the keys that Kubeflow's UI draws.

    Args:
        thresholds: (k,) decision thresholds.
        true_positives: (k,) weighted counts at each threshold.
        false_positives: likewise.
        true_negatives: likewise.
        false_negatives: likewise.
        class_names: of the two classes.
        at: the threshold of the confusion matrix; the nearest one is taken.
    """
    threshold = np.asarray(thresholds, dtype=np.float64)
    tp, fp, tn, fn = (
        np.asarray(counts, dtype=np.float64)
        for counts in (true_positives, false_positives, true_negatives, false_negatives)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = tp / (tp + fn)
        false_positive_rate = fp / (fp + tn)
    usable = np.isfinite(recall) & np.isfinite(false_positive_rate)
    points = np.flatnonzero(usable)
    if len(points) > ROC_POINTS:
        points = points[np.linspace(0, len(points) - 1, ROC_POINTS).round().astype(int)]
    # The outermost thresholds may lie at infinity or just outside [0, 1].
    shown = np.clip(np.nan_to_num(threshold, neginf=0.0, posinf=1.0), 0.0, 1.0)
    order = sorted(points, key=lambda point: -shown[point])
    record: dict[str, Any] = {
        "confidenceMetrics": [
            {
                "confidenceThreshold": float(shown[point]),
                "falsePositiveRate": float(false_positive_rate[point]),
                "recall": float(recall[point]),
            }
            for point in order
        ]
    }
    if len(threshold):
        near = int(np.argmin(np.abs(shown - at)))
        record["confusionMatrix"] = {
            "annotationSpecs": [{"displayName": name} for name in class_names],
            "rows": [
                {"row": [float(tn[near]), float(fp[near])]},
                {"row": [float(fn[near]), float(tp[near])]},
            ],
        }
    return record
