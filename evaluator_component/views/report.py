"""A report: a page that can be saved, shown in a notebook, or reduced to images of its charts.

Example:
    >>> import numpy as np
    >>> from evaluator_component.keys import MetricKey
    >>> from evaluator_component.metrics_table import Column, MetricsTable
    >>> columns = {MetricKey("auc"): Column(np.array([0.5]))}
    >>> table = MetricsTable(((),), np.array([9]), np.array([9.0]), columns)
    >>> report = make_report(table)
    >>> report.html.startswith("<!doctype html>")
    True
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from evaluator_component.errors import EvaluatorError
from evaluator_component.views.payload import Limits, report_payload
from evaluator_component.views.run import as_run

__all__ = ["Report", "make_report"]

#: Height of the frame in a notebook, in pixels.
FRAME_HEIGHT = 760


class Report:
    """One page over a payload.

    It shows itself in any notebook (Jupyter, JupyterLab, VS Code, Colab) and in what nbconvert
    makes of it; it needs no extension, no kernel and no network.

    Attributes:
        payload: all that the page shows, JSON-able (see `payload`).
        height: of the frame in a notebook, in pixels.
    """

    def __init__(
        self,
        payload: Mapping[str, Any],
        charts: Callable[[], Sequence[Any]] | None = None,
        height: int = FRAME_HEIGHT,
    ) -> None:
        """Takes a payload, and a function that makes the charts that can be saved as images."""
        self.payload = payload
        self.height = height
        self._charts = charts

    @cached_property
    def html(self) -> str:
        """The whole page."""
        from evaluator_component.views.page import build_page

        return build_page(self.payload)

    @cached_property
    def charts(self) -> dict[str, Any]:
        """The view's charts by name, each with a `save(path)`; empty where a view is no chart."""
        named: dict[str, Any] = {}
        for chart in self._charts() if self._charts else ():
            name, number = chart.id, 1
            while name in named:
                number += 1
                name = f"{chart.id}_{number}"
            named[name] = chart
        return named

    def save(self, path: str | Path, *, scale: float = 2.0) -> Path:
        """Writes the page (.html), or an image of the view's charts (.svg, .png, .pdf, .json).

        Args:
            path: where to; its ending names the format. Missing folders are made.
            scale: of a PNG, pixels of the image per pixel of the page.

        Returns:
            The path.

        Raises:
            EvaluatorError: when an image is asked for and the view has no chart, the ending is
                unknown, or the extra `images` is not installed.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() in (".html", ".htm"):
            path.write_text(self.html, encoding="utf-8", newline="\n")
            return path
        from evaluator_component.views.charts import grid, save_image

        charts = list(self.charts.values())
        if not charts:
            raise EvaluatorError(
                f"this view has no chart to save as {path.name!r}; save it as .html"
            )
        return save_image(charts[0].spec if len(charts) == 1 else grid(charts), path, scale=scale)

    def _repr_html_(self) -> str:
        from evaluator_component.views.page import embed_page

        return embed_page(self.html, self.height)

    def __repr__(self) -> str:
        return f"<Report {self.payload['title']!r}: {', '.join(self.payload['tabs'])}>"


def make_report(
    result: Any,
    history: Sequence[Any] = (),
    *,
    title: str = "",
    limits: Limits | None = None,
) -> Report:
    """Returns the whole report of an evaluation: verdict, slices, plots, history, examples.

    Args:
        result: a loaded result, a `Run`, or metrics tables.
        history: this and earlier results, for time series.
        title: shown on top; the run's name by default.
        limits: how much the page may carry.
    """
    runs = [as_run(earlier) for earlier in history]
    return Report(report_payload(as_run(result), runs, title=title, limits=limits))
