"""Chart specifications: Vega-Lite as data, drawn in the page and saved as images alike.

Vocabulary:
    template: a Vega-Lite specification in which texts such as "$accent" are tokens.
    tokens: what they stand for: colours of a theme, sizes, names of series; any JSON value.
    rows: the named data source of every template; filled in where the chart is drawn.

The rows of a plot are its plot data as it was computed (counts per threshold, sums per cell);
rates, shares and residuals are calculated by the template, so there is one definition of each.

Example:
    >>> fill({"mark": {"type": "line", "color": "$accent"}}, {"accent": "#00f"})
    {'mark': {'type': 'line', 'color': '#00f'}}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evaluator_component.views.specs.catalogue import CATALOGUE, ChartInfo
from evaluator_component.views.specs.curves import (
    GAIN,
    GAIN_TABLE,
    LIFT,
    LIFT_TABLE,
    PRECISION_RECALL,
    ROC,
    THRESHOLDS,
)
from evaluator_component.views.specs.histograms import (
    CALIBRATION,
    CALIBRATION_RESIDUAL,
    PREDICTION_DISTRIBUTION,
    RESIDUALS,
    SCORE_DISTRIBUTION,
)
from evaluator_component.views.specs.matrices import (
    BINARY_CONFUSION,
    CONFUSION,
    MULTI_LABEL_CONFUSION,
)
from evaluator_component.views.specs.slices import METRIC_HISTOGRAM, OVERVIEW, SIZE_SCATTER
from evaluator_component.views.specs.time_series import TIME_SERIES

__all__ = ["CATALOGUE", "TEMPLATES", "ChartInfo", "fill"]

#: Every template by the id of its chart.
TEMPLATES: Mapping[str, Mapping[str, Any]] = {
    "binary_confusion": BINARY_CONFUSION,
    "calibration": CALIBRATION,
    "calibration_residual": CALIBRATION_RESIDUAL,
    "confusion": CONFUSION,
    "gain": GAIN,
    "gain_table": GAIN_TABLE,
    "lift": LIFT,
    "lift_table": LIFT_TABLE,
    "metric_histogram": METRIC_HISTOGRAM,
    "multi_label_confusion": MULTI_LABEL_CONFUSION,
    "overview": OVERVIEW,
    "precision_recall": PRECISION_RECALL,
    "prediction_distribution": PREDICTION_DISTRIBUTION,
    "residuals": RESIDUALS,
    "roc": ROC,
    "score_distribution": SCORE_DISTRIBUTION,
    "size_scatter": SIZE_SCATTER,
    "thresholds": THRESHOLDS,
    "time_series": TIME_SERIES,
}


def fill(template: Any, tokens: Mapping[str, Any]) -> Any:
    """Returns a template with its tokens replaced.

    Raises:
        KeyError: when the template has a token that is not given.
    """
    if isinstance(template, Mapping):
        return {key: fill(part, tokens) for key, part in template.items()}
    if isinstance(template, list | tuple):
        return [fill(part, tokens) for part in template]
    if isinstance(template, str) and template.startswith("$"):
        return tokens[template[1:]]
    return template
