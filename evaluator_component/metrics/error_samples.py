"""Samples of mistakes: values of a feature from examples that are predicted wrongly.

TFMA keeps the first examples it happens to see; here every mistake of a slice has the same chance
(in proportion to its weight), and the same run gives the same sample.

Example:
    >>> FalsePositiveFeatureSampler("url", 10).statistics
    (MistakeSample(feature='url', size=10, threshold=0.5, positive=False, seed=0),)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.groups import Groups
from evaluator_component.metrics import screen
from evaluator_component.metrics.base import Array, Metric, State, Statistic
from evaluator_component.metrics.registry import register
from evaluator_component.metrics.samples import sample_rows, sampled_values

__all__ = ["FalseNegativeFeatureSampler", "FalsePositiveFeatureSampler", "MistakeSample"]


@dataclass(frozen=True)
class MistakeSample(Statistic):
    """A sample of the values of a feature among false positives or false negatives.

    Attributes:
        feature: whose values.
        size: values per slice at the most.
        threshold: predicted positive means above it; None: 0.5, or -inf with top_k.
        positive: whether to sample positives predicted negative, or the other way around.
        seed: another seed gives another sample.
    """

    feature: str
    size: int
    threshold: float | None
    positive: bool
    seed: int = 0

    state: ClassVar[Mapping[str, str]] = {"sample": "sample"}

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Samples the mistakes of each group."""
        pairs = screen.pairs(batch)
        threshold = self.threshold
        if threshold is None:
            threshold = 0.5 if batch.top_k is None else -np.inf
        above = pairs.score > threshold
        mistaken = np.where(above, 0.0, pairs.positive)
        if not self.positive:
            mistaken = np.where(above, pairs.negative, 0.0)
        mistakes = replace(batch, weight=mistaken, _derived={})
        return {"sample": sample_rows(mistakes, groups, self.feature, self.size, self.seed)}

    def features(self) -> tuple[str, ...]:
        """Returns the sampled feature."""
        return (self.feature,)


@dataclass(frozen=True)
class _MistakeSampler(Metric):
    """Arguments and result that both samplers share."""

    feature_key: str
    sample_size: int
    threshold: float | None = 0.5
    top_k: int | None = None
    class_id: int | None = None

    kind = "structured"
    has_interval = False
    positive: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.sample_size < 1:
            raise ValueError(f"sample_size must be at least 1, got {self.sample_size!r}")

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The sample."""
        sample = MistakeSample(self.feature_key, self.sample_size, self.threshold, self.positive)
        return (sample,)

    def result(self, sample: State) -> Array:
        """Returns the values of each slice as an array; an empty one where there is no mistake."""
        return sampled_values(sample["sample"], sample.shape[0])


@register
@dataclass(frozen=True)
class FalsePositiveFeatureSampler(_MistakeSampler):
    """Values of a feature from negatives that are predicted positive.

    Attributes:
        feature_key: whose values.
        sample_size: values per slice at the most.
        threshold: predicted positive means above it.
        top_k: looks at the k classes of highest score of each example.
        class_id: looks at one class against the rest.
    """


@register
@dataclass(frozen=True)
class FalseNegativeFeatureSampler(_MistakeSampler):
    """Values of a feature from positives that are predicted negative.

    Attributes:
        feature_key: whose values.
        sample_size: values per slice at the most.
        threshold: predicted positive means above it.
        top_k: looks at the k classes of highest score of each example.
        class_id: looks at one class against the rest.
    """

    positive = True
