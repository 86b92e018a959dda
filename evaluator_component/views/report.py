"""A report: a page that can be saved, shown in a notebook, or reduced to images of its charts.

Example:
    >>> import numpy as np
    >>> from evaluator_component.keys import MetricKey
    >>> from evaluator_component.metrics_table import Column, MetricsTable
    >>> columns = {MetricKey("auc"): Column(np.array([0.5]))}
    >>> table = MetricsTable(((),), np.array([9]), np.array([9.0]), columns)
    >>> report_of(table).html.startswith("<!doctype html>")
    True
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from evaluator_component.errors import EvaluatorError, ResultError
from evaluator_component.views.history import chronological
from evaluator_component.views.payload import Limits, report_payload
from evaluator_component.views.run import as_run

__all__ = ["Report", "report_of"]

#: Height of the frame in a notebook, in pixels.
FRAME_HEIGHT = 760
REPORT_FILE = "report.html"


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
        *,
        folders: Sequence[str] = (),
        height: int = FRAME_HEIGHT,
    ) -> None:
        """Takes a payload and what is needed to save it.

        Args:
            payload: all that the page shows.
            charts: makes the charts that can be saved as images.
            folders: the result folder of each run of the history, for links to their reports.
            height: of the frame in a notebook, in pixels.
        """
        self.payload = payload
        self.height = height
        self._charts = charts
        self._folders = folders

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
            page = self._linked_from(path.parent).html
            path.write_text(page, encoding="utf-8", newline="\n")
            return path
        from evaluator_component.views.charts import grid, save_image

        charts = list(self.charts.values())
        if not charts:
            raise EvaluatorError(
                f"this view has no chart to save as {path.name!r}; save it as .html"
            )
        return save_image(charts[0].spec if len(charts) == 1 else grid(charts), path, scale=scale)

    def _linked_from(self, folder: Path) -> Report:
        """The report with links from its history to the reports that lie in the runs' folders."""
        history = self.payload.get("history")
        if not history:
            return self
        runs = [
            {**run, "href": run["href"] or _link(folder, place)}
            for run, place in zip(
                history["runs"], self._folders or [""] * len(history["runs"]), strict=True
            )
        ]
        return Report({**self.payload, "history": {**history, "runs": runs}})

    def _repr_html_(self) -> str:
        from evaluator_component.views.page import embed_page

        return embed_page(self.html, self.height)

    def __repr__(self) -> str:
        return f"<Report {self.payload['title']!r}: {', '.join(self.payload['tabs'])}>"


def _link(start: Path, folder: str) -> str:
    # A pipeline keeps the page as an artifact of its own: then the place is the file itself.
    for report in (Path(folder, REPORT_FILE), Path(folder)) if folder else ():
        if report.is_file():
            return Path(os.path.relpath(report, start)).as_posix()
    return ""


def report_of(
    *results: Any,
    title: str = "",
    examples: bool | Sequence[Mapping[str, Any]] = False,
    limits: Limits | None = None,
) -> Report:
    """Returns the whole report of an evaluation: verdict, slices, plots, history, examples.

    Args:
        *results: loaded results, `Run`s or metrics tables. Of several, the last one by time is
            reported, and all of them make its history.
        title: shown on top; the run's name by default.
        examples: the worst examples to show; True takes them from the analysis table in the
            result's folder. They are data: whoever gets the page can read them.
        limits: how much the page may carry.

    Raises:
        ResultError: when there is no result, or no analysis table though `examples` is True.
    """
    if not results:
        raise ResultError("no result to report")
    runs = chronological([as_run(result) for result in results])
    run = runs[-1]
    if examples is True:
        from evaluator_component.results import load_analysis_table
        from evaluator_component.views.examples import worst_examples

        run = replace(run, examples=worst_examples(load_analysis_table(run.folder)))
    elif examples:
        run = replace(run, examples=examples)
    payload = report_payload(run, runs, title=title, limits=limits)
    return Report(payload, folders=[each.folder for each in runs])
