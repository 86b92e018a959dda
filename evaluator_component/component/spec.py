"""What the component takes and gives, as TFX wants it declared.

Keys of inputs, of outputs and of the parameters that TFX's own Evaluator has are its keys, so that
either component fits into the other's place in a pipeline. Configs travel as JSON text: it is part
of the cache key, and text is what every orchestrator can carry.
"""

from __future__ import annotations

from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.types.system_executions import Evaluate

from evaluator_component.component.artifacts import EvalMetrics, EvalReport, EvalRoc

__all__ = ["EvaluatorSpec"]


def _text() -> ExecutionParameter:
    return ExecutionParameter(type=str, optional=True)


class EvaluatorSpec(ComponentSpec):
    """Inputs, outputs and parameters of the Evaluator component."""

    PARAMETERS = {  # noqa: RUF012 - TFX declares it so
        "eval_config": _text(),
        "feature_slicing_spec": _text(),
        "fairness_indicator_thresholds": _text(),
        "example_splits": _text(),
        "module_file": _text(),
        "module_path": _text(),
        "force_bless": _text(),
        "max_recorded_slices": ExecutionParameter(type=int, optional=True),
        "reuse": _text(),
        "code_version": _text(),
    }
    INPUTS = {  # noqa: RUF012
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "model": ChannelParameter(type=standard_artifacts.Model, optional=True),
        "baseline_model": ChannelParameter(type=standard_artifacts.Model, optional=True),
        "schema": ChannelParameter(type=standard_artifacts.Schema, optional=True),
        "earlier_evaluation": ChannelParameter(
            type=standard_artifacts.ModelEvaluation, optional=True
        ),
    }
    OUTPUTS = {  # noqa: RUF012
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "metrics": ChannelParameter(type=EvalMetrics),
        "roc": ChannelParameter(type=EvalRoc),
        "report": ChannelParameter(type=EvalReport),
    }
    TYPE_ANNOTATION = Evaluate
