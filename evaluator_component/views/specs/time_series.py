"""One metric over runs, with its interval, its thresholds and the verdict of each run.

Rows: label (of the run), series, value, lower, upper, interval (in words), time, verdict, and mark
(the verdict, or "none" where a point has none); the named source `bounds` holds thresholds.
"""

from __future__ import annotations

from evaluator_component.views.specs.parts import COLOR, DASH, Json, place, quantity, tooltip

__all__ = ["TIME_SERIES"]

_VERDICTS = ["BLESSED", "NOT_BLESSED", "INCONCLUSIVE", "none"]
_BY_RUN = {
    "x": {
        "field": "label",
        "type": "ordinal",
        "title": None,
        "scale": {"domain": "$runs"},
        "axis": {
            "labelAngle": 0,
            "labelOverlap": "parity",
            "labelLimit": 80,
            "labelPadding": 8,
        },
    }
}


def _by_verdict(values: list[object]) -> Json:
    return {
        "field": "mark",
        "type": "nominal",
        "legend": None,
        "scale": {"type": "ordinal", "domain": _VERDICTS, "range": values},
    }


TIME_SERIES: Json = {
    "description": "One metric over runs",
    "width": "$width",
    "height": "$height",
    "data": {"name": "rows"},
    "layer": [
        {
            "transform": [{"filter": "isValid(datum.lower) && isValid(datum.upper)"}],
            "mark": {"type": "area", "opacity": 0.14},
            "encoding": {
                **_BY_RUN,
                "y": place("lower"),
                "y2": {"field": "upper"},
                "color": {**COLOR, "legend": None},
            },
        },
        {
            "data": {"name": "bounds"},
            "mark": {"type": "rule", "color": "$bad", "strokeDash": [4, 3], "strokeWidth": 1},
            "encoding": {"y": place("bound"), "tooltip": tooltip(bound=("Threshold", "$format"))},
        },
        {
            "mark": {"type": "line"},
            "encoding": {
                **_BY_RUN,
                "y": quantity("value", "$title", zero=False, format="$format", tickCount=4),
                "color": COLOR,
                "strokeDash": DASH,
            },
        },
        {
            "mark": {
                "type": "point",
                "strokeWidth": 1.5,
                "stroke": "$surface",
                "cursor": "pointer",
            },
            "encoding": {
                **_BY_RUN,
                "y": place("value"),
                "color": {
                    "condition": {"test": "datum.mark === 'NOT_BLESSED'", "value": "$bad"},
                    **COLOR,
                },
                "shape": _by_verdict(["circle", "cross", "diamond", "circle"]),
                "size": _by_verdict([42, 130, 80, 30]),
                "tooltip": tooltip(
                    series=("Series", ""),
                    label=("Run", ""),
                    time=("Time", ""),
                    value=("Value", "$format"),
                    interval=("Interval", ""),
                    verdict=("Verdict", ""),
                ),
            },
        },
    ],
}
