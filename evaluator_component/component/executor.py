"""Runs an evaluation as a step of a pipeline: resolve the inputs, evaluate, record.

What an evaluation is, this module does not know; it hands plain values to `evaluate` and puts what
comes back into TFX's artifacts.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any

from tfx.dsl.io import fileio

from evaluator_component.component.beam_executor import BeamExecutor
from evaluator_component.component.blessing import Ruling, write_blessing
from evaluator_component.component.curves import plots_record
from evaluator_component.component.lineage import lineage_record
from evaluator_component.component.properties import set_properties
from evaluator_component.component.records import metrics_record
from evaluator_component.component.request import Request, read_request
from evaluator_component.component.user_module import UserModule
from evaluator_component.protos import eval_config_pb2

__all__ = ["Executor"]

NOT_VALIDATED = "The eval config has no threshold, so nothing was validated."

Artifacts = Mapping[str, Sequence[Any]]


class Executor(BeamExecutor):
    """The executor of the Evaluator component."""

    def Do(
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Mapping[str, Any]
    ) -> None:
        """Evaluates, and fills the output artifacts.

        Args:
            input_dict: `examples`; optionally `model`, `baseline_model`, `schema`,
                `earlier_evaluation`.
            output_dict: `evaluation`, `blessing`; optionally `metrics`, `roc`, `report`.
            exec_properties: see `EvaluatorSpec.PARAMETERS`.

        Raises:
            EvaluatorError: the request or the data is at fault; nothing is recorded then.
        """
        request = read_request(input_dict, output_dict, exec_properties)
        outputs = {key: artifacts[0] for key, artifacts in output_dict.items() if artifacts}
        clear_folder(outputs["evaluation"].uri)
        register_metrics(request.user_module, request.eval_config)
        outcome = self._evaluate(request, outputs["evaluation"].uri)
        record(request, outcome, outputs, exec_properties)

    def _evaluate(self, request: Request, output_path: str) -> Any:
        """Calls the library; the one place that knows how."""
        from evaluator_component.api import EvalSharedModel, prepare
        from evaluator_component.api.repeat import is_repeat, repeat

        module = request.user_module
        models = {
            spec.name: EvalSharedModel(
                request.models[spec.name],
                model_name=spec.name,
                model_type=spec.model_type,
                is_baseline=spec.is_baseline,
                loader=_loader(request, spec),
            )
            for spec in request.eval_config.model_specs
            if spec.name in request.models
        }
        offered = {
            "eval_config": request.eval_config,
            "schema": request.schema,
            "models": models,
            "output_path": output_path,
        }
        job = prepare(
            request.eval_config,
            list(request.sources),
            models or None,
            schema=request.schema,
            rubber_stamp=request.rubber_stamp,
            reuse=request.earlier if request.baseline is not None else None,
            **{
                stage: _stages(module, stage, offered)
                for stage in ("extractors", "evaluators", "writers")
            },
        )
        # Writers of the user's may write to other places, too.
        if request.earlier and "writers" not in module.hooks and is_repeat(job, request.earlier):
            return repeat(job, request.earlier, output_path)
        return job.run(output_path, pipeline_options=self.beam_options(module.packages))


def _stages(module: UserModule, stage: str, offered: Mapping[str, Any]) -> Any:
    """Returns a function of the default stages, where the user's module has such a hook."""
    if stage not in module.hooks:
        return None
    return lambda defaults: module.call(stage, defaults=list(defaults), **offered)


def _loader(request: Request, spec: Any) -> Any:
    """Returns a function of the path that loads a model, where the user's module has such a hook.

    It is sent to workers, so it holds the hook alone.
    """
    if "load_model" not in request.user_module.hooks:
        return None
    return functools.partial(
        _load_by_hook, request.user_module.hooks["load_model"], spec.name, spec.SerializeToString()
    )


def _load_by_hook(hook: Any, name: str, spec: bytes, path: Any) -> Any:
    module = UserModule(hooks={"load_model": hook})
    message = eval_config_pb2.ModelSpec.FromString(spec)
    return module.call("load_model", path=path, name=name, model_spec=message)


def register_metrics(module: UserModule, eval_config: Any) -> None:
    """Makes the metrics of the user's module known by their names."""
    from evaluator_component.metrics import registry

    for metric in module.call("metrics", otherwise=(), eval_config=eval_config):
        registry.register(metric)


def record(
    request: Request,
    outcome: Any,
    outputs: Mapping[str, Any],
    properties: Mapping[str, Any],
) -> None:
    """Fills the output artifacts from the outcome of an evaluation."""
    ruling = ruling_of(outcome.verdict)
    reuse = outcome.result.run.details.get("reuse")
    set_properties(outputs["evaluation"], lineage_record(request, properties, reuse))
    write_blessing(
        outputs["blessing"],
        ruling,
        model=request.candidate,
        baseline=request.baseline,
        component_id=request.component_id,
    )
    if "metrics" in outputs:
        values = metrics_record(
            {table.dataset: table for table in outcome.tables},
            candidate=request.candidate_name,
            max_slices=request.max_recorded_slices,
        )
        set_properties(
            outputs["metrics"],
            values | {"verdict": ruling.verdict, "reason": ruling.reason},
        )
    if "roc" in outputs:
        names = next((list(s.class_names) for s in request.eval_config.model_specs), [])
        curves = plots_record(outcome.tables, request.candidate_name, names)
        set_properties(outputs["roc"], curves)
    if "report" in outputs:
        copy_report(os.path.join(outputs["evaluation"].uri, "report.html"), outputs["report"].uri)


def ruling_of(verdict: Any) -> Ruling:
    """Returns a verdict in the terms of a blessing; without any threshold there is none."""
    if verdict is None:
        return Ruling(False, "NOT_BLESSED", (NOT_VALIDATED,))
    return Ruling(
        blessed=verdict.validation_ok,
        verdict=str(getattr(verdict.status, "name", verdict.status)),
        reasons=tuple(verdict.reasons),
        counts=dict(verdict.counts),
        forced_because=verdict.forced_reason,
        forced_by=verdict.forced_by,
    )


def clear_folder(uri: str) -> None:
    """Empties an output folder, in which an attempt that was killed may have left something."""
    if fileio.exists(uri) and fileio.listdir(uri):
        fileio.rmtree(uri)
    fileio.makedirs(uri)


def copy_report(report: str, uri: str) -> None:
    """Makes the report the artifact itself: its URI is a file, not a folder with a file in it."""
    if fileio.exists(uri) and fileio.isdir(uri):
        fileio.rmtree(uri)
    fileio.makedirs(os.path.dirname(uri))
    fileio.copy(report, uri, overwrite=True)
