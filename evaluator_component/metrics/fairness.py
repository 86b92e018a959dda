"""Fairness indicators: eight rates of the confusion matrix at each of several thresholds.

They are computed on every slice; comparing them over slices is for the reader, or for the metrics
in `gaps`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluator_component.metrics.base import Metric
from evaluator_component.metrics.confusion_counts import ConfusionMetric
from evaluator_component.metrics.confusion_matrix import (
    FallOut,
    FalseDiscoveryRate,
    FalseOmissionRate,
    MissRate,
    PredictedNegativeRate,
    PredictedPositiveRate,
    Recall,
    Specificity,
)
from evaluator_component.metrics.registry import register

__all__ = ["FairnessIndicators"]

#: The rates, by what they are called here.
RATES: dict[str, type[ConfusionMetric]] = {
    "false_positive_rate": FallOut,
    "false_negative_rate": MissRate,
    "true_positive_rate": Recall,
    "true_negative_rate": Specificity,
    "positive_rate": PredictedPositiveRate,
    "negative_rate": PredictedNegativeRate,
    "false_discovery_rate": FalseDiscoveryRate,
    "false_omission_rate": FalseOmissionRate,
}


@register
@dataclass(frozen=True)
class FairnessIndicators(Metric):
    """Eight rates at each threshold, such as `fairness_indicators_metrics/positive_rate@0.5`.

    Rates of false and true positives and negatives, of positive and negative predictions, of false
    discoveries and omissions.

    Attributes:
        thresholds: a prediction above one is positive.
    """

    thresholds: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

    default_name = "fairness_indicators_metrics"

    def __post_init__(self) -> None:
        given = self.thresholds
        thresholds = tuple(given) if isinstance(given, (list, tuple)) else (given,)
        numbers = all(isinstance(each, (int, float)) for each in thresholds)
        if not thresholds or not numbers or np.isnan(thresholds).any():
            raise ValueError(f"thresholds must be numbers, got {given!r}")
        object.__setattr__(self, "thresholds", thresholds)

    def expand(self) -> tuple[Metric, ...]:
        """Returns the rates; all thresholds have as many digits as the longest one needs."""
        digits = max(1, *(len(str(threshold)) - 2 for threshold in self.thresholds))
        return tuple(
            metric(
                thresholds=float(threshold), name=f"{self.key_name}/{rate}@{threshold:.{digits}f}"
            )
            for threshold in self.thresholds
            for rate, metric in RATES.items()
        )
