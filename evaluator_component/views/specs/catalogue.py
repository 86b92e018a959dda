"""Which charts there are for which kind of plot data, and what each of them says."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CATALOGUE", "ChartInfo"]


@dataclass(frozen=True)
class ChartInfo:
    """What a reader and the layout must know about a chart.

    Attributes:
        id: of its template.
        title: shown above it.
        kind: of the plot data that it draws.
        caption: one sentence on how to read it.
        shape: "square", "plain" or "wide" (over the whole page).
        per_series: one chart per series, where series cannot be laid over each other.
    """

    id: str
    title: str
    kind: str
    caption: str
    shape: str = "plain"
    per_series: bool = False


CATALOGUE = (
    ChartInfo(
        "roc",
        "ROC",
        "confusion_matrices",
        "True positive rate against false positive rate. The dashed diagonal is chance.",
        "square",
    ),
    ChartInfo(
        "precision_recall",
        "Precision and recall",
        "confusion_matrices",
        "Precision at every recall.",
        "square",
    ),
    ChartInfo(
        "calibration",
        "Calibration",
        "calibration",
        "Mean label against mean prediction, per range of predictions. On the diagonal, what the "
        "model predicts is what happens.",
        "square",
    ),
    ChartInfo(
        "calibration_residual",
        "Calibration error",
        "calibration",
        "Mean label minus mean prediction, per range of predictions. Below zero, the model "
        "predicts too much.",
    ),
    ChartInfo(
        "prediction_distribution",
        "Prediction distribution",
        "calibration",
        "Share of examples per range of predictions.",
    ),
    ChartInfo(
        "residuals",
        "Residuals",
        "residuals",
        "Share of examples per range of label minus prediction. Zero is a perfect prediction.",
    ),
    ChartInfo(
        "score_distribution",
        "Score distribution",
        "score_distribution",
        "Share of examples per range of scores.",
    ),
    ChartInfo(
        "gain",
        "Gain",
        "confusion_matrices",
        "Share of all positives found when the highest scored examples are taken first.",
        "square",
    ),
    ChartInfo(
        "lift",
        "Lift",
        "confusion_matrices",
        "How many times more positives than by chance among the highest scored examples.",
    ),
    ChartInfo(
        "gain_table",
        "Gain",
        "gain",
        "Share of all positives found when the highest scored examples are taken first.",
        "square",
    ),
    ChartInfo(
        "lift_table",
        "Lift",
        "gain",
        "How many times more positives than by chance among the highest scored examples.",
    ),
    ChartInfo(
        "binary_confusion",
        "Confusion matrix",
        "confusion_matrices",
        "At the decision threshold. Rows are actual, columns predicted classes; shading is the "
        "share of the row.",
    ),
    ChartInfo(
        "thresholds",
        "By decision threshold",
        "confusion_matrices",
        "What each decision threshold would give.",
        "wide",
    ),
    ChartInfo(
        "confusion",
        "Confusion matrix",
        "multi_class_confusion_matrix",
        "Rows are actual, columns predicted classes; shading is the share of the row.",
        per_series=True,
    ),
    ChartInfo(
        "multi_label_confusion",
        "Labels predicted together",
        "multi_label_confusion_matrix",
        "How often each label is predicted among the examples that have the label of the row.",
        per_series=True,
    ),
)
