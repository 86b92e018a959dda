"""Results that people look at: one self-contained page, and single charts as images.

The names of TFMA's `view` are here, and `make_report` for the whole report of an evaluation::

    from evaluator_component import views

    views.make_report(result).save("report.html")
    views.render_slicing_metrics(result, slicing_column="carrier")   # in a notebook

Importing this package is light; the parts are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluator_component.views.payload import Limits
    from evaluator_component.views.render import (
        render_plot,
        render_slicing_attributions,
        render_slicing_metrics,
        render_time_series,
    )
    from evaluator_component.views.report import Report, make_report
    from evaluator_component.views.run import Run

__all__ = [
    "Limits",
    "Report",
    "Run",
    "make_report",
    "render_plot",
    "render_slicing_attributions",
    "render_slicing_metrics",
    "render_time_series",
]

_HOMES = {
    "Limits": "payload",
    "Report": "report",
    "Run": "run",
    "make_report": "report",
    "render_plot": "render",
    "render_slicing_attributions": "render",
    "render_slicing_metrics": "render",
    "render_time_series": "render",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
