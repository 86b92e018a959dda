"""Results that people look at: one self-contained page, and single charts as images.

The names of TFMA's `view` are here, and `report_of` for the whole report of an evaluation::

    from evaluator_component import views

    views.report_of(result).save("report.html")
    views.render_slicing_metrics(result, slicing_column="carrier")   # in a notebook

Importing this package is light; the parts are imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evaluator_component.lazy import lazy_names

if TYPE_CHECKING:
    from evaluator_component.views.payload import Limits
    from evaluator_component.views.render import (
        render_plot,
        render_slicing_attributions,
        render_slicing_metrics,
        render_time_series,
    )
    from evaluator_component.views.report import Report, report_of
    from evaluator_component.views.run import Run

__all__ = [
    "Limits",
    "Report",
    "Run",
    "render_plot",
    "render_slicing_attributions",
    "render_slicing_metrics",
    "render_time_series",
    "report_of",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Limits": "payload",
        "Report": "report",
        "Run": "run",
        "render_plot": "render",
        "render_slicing_attributions": "render",
        "render_slicing_metrics": "render",
        "render_time_series": "render",
        "report_of": "report",
    },
)
