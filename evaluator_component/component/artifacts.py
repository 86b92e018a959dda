"""Artifact types of the outputs that TFX's own Evaluator does not have.

Their type names are the ones Kubeflow's UI draws: `system.Metrics` as a table,
`system.ClassificationMetrics` as an ROC curve and a confusion matrix, `system.HTML` as a page. None
declares PROPERTIES, which a pipeline compiled for Kubeflow could not carry: values are custom
properties.

Example:
    >>> EvalMetrics.TYPE_NAME
    'system.Metrics'
"""

from __future__ import annotations

from tfx.types import artifact, system_artifacts

__all__ = ["SYSTEM_ARTIFACTS", "EvalMetrics", "EvalReport", "EvalRoc"]


class EvalMetrics(artifact.Artifact):
    """Metric values and the verdict, as custom properties of the artifact."""

    TYPE_NAME = "system.Metrics"
    TYPE_ANNOTATION = system_artifacts.Metrics


class EvalRoc(artifact.Artifact):
    """ROC curve and confusion matrix of the candidate, as custom properties of the artifact."""

    TYPE_NAME = "system.ClassificationMetrics"
    TYPE_ANNOTATION = system_artifacts.Metrics


class EvalReport(artifact.Artifact):
    """The report: the artifact's URI is one self-contained HTML file."""

    TYPE_NAME = "system.HTML"


#: Import path of the class by type name, for readers that only know the type's name.
SYSTEM_ARTIFACTS = {
    kind.TYPE_NAME: f"{kind.__module__}.{kind.__qualname__}"
    for kind in (EvalMetrics, EvalRoc, EvalReport)
}
