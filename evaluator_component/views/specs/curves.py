"""Charts over decision thresholds: ROC, precision and recall, gain, lift, rates by threshold.

Rows: series, threshold, true_positives, false_positives, true_negatives, false_negatives.
"""

from __future__ import annotations

from typing import Any

from evaluator_component.views.specs.parts import (
    COLOR,
    CUT,
    DASH,
    Json,
    calculate,
    guide,
    nearest_to_cut,
    quantity,
    rate,
    tooltip,
)

__all__ = [
    "GAIN",
    "GAIN_TABLE",
    "LIFT",
    "LIFT_TABLE",
    "PRECISION_RECALL",
    "ROC",
    "THRESHOLDS",
]

TP, FP = "datum.true_positives", "datum.false_positives"
TN, FN = "datum.true_negatives", "datum.false_negatives"
POSITIVE, NEGATIVE = f"({TP} + {FN})", f"({FP} + {TN})"
TAKEN, ALL = f"({TP} + {FP})", f"({TP} + {FP} + {TN} + {FN})"

_SERIES = {"series": ("Slice", ""), "threshold": ("Threshold", ".3f")}


def _layers(
    x: Json, y: Json, *groups: str, shown: dict[str, tuple[str, str]], clip: bool = False
) -> list[Json]:
    """A line per series, its points for the tooltip, and the point at the decision threshold."""
    tip = tooltip(**_SERIES, **shown)
    place = {"x": x, "y": y}
    return [
        {
            "mark": {"type": "line", "clip": clip},
            "encoding": {
                **place,
                "order": {"field": "threshold"},
                "color": COLOR,
                "strokeDash": DASH,
            },
        },
        {
            "mark": {"type": "point", "opacity": 0, "size": 60, "clip": clip},
            "encoding": {**place, "color": COLOR, "tooltip": tip},
        },
        {
            "transform": nearest_to_cut("series", *groups),
            "mark": {"type": "point", "size": 56, "stroke": "$surface", "strokeWidth": 1.5},
            "encoding": {**place, "color": COLOR, "tooltip": tip},
        },
    ]


def _curve(
    description: str,
    formulas: dict[str, str],
    x: Json,
    y: Json,
    shown: dict[str, tuple[str, str]],
    guides: tuple[Json, ...] = (),
) -> Json:
    finite = " && ".join(f"isFinite(datum.{name})" for name in formulas)
    transform: list[Any] = [*calculate(**formulas), {"filter": finite}]
    return {
        "description": description,
        "width": "$width",
        "height": "$height",
        "data": {"name": "rows"},
        "params": CUT,
        "transform": transform,
        "layer": [*guides, *_layers(x, y, shown=shown)],
    }


ROC = _curve(
    "ROC curve",
    {"tpr": f"{TP} / {POSITIVE}", "fpr": f"{FP} / {NEGATIVE}"},
    rate("fpr", "False positive rate"),
    rate("tpr", "True positive rate"),
    {"tpr": ("True positive rate", ".2%"), "fpr": ("False positive rate", ".2%")},
    (guide((0, 0), (1, 1)),),
)

PRECISION_RECALL = _curve(
    "Precision and recall",
    {"recall": f"{TP} / {POSITIVE}", "precision": f"{TP} / {TAKEN}"},
    rate("recall", "Recall"),
    rate("precision", "Precision"),
    {"precision": ("Precision", ".2%"), "recall": ("Recall", ".2%")},
)


def _gain(share: str, found: str) -> Json:
    return _curve(
        "Gain",
        {"share": share, "found": found},
        rate("share", "Examples taken, highest scored first"),
        rate("found", "Positives found"),
        {"share": ("Examples taken", ".2%"), "found": ("Positives found", ".2%")},
        (guide((0, 0), (1, 1)),),
    )


def _lift(share: str, times: str) -> Json:
    return _curve(
        "Lift",
        {"share": share, "times": times},
        rate("share", "Examples taken, highest scored first"),
        quantity("times", "Times more than by chance", zero=True),
        {"share": ("Examples taken", ".2%"), "times": ("Lift", ".2f")},
        (guide((0, 1), (1, 1)),),
    )


GAIN = _gain(f"{TAKEN} / {ALL}", f"{TP} / {POSITIVE}")
LIFT = _lift(f"{TAKEN} / {ALL}", f"({TP} / {TAKEN}) / ({POSITIVE} / {ALL})")
#: From rows that hold fraction, gain and lift already.
GAIN_TABLE = _gain("datum.fraction", "datum.gain")
LIFT_TABLE = _lift("datum.fraction", "datum.lift")

_MEASURES = {
    "Precision": f"{TP} / {TAKEN}",
    "Recall": f"{TP} / {POSITIVE}",
    "F1": f"2 * {TP} / (2 * {TP} + {FP} + {FN})",
    "Accuracy": f"({TP} + {TN}) / {ALL}",
}

THRESHOLDS = {
    "description": "Precision, recall, F1 and accuracy by decision threshold",
    "data": {"name": "rows"},
    "params": CUT,
    "transform": [
        *calculate(**_MEASURES),
        {"fold": [*_MEASURES], "as": ["measure", "measured"]},
        {"filter": "isFinite(datum.measured)"},
    ],
    "facet": {
        "field": "measure",
        "type": "nominal",
        "title": None,
        "sort": [*_MEASURES],
        "header": {"orient": "top"},
    },
    "columns": "$columns",
    "bounds": "flush",
    "spacing": {"row": 76, "column": 56},
    "spec": {
        "width": "$width",
        "height": "$height",
        "layer": _layers(
            quantity("threshold", "Decision threshold", tickCount=5),
            rate("measured", None),
            "measure",
            shown={"measure": ("Measure", ""), "measured": ("Value", ".2%")},
            # The names of the panels stand on what is drawn: nothing may reach over the top.
            clip=True,
        ),
    },
}
