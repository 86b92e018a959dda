"""Confusion matrix metrics: formulas of true and false positives and negatives at thresholds.

Every metric here takes `thresholds` (a number or a list; 0.5 if not given), `top_k` and `class_id`,
as TFMA's do. Predicted positive means `prediction > threshold`, exactly. A formula that is 0 / 0 is
NaN. Metrics of equal thresholds share one statistic.

A new formula is one class::

    @register
    @dataclass(frozen=True)
    class Accuracy(ConfusionMetric):
        \"\"\"Accuracy: (tp + tn) / (tp + fp + tn + fn).\"\"\"

        direction = HIGHER_IS_BETTER

        def _formula(self, counts: Counts) -> Array:
            return divide(counts.tp + counts.tn, counts.total)

Example:
    >>> Precision(thresholds=(0.5, 0.9)).labels()
    ('threshold=0.5', 'threshold=0.9')
    >>> Precision().statistics == Recall().statistics
    True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluator_component.metrics.base import (
    HIGHER_IS_BETTER,
    LOWER_IS_BETTER,
    Array,
    State,
)
from evaluator_component.metrics.confusion_counts import ConfusionMetric, Counts, ThresholdMetric
from evaluator_component.metrics.formulas import divide, objects, sqrt
from evaluator_component.metrics.registry import register

__all__ = [
    "FN",
    "FNR",
    "FP",
    "FPR",
    "NPV",
    "PPV",
    "TN",
    "TNR",
    "TP",
    "TPR",
    "BalancedAccuracy",
    "BinaryAccuracy",
    "BinaryCohenKappa",
    "ConfusionMatrixAtThresholds",
    "DiagnosticOddsRatio",
    "F1Score",
    "FallOut",
    "FalseDiscoveryRate",
    "FalseNegatives",
    "FalseOmissionRate",
    "FalsePositives",
    "FowlkesMallowsIndex",
    "Informedness",
    "Markedness",
    "MatthewsCorrelationCoefficient",
    "MaxRecall",
    "MissRate",
    "NegativeLikelihoodRatio",
    "NegativePredictiveValue",
    "PositiveLikelihoodRatio",
    "Precision",
    "PredictedNegativeRate",
    "PredictedPositiveRate",
    "Prevalence",
    "PrevalenceThreshold",
    "Recall",
    "Specificity",
    "ThreatScore",
    "TrueNegatives",
    "TruePositives",
]


@register
@dataclass(frozen=True)
class TruePositives(ConfusionMetric):
    """True positives: weight of positives predicted positive."""

    direction = HIGHER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        return counts.tp


@register
@dataclass(frozen=True)
class TrueNegatives(ConfusionMetric):
    """True negatives: weight of negatives predicted negative."""

    direction = HIGHER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        return counts.tn


@register
@dataclass(frozen=True)
class FalsePositives(ConfusionMetric):
    """False positives: weight of negatives predicted positive."""

    direction = LOWER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        return counts.fp


@register
@dataclass(frozen=True)
class FalseNegatives(ConfusionMetric):
    """False negatives: weight of positives predicted negative."""

    direction = LOWER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        return counts.fn


@register
@dataclass(frozen=True)
class Precision(ConfusionMetric):
    """Precision: tp / (tp + fp)."""

    direction = HIGHER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        return counts.ppv


@register
@dataclass(frozen=True)
class Recall(ConfusionMetric):
    """Recall: tp / (tp + fn)."""

    direction = HIGHER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        return counts.tpr


@register
@dataclass(frozen=True)
class Specificity(ConfusionMetric):
    """Specificity: tn / (tn + fp)."""

    direction = HIGHER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        return counts.tnr


@register
@dataclass(frozen=True)
class FallOut(ConfusionMetric):
    """Fall-out, the false positive rate: fp / (fp + tn)."""

    direction = LOWER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        return divide(counts.fp, counts.fp + counts.tn)


@register
@dataclass(frozen=True)
class MissRate(ConfusionMetric):
    """Miss rate, the false negative rate: fn / (fn + tp)."""

    direction = LOWER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        return divide(counts.fn, counts.fn + counts.tp)


@register
@dataclass(frozen=True)
class NegativePredictiveValue(ConfusionMetric):
    """Negative predictive value: tn / (tn + fn)."""

    direction = HIGHER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        return counts.npv


@register
@dataclass(frozen=True)
class FalseDiscoveryRate(ConfusionMetric):
    """False discovery rate: fp / (fp + tp)."""

    direction = LOWER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        return divide(counts.fp, counts.fp + counts.tp)


@register
@dataclass(frozen=True)
class FalseOmissionRate(ConfusionMetric):
    """False omission rate: fn / (fn + tn)."""

    direction = LOWER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        return divide(counts.fn, counts.fn + counts.tn)


@register
@dataclass(frozen=True)
class Prevalence(ConfusionMetric):
    """Prevalence: (tp + fn) / (tp + fp + tn + fn)."""

    def _formula(self, counts: Counts) -> Array:
        return divide(counts.tp + counts.fn, counts.total)


@register
@dataclass(frozen=True)
class PredictedPositiveRate(ConfusionMetric):
    """Predicted positive rate: (tp + fp) / (tp + fp + tn + fn)."""

    def _formula(self, counts: Counts) -> Array:
        return divide(counts.tp + counts.fp, counts.total)


@register
@dataclass(frozen=True)
class PredictedNegativeRate(ConfusionMetric):
    """Predicted negative rate: (tn + fn) / (tp + fp + tn + fn)."""

    def _formula(self, counts: Counts) -> Array:
        return divide(counts.tn + counts.fn, counts.total)


@register
@dataclass(frozen=True)
class ThreatScore(ConfusionMetric):
    """Threat score, the critical success index: tp / (tp + fn + fp)."""

    direction = HIGHER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        return divide(counts.tp, counts.tp + counts.fn + counts.fp)


@register
@dataclass(frozen=True)
class BalancedAccuracy(ConfusionMetric):
    """Balanced accuracy: (tpr + tnr) / 2."""

    direction = HIGHER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        return (counts.tpr + counts.tnr) / 2.0


@register
@dataclass(frozen=True)
class F1Score(ConfusionMetric):
    """F1 score: 2 tp / (2 tp + fp + fn)."""

    direction = HIGHER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        return divide(2.0 * counts.tp, 2.0 * counts.tp + counts.fp + counts.fn)


@register
@dataclass(frozen=True)
class FowlkesMallowsIndex(ConfusionMetric):
    """Fowlkes-Mallows index: sqrt(ppv * tpr)."""

    direction = HIGHER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        return sqrt(counts.ppv * counts.tpr)


@register
@dataclass(frozen=True)
class Informedness(ConfusionMetric):
    """Informedness, Youden's J: tpr + tnr - 1."""

    direction = HIGHER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        return counts.tpr + counts.tnr - 1.0


@register
@dataclass(frozen=True)
class Markedness(ConfusionMetric):
    """Markedness: ppv + npv - 1."""

    direction = HIGHER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        return counts.ppv + counts.npv - 1.0


@register
@dataclass(frozen=True)
class BinaryAccuracy(ConfusionMetric):
    """Accuracy: (tp + tn) / (tp + fp + tn + fn).

    Attributes:
        threshold: one threshold, in place of `thresholds`.
    """

    threshold: float | None = None

    direction = HIGHER_IS_BETTER

    @property
    def _thresholds(self) -> tuple[float, ...]:
        return super()._thresholds if self.threshold is None else (self.threshold,)

    def _formula(self, counts: Counts) -> Array:
        return divide(counts.tp + counts.tn, counts.total)


@register
@dataclass(frozen=True)
class PrevalenceThreshold(ConfusionMetric):
    """Prevalence threshold: (sqrt(tpr * fpr) - fpr) / (tpr - fpr), with fpr = 1 - tnr."""

    def _formula(self, counts: Counts) -> Array:
        tpr, fpr = counts.tpr, divide(counts.fp, counts.fp + counts.tn)
        return divide(sqrt(tpr * fpr) - fpr, tpr - fpr)


@register
@dataclass(frozen=True)
class MatthewsCorrelationCoefficient(ConfusionMetric):
    """Matthews correlation: (tp tn - fp fn) / sqrt((tp+fp) (tp+fn) (tn+fp) (tn+fn))."""

    direction = HIGHER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        tp, fp, tn, fn = counts.tp, counts.fp, counts.tn, counts.fn
        product = sqrt(tp + fp) * sqrt(tp + fn) * sqrt(tn + fp) * sqrt(tn + fn)
        return divide(tp * tn - fp * fn, product)


@register
@dataclass(frozen=True)
class BinaryCohenKappa(ConfusionMetric):
    """Cohen's kappa: (accuracy - chance) / (1 - chance), chance being that of independence."""

    direction = HIGHER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        tp, fp, tn, fn = counts.tp, counts.fp, counts.tn, counts.fn
        scale = (tp + fp) * (fp + tn) + (tp + fn) * (fn + tn)
        return divide(2.0 * (tp * tn - fp * fn), scale)


@register
@dataclass(frozen=True)
class PositiveLikelihoodRatio(ConfusionMetric):
    """Positive likelihood ratio: tpr / fpr."""

    direction = HIGHER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        return divide(counts.tpr, divide(counts.fp, counts.fp + counts.tn))


@register
@dataclass(frozen=True)
class NegativeLikelihoodRatio(ConfusionMetric):
    """Negative likelihood ratio: fnr / tnr."""

    direction = LOWER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        return divide(divide(counts.fn, counts.fn + counts.tp), counts.tnr)


@register
@dataclass(frozen=True)
class DiagnosticOddsRatio(ConfusionMetric):
    """Diagnostic odds ratio: (tp / fn) / (fp / tn)."""

    direction = HIGHER_IS_BETTER

    def _formula(self, counts: Counts) -> Array:
        return divide(divide(counts.tp, counts.fn), divide(counts.fp, counts.tn))


@register
@dataclass(frozen=True)
class MaxRecall(ConfusionMetric):
    """Recall over all examples of any score: tp / (tp + fn) at threshold 1e-12."""

    direction = HIGHER_IS_BETTER

    def __post_init__(self) -> None:
        if self.thresholds is not None:
            raise ValueError("MaxRecall takes no thresholds")

    @property
    def _thresholds(self) -> tuple[float, ...]:
        return (1e-12,)

    def _formula(self, counts: Counts) -> Array:
        return counts.tpr


@register
@dataclass(frozen=True)
class ConfusionMatrixAtThresholds(ThresholdMetric):
    """The four counts at each of the given thresholds."""

    kind = "structured"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.thresholds is None:
            raise ValueError("ConfusionMatrixAtThresholds needs thresholds")

    def result(self, counts: State) -> Array:
        """Returns {"kind": "confusion_matrices", "columns": ...} per group."""
        found = self.counts(counts)
        thresholds = np.array(self._thresholds, dtype=np.float64)
        return objects(
            counts.shape,
            lambda group: {
                "kind": "confusion_matrices",
                "columns": {
                    "threshold": thresholds,
                    "true_positives": found.tp[group],
                    "false_positives": found.fp[group],
                    "true_negatives": found.tn[group],
                    "false_negatives": found.fn[group],
                },
            },
        )


def _alias(name: str, metric: type[ConfusionMetric]) -> Any:
    """Registers another name of a metric: a subclass, so that its results carry that name."""
    members = {"__module__": __name__, "__doc__": f"{metric.__doc__} Short for {metric.__name__}."}
    return register(type(name, (metric,), members))


TP = _alias("TP", TruePositives)
TN = _alias("TN", TrueNegatives)
FP = _alias("FP", FalsePositives)
FN = _alias("FN", FalseNegatives)
PPV = _alias("PPV", Precision)
TPR = _alias("TPR", Recall)
TNR = _alias("TNR", Specificity)
FPR = _alias("FPR", FallOut)
FNR = _alias("FNR", MissRate)
NPV = _alias("NPV", NegativePredictiveValue)
