"""ROC curve and confusion matrix, in the keys that Kubeflow's UI draws.

They are taken from the plots of the candidate on all examples: a confusion matrix plot gives the
curve, and the matrix at one threshold; a multi-class confusion matrix plot gives a matrix of all
classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.keys import OVERALL
from evaluator_component.metrics_table import MetricsTable

__all__ = ["matrix_record", "plots_record", "roc_record"]

#: Points of a curve that are kept: a picture needs no more, and a store's messages are small.
ROC_POINTS = 101
#: Classes of a matrix that are kept, the most frequent ones.
MAX_CLASSES = 30


def plots_record(
    tables: Iterable[MetricsTable],
    candidate: str = "",
    class_names: Sequence[str] = (),
) -> dict[str, Any]:
    """Returns the curve and the matrix of the first dataset that has plots of them.

    Args:
        tables: metrics by dataset.
        candidate: the model name of the candidate.
        class_names: of a binary model.
    """
    record: dict[str, Any] = {}
    for table in tables:
        row = table.row_of.get(OVERALL)
        if row is None:
            continue
        for key, plots in sorted(table.plots.items()):
            plot = plots[row]
            if plot is None or key.model_name not in ("", candidate):
                continue
            columns = plot["columns"]
            if plot["kind"] == "confusion_matrices" and "confidenceMetrics" not in record:
                names = class_names if len(class_names) == 2 else ("negative", "positive")
                found = roc_record(*(columns[name] for name in ROC_COLUMNS), class_names=names)
            elif plot["kind"] == "multi_class_confusion_matrix":
                found = matrix_record(columns, plot.get("class_names", ()))
            else:
                continue
            record.update({"plot": str(key), **found})
        if record:
            break
    return record


ROC_COLUMNS = (
    "threshold",
    "true_positives",
    "false_positives",
    "true_negatives",
    "false_negatives",
)


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


def matrix_record(columns: Mapping[str, npt.ArrayLike], names: Sequence[str]) -> dict[str, Any]:
    """Returns the confusion matrix of many classes; of very many, the most frequent ones.

    Args:
        columns: `threshold`, `actual`, `predicted`, `weight`, one entry per pair of classes that
            occurs; -1 stands for "none". The lowest threshold is taken.
        names: of the classes, by id; empty where they are not known.

    Example:
        >>> pairs = {"threshold": [0, 0], "actual": [0, 1], "predicted": [0, 0], "weight": [3, 1]}
        >>> [row["row"] for row in matrix_record(pairs, ["a", "b"])["confusionMatrix"]["rows"]]
        [[3.0, 0.0], [1.0, 0.0]]
    """
    threshold = np.asarray(columns["threshold"], dtype=np.float64)
    lowest = threshold == threshold.min() if len(threshold) else np.zeros(0, dtype=bool)
    actual, predicted = (np.asarray(columns[n])[lowest] for n in ("actual", "predicted"))
    weight = np.asarray(columns["weight"], dtype=np.float64)[lowest]
    frequency: dict[int, float] = {}
    for one, other, mass in zip(actual.tolist(), predicted.tolist(), weight.tolist(), strict=True):
        frequency[one] = frequency.get(one, 0.0) + mass
        frequency.setdefault(other, 0.0)
    often = sorted(frequency, key=lambda code: (-frequency[code], code))
    kept = sorted(code for code in often[:MAX_CLASSES])
    place = {code: number for number, code in enumerate(kept)}
    matrix = np.zeros((len(kept), len(kept)))
    for one, other, mass in zip(actual.tolist(), predicted.tolist(), weight.tolist(), strict=True):
        if one in place and other in place:
            matrix[place[one], place[other]] += mass

    def name_of(code: int) -> str:
        if code < 0:
            return "none"
        return str(names[code]) if code < len(names) else str(code)

    return {
        "confusionMatrix": {
            "annotationSpecs": [{"displayName": name_of(code)} for code in kept],
            "rows": [{"row": row.tolist()} for row in matrix],
        }
    }
