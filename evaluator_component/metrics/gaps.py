"""Gaps: one number over all slices of some features, such as the largest difference of recall.

A gap takes the values of other metrics per slice. The evaluation computes those for every slice of
`feature_keys`, calls `over`, and reports the number as a metric of the overall slice; it can carry
thresholds like any other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from evaluator_component.errors import ConfigError
from evaluator_component.metrics.base import HIGHER_IS_BETTER, LOWER_IS_BETTER, Metric
from evaluator_component.metrics.formulas import divide
from evaluator_component.metrics.registry import create, find, register

__all__ = [
    "DemographicParity",
    "EqualOpportunity",
    "EqualisedOdds",
    "MaxGap",
    "MinMaxRatio",
    "SliceGap",
    "ratio",
    "spread",
]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class SliceGap(Metric):
    """Base of the metrics over slices.

    Attributes:
        feature_keys: the slices compared are those of each combination of these features' values.
        min_examples: slices with fewer examples do not count.
    """

    feature_keys: tuple[str, ...] = field(default=(), kw_only=True)
    min_examples: int = field(default=1, kw_only=True)

    direction: ClassVar[int] = LOWER_IS_BETTER

    def __post_init__(self) -> None:
        if not self.feature_keys:
            raise ValueError("feature_keys must name the features whose slices are compared")
        if isinstance(self.feature_keys, str):
            object.__setattr__(self, "feature_keys", (self.feature_keys,))
        self.inner()

    def inner(self) -> tuple[Metric, ...]:
        """Returns the metrics whose values per slice `over` takes, in order."""
        raise NotImplementedError

    def over(self, *values: Array) -> Array:
        """Computes the number.

        Args:
            values: one array per metric of `inner`, float64 (slices,) or, on resamples,
                (slices, replicates); slices that are too small are left out.

        Returns:
            float64 () or (replicates,); NaN without slices.
        """
        raise NotImplementedError


def spread(values: Array) -> Array:
    """Largest minus smallest defined value over the first axis; NaN where none is defined."""
    defined = ~np.isnan(values)
    high = np.where(defined, values, -np.inf).max(axis=0, initial=-np.inf)
    low = np.where(defined, values, np.inf).min(axis=0, initial=np.inf)
    with np.errstate(invalid="ignore"):
        return np.where(defined.any(axis=0), high - low, np.nan)


def ratio(values: Array) -> Array:
    """Smallest over largest defined value over the first axis; NaN where the largest is 0.

    Example:
        >>> ratio(np.array([0.2, np.nan, 0.4]))
        array(0.5)
    """
    defined = ~np.isnan(values)
    high = np.where(defined, values, -np.inf).max(axis=0, initial=-np.inf)
    low = np.where(defined, values, np.inf).min(axis=0, initial=np.inf)
    return np.where(defined.any(axis=0), divide(low, high), np.nan)


@dataclass(frozen=True)
class _OfMetric(SliceGap):
    """Looks at one metric, any registered one.

    Attributes:
        metric: class name of the metric.
        metric_config: its arguments, JSON.
        module: where to import the metric from; "" for the registered ones.
    """

    metric: str = "BinaryAccuracy"
    metric_config: str = ""
    module: str = ""

    def inner(self) -> tuple[Metric, ...]:
        """Returns the metric.

        Raises:
            ConfigError: when it is unknown, or its values are not numbers.
        """
        metric = create(self.metric, self.module, self.metric_config)
        if metric.kind != "number" or len(metric.expand()) != 1 or isinstance(metric, SliceGap):
            raise ConfigError(
                f"{type(self).__name__} needs a metric with one number per slice, got {self.metric}"
            )
        return (metric,)


@register
@dataclass(frozen=True)
class MaxGap(_OfMetric):
    """Largest difference of a metric between two slices: max(m) - min(m).

    Slices where the metric is undefined do not count.

    Example:
        >>> MaxGap(feature_keys=("origin",), metric="R2Score").over(np.array([0.75, 0.5, np.nan]))
        array(0.25)
    """

    def over(self, *values: Array) -> Array:
        """Returns the spread."""
        return spread(values[0])


@register
@dataclass(frozen=True)
class MinMaxRatio(_OfMetric):
    """Smallest value of a metric over slices, divided by the largest: min(m) / max(m).

    1 means that all slices are alike. "Four fifths" rules put a lower bound of 0.8 on it. Slices
    where the metric is undefined do not count. For metrics that are never negative.
    """

    direction = HIGHER_IS_BETTER

    def over(self, *values: Array) -> Array:
        """Returns the ratio."""
        return ratio(values[0])


@dataclass(frozen=True)
class _OfRates(SliceGap):
    """Looks at rates of the confusion matrix at one threshold.

    Attributes:
        threshold: scores above it count as positive.
    """

    threshold: float = 0.5

    rates: ClassVar[tuple[str, ...]] = ()

    def inner(self) -> tuple[Metric, ...]:
        """Returns the rates."""
        return tuple(find(rate)(thresholds=self.threshold) for rate in self.rates)  # type: ignore[call-arg]

    def over(self, *values: Array) -> Array:
        """Returns the largest of the rates' spreads; NaN where one of them is undefined."""
        return np.asarray(np.max([spread(rate) for rate in values], axis=0))


@register
@dataclass(frozen=True)
class DemographicParity(_OfRates):
    """Gap of the predicted positive rate: max(P(p > t)) - min(P(p > t)) over slices."""

    rates = ("PredictedPositiveRate",)


@register
@dataclass(frozen=True)
class EqualOpportunity(_OfRates):
    """Gap of the true positive rate: max(P(p > t | y = 1)) - min(P(p > t | y = 1)) over slices."""

    rates = ("Recall",)


@register
@dataclass(frozen=True)
class EqualisedOdds(_OfRates):
    """The larger of the gaps of the true and of the false positive rate over slices."""

    rates = ("Recall", "FallOut")
