"""Calibration error and Brier score: how far predicted probabilities are from what happens.

Predictions are put into bins; a bin's error is the distance of its mean prediction (confidence)
from its mean label (accuracy). How the bins are made:

============  =====================================================================================
equal_width   n bins (0, 1/n], (1/n, 2/n], ...; 0 is in the first one
equal_mass    n bins of equal weight; equal scores stay together
top_label     for multi-class models: the highest score of each example, in equal bins, against
              whether its class is the true one
============  =====================================================================================

Example:
    >>> state = State({"bins": np.array([[[2.0, 1.0, 0.5], [2.0, 2.0, 1.8]]])}, (1,))
    >>> ExpectedCalibrationError(num_bins=2).result(state).round(6)
    array([0.175])
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.groups import Groups
from evaluator_component.metrics import screen
from evaluator_component.metrics.base import (
    HIGHER_IS_BETTER,
    LOWER_IS_BETTER,
    MULTICLASS,
    NEITHER,
    Array,
    Metric,
    State,
    Statistic,
)
from evaluator_component.metrics.formulas import divide, sqrt
from evaluator_component.metrics.registry import register
from evaluator_component.metrics.scores import Block, ScoreHistogram, blocks

__all__ = [
    "BinnedProbabilities",
    "BrierDecomposition",
    "BrierReliability",
    "BrierResolution",
    "BrierScore",
    "BrierUncertainty",
    "ExpectedCalibrationError",
    "MaximumCalibrationError",
    "SquaredProbabilityError",
    "TopLabelConfidence",
]

_BINNINGS = ("equal_width", "equal_mass", "top_label")
_NORMS = ("l1", "l2", "max")


def _bins(probability: Array, count: int) -> Array:
    """The bin of each probability among `count` equal ones; a bin contains its upper end."""
    return np.searchsorted(np.linspace(0.0, 1.0, count + 1)[1:-1], probability, side="left")


def _probabilities(batch: Batch) -> tuple[Array, Array]:
    """Predictions, checked to be probabilities, and which of them count (are among the top k)."""
    score = screen.scores(batch)
    counted = np.isfinite(score)
    score = np.where(counted, score, 0.0)
    rule = "a calibration error needs probabilities: predictions must be in [0, 1]"
    screen.require((score >= 0) & (score <= 1), score, rule)
    return score, counted


@dataclass(frozen=True)
class BinnedProbabilities(Statistic):
    """Weight, labels and predictions in equal bins of prediction.

    Attributes:
        num_bins: equal bins on [0, 1].
    """

    num_bins: int = 10

    state: ClassVar[Mapping[str, str]] = {"bins": "sum"}

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums weight, weighted label and weighted prediction, (groups, bins, 3)."""
        pairs = screen.pairs(batch)
        score, counted = _probabilities(batch)
        weight = batch.weight * counted
        columns = np.stack([weight, pairs.positive * counted, score * weight]).T
        return {"bins": groups.table(_bins(score, self.num_bins), self.num_bins, columns)}


@dataclass(frozen=True)
class TopLabelConfidence(Statistic):
    """Weight, accuracy and confidence in equal bins of the highest score of each example.

    Attributes:
        num_bins: equal bins on [0, 1].
    """

    num_bins: int = 10

    state: ClassVar[Mapping[str, str]] = {"bins": "sum"}
    form: ClassVar[str] = MULTICLASS

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums weight, weighted hits and weighted confidence, (groups, bins, 3)."""
        screen.classes(batch)
        predicted = batch.by_score[:, 0]
        confidence = batch.prediction[np.arange(len(batch)), predicted]
        rule = "a calibration error needs probabilities: predictions must be in [0, 1]"
        screen.require((confidence >= 0) & (confidence <= 1), confidence, rule)
        labelled = batch.class_label >= 0
        weight = batch.weight * labelled
        hit = predicted == batch.class_label
        columns = np.stack([weight, weight * hit, weight * confidence]).T
        return {"bins": groups.table(_bins(confidence, self.num_bins), self.num_bins, columns)}


def _equal_mass(block: Block, count: int) -> Array:
    """Puts the cells of groups into bins of equal weight: (g, [replicates,] bins, 3)."""
    positive, negative, prediction = block.sums
    weight = positive + negative
    total = weight.sum(axis=-1, keepdims=True)
    middle = divide(np.cumsum(weight, axis=-1) - weight / 2.0, total)
    # A little is added so that rounding does not decide on which side of a border a cell lies.
    place = np.clip(np.nan_to_num(middle) * count + 1e-9, 0, count - 1).astype(np.int64)
    columns = np.stack([weight, positive, prediction], axis=-1)
    flat = place.reshape(-1, place.shape[-1])
    index = (np.arange(len(flat))[:, None] * count + flat).ravel()
    sums = [
        np.bincount(index, weights=columns[..., column].ravel(), minlength=len(flat) * count)
        for column in range(3)
    ]
    return np.stack(sums, axis=-1).reshape(*place.shape[:-1], count, 3)


def _means(bins: Array) -> tuple[Array, Array, Array]:
    """Share of weight, mean label and mean prediction of each bin; the means of empty bins are 0.

    The shares of a group without examples are NaN.
    """
    weight, label, prediction = bins[..., 0], bins[..., 1], bins[..., 2]
    share = divide(weight, weight.sum(axis=-1, keepdims=True))
    return share, np.nan_to_num(divide(label, weight)), np.nan_to_num(divide(prediction, weight))


def _check_bins(num_bins: int) -> None:
    if num_bins < 1:
        raise ValueError(f"num_bins must be at least 1, got {num_bins!r}")


@register
@dataclass(frozen=True)
class ExpectedCalibrationError(Metric):
    """Expected calibration error: sum over bins(share of weight * |mean p - mean y|).

    Attributes:
        num_bins: number of bins.
        binning: "equal_width", "equal_mass" or "top_label"; see the module.
        norm: "l1" as above; "l2" the root of the mean squared distance; "max" the largest one.
    """

    num_bins: int = 10
    binning: str = "equal_width"
    norm: str = "l1"

    direction = LOWER_IS_BETTER

    def __post_init__(self) -> None:
        _check_bins(self.num_bins)
        if self.binning not in _BINNINGS:
            raise ValueError(f"binning must be one of {_BINNINGS}, got {self.binning!r}")
        if self.norm not in _NORMS:
            raise ValueError(f"norm must be one of {_NORMS}, got {self.norm!r}")

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The bins, or the histogram that they are made from."""
        if self.binning == "equal_mass":
            return (ScoreHistogram(predictions=True),)
        if self.binning == "top_label":
            return (TopLabelConfidence(self.num_bins),)
        return (BinnedProbabilities(self.num_bins),)

    def result(self, bins: State) -> Array:
        """Returns the error; NaN without weight."""
        if "bins" in bins:
            return self._error(bins["bins"])
        error = np.full(bins.shape, np.nan)
        for block in blocks(bins["scores"]):
            error[block.groups] = self._error(_equal_mass(block, self.num_bins))
        return error

    def _error(self, bins: Array) -> Array:
        share, label, prediction = _means(bins)
        distance = np.abs(prediction - label)
        if self.norm == "max":
            return np.asarray(np.where(np.isnan(share), np.nan, distance).max(axis=-1))
        if self.norm == "l2":
            return sqrt((share * np.square(distance)).sum(axis=-1))
        return np.asarray((share * distance).sum(axis=-1))


@register
@dataclass(frozen=True)
class MaximumCalibrationError(ExpectedCalibrationError):
    """Maximum calibration error: the largest |mean p - mean y| of any bin."""

    norm: str = "max"


@dataclass(frozen=True)
class SquaredProbabilityError(Statistic):
    """Weighted sum of squared distances of probability and outcome, and of weights."""

    state: ClassVar[Mapping[str, str]] = {"error": "sum", "weight": "sum"}

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums w (y (1 - p)^2 + (1 - y) p^2) and w; classes outside the top k are left out."""
        pairs = screen.pairs(batch)
        score, counted = _probabilities(batch)
        error = pairs.positive * np.square(1.0 - score) + pairs.negative * np.square(score)
        return {"error": groups.sum(error * counted), "weight": groups.sum(batch.weight * counted)}


@register
@dataclass(frozen=True)
class BrierScore(Metric):
    """Brier score: sum(w (y (1 - p)^2 + (1 - y) p^2)) / sum(w); for labels 0 and 1, mean (p - y)^2.

    Predictions must be probabilities.
    """

    direction = LOWER_IS_BETTER
    statistics = (SquaredProbabilityError(),)

    def result(self, error: State) -> Array:
        """Returns the mean; NaN without weight."""
        return divide(error["error"], error["weight"])


@dataclass(frozen=True)
class _BrierPart(Metric):
    """One term of the decomposition of the Brier score over equal bins."""

    num_bins: int = 10

    def __post_init__(self) -> None:
        _check_bins(self.num_bins)

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The bins."""
        return (BinnedProbabilities(self.num_bins),)


@register
@dataclass(frozen=True)
class BrierReliability(_BrierPart):
    """Reliability term of the Brier score: sum over bins(share * (mean p - mean y)^2).

    Attributes:
        num_bins: equal bins on [0, 1].
    """

    direction = LOWER_IS_BETTER

    def result(self, bins: State) -> Array:
        """Returns the term; NaN without weight."""
        share, label, prediction = _means(bins["bins"])
        return np.asarray((share * np.square(prediction - label)).sum(axis=-1))


@register
@dataclass(frozen=True)
class BrierResolution(_BrierPart):
    """Resolution term of the Brier score: sum over bins(share * (mean y - overall mean y)^2).

    Attributes:
        num_bins: equal bins on [0, 1].
    """

    direction = HIGHER_IS_BETTER

    def result(self, bins: State) -> Array:
        """Returns the term; NaN without weight."""
        share, label, _ = _means(bins["bins"])
        mean = (share * label).sum(axis=-1, keepdims=True)
        return np.asarray((share * np.square(label - mean)).sum(axis=-1))


@register
@dataclass(frozen=True)
class BrierUncertainty(_BrierPart):
    """Uncertainty term of the Brier score: mean y * (1 - mean y).

    Attributes:
        num_bins: equal bins on [0, 1]; the value does not depend on them.
    """

    direction = NEITHER

    def result(self, bins: State) -> Array:
        """Returns the term; NaN without weight."""
        share, label, _ = _means(bins["bins"])
        mean = (share * label).sum(axis=-1)
        return np.asarray(mean * (1.0 - mean))


@register
@dataclass(frozen=True)
class BrierDecomposition(Metric):
    """Murphy's three terms of the Brier score: reliability - resolution + uncertainty.

    Their sum is the Brier score where all predictions of a bin are equal; otherwise it differs by
    what varies inside the bins.

    Attributes:
        num_bins: equal bins on [0, 1].
    """

    num_bins: int = 10

    def expand(self) -> tuple[Metric, ...]:
        """Returns the three metrics."""
        return tuple(
            part(self.num_bins) for part in (BrierReliability, BrierResolution, BrierUncertainty)
        )
