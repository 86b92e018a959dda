"""Parts that many templates share: encodings, guides, tooltips, the decision threshold."""

from __future__ import annotations

from typing import Any

__all__ = [
    "COLOR",
    "CUT",
    "DASH",
    "Json",
    "calculate",
    "guide",
    "nearest_to_cut",
    "place",
    "quantity",
    "rate",
    "tooltip",
]

Json = dict[str, Any]

QUARTERS = [0, 0.25, 0.5, 0.75, 1]


def _by_series(range_token: str) -> Json:
    return {
        "field": "series",
        "type": "nominal",
        "title": None,
        "scale": {"domain": "$names", "range": range_token},
        "legend": "$legend",
    }


#: A series is one slice of one model; colour tells slices apart, dashes models.
COLOR = _by_series("$colors")
DASH = _by_series("$dashes")

#: The decision threshold that all charts of a page mark together.
CUT = [{"name": "cut", "value": "$cut"}]


def quantity(
    field: str,
    title: str | None = None,
    *,
    domain: Any = None,
    zero: bool | None = None,
    **axis: Any,
) -> Json:
    """Returns the encoding of a number on an axis."""
    scale = {"domain": domain, "zero": zero}
    scale = {name: value for name, value in scale.items() if value is not None}
    encoding: Json = {"field": field, "type": "quantitative", "title": title}
    if scale:
        encoding["scale"] = scale
    if axis:
        encoding["axis"] = axis
    return encoding


def place(field: str) -> Json:
    """Returns the encoding of a number on an axis that another layer describes."""
    return {"field": field, "type": "quantitative"}


def rate(field: str, title: str | None) -> Json:
    """Returns the encoding of a share between 0 and 1, as percent."""
    return quantity(field, title, domain=[0, 1], format=".0%", values=QUARTERS)


def calculate(**formulas: str) -> list[Json]:
    """Returns one transform per formula, in order."""
    return [{"calculate": formula, "as": name} for name, formula in formulas.items()]


def tooltip(**fields: tuple[str, str]) -> list[Json]:
    """Returns a tooltip: field = (title, format); a format of "" is a text."""
    return [
        {"field": field, "title": title, "type": "quantitative", "format": form}
        if form
        else {"field": field, "title": title, "type": "nominal"}
        for field, (title, form) in fields.items()
    ]


def guide(*points: tuple[float, float]) -> Json:
    """Returns a layer with a thin dashed line, such as chance."""
    return {
        "data": {"values": [{"x": x, "y": y} for x, y in points]},
        "mark": {"type": "line", "strokeDash": [3, 3], "strokeWidth": 1, "color": "$rule"},
        "encoding": {
            "x": {"field": "x", "type": "quantitative"},
            "y": {"field": "y", "type": "quantitative"},
        },
    }


def nearest_to_cut(*groups: str) -> list[Json]:
    """Returns transforms that keep, in each group, the rows nearest to the decision threshold."""
    return [
        {"calculate": "abs(datum.threshold - cut)", "as": "away"},
        {"joinaggregate": [{"op": "min", "field": "away", "as": "least"}], "groupby": [*groups]},
        {"filter": "datum.away === datum.least"},
    ]
