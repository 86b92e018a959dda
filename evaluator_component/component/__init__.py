"""The TFX component, and what it leaves in a metadata store.

Names are imported when they are first used: reading a history needs no TFX, running a step no
pipeline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evaluator_component.lazy import lazy_names

if TYPE_CHECKING:
    from evaluator_component.component.artifacts import EvalMetrics, EvalReport, EvalRoc
    from evaluator_component.component.component import Evaluator
    from evaluator_component.component.executor import Executor

__all__ = ["EvalMetrics", "EvalReport", "EvalRoc", "Evaluator", "Executor"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "EvalMetrics": "artifacts",
        "EvalReport": "artifacts",
        "EvalRoc": "artifacts",
        "Evaluator": "component",
        "Executor": "executor",
    },
)
