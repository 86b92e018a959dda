"""Catalogue: importing this module registers every metric of the package."""

from evaluator_component.metrics import (
    auc,
    calibration,
    comparison,
    confusion_matrix,
    correlation,
    counts,
    cross_entropy,
    gaps,
    multi_class,
    multi_class_confusion_matrix,
    plots,
    quantiles,
    query_counts,
    ranking,
    regression,
    stats,
)

__all__ = [
    "auc",
    "calibration",
    "comparison",
    "confusion_matrix",
    "correlation",
    "counts",
    "cross_entropy",
    "gaps",
    "multi_class",
    "multi_class_confusion_matrix",
    "plots",
    "quantiles",
    "query_counts",
    "ranking",
    "regression",
    "stats",
]
