"""Semantic segmentation: pixels per class, predicted against true, and ratios of them.

Every example is an image of class ids, and a predicted one of the same shape. Counts are of pixels,
times the weight of the example. Pixels whose true class is `ignore_ground_truth_id` are no false
positives (and no true negatives) of any class. A ratio of a class that neither image has is NaN.

    intersection over union   tp / (tp + fp + fn)       (Jaccard index)
    Dice                      2 tp / (2 tp + fp + fn)
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.errors import MetricError
from evaluator_component.groups import Groups
from evaluator_component.keys import SubKey
from evaluator_component.metrics.base import (
    HIGHER_IS_BETTER,
    LOWER_IS_BETTER,
    ROWS,
    Array,
    Metric,
    State,
    Statistic,
)
from evaluator_component.metrics.formulas import divide, objects
from evaluator_component.metrics.registry import register

__all__ = [
    "PixelCounts",
    "SemanticSegmentationConfusionMatrix",
    "SemanticSegmentationDice",
    "SemanticSegmentationFalseNegative",
    "SemanticSegmentationFalsePositive",
    "SemanticSegmentationIoU",
    "SemanticSegmentationMeanIoU",
    "SemanticSegmentationPixelAccuracy",
    "SemanticSegmentationTruePositive",
]


@dataclass(frozen=True)
class PixelCounts(Statistic):
    """Weighted pixels per class: true positive, false positive, false negative, true negative.

    Attributes:
        class_ids: the classes.
        ground_truth_key: label, or feature, that holds the true image.
        prediction_key: prediction, or feature, that holds the predicted one.
        decode_ground_truth: the true image is the bytes of a PNG or another image file.
        decode_prediction: so is the predicted one.
        ignore: true class of pixels that do not count; None for none.
    """

    class_ids: tuple[int, ...]
    ground_truth_key: str
    prediction_key: str
    decode_ground_truth: bool = True
    decode_prediction: bool = False
    ignore: int | None = None

    state: ClassVar[Mapping[str, str]] = {"pixels": "sum"}
    form: ClassVar[str] = ROWS

    def searched(self) -> tuple[str, ...]:
        """Returns the two images."""
        return (self.ground_truth_key, self.prediction_key)

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Counts pixels image by image, and sums over groups."""
        truth = _images(batch, batch.label, self.ground_truth_key, self.decode_ground_truth)
        predicted = _images(batch, batch.prediction, self.prediction_key, self.decode_prediction)
        counts = np.zeros((len(batch), len(self.class_ids), 4))
        for row, (true, guess) in enumerate(zip(truth, predicted, strict=True)):
            if true.shape != guess.shape:
                raise MetricError(
                    f"image of shape {guess.shape} predicted where the true one has {true.shape}"
                )
            counts[row] = self._count(true, guess)
        return {"pixels": groups.sum(counts * batch.row_weight[:, None, None])}

    def _count(self, true: Array, guess: Array) -> Array:
        ignored = np.zeros(true.shape, bool) if self.ignore is None else true == self.ignore
        counts = np.empty((len(self.class_ids), 4))
        for place, class_id in enumerate(self.class_ids):
            is_class, said = true == class_id, guess == class_id
            counts[place] = (
                np.sum(is_class & said),
                np.sum(~is_class & said & ~ignored),
                np.sum(is_class & ~said),
                np.sum(~is_class & ~said & ~ignored),
            )
        return counts


def _images(batch: Batch, column: Any, key: str, decode: bool) -> list[Array]:
    """The images of all rows: an entry of labels or predictions, or a feature."""
    only = column is not None and not isinstance(column, Mapping)
    found = batch.entry(column, key, "image", optional=only)
    if found is None:
        # The only label or output has no name to look for.
        found = column
    values = found if isinstance(found, np.ndarray) else found.to_pylist()
    return [_image(value, decode) for value in values]


def _image(value: Any, decode: bool) -> Array:
    """Class ids (height, width) of one image."""
    image = np.asarray(_decoded(value) if decode else value)
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    if image.ndim != 2 or image.dtype.kind not in "iufb":
        raise MetricError(
            f"an image of class ids has two dimensions of numbers, got {image.dtype} of shape "
            f"{image.shape}"
        )
    return image


def _decoded(value: Any) -> Array:
    """The pixels of an image file."""
    if isinstance(value, (list, np.ndarray)) and np.size(value) == 1:
        value = np.asarray(value, dtype=object).item()
    if not isinstance(value, bytes):
        raise MetricError(f"an image to decode should be bytes, got {type(value).__name__}")
    try:
        from PIL import Image
    except ImportError as error:
        raise MetricError("decoding images needs the package pillow") from error
    try:
        with Image.open(io.BytesIO(value)) as image:
            return np.asarray(image)
    except OSError as error:
        raise MetricError(f"an image cannot be decoded: {error}") from error


@dataclass(frozen=True)
class _Segmentation(Metric):
    """Arguments of every segmentation metric; one metric per class.

    Attributes:
        class_ids: the classes; each becomes a metric of its own.
        ground_truth_key: label, or feature, that holds the true image.
        prediction_key: prediction, or feature, that holds the predicted one.
        decode_ground_truth: the true image is the bytes of an image file.
        decode_prediction: so is the predicted one.
        ignore_ground_truth_id: true class of pixels that do not count.
    """

    class_ids: tuple[int, ...] = field(kw_only=True)
    ground_truth_key: str = field(kw_only=True)
    prediction_key: str = field(kw_only=True)
    decode_ground_truth: bool = field(default=True, kw_only=True)
    decode_prediction: bool = field(default=False, kw_only=True)
    ignore_ground_truth_id: int | None = field(default=None, kw_only=True)

    direction: ClassVar[int] = HIGHER_IS_BETTER

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The counts of pixels."""
        return (
            PixelCounts(
                tuple(self.class_ids),
                self.ground_truth_key,
                self.prediction_key,
                self.decode_ground_truth,
                self.decode_prediction,
                self.ignore_ground_truth_id,
            ),
        )


@dataclass(frozen=True)
class _PerClass(_Segmentation):
    """One metric per class."""

    @property
    def sub_key(self) -> SubKey | None:
        """The class, where there is only one."""
        return SubKey(class_id=self.class_ids[0]) if len(self.class_ids) == 1 else None

    def expand(self) -> tuple[Metric, ...]:
        """Returns one metric per class."""
        return tuple(replace(self, class_ids=(class_id,)) for class_id in self.class_ids)

    def result(self, pixels: State) -> Array:
        """Applies the formula to the counts of the class."""
        return self._formula(*np.moveaxis(pixels["pixels"][..., 0, :], -1, 0))

    def _formula(self, tp: Array, fp: Array, fn: Array, tn: Array) -> Array:
        raise NotImplementedError


@register
@dataclass(frozen=True)
class SemanticSegmentationTruePositive(_PerClass):
    """Pixels of the class that are predicted as it."""

    default_name = "semantic_segmentation_true_positives"

    def _formula(self, tp: Array, fp: Array, fn: Array, tn: Array) -> Array:
        return tp


@register
@dataclass(frozen=True)
class SemanticSegmentationFalsePositive(_PerClass):
    """Pixels that are predicted as the class and are another one."""

    default_name = "semantic_segmentation_false_positives"
    direction = LOWER_IS_BETTER

    def _formula(self, tp: Array, fp: Array, fn: Array, tn: Array) -> Array:
        return fp


@register
@dataclass(frozen=True)
class SemanticSegmentationFalseNegative(_PerClass):
    """Pixels of the class that are predicted as another one."""

    default_name = "semantic_segmentation_false_negatives"
    direction = LOWER_IS_BETTER

    def _formula(self, tp: Array, fp: Array, fn: Array, tn: Array) -> Array:
        return fn


@register
@dataclass(frozen=True)
class SemanticSegmentationIoU(_PerClass):
    """Intersection over union of a class: tp / (tp + fp + fn)."""

    default_name = "semantic_segmentation_iou"

    def _formula(self, tp: Array, fp: Array, fn: Array, tn: Array) -> Array:
        return divide(tp, tp + fp + fn)


@register
@dataclass(frozen=True)
class SemanticSegmentationDice(_PerClass):
    """Dice coefficient of a class: 2 tp / (2 tp + fp + fn)."""

    def _formula(self, tp: Array, fp: Array, fn: Array, tn: Array) -> Array:
        return divide(2 * tp, 2 * tp + fp + fn)


@register
@dataclass(frozen=True)
class SemanticSegmentationMeanIoU(_Segmentation):
    """Mean over classes of tp / (tp + fp + fn); classes that occur nowhere do not count."""

    default_name = "semantic_segmentation_mean_iou"

    def result(self, pixels: State) -> Array:
        """Returns the mean; NaN where no class occurs."""
        tp, fp, fn, _ = np.moveaxis(pixels["pixels"], -1, 0)
        each = divide(tp, tp + fp + fn)
        return divide(np.nansum(each, axis=-1), (~np.isnan(each)).sum(axis=-1))


@register
@dataclass(frozen=True)
class SemanticSegmentationPixelAccuracy(_Segmentation):
    """Share of pixels of the named classes that are predicted right: sum(tp) / sum(tp + fn)."""

    def result(self, pixels: State) -> Array:
        """Returns the share; NaN without pixels."""
        tp, _, fn, _ = np.moveaxis(pixels["pixels"], -1, 0)
        return divide(tp.sum(axis=-1), (tp + fn).sum(axis=-1))


@register
@dataclass(frozen=True)
class SemanticSegmentationConfusionMatrix(_PerClass):
    """The four counts of pixels of each class."""

    kind = "structured"
    has_interval = False

    def result(self, pixels: State) -> Array:
        """Returns {"kind": "confusion_matrices", "columns": ...} with one row."""
        names = ("true_positives", "false_positives", "false_negatives", "true_negatives")

        def matrix(index: tuple[int, ...]) -> Any:
            counts = zip(names, pixels["pixels"][index][0, :, None], strict=True)
            columns = {"threshold": np.zeros(1), **dict(counts)}
            return {"kind": "confusion_matrices", "columns": columns}

        return objects(pixels.shape, matrix)
