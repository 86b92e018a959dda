"""Boxes: matches predicted boxes with true ones, so that detections become labels and scores.

A box is (left, top, right, bottom, class); a predicted one has a confidence as sixth number. In the
order of falling confidence, each predicted box takes the free true box that it overlaps most, if
the intersection over union reaches the threshold (of equal overlaps, the later one). What comes out
is binary: a matched prediction is (label 1, confidence), an unmatched one (0, confidence), a true
box that nobody took (1, score 0). Any statistic over labels and scores can take that.

Source: the evaluation of the COCO challenge (Lin et al. 2014).

Example:
    >>> true = np.array([[0, 0, 10, 10, 1]])
    >>> predicted = np.array([[0, 0, 10, 9, 1, 0.8], [50, 50, 60, 60, 1, 0.6]])
    >>> label, score = match(true, predicted, Matching(class_id=1))
    >>> label.tolist(), score.tolist()
    ([1.0, 0.0], [0.8, 0.6])
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.errors import MetricError, did_you_mean
from evaluator_component.groups import Groups
from evaluator_component.metrics.base import ROWS, Array, Statistic

__all__ = ["Detections", "Matching", "match", "overlaps"]


@dataclass(frozen=True)
class Matching:
    """Which boxes count, and how they are matched.

    Attributes:
        class_id: boxes of other classes are left out.
        iou_threshold: overlap from which two boxes match.
        class_weight: multiplies the weight of an image's boxes.
        area_range: true boxes of other sizes are left out, and unmatched predicted ones, too.
        max_num_detections: the most confident boxes of an image that count; None for all.
        labels_to_stack: features or labels that hold left, top, right, bottom, class; () where a
            label is the array of all five.
        predictions_to_stack: predictions likewise, and the confidence.
        num_detections_key: prediction that says how many boxes of an image are no padding.
        allow_missing_key: an image without one of these has no boxes.
    """

    class_id: int
    iou_threshold: float = 0.5
    class_weight: float = 1.0
    area_range: tuple[float, float] = (0.0, float("inf"))
    max_num_detections: int | None = None
    labels_to_stack: tuple[str, ...] = ()
    predictions_to_stack: tuple[str, ...] = ()
    num_detections_key: str | None = None
    allow_missing_key: bool = False


def overlaps(predicted: Array, true: Array) -> Array:
    """Returns the intersection over union of all pairs: (predicted, true)."""
    low = np.maximum(predicted[:, None, :2], true[None, :, :2])
    high = np.minimum(predicted[:, None, 2:4], true[None, :, 2:4])
    common = np.clip(high - low, 0, None).prod(axis=-1)
    union = _areas(predicted)[:, None] + _areas(true)[None, :] - common
    return np.asarray(np.divide(common, union, out=np.zeros(common.shape), where=union > 0))


def _areas(boxes: Array) -> Array:
    return np.asarray((boxes[:, 2:4] - boxes[:, :2]).prod(axis=-1))


def match(true: Array, predicted: Array, matching: Matching) -> tuple[Array, Array]:
    """Matches the boxes of one image.

    Args:
        true: (boxes, 5).
        predicted: (boxes, 6).
        matching: how.

    Returns:
        (labels, scores), float64, one entry per box that counts.
    """
    true = true[true[:, 4] == matching.class_id]
    low, high = matching.area_range
    area = _areas(true)
    true = true[(area >= low) & (area <= high)]
    predicted = predicted[predicted[:, 4] == matching.class_id]
    predicted = predicted[np.argsort(-predicted[:, 5], kind="stable")]
    predicted = predicted[: matching.max_num_detections]
    matched = _greedy(overlaps(predicted, true), min(matching.iou_threshold, 1.0 - 1e-10))
    size = _areas(predicted)
    counts = (matched >= 0) | ((size >= low) & (size <= high))
    missed = len(true) - int((matched >= 0).sum())
    label = np.concatenate([(matched[counts] >= 0).astype(np.float64), np.ones(missed)])
    score = np.concatenate([predicted[counts, 5].astype(np.float64), np.zeros(missed)])
    return label, score


def _greedy(overlap: Array, threshold: float) -> Array:
    """The true box that each predicted one takes; -1 for none."""
    matched = np.full(len(overlap), -1)
    free = np.ones(overlap.shape[1], dtype=bool)
    for row, of_box in enumerate(overlap):
        best = np.where(free, of_box, -1.0)
        if len(best) and best.max() >= threshold:
            # The last of equal overlaps, as in COCO's own evaluation.
            taken = len(best) - 1 - int(best[::-1].argmax())
            matched[row] = taken
            free[taken] = False
    return matched


@dataclass(frozen=True)
class Detections(Statistic):
    """A statistic over labels and scores, of the matched boxes.

    Attributes:
        inner: the statistic.
        matching: how boxes become labels and scores.
    """

    inner: Statistic
    matching: Matching

    form: ClassVar[str] = ROWS

    @property
    def state(self) -> Mapping[str, str]:  # type: ignore[override]
        """The arrays of the inner statistic."""
        return self.inner.state

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Matches the boxes of every image, and accumulates what comes out."""
        rows, flat = batch.derived(
            ("detections", self.matching), lambda: _matched(batch, self.matching)
        )
        return self.inner.accumulate(flat, groups.take(rows))

    def replicated(self) -> Statistic:
        """Returns the same of the inner statistic's stand-in."""
        return Detections(self.inner.replicated(), self.matching)

    def features(self) -> tuple[str, ...]:
        """Returns nothing: true boxes may be labels, and are looked up in features."""
        return ()


def _matched(batch: Batch, matching: Matching) -> tuple[Array, Batch]:
    true = _boxes(batch, batch.label, matching.labels_to_stack, 5, matching)
    predicted = _boxes(batch, batch.prediction, matching.predictions_to_stack, 6, matching)
    if matching.num_detections_key is not None:
        counts = _entry(batch, batch.prediction, matching.num_detections_key)
        kept = np.asarray(counts, dtype=np.int64).reshape(-1)
        predicted = [boxes[:count] for boxes, count in zip(predicted, kept, strict=True)]
    pairs = [match(t, p, matching) for t, p in zip(true, predicted, strict=True)]
    lengths = np.array([len(label) for label, _ in pairs], dtype=np.int64)
    rows = np.repeat(np.arange(len(pairs)), lengths)
    weight = batch.weight if batch.weight.ndim == 1 else batch.weight.mean(axis=1)
    none = np.zeros(0)
    return rows, Batch(
        label=np.concatenate([label for label, _ in pairs] or [none]),
        prediction=np.concatenate([score for _, score in pairs] or [none]),
        weight=weight[rows] * matching.class_weight,
    )


def _boxes(
    batch: Batch, column: Any, keys: tuple[str, ...], width: int, matching: Matching
) -> list[Array]:
    """The boxes of every image, float64 (boxes, width)."""
    if keys:
        if matching.allow_missing_key and not all(_has(batch, column, key) for key in keys):
            return [np.zeros((0, width))] * len(batch)
        parts = [_rows(_entry(batch, column, key)) for key in keys]
        stacked = []
        for row in range(len(batch)):
            of_row = [np.asarray(part[row], dtype=np.float64).reshape(-1) for part in parts]
            if len({len(part) for part in of_row}) > 1:
                raise MetricError(
                    f"columns {list(keys)} of boxes have different lengths in one image: "
                    f"{[len(part) for part in of_row]}"
                )
            stacked.append(np.stack(of_row, axis=1))
    else:
        if column is None or isinstance(column, Mapping):
            raise MetricError(
                "boxes are expected as one array per image; name the columns to stack otherwise"
            )
        stacked = [
            np.asarray(row, dtype=np.float64).reshape(-1, width)
            if np.size(row)
            else np.zeros((0, width))
            for row in _rows(column)
        ]
    for boxes in stacked:
        if boxes.shape[1] != width:
            raise MetricError(f"a box has {width} numbers, got {boxes.shape[1]}")
    return stacked


def _rows(column: Any) -> Any:
    return column if isinstance(column, np.ndarray) else column.to_pylist()


def _has(batch: Batch, column: Any, key: str) -> bool:
    return (isinstance(column, Mapping) and key in column) or key in batch.features


def _entry(batch: Batch, column: Any, key: str) -> Any:
    if isinstance(column, Mapping) and key in column:
        return column[key]
    if key in batch.features:
        return batch.features[key]
    known = {*(column if isinstance(column, Mapping) else ()), *batch.features}
    raise MetricError(f"no column {key!r} of boxes {did_you_mean(key, known)}")
