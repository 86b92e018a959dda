"""Boxes: matches predicted boxes with true ones, so that detections become labels and scores.

A box is (left, top, right, bottom, class); a predicted one has a confidence as sixth number. In the
order of falling confidence, each predicted box takes the free true box that it overlaps most, if
the intersection over union reaches the threshold (of equal overlaps, the later one). What comes out
is binary: a matched prediction is (label 1, confidence), an unmatched one (0, confidence), a true
box that nobody took (1, score 0). Any statistic over labels and scores can take that; a threshold
below 0 would count missed boxes as found.

Columns may hold the numbers of a box one by one ("xmin", "ymin", ...) or several together ("boxes",
with four numbers a box), as (boxes, k) or flattened; only their order matters.

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
from evaluator_component.errors import MetricError
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
        area_range: smallest and largest area: true boxes of other sizes are left out, and
            unmatched predicted ones, too.
        max_num_detections: the most confident boxes of an image that count; None for all.
        labels_to_stack: labels or features that hold left, top, right, bottom, class; () where a
            label is the array of all five.
        predictions_to_stack: predictions or features likewise, and the confidence.
        num_detections_key: prediction that says how many boxes of an image are no padding.
        allow_missing_key: where a column does not exist, there are no boxes (and no padding).
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

    def __post_init__(self) -> None:
        low_high = self.area_range
        if len(low_high) != 2 or not low_high[0] <= low_high[1]:
            raise ValueError(f"area_range must be [smallest, largest], got {list(low_high)}")
        if self.max_num_detections is not None and self.max_num_detections < 1:
            raise ValueError(f"max_num_detections must be positive, got {self.max_num_detections}")
        if not 0 <= self.iou_threshold <= 1:
            raise ValueError(f"an IoU threshold must be in [0, 1], got {self.iou_threshold}")
        if self.class_weight < 0:
            raise ValueError(f"a class weight must not be negative, got {self.class_weight}")


def overlaps(predicted: Array, true: Array) -> Array:
    """Returns the intersection over union of all pairs: (predicted, true).

    Example:
        >>> overlaps(np.array([[0, 0, 2, 2]]), np.array([[1, 0, 3, 2], [5, 5, 6, 6]])).round(3)
        array([[0.333, 0.   ]])
    """
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
        if best.max(initial=-1.0) >= threshold:
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

    def searched(self) -> tuple[str, ...]:
        """Returns the columns that may be features."""
        matching = self.matching
        count = (matching.num_detections_key,) if matching.num_detections_key else ()
        return (*matching.labels_to_stack, *matching.predictions_to_stack, *count)


def _matched(batch: Batch, matching: Matching) -> tuple[Array, Batch]:
    """The row of every box that counts, and the boxes as a batch of labels and scores."""
    true = _boxes(batch, batch.label, matching.labels_to_stack, "true", matching)
    predicted = _boxes(
        batch, batch.prediction, matching.predictions_to_stack, "predicted", matching
    )
    pairs = [match(*both, matching) for both in zip(true, predicted, strict=True)]
    lengths = np.array([len(label) for label, _ in pairs], dtype=np.int64)
    rows = np.repeat(np.arange(len(pairs)), lengths)
    return rows, Batch(
        label=np.concatenate([np.zeros(0), *(label for label, _ in pairs)]),
        prediction=np.concatenate([np.zeros(0), *(score for _, score in pairs)]),
        weight=batch.row_weight[rows] * matching.class_weight,
    )


def _boxes(
    batch: Batch, column: Any, keys: tuple[str, ...], what: str, matching: Matching
) -> list[Array]:
    """The true or the predicted boxes of every image, float64 (boxes, 5 or 6)."""
    width = 5 if what == "true" else 6
    if keys:
        optional = matching.allow_missing_key
        parts = [batch.entry(column, key, f"column of {what} boxes", optional) for key in keys]
        if any(part is None for part in parts):
            return [np.zeros((0, width))] * len(batch)
    elif column is None or isinstance(column, Mapping):
        raise MetricError(
            f"{what} boxes are expected as one array per image; name the columns to stack otherwise"
        )
    else:
        parts = [column]
    images = zip(*map(_rows, parts), strict=True)
    boxes = [_stack([_numbers(value) for value in image], what, keys, width) for image in images]
    if what == "predicted" and matching.num_detections_key is not None:
        kept = _counts(batch, column, matching)
        boxes = [each[:count] for each, count in zip(boxes, kept, strict=True)]
    for each in boxes:
        wrong = ~np.isfinite(each).all(axis=1) | (each[:, 2:4] < each[:, :2]).any(axis=1)
        if wrong.any():
            raise MetricError(
                f"a box has numbers with left <= right and top <= bottom, found a {what} one "
                f"{each[wrong][0].tolist()}"
            )
    return boxes


def _stack(parts: list[Array], what: str, keys: tuple[str, ...], width: int) -> Array:
    """The boxes of one image from columns, each with one or several numbers per box."""
    sizes = [part.size for part in parts]
    count = sum(sizes) // width
    if count == sum(sizes) == 0:
        return np.zeros((0, width))
    whole = all(size and size % count == 0 for size in sizes) if count else False
    shaped = all(part.ndim == 1 or len(part) == count for part in parts)
    if sum(sizes) != count * width or not whole or not shaped:
        found = f"columns {list(keys)} have shapes" if keys else "shape"
        raise MetricError(
            f"a {what} box has {width} numbers, but in one image {found} "
            f"{', '.join(str(part.shape) for part in parts)}"
        )
    return np.concatenate([part.reshape(count, -1) for part in parts], axis=1)


def _counts(batch: Batch, column: Any, matching: Matching) -> list[int | None]:
    """How many predicted boxes of every image are no padding; None for all."""
    key, optional = matching.num_detections_key or "", matching.allow_missing_key
    counts = batch.entry(column, key, "number of detections", optional)
    if counts is None:
        return [None] * len(batch)
    numbers = [_numbers(row).reshape(-1) for row in _rows(counts)]
    if any(len(number) != 1 for number in numbers):
        raise MetricError(f"{key!r} should be one number of detections per image")
    return [int(number[0]) for number in numbers]


def _rows(column: Any) -> Any:
    return column if isinstance(column, np.ndarray) else column.to_pylist()


def _numbers(value: Any) -> Array:
    """The numbers of one image; a number or a list that the data lack is no number at all."""
    if value is None or (np.ndim(value) == 0 and np.isnan(value)):
        return np.zeros(0)
    return np.atleast_1d(np.asarray(value, dtype=np.float64))
