"""Object detection: precision, recall and their curves over matched boxes; COCO's averages.

The boxes of an image become labels and scores (see `boxes`); the metrics are then those of binary
classification. COCO's averages:

    average precision   mean over recalls r of the largest precision with recall >= r
    average recall      mean over IoU thresholds of the recall over all detections
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from evaluator_component.keys import SubKey
from evaluator_component.metrics.base import (
    HIGHER_IS_BETTER,
    Array,
    Metric,
    State,
    Statistic,
)
from evaluator_component.metrics.boxes import Detections, Matching
from evaluator_component.metrics.confusion_counts import ConfusionCounts, counts_at
from evaluator_component.metrics.confusion_matrix import MaxRecall, Precision, Recall
from evaluator_component.metrics.formulas import divide
from evaluator_component.metrics.operating_points import PrecisionAtRecall, ThresholdAtRecall
from evaluator_component.metrics.plots import ConfusionMatrixPlot
from evaluator_component.metrics.registry import register
from evaluator_component.metrics.scores import EXACT, ScoreHistogram, blocks, lower_edge

__all__ = [
    "COCOAveragePrecision",
    "COCOAverageRecall",
    "COCOMeanAveragePrecision",
    "COCOMeanAverageRecall",
    "ObjectDetectionConfusionMatrixPlot",
    "ObjectDetectionMaxRecall",
    "ObjectDetectionPrecision",
    "ObjectDetectionPrecisionAtRecall",
    "ObjectDetectionRecall",
    "ObjectDetectionThresholdAtRecall",
]

#: Detections must score above this; a true box that was not found has score 0.
_DETECTED = 1e-12


@dataclass(frozen=True)
class _Boxes:
    """Arguments that say where boxes are and which of them count; see `boxes.Matching`."""

    area_range: tuple[float, float] | None = field(default=None, kw_only=True)
    max_num_detections: int | None = field(default=None, kw_only=True)
    labels_to_stack: tuple[str, ...] | None = field(default=None, kw_only=True)
    predictions_to_stack: tuple[str, ...] | None = field(default=None, kw_only=True)
    num_detections_key: str | None = field(default=None, kw_only=True)
    allow_missing_key: bool = field(default=False, kw_only=True)

    def matching(self, class_id: int, iou: float | None, weight: float | None) -> Matching:
        """Returns how boxes of one class are matched."""
        if self.max_num_detections is not None and self.max_num_detections < 1:
            raise ValueError(f"max_num_detections must be positive, got {self.max_num_detections}")
        return Matching(
            class_id,
            0.5 if iou is None else iou,
            1.0 if weight is None else weight,
            tuple(self.area_range) if self.area_range else (0.0, float("inf")),  # type: ignore[arg-type]
            self.max_num_detections,
            tuple(self.labels_to_stack or ()),
            tuple(self.predictions_to_stack or ()),
            self.num_detections_key,
            self.allow_missing_key,
        )


@dataclass(frozen=True)
class _OneClass(_Boxes):
    """A binary metric over the matched boxes of one class."""

    iou_threshold: float | None = field(default=None, kw_only=True)
    class_weight: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if getattr(self, "class_id", None) is None:
            raise ValueError("object detection needs a class_id")
        parent: Any = super()
        if hasattr(parent, "__post_init__"):
            parent.__post_init__()

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        """The binary metric's statistics, over matched boxes."""
        found: Any = self
        matching = self.matching(found.class_id, self.iou_threshold, self.class_weight)
        inner = super().statistics  # type: ignore[misc]
        return tuple(Detections(each, matching) for each in inner)

    @property
    def sub_key(self) -> SubKey | None:
        """Nothing: the class is chosen among boxes, not among scores."""
        return None

    @property
    def binarizes(self) -> bool:
        """Boxes are not binarized by the config."""
        return False


@register
@dataclass(frozen=True)
class ObjectDetectionPrecision(_OneClass, Precision):  # type: ignore[override]
    """Share of detections that match a true box: tp / (tp + fp)."""


@register
@dataclass(frozen=True)
class ObjectDetectionRecall(_OneClass, Recall):  # type: ignore[override]
    """Share of true boxes that are detected: tp / (tp + fn)."""


@register
@dataclass(frozen=True)
class ObjectDetectionMaxRecall(_OneClass, MaxRecall):  # type: ignore[override]
    """Share of true boxes that are detected at any confidence."""


@register
@dataclass(frozen=True)
class ObjectDetectionPrecisionAtRecall(_OneClass, PrecisionAtRecall):  # type: ignore[override]
    """Largest precision of detections with recall at least `recall`."""


@register
@dataclass(frozen=True)
class ObjectDetectionThresholdAtRecall(_OneClass, ThresholdAtRecall):  # type: ignore[override]
    """Highest confidence with recall at least `recall`."""


@register
@dataclass(frozen=True)
class ObjectDetectionConfusionMatrixPlot(_OneClass, ConfusionMatrixPlot):  # type: ignore[override]
    """Confusion matrices of detections at thresholds on [0, 1]."""

    class_id: int | None = field(default=None, kw_only=True)

    default_name = "confusion_matrix_plot"


@dataclass(frozen=True)
class _Average(_Boxes, Metric):
    """An average over classes and IoU thresholds."""

    direction: ClassVar[int] = HIGHER_IS_BETTER
    binarizes: ClassVar[bool] = False

    sub_key: ClassVar[None] = None

    def _statistic(self) -> Statistic:
        """Over the matched boxes of one class at one IoU threshold."""
        raise NotImplementedError

    def _parts(self) -> tuple[tuple[int, float, float], ...]:
        """(class id, IoU threshold, weight of the class) of everything that is averaged."""
        raise NotImplementedError

    def _value(self, state: State) -> Array:
        raise NotImplementedError

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """One statistic per class and IoU threshold."""
        return tuple(
            Detections(self._statistic(), self.matching(class_id, iou, None))
            for class_id, iou, _ in self._parts()
        )

    def result(self, *states: State) -> Array:
        """Averages the defined values with the weights of their classes; NaN without any."""
        values = np.stack([self._value(state) for state in states])
        weights = np.array([weight for _, _, weight in self._parts()])
        weights = weights.reshape(-1, *(1,) * (values.ndim - 1)) * ~np.isnan(values)
        return divide((np.nan_to_num(values) * weights).sum(axis=0), weights.sum(axis=0))


@dataclass(frozen=True)
class _Precision(_Average):
    """Averages precision at recalls.

    Attributes:
        num_thresholds: accepted for old configs; every distinct confidence is a threshold here.
        recalls: where precision is taken.
        num_recalls: that many, evenly on [0, 1]; 101 by default.
    """

    num_thresholds: int | None = field(default=None, kw_only=True)
    recalls: tuple[float, ...] | None = field(default=None, kw_only=True)
    num_recalls: int | None = field(default=None, kw_only=True)

    def _statistic(self) -> Statistic:
        return ScoreHistogram(EXACT)

    def _value(self, state: State) -> Array:
        recalls = np.asarray(
            self.recalls if self.recalls is not None else np.linspace(0, 1, self.num_recalls or 101)
        )
        resampled = len(state.shape) > 1
        bits = EXACT if not resampled else _resampled_bits()
        result = np.full(state.shape, np.nan)
        for block in blocks(state["scores"]):
            positive, negative = block.sums[:2]
            total = positive.sum(axis=-1, keepdims=True)
            # Cells rise with the score; boxes that nobody detected are in the cell of score 0.
            below = lower_edge(block.cell + 1, bits) <= _DETECTED
            below = below.reshape(len(below), *(1,) * (positive.ndim - 2), -1)
            tp = np.cumsum(np.where(below, 0.0, positive)[..., ::-1], axis=-1)
            fp = np.cumsum(np.where(below, 0.0, negative)[..., ::-1], axis=-1)
            recall, precision = divide(tp, total), np.nan_to_num(divide(tp, tp + fp))
            best = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
            at = [np.where(recall >= wanted - 1e-12, best, 0.0).max(axis=-1) for wanted in recalls]
            value = np.mean(at, axis=0)
            result[block.groups] = np.where(total[..., 0] > 0, value, np.nan)
        return result


def _resampled_bits() -> int:
    histogram = ScoreHistogram(EXACT).replicated()
    assert isinstance(histogram, ScoreHistogram)
    return histogram.bits


@dataclass(frozen=True)
class _Recall(_Average):
    """Averages the recall over all detections."""

    def _statistic(self) -> Statistic:
        return ConfusionCounts((_DETECTED,))

    def _value(self, state: State) -> Array:
        return counts_at(state).tpr[..., 0]


def _iou_steps(given: tuple[float, ...] | None) -> tuple[float, ...]:
    return tuple(given) if given is not None else tuple(np.linspace(0.5, 0.95, 10).round(2))


@register
@dataclass(frozen=True)
class COCOAveragePrecision(_Precision):
    """Average precision of one class at one IoU threshold."""

    class_id: int = field(kw_only=True)
    iou_threshold: float | None = field(default=None, kw_only=True)
    class_weight: float | None = field(default=None, kw_only=True)

    default_name = "average_precision"

    def _parts(self) -> tuple[tuple[int, float, float], ...]:
        return ((self.class_id, 0.5 if self.iou_threshold is None else self.iou_threshold, 1.0),)


@register
@dataclass(frozen=True)
class COCOMeanAveragePrecision(_Precision):
    """Average precision, averaged over classes and IoU thresholds 0.5, 0.55, ..., 0.95."""

    class_ids: tuple[int, ...] = field(kw_only=True)
    iou_thresholds: tuple[float, ...] | None = field(default=None, kw_only=True)
    class_weights: tuple[float, ...] | None = field(default=None, kw_only=True)

    default_name = "mean_average_precision"

    def _parts(self) -> tuple[tuple[int, float, float], ...]:
        return _class_parts(self.class_ids, self.class_weights, self.iou_thresholds)


@register
@dataclass(frozen=True)
class COCOAverageRecall(_Recall):
    """Recall of one class, averaged over IoU thresholds 0.5, 0.55, ..., 0.95."""

    class_id: int = field(kw_only=True)
    iou_thresholds: tuple[float, ...] | None = field(default=None, kw_only=True)
    class_weight: float | None = field(default=None, kw_only=True)

    default_name = "average_recall"

    def _parts(self) -> tuple[tuple[int, float, float], ...]:
        return tuple((self.class_id, iou, 1.0) for iou in _iou_steps(self.iou_thresholds))


@register
@dataclass(frozen=True)
class COCOMeanAverageRecall(_Recall):
    """Recall, averaged over classes and IoU thresholds."""

    class_ids: tuple[int, ...] = field(kw_only=True)
    iou_thresholds: tuple[float, ...] | None = field(default=None, kw_only=True)
    class_weights: tuple[float, ...] | None = field(default=None, kw_only=True)

    default_name = "mean_average_recall"

    def _parts(self) -> tuple[tuple[int, float, float], ...]:
        return _class_parts(self.class_ids, self.class_weights, self.iou_thresholds)


def _class_parts(
    class_ids: tuple[int, ...],
    class_weights: tuple[float, ...] | None,
    iou_thresholds: tuple[float, ...] | None,
) -> tuple[tuple[int, float, float], ...]:
    weights = class_weights or (1.0,) * len(class_ids)
    if len(weights) != len(class_ids):
        raise ValueError(f"{len(class_ids)} class_ids, but {len(weights)} class_weights")
    pairs = list(zip(class_ids, weights, strict=True))
    return tuple(
        (class_id, iou, weight) for iou in _iou_steps(iou_thresholds) for class_id, weight in pairs
    )
