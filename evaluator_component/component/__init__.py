"""The TFX component, and what it leaves in a metadata store.

Names are imported when they are first used: reading a history needs no TFX, running a step no
pipeline.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluator_component.component.artifacts import EvalMetrics, EvalReport, EvalRoc
    from evaluator_component.component.component import Evaluator
    from evaluator_component.component.executor import Executor

__all__ = ["EvalMetrics", "EvalReport", "EvalRoc", "Evaluator", "Executor"]

_HOMES = {
    "EvalMetrics": "artifacts",
    "EvalReport": "artifacts",
    "EvalRoc": "artifacts",
    "Evaluator": "component",
    "Executor": "executor",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
