"""Charts over slices: one metric as bars, as a histogram to brush, and against slice size.

Rows: slice, value, lower, upper, baseline, examples, status, kept; the named source `anchor` holds
the value of the overall slice.
"""

from __future__ import annotations

from evaluator_component.views.specs.parts import Json, place, quantity, tooltip

__all__ = ["METRIC_HISTOGRAM", "OVERVIEW", "SIZE_SCATTER"]

_ANCHOR = {
    "data": {"name": "anchor"},
    "mark": {"type": "rule", "color": "$faint", "strokeDash": [3, 3]},
    "encoding": {"y": place("anchor")},
}
_BY_SLICE = {
    "x": {
        "field": "slice",
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {
            "labels": "$labels",
            "labelAngle": "$labelAngle",
            "labelLimit": 90,
            "labelOverlap": "$labelOverlap",
            "domain": False,
        },
    }
}

#: Bars grow from the overall value, so that what is worse and what is better points apart.
OVERVIEW: Json = {
    "description": "One metric by slice",
    "width": "$width",
    "height": "$height",
    "data": {"name": "rows"},
    "layer": [
        {
            "mark": {"type": "bar", "width": "$bar", "cursor": "pointer"},
            "encoding": {
                **_BY_SLICE,
                "y": quantity("value", "$title", domain="$domain", format="$format", tickCount=4),
                "y2": {"field": "anchor"},
                "color": {
                    "field": "status",
                    "type": "nominal",
                    "scale": {
                        "domain": ["fail", "warn", "unclear", "selected", "plain"],
                        "range": ["$bad", "$unsure", "$idle", "$accent", "$idle"],
                    },
                    "legend": None,
                },
                "tooltip": "$tooltip",
            },
        },
        {
            "transform": [{"filter": "isValid(datum.lower) && isValid(datum.upper)"}],
            "mark": {"type": "rule", "strokeWidth": 1, "color": "$muted", "clip": True},
            "encoding": {**_BY_SLICE, "y": place("lower"), "y2": {"field": "upper"}},
        },
        {
            "transform": [{"filter": "isValid(datum.baseline)"}],
            "mark": {"type": "tick", "color": "$ink", "thickness": 1.5, "width": "$bar"},
            "encoding": {**_BY_SLICE, "y": place("baseline")},
        },
        _ANCHOR,
    ],
}


def _brush(encoding: str) -> list[Json]:
    mark = {"fill": "$accent", "fillOpacity": 0.1, "stroke": "$accent", "strokeOpacity": 0.5}
    select = {"type": "interval", "encodings": [encoding], "mark": mark}
    return [{"name": "brush", "value": "$brush", "select": select}]


_BINS = {"x": {**place("lower"), "bin": {"binned": True}}, "x2": {"field": "upper"}}

METRIC_HISTOGRAM: Json = {
    "description": "How many slices have which value",
    "width": "$width",
    "height": "$height",
    "data": {"name": "rows"},
    "layer": [
        {
            "params": _brush("x"),
            "mark": {"type": "bar", "color": "$idle", "binSpacing": 1},
            "encoding": {
                "x": {
                    "field": "lower",
                    "type": "quantitative",
                    "bin": {"binned": True},
                    "title": None,
                    "scale": {"domain": "$domain", "nice": False},
                    "axis": {"format": "$format", "tickCount": 6},
                },
                "x2": {"field": "upper"},
                "y": quantity("count", "$title", tickCount=3, format="~s"),
                "tooltip": tooltip(
                    lower=("From", "$format"), upper=("To", "$format"), count=("$counted", ",")
                ),
            },
        },
        {
            "mark": {"type": "bar", "color": "$accent", "binSpacing": 1},
            "encoding": {**_BINS, "y": place("kept")},
        },
    ],
}

SIZE_SCATTER: Json = {
    "description": "One metric against the number of examples",
    "width": "$width",
    "height": "$height",
    "data": {"name": "rows"},
    "layer": [
        _ANCHOR,
        {
            "params": _brush("y"),
            "mark": {"type": "point", "size": "$pointSize", "opacity": 0.6, "cursor": "pointer"},
            "encoding": {
                "x": {
                    "field": "examples",
                    "type": "quantitative",
                    "title": "Examples",
                    "scale": {"type": "log"},
                    "axis": {"tickCount": 4, "format": "~s"},
                },
                "y": quantity("value", "$title", zero=False, format="$format", tickCount=4),
                "color": {
                    "field": "kept",
                    "type": "nominal",
                    "scale": {"domain": [True, False], "range": ["$accent", "$idle"]},
                    "legend": None,
                },
                "tooltip": "$tooltip",
            },
        },
    ],
}
