"""The worst examples of each slice, out of the analysis table.

The analysis table holds the evaluated rows themselves; it is written only where the user asks for
it, since it stores data. The loss of a row is -log of the probability of its label, where the
predictions are probabilities, and |label - prediction| elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["row_losses", "worst_examples"]

#: A probability is at least this; else a single row would have an infinite loss.
_TINY = 1e-15
_FEATURES = "features."


def worst_examples(
    analysis: Any, per_slice: int = 10, max_slices: int = 100
) -> list[dict[str, Any]]:
    """Returns the examples with the highest loss of each slice, the largest slices first.

    Args:
        analysis: the analysis table (pyarrow), with columns labels, predictions, features.* and
            slice_keys (lists of slice names; without it, all rows are one slice).
        per_slice: how many examples of each slice.
        max_slices: how many slices.
    """
    columns = analysis.column_names
    if not analysis.num_rows or "labels" not in columns:
        return []
    predicted = [
        name for name in columns if name == "predictions" or name.startswith("predictions.")
    ]
    if not predicted:
        return []
    losses = row_losses(analysis["labels"].to_pylist(), analysis[predicted[0]].to_pylist())
    shown = {
        "label": "labels",
        "prediction": predicted[0],
        **({"weight": "example_weights"} if "example_weights" in columns else {}),
    }
    features = {
        name.removeprefix(_FEATURES): name for name in columns if name.startswith(_FEATURES)
    }
    examples = []
    for slice_label, rows in _slices(analysis, max_slices):
        known = rows[np.isfinite(losses[rows])]
        worst = known[np.argsort(-losses[known], kind="stable")][:per_slice]
        taken = analysis.take(worst)
        values = {name: taken[column].to_pylist() for name, column in shown.items()}
        by_feature = {name: taken[column].to_pylist() for name, column in features.items()}
        for place, row in enumerate(worst):
            examples.append(
                {
                    "slice": slice_label,
                    **{name: _single(column[place]) for name, column in values.items()},
                    "loss": float(losses[row]),
                    "features": {name: _single(v[place]) for name, v in by_feature.items()},
                }
            )
    return examples


def row_losses(labels: list[Any], predictions: list[Any]) -> npt.NDArray[np.float64]:
    """Returns the loss of every row; NaN where label or prediction is missing or no number.

    Example:
        >>> row_losses([1, 0, 2], [0.5, 0.5, [0.1, 0.1, 0.8]]).round(3).tolist()
        [0.693, 0.693, 0.223]
        >>> row_losses([3.0], [2.5]).tolist()
        [0.5]
    """
    pairs = [(_single(label), _single(p)) for label, p in zip(labels, predictions, strict=True)]
    scalars = [(label, p) for label, p in pairs if isinstance(p, int | float)]
    binary = all(0 <= p <= 1 and label in (0, 1, None) for label, p in scalars)
    return np.array([_loss(label, p, binary) for label, p in pairs], dtype=np.float64)


def _loss(label: Any, prediction: Any, binary: bool) -> float:
    if isinstance(prediction, list) and isinstance(label, int | float):
        index = int(label)
        if index != label or not 0 <= index < len(prediction):
            return float("nan")
        return -float(np.log(max(prediction[index], _TINY)))
    if not isinstance(label, int | float) or not isinstance(prediction, int | float):
        return float("nan")
    if binary:
        return -float(np.log(max(prediction if label else 1 - prediction, _TINY)))
    return abs(float(label) - float(prediction))


def _single(value: Any) -> Any:
    """What a list of one element holds; texts for bytes; other values as they are."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Mapping):
        return str(value)
    return value


def _slices(analysis: Any, max_slices: int) -> list[tuple[str, npt.NDArray[np.int64]]]:
    everything = np.arange(analysis.num_rows)
    if "slice_keys" not in analysis.column_names:
        return [("Overall", everything)]
    rows: dict[str, list[int]] = {}
    for row, names in enumerate(analysis["slice_keys"].to_pylist()):
        for name in names or ():
            rows.setdefault(str(name), []).append(row)
    largest = sorted(rows, key=lambda name: -len(rows[name]))[:max_slices]
    return [(name, np.array(rows[name], dtype=np.int64)) for name in largest]
