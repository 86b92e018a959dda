"""Shows evaluations in notebooks: TFX's `InteractiveContext.show` gives our report.

Nothing needs to be called: making an Evaluator in a notebook registers it. An evaluation that has
no report, because TFX's own Evaluator made it, is shown as TFX shows it.
"""

from __future__ import annotations

import html
import os
import sys
from typing import Any

__all__ = ["in_notebook", "register_visualizations", "report_frame"]

HEIGHT = 900


def in_notebook() -> bool:
    """Tells whether this process runs IPython."""
    shell = sys.modules.get("IPython")
    return shell is not None and shell.get_ipython() is not None


def report_frame(path: str) -> str:
    """Returns a report as HTML that keeps to itself inside another page."""
    from tfx.dsl.io import fileio

    with fileio.open(path, "r") as file:
        page = html.escape(file.read(), quote=True)
    style = f"width:100%;height:{HEIGHT}px;border:0"
    return (
        f'<iframe sandbox="allow-scripts allow-downloads" style="{style}" srcdoc="{page}"></iframe>'
    )


def register_visualizations() -> None:
    """Registers how evaluations and reports are shown."""
    from tfx.orchestration.experimental.interactive import visualizations
    from tfx.types import standard_artifacts

    from evaluator_component.component.artifacts import EvalReport

    registry = visualizations.get_registry()
    otherwise = registry.get_visualization(standard_artifacts.ModelEvaluation.TYPE_NAME)

    class ReportVisualization(visualizations.ArtifactVisualization):
        """Shows the report, which is the artifact itself."""

        ARTIFACT_TYPE = EvalReport

        def display(self, artifact: Any) -> None:
            """Displays it in the notebook."""
            _display(artifact.uri)

    class EvaluationVisualization(visualizations.ArtifactVisualization):
        """Shows the report inside a result folder."""

        ARTIFACT_TYPE = standard_artifacts.ModelEvaluation
        ours = True

        def display(self, artifact: Any) -> None:
            """Displays it in the notebook."""
            from tfx.dsl.io import fileio

            path = os.path.join(artifact.uri, "report.html")
            if fileio.exists(path):
                _display(path)
            elif otherwise is not None:
                otherwise.display(artifact)

    if not getattr(otherwise, "ours", False):
        registry.register(EvaluationVisualization)
    registry.register(ReportVisualization)


def _display(path: str) -> None:
    from IPython import display

    display.display(display.HTML(report_frame(path)))
