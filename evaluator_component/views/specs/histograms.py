"""Charts over ranges: calibration, and distributions of predictions, residuals and scores.

Rows: series, lower, upper, weight; for calibration also the weighted sums label and prediction.
"""

from __future__ import annotations

from evaluator_component.views.specs.parts import (
    COLOR,
    DASH,
    Json,
    calculate,
    place,
    quantity,
    tooltip,
)

__all__ = [
    "CALIBRATION",
    "CALIBRATION_RESIDUAL",
    "PREDICTION_DISTRIBUTION",
    "RESIDUALS",
    "SCORE_DISTRIBUTION",
]

_MEANS = [
    {"filter": "datum.weight > 0"},
    *calculate(
        predicted="datum.prediction / datum.weight",
        observed="datum.label / datum.weight",
        error="datum.observed - datum.predicted",
    ),
]
_SHOWN = {
    "series": ("Slice", ""),
    "predicted": ("Mean prediction", ".4~g"),
    "observed": ("Mean label", ".4~g"),
    "error": ("Difference", "+.4~g"),
    "weight": ("Examples, weighted", ",.0f"),
}


def _calibration(description: str, y: Json, guide: Json) -> Json:
    place = {"x": quantity("predicted", "Mean prediction", zero=False), "y": y}
    size = {
        "field": "weight",
        "type": "quantitative",
        "legend": None,
        "scale": {"range": [8, 90]},
    }
    return {
        "description": description,
        "width": "$width",
        "height": "$height",
        "data": {"name": "rows"},
        "transform": _MEANS,
        "layer": [
            guide,
            {
                "mark": {"type": "line", "strokeWidth": 1.25},
                "encoding": {
                    **place,
                    "order": {"field": "lower"},
                    "color": COLOR,
                    "strokeDash": DASH,
                },
            },
            {
                "mark": {"type": "point", "opacity": 0.9},
                "encoding": {**place, "color": COLOR, "size": size, "tooltip": tooltip(**_SHOWN)},
            },
        ],
    }


_DIAGONAL = {
    "transform": [
        {
            "aggregate": [
                {"op": "min", "field": "predicted", "as": "p0"},
                {"op": "max", "field": "predicted", "as": "p1"},
                {"op": "min", "field": "observed", "as": "o0"},
                {"op": "max", "field": "observed", "as": "o1"},
            ]
        },
        *calculate(end="[min(datum.p0, datum.o0), max(datum.p1, datum.o1)]"),
        {"flatten": ["end"]},
    ],
    "mark": {"type": "line", "strokeDash": [3, 3], "strokeWidth": 1, "color": "$rule"},
    "encoding": {"x": place("end"), "y": place("end")},
}
_ZERO = {
    "data": {"values": [{}]},
    "mark": {"type": "rule", "strokeDash": [3, 3]},
    "encoding": {"y": {"datum": 0}},
}

CALIBRATION = _calibration("Calibration", quantity("observed", "Mean label", zero=False), _DIAGONAL)
CALIBRATION_RESIDUAL = _calibration(
    "Calibration error", quantity("error", "Mean label \N{MINUS SIGN} mean prediction"), _ZERO
)


def _distribution(description: str, title: str) -> Json:
    shown = tooltip(
        series=("Slice", ""),
        lower=("From", ".4~g"),
        upper=("To", ".4~g"),
        share=("Share", ".2%"),
        weight=("Examples, weighted", ",.0f"),
    )
    share = quantity("share", "Share of examples", format="~%")
    return {
        "description": description,
        "width": "$width",
        "height": "$height",
        "data": {"name": "rows"},
        "transform": [
            {
                "joinaggregate": [{"op": "sum", "field": "weight", "as": "all"}],
                "groupby": ["series"],
            },
            {"filter": "isFinite(datum.lower) && isFinite(datum.upper)"},
            *calculate(share="datum.weight / datum.all"),
        ],
        "layer": [
            {
                "mark": {"type": "bar", "opacity": "$fillOpacity", "binSpacing": 0},
                "encoding": {
                    "x": {**quantity("lower", title, zero=False), "bin": {"binned": True}},
                    "x2": {"field": "upper"},
                    "y": {**share, "stack": None},
                    "color": COLOR,
                    "tooltip": shown,
                },
            },
            {
                "transform": [
                    *calculate(edge="[datum.lower, datum.upper]"),
                    {"flatten": ["edge"]},
                ],
                "mark": {"type": "line", "strokeWidth": 1.25, "strokeCap": "butt"},
                "encoding": {
                    "x": place("edge"),
                    "y": place("share"),
                    "order": {"field": "edge"},
                    "color": COLOR,
                    "strokeDash": DASH,
                },
            },
        ],
    }


PREDICTION_DISTRIBUTION = _distribution("Distribution of predictions", "Prediction")
RESIDUALS = _distribution("Distribution of residuals", "Label \N{MINUS SIGN} prediction")
SCORE_DISTRIBUTION = _distribution("Distribution of scores", "Score")
