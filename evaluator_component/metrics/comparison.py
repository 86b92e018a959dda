"""Comparison: how far the candidate's predictions are from the baseline's, example by example.

These metrics need a baseline model in the config. They look at both models' predictions of the same
example, so their values are differences in themselves (their keys say so), and labels play no part.

Vocabulary:
    flip: a prediction that is above the threshold in one model and not in the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.errors import MetricError
from evaluator_component.groups import Groups
from evaluator_component.metrics import screen
from evaluator_component.metrics.base import (
    HIGHER_IS_BETTER,
    LOWER_IS_BETTER,
    ROWS,
    Array,
    Metric,
    State,
    Statistic,
)
from evaluator_component.metrics.formulas import divide
from evaluator_component.metrics.registry import register

__all__ = [
    "BooleanFlipRates",
    "CosineSimilarity",
    "FlipCounts",
    "ModelCosineSimilarity",
    "NegToNegFlipRate",
    "NegToPosFlipRate",
    "PosToNegFlipRate",
    "PosToPosFlipRate",
    "PredictionDifference",
    "SymmetricFlipRate",
    "SymmetricPredictionDifference",
]

#: Predictions whose sum is below this are both 0 for the symmetric difference.
_SMALLEST = 1e-7


def _both(batch: Batch) -> tuple[Array, Array]:
    """Predictions of baseline and candidate."""
    if batch.baseline_prediction is None or batch.prediction is None:
        raise MetricError("no baseline to compare with: mark one model spec with is_baseline")
    if batch.baseline_prediction.shape != batch.prediction.shape:
        raise MetricError(
            f"predictions of shape {batch.prediction.shape[1:]} per example cannot be compared "
            f"with the baseline's of shape {batch.baseline_prediction.shape[1:]}"
        )
    return batch.baseline_prediction, batch.prediction


@dataclass(frozen=True)
class FlipCounts(Statistic):
    """Weight of the examples by (baseline, candidate) being negative or positive.

    Attributes:
        threshold: a prediction above it is positive.
    """

    threshold: float = 0.5

    state: ClassVar[Mapping[str, str]] = {"counts": "sum"}

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums weights of neg-neg, neg-pos, pos-neg and pos-pos into (groups, 4)."""
        screen.weights(batch)
        outside = batch.top_k is not None
        baseline, candidate = (
            _screened(values, outside) > self.threshold for values in _both(batch)
        )
        kind = 2 * baseline + candidate
        return {"counts": groups.sum((kind[:, None] == np.arange(4)) * batch.weight[:, None])}


def _screened(values: Array, outside: bool) -> Array:
    """Finite predictions; or also -inf, which marks classes outside the top k."""
    allowed = np.isfinite(values)
    if outside:
        allowed |= np.isneginf(values)
    screen.require(allowed, values, "predictions must be finite")
    return values


@dataclass(frozen=True)
class PredictionDifference(Statistic):
    """Weighted sum of 2 |b - c| / (|b| + |c|), and of weights."""

    state: ClassVar[Mapping[str, str]] = {"difference": "sum", "weight": "sum"}

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums differences; two predictions near 0 do not differ."""
        screen.weights(batch)
        baseline, candidate = _both(batch)
        for values in (baseline, candidate):
            screen.require(np.isfinite(values), values, "predictions must be finite")
        size = np.abs(baseline) + np.abs(candidate)
        difference = divide(2 * np.abs(baseline - candidate), size)
        difference = np.where(size < _SMALLEST, 0.0, difference)
        return {
            "difference": groups.sum(difference * batch.weight),
            "weight": groups.sum(batch.weight),
        }


@dataclass(frozen=True)
class CosineSimilarity(Statistic):
    """Weighted sum of the cosines of both models' prediction vectors, and of weights."""

    state: ClassVar[Mapping[str, str]] = {"cosine": "sum", "weight": "sum"}
    form: ClassVar[str] = ROWS

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums cosines; examples where one prediction is all 0 have none and do not count."""
        baseline, candidate = (
            np.asarray(values, dtype=np.float64).reshape(len(values), math.prod(values.shape[1:]))
            for values in _both(batch)
        )
        norm = np.linalg.norm(baseline, axis=1) * np.linalg.norm(candidate, axis=1)
        cosine = divide(np.einsum("ij,ij->i", baseline, candidate), norm)
        screen.require(np.isfinite(norm), norm, "predictions must be finite")
        known = norm > 0
        weight = batch.row_weight
        weight = np.where(known, weight, 0.0)
        cosine = np.where(known, cosine, 0.0)
        return {"cosine": groups.sum(cosine * weight), "weight": groups.sum(weight)}


@dataclass(frozen=True)
class _FlipRate(Metric):
    """A share of all examples by what both models say.

    Attributes:
        threshold: a prediction above it is positive.
    """

    threshold: float = 0.5

    compares_models = True
    counted: ClassVar[tuple[int, ...]] = ()

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The flip counts at this threshold."""
        return (FlipCounts(self.threshold),)

    def result(self, flips: State) -> Array:
        """Returns the share; NaN without weight."""
        counts = flips["counts"]
        return divide(counts[..., list(self.counted)].sum(axis=-1), counts.sum(axis=-1))


@register
@dataclass(frozen=True)
class SymmetricFlipRate(_FlipRate):
    """Share of examples on which the models disagree: w(neg-pos + pos-neg) / w.

    Example:
        >>> batch = Batch(prediction=np.array([0.9, 0.2]), baseline_prediction=np.array([0.4, 0.1]))
        >>> flips = FlipCounts().accumulate(batch, Groups.everything(2))
        >>> SymmetricFlipRate().result(flips)
        array([0.5])
    """

    direction = LOWER_IS_BETTER
    counted = (1, 2)


@register
@dataclass(frozen=True)
class NegToNegFlipRate(_FlipRate):
    """Share of examples that are negative in both models: w(neg-neg) / w."""

    counted = (0,)


@register
@dataclass(frozen=True)
class NegToPosFlipRate(_FlipRate):
    """Share of examples that turn from negative to positive: w(neg-pos) / w."""

    direction = LOWER_IS_BETTER
    counted = (1,)


@register
@dataclass(frozen=True)
class PosToNegFlipRate(_FlipRate):
    """Share of examples that turn from positive to negative: w(pos-neg) / w."""

    direction = LOWER_IS_BETTER
    counted = (2,)


@register
@dataclass(frozen=True)
class PosToPosFlipRate(_FlipRate):
    """Share of examples that are positive in both models: w(pos-pos) / w."""

    counted = (3,)


@register
@dataclass(frozen=True)
class BooleanFlipRates(Metric):
    """All five flip rates at one threshold; see SymmetricFlipRate and its siblings.

    Attributes:
        threshold: a prediction above it is positive.
        flip_rate_name: name of the symmetric flip rate.
        neg_to_neg_flip_rate_name: name of the share that is negative in both models.
        neg_to_pos_flip_rate_name: name of the share that turns positive.
        pos_to_neg_flip_rate_name: name of the share that turns negative.
        pos_to_pos_flip_rate_name: name of the share that is positive in both models.
    """

    threshold: float = 0.5
    flip_rate_name: str = "flip_rate"
    neg_to_neg_flip_rate_name: str = "neg_to_neg_flip_rate"
    neg_to_pos_flip_rate_name: str = "neg_to_pos_flip_rate"
    pos_to_neg_flip_rate_name: str = "pos_to_neg_flip_rate"
    pos_to_pos_flip_rate_name: str = "pos_to_pos_flip_rate"

    compares_models = True

    def expand(self) -> tuple[Metric, ...]:
        """Returns the five rates under their names."""
        return (
            SymmetricFlipRate(self.threshold, name=self.flip_rate_name),
            NegToNegFlipRate(self.threshold, name=self.neg_to_neg_flip_rate_name),
            NegToPosFlipRate(self.threshold, name=self.neg_to_pos_flip_rate_name),
            PosToNegFlipRate(self.threshold, name=self.pos_to_neg_flip_rate_name),
            PosToPosFlipRate(self.threshold, name=self.pos_to_pos_flip_rate_name),
        )


@register
@dataclass(frozen=True)
class SymmetricPredictionDifference(Metric):
    """Mean relative difference of the predictions: sum(w 2 |b - c| / (|b| + |c|)) / sum(w).

    In [0, 2]: 0 where both agree, 2 where one is 0 or the signs differ.
    """

    direction = LOWER_IS_BETTER
    compares_models = True
    statistics = (PredictionDifference(),)

    def result(self, sums: State) -> Array:
        """Returns the mean; NaN without weight."""
        return divide(sums["difference"], sums["weight"])


@register
@dataclass(frozen=True)
class ModelCosineSimilarity(Metric):
    """Mean cosine between both models' prediction vectors: sum(w b.c / (|b| |c|)) / sum(w)."""

    direction = HIGHER_IS_BETTER
    compares_models = True
    statistics = (CosineSimilarity(),)

    def result(self, sums: State) -> Array:
        """Returns the mean; NaN where no example has two predictions that differ from 0."""
        return divide(sums["cosine"], sums["weight"])
