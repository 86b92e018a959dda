"""Confusion matrices as heat maps: actual classes in rows, predicted ones in columns.

Rows: series, actual, predicted, weight, all (of the actual class) for several classes; the counts
per threshold (see `curves`) for two classes.
"""

from __future__ import annotations

from typing import Any

from evaluator_component.views.specs.curves import ALL
from evaluator_component.views.specs.parts import CUT, Json, calculate, nearest_to_cut, tooltip

__all__ = ["BINARY_CONFUSION", "CONFUSION", "MULTI_LABEL_CONFUSION"]


def _share_of_actual(count: str) -> list[Json]:
    return [
        {
            "joinaggregate": [{"op": "sum", "field": count, "as": "all"}],
            "groupby": ["series", "actual"],
        },
        *calculate(share=f"datum.all > 0 ? datum.{count} / datum.all : 0"),
    ]


def _on_cell(dark: str, light: str) -> Json:
    return {"condition": {"test": "datum.share > 0.55", "value": dark}, "value": light}


def _heat(count: str, rows: Any, columns: Any, orient: str = "top") -> Json:
    """Cells, the share in each and the count under it."""
    shown = tooltip(
        series=("Slice", ""),
        actual=("Actual", ""),
        predicted=("Predicted", ""),
        **{count: ("Examples, weighted", ",.0f")},
        share=("Share of actual", ".2%"),
    )
    shade = {
        "field": "share",
        "type": "quantitative",
        "scale": {"domain": [0, 1], "range": "$ramp", "interpolate": "rgb"},
        "legend": None,
    }
    return {
        "width": "$width",
        "height": "$height",
        "encoding": {
            "x": {
                "field": "predicted",
                "type": "nominal",
                "title": None,
                "scale": {"domain": columns},
                "axis": {
                    "orient": orient,
                    "domain": False,
                    "labelAngle": "$labelAngle",
                    "labelLimit": 90,
                    "labelOverlap": True,
                },
            },
            "y": {
                "field": "actual",
                "type": "nominal",
                "title": None,
                "scale": {"domain": rows},
                "axis": {"grid": False, "labelLimit": 110, "labelOverlap": True},
            },
        },
        "layer": [
            {
                "mark": {"type": "rect", "stroke": "$surface", "strokeWidth": "$gap"},
                "encoding": {"color": shade, "tooltip": shown},
            },
            {
                "mark": {
                    "type": "text",
                    "dy": "$rise",
                    "fontWeight": 600,
                    "opacity": "$shareOpacity",
                },
                "encoding": {
                    "text": {"field": "share", "type": "quantitative", "format": ".1%"},
                    "color": _on_cell("$onramp", "$ink"),
                },
            },
            {
                "mark": {"type": "text", "dy": 9, "fontSize": 10, "opacity": "$countOpacity"},
                "encoding": {
                    "text": {"field": count, "type": "quantitative", "format": ",.0f"},
                    "color": _on_cell("$onramp", "$ink"),
                },
            },
        ],
    }


CONFUSION = {
    "description": "Confusion matrix",
    "data": {"name": "rows"},
    "transform": calculate(share="datum.all > 0 ? datum.weight / datum.all : 0"),
    **_heat("weight", "$classes", "$predictedClasses"),
}

MULTI_LABEL_CONFUSION = {
    "description": "Labels predicted together",
    "data": {"name": "rows"},
    "transform": calculate(
        weight="datum.true_positives + datum.false_positives", share=f"datum.weight / {ALL}"
    ),
    **_heat("weight", "$classes", "$predictedClasses"),
}

_TWO = ["Positive", "Negative"]
_CELLS = ["true_positives", "false_negatives", "false_positives", "true_negatives"]

BINARY_CONFUSION = {
    "description": "Confusion matrix at the decision threshold",
    "data": {"name": "rows"},
    "params": CUT,
    "transform": [
        *nearest_to_cut("series"),
        {"window": [{"op": "row_number", "as": "tie"}], "groupby": ["series"]},
        {"filter": "datum.tie === 1"},
        {"fold": _CELLS, "as": ["cell", "count"]},
        *calculate(
            actual="datum.cell === 'true_positives' || datum.cell === 'false_negatives'"
            " ? 'Positive' : 'Negative'",
            predicted="datum.cell === 'true_positives' || datum.cell === 'false_positives'"
            " ? 'Positive' : 'Negative'",
        ),
        *_share_of_actual("count"),
    ],
    "facet": {
        "field": "series",
        "type": "nominal",
        "title": None,
        "sort": "$names",
        "header": {"labelLimit": "$width", "labels": "$facetLabels"},
    },
    "columns": "$columns",
    "bounds": "flush",
    "spacing": {"row": 64, "column": 24},
    "spec": _heat("count", _TWO, _TWO, orient="bottom"),
}
