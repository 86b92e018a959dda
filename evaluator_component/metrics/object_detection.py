"""Object detection: precision, recall and their curves over matched boxes; COCO's averages.

The boxes of an image become labels and scores (see `boxes`); the metrics are then those of binary
classification. COCO's averages:

    average precision   mean over recalls r of the largest precision with recall >= r
    average recall      mean over IoU thresholds of the recall over all detections
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from evaluator_component.metrics.base import (
    HIGHER_IS_BETTER,
    Array,
    Metric,
    State,
    Statistic,
)
from evaluator_component.metrics.boxes import Detections, Matching
from evaluator_component.metrics.confusion_counts import (
    ConfusionCounts,
    counts_at,
    suffix_sums,
)
from evaluator_component.metrics.confusion_matrix import MaxRecall, Precision, Recall
from evaluator_component.metrics.curves import Points
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

#: What recalls may lack to rounding.
_SLACK = 1e-12


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
        return Matching(
            class_id,
            0.5 if iou is None else iou,
            1.0 if weight is None else weight,
            self.area_range or (0.0, float("inf")),
            self.max_num_detections,
            self.labels_to_stack or (),
            self.predictions_to_stack or (),
            self.num_detections_key,
            self.allow_missing_key,
        )


@dataclass(frozen=True)
class _OneClass(_Boxes):
    """A binary metric over the matched boxes of one class.

    Attributes:
        iou_threshold: overlap from which two boxes match; 0.5 if not given.
        class_weight: multiplies weights, which only counts show.
    """

    iou_threshold: float | None = field(default=None, kw_only=True)
    class_weight: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        binary: Any = super()
        binary.__post_init__()
        if getattr(self, "class_id", None) is None:
            raise ValueError("object detection needs a class_id")
        if getattr(self, "top_k", None) is not None:
            raise ValueError("object detection takes no top_k")
        # Raises here, rather than later, where arguments of the matching are wrong.
        _ = self.statistics

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        """The binary metric's statistics, over matched boxes."""
        binary: Any = super()
        found: Any = self
        matching = self.matching(found.class_id, self.iou_threshold, self.class_weight)
        return tuple(Detections(each, matching) for each in binary.statistics)

    @property
    def binarizes(self) -> bool:
        """Boxes are not binarized by the config."""
        return False


class _Detected(_OneClass):
    """An operating point: leaves out the point that takes missed boxes for detections."""

    def _rates(self, points: Points) -> tuple[Array, Array]:
        curve: Any = super()
        value, rate = curve._rates(points)
        threshold = points.edges(0)
        if rate.ndim > threshold.ndim == 2:
            threshold = threshold[:, None]
        return np.where(threshold < 0, np.nan, value), rate


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
class ObjectDetectionPrecisionAtRecall(_Detected, PrecisionAtRecall):  # type: ignore[override]
    """Largest precision of detections with recall at least `recall`."""


@register
@dataclass(frozen=True)
class ObjectDetectionThresholdAtRecall(_Detected, ThresholdAtRecall):  # type: ignore[override]
    """Highest confidence with recall at least `recall`."""


@register
@dataclass(frozen=True)
class ObjectDetectionConfusionMatrixPlot(_OneClass, ConfusionMatrixPlot):  # type: ignore[override]
    """Confusion matrices of detections at thresholds on [0, 1]."""

    class_id: int | None = field(default=None, kw_only=True)

    default_name = "confusion_matrix_plot"

    def _matrices(self, grid: State) -> Iterator[tuple[int, dict[str, Array]]]:
        """Leaves out the threshold below 0, which missed boxes are above."""
        for group, columns in super()._matrices(grid):
            yield group, {name: column[1:] for name, column in columns.items()}


@dataclass(frozen=True)
class _Average(_Boxes, Metric):
    """An average over classes and IoU thresholds."""

    direction: ClassVar[int] = HIGHER_IS_BETTER
    binarizes: ClassVar[bool] = False
    sub_key: ClassVar[None] = None

    def __post_init__(self) -> None:
        # Raises here, rather than later, where arguments of the matching are wrong.
        _ = self.statistics

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
        num_recalls: that many instead, evenly on [0, 1]; 101 by default.
    """

    num_thresholds: int | None = field(default=None, kw_only=True)
    recalls: tuple[float, ...] | None = field(default=None, kw_only=True)
    num_recalls: int | None = field(default=None, kw_only=True)

    def _statistic(self) -> Statistic:
        return ScoreHistogram(EXACT)

    def _value(self, state: State) -> Array:
        if self.recalls is not None:
            recalls = np.asarray(self.recalls)
        else:
            recalls = np.linspace(0, 1, self.num_recalls or 101)
        histogram = self._statistic() if len(state.shape) == 1 else self._statistic().replicated()
        assert isinstance(histogram, ScoreHistogram)
        result = np.full(state.shape, np.nan)
        for block in blocks(state["scores"]):
            total = block.sums[0].sum(axis=-1, keepdims=True)
            # Cells rise with the score; boxes that nobody detected are in the cell of score 0.
            missed = lower_edge(block.cell + 1, histogram.bits) <= _DETECTED
            missed = missed.reshape(len(missed), *(1,) * (total.ndim - 2), -1)
            tp, fp = suffix_sums(np.where(missed, 0.0, block.sums[:2]))[..., :-1]
            recall, precision = divide(tp, total), np.nan_to_num(divide(tp, tp + fp))
            at = [
                np.where(recall >= wanted - _SLACK, precision, 0.0).max(axis=-1)
                for wanted in recalls
            ]
            result[block.groups] = np.where(total[..., 0] > 0, np.mean(at, axis=0), np.nan)
        return result


@dataclass(frozen=True)
class _Recall(_Average):
    """Averages the recall over all detections."""

    def _statistic(self) -> Statistic:
        return ConfusionCounts((_DETECTED,))

    def _value(self, state: State) -> Array:
        return counts_at(state).tpr[..., 0]


def _iou_steps(given: float | tuple[float, ...] | None) -> tuple[float, ...]:
    """The given thresholds, or COCO's."""
    if given is None:
        return tuple(np.linspace(0.5, 0.95, 10).round(2).tolist())
    return given if isinstance(given, tuple) else (given,)


@register
@dataclass(frozen=True)
class COCOAveragePrecision(_Precision):
    """Average precision of one class at one IoU threshold; `class_weight` changes nothing."""

    class_id: int = field(kw_only=True)
    iou_threshold: float | None = field(default=None, kw_only=True)
    class_weight: float | None = field(default=None, kw_only=True)

    default_name = "average_precision"

    def _parts(self) -> tuple[tuple[int, float, float], ...]:
        return ((self.class_id, 0.5 if self.iou_threshold is None else self.iou_threshold, 1.0),)


@register
@dataclass(frozen=True)
class COCOMeanAveragePrecision(_Precision):
    """Average precision, averaged over classes and IoU thresholds 0.5, 0.55, ..., 0.95.

    Attributes:
        class_ids: the classes; those without true boxes do not count.
        iou_thresholds: other thresholds.
        class_weights: how much each class counts; the same if not given.
    """

    class_ids: tuple[int, ...] = field(kw_only=True)
    iou_thresholds: float | tuple[float, ...] | None = field(default=None, kw_only=True)
    class_weights: tuple[float, ...] | None = field(default=None, kw_only=True)

    default_name = "mean_average_precision"

    def _parts(self) -> tuple[tuple[int, float, float], ...]:
        return _class_parts(self.class_ids, self.class_weights, self.iou_thresholds)


@register
@dataclass(frozen=True)
class COCOAverageRecall(_Recall):
    """Recall of one class, averaged over IoU thresholds 0.5, 0.55, ..., 0.95.

    Attributes:
        class_id: the class.
        iou_thresholds: other thresholds.
        class_weight: changes nothing, as there is one class.
    """

    class_id: int = field(kw_only=True)
    iou_thresholds: float | tuple[float, ...] | None = field(default=None, kw_only=True)
    class_weight: float | None = field(default=None, kw_only=True)

    default_name = "average_recall"

    def _parts(self) -> tuple[tuple[int, float, float], ...]:
        return tuple((self.class_id, iou, 1.0) for iou in _iou_steps(self.iou_thresholds))


@register
@dataclass(frozen=True)
class COCOMeanAverageRecall(_Recall):
    """Recall, averaged over classes and IoU thresholds 0.5, 0.55, ..., 0.95.

    Attributes:
        class_ids: the classes; those without true boxes do not count.
        iou_thresholds: other thresholds.
        class_weights: how much each class counts; the same if not given.
    """

    class_ids: tuple[int, ...] = field(kw_only=True)
    iou_thresholds: float | tuple[float, ...] | None = field(default=None, kw_only=True)
    class_weights: tuple[float, ...] | None = field(default=None, kw_only=True)

    default_name = "mean_average_recall"

    def _parts(self) -> tuple[tuple[int, float, float], ...]:
        return _class_parts(self.class_ids, self.class_weights, self.iou_thresholds)


def _class_parts(
    class_ids: tuple[int, ...],
    class_weights: tuple[float, ...] | None,
    iou_thresholds: float | tuple[float, ...] | None,
) -> tuple[tuple[int, float, float], ...]:
    weights = class_weights or (1.0,) * len(class_ids)
    if len(weights) != len(class_ids):
        raise ValueError(f"{len(class_ids)} class_ids, but {len(weights)} class_weights")
    if min(weights, default=0.0) < 0 or not sum(weights):
        raise ValueError(f"class_weights must not be negative, and not all 0, got {weights}")
    return tuple(
        (class_id, iou, weight)
        for iou in _iou_steps(iou_thresholds)
        for class_id, weight in zip(class_ids, weights, strict=True)
    )
