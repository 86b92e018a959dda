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

from evaluator_component.metrics.base import LOWER_IS_BETTER, Metric
from evaluator_component.metrics.registry import create, register

__all__ = ["MaxGap", "SliceGap"]

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


@register
@dataclass(frozen=True)
class MaxGap(SliceGap):
    """Largest difference of a metric between two slices: max(m) - min(m).

    Attributes:
        metric: class name of the metric.
        config: its arguments, JSON.
    """

    metric: str = "ExampleCount"
    config: str = ""

    def inner(self) -> tuple[Metric, ...]:
        """Returns the metric."""
        return (create(self.metric, config=self.config),)

    def over(self, *values: Array) -> Array:
        """Returns the spread."""
        return spread(values[0])
