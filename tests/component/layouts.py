"""Fills a real metadata store as each orchestrator lays an evaluation out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as messages

EVALUATOR = "evaluator_component.component.executor.Executor"


@dataclass(frozen=True)
class Layout:
    """What differs between orchestrators."""

    name: str
    pipeline_context: str
    run_context: str
    run_name: str
    execution: str
    prefix: str = ""
    #: Kubeflow has no integers, and ids are text there.
    as_text_and_doubles: bool = False
    added: dict[str, Any] = field(default_factory=dict)


LAYOUTS = (
    Layout("local", "pipeline", "pipeline_run", "{run}", EVALUATOR, added={"is_external": 0}),
    Layout(
        "airflow",
        "pipeline",
        "run",
        "flights.{run}",
        EVALUATOR,
        added={"name": "evaluation:x", "producer_component": "Evaluator", "state": "published"},
    ),
    Layout(
        "kubeflow",
        "system.Pipeline",
        "system.PipelineRun",
        "{run}",
        "system.ContainerExecution",
        prefix="tfx.",
        as_text_and_doubles=True,
        added={"display_name": "metrics", "store_session_info": "{}"},
    ),
)


def put_evaluation(
    store: MetadataStore,
    layout: Layout,
    run: str,
    *,
    auc: float,
    blessed: bool,
    pipeline: str = "flights",
    baseline: bool = False,
) -> int:
    """Stores one evaluation with its inputs and outputs; returns the id of its blessing."""
    given = [("examples", f"{layout.prefix}Examples"), ("model", f"{layout.prefix}Model")]
    if baseline:
        given.append(("baseline_model", f"{layout.prefix}Model"))
    inputs = {
        key: _artifact(
            store, layout, kind, f"/{run}/{key}", {"span": 7} if key == "examples" else {}
        )
        for key, kind in given
    }
    facts = {
        "blessed": int(blessed),
        "current_model_id": inputs["model"].id,
        "verdict": "BLESSED" if blessed else "NOT_BLESSED",
        "reason": "auc is high enough" if blessed else "auc is too low",
        "checks_passed": 2,
    }
    values = {"auc": auc, "examples": 10, "verdict": facts["verdict"]}
    values["by_slice"] = {"origin=JFK": {"auc": auc - 0.1}}
    kinds = {
        "blessing": (f"{layout.prefix}ModelBlessing", facts),
        "metrics": ("system.Metrics", values),
        "evaluation": (f"{layout.prefix}ModelEvaluation", {"config_hash": "abc"}),
    }
    outputs = {
        key: _artifact(store, layout, kind, f"/{run}/{key}", values, put=False)
        for key, (kind, values) in kinds.items()
    }
    execution, contexts = _execution(store, layout, run, pipeline)
    execution.last_known_state = messages.Execution.COMPLETE
    pairs = [
        (artifact, _event(kind, key))
        for kind, side in ((messages.Event.INPUT, inputs), (messages.Event.OUTPUT, outputs))
        for key, artifact in side.items()
    ]
    _, artifact_ids, _ = store.put_execution(execution, pairs, contexts)
    return artifact_ids[len(inputs)]


def put_failure(store: MetadataStore, layout: Layout, run: str, task: str = "Evaluator") -> None:
    """Stores an execution that failed and has no outputs."""
    execution, contexts = _execution(store, layout, run, "flights", task)
    execution.last_known_state = messages.Execution.FAILED
    store.put_execution(execution, [], contexts)


def _execution(
    store: MetadataStore, layout: Layout, run: str, pipeline: str, task: str = "Evaluator"
) -> tuple[messages.Execution, list[messages.Context]]:
    kind = layout.execution
    if kind == EVALUATOR and task != "Evaluator":
        kind = task
    execution = messages.Execution(type_id=_type(store, "execution", kind))
    if layout.as_text_and_doubles:
        execution.custom_properties["task_name"].string_value = task
    contexts = [
        _context(store, layout.pipeline_context, pipeline),
        _context(store, layout.run_context, layout.run_name.format(run=run)),
    ]
    return execution, contexts


def _event(kind: int, key: str) -> messages.Event:
    event = messages.Event(type=kind)
    event.path.steps.add(key=key)
    event.path.steps.add(index=0)
    return event


def _type(store: MetadataStore, of: str, name: str) -> int:
    made = {
        "artifact": messages.ArtifactType,
        "execution": messages.ExecutionType,
        "context": messages.ContextType,
    }[of](name=name)
    return getattr(store, f"put_{of}_type")(made, can_add_fields=True, can_omit_fields=True)


def _context(store: MetadataStore, kind: str, name: str) -> messages.Context:
    found = store.get_context_by_type_and_name(kind, name)
    if found is not None:
        return found
    context = messages.Context(type_id=_type(store, "context", kind), name=name)
    (context.id,) = store.put_contexts([context])
    return context


def _artifact(
    store: MetadataStore,
    layout: Layout,
    kind: str,
    uri: str,
    values: dict[str, Any],
    *,
    put: bool = True,
) -> messages.Artifact:
    artifact = messages.Artifact(type_id=_type(store, "artifact", kind), uri=uri)
    artifact.state = messages.Artifact.LIVE
    for name, value in {**values, **layout.added}.items():
        target = artifact.custom_properties[name]
        if isinstance(value, dict):
            target.struct_value.update({"struct": value} if layout.as_text_and_doubles else value)
        elif isinstance(value, str):
            target.string_value = value
        elif layout.as_text_and_doubles and name.endswith("_id"):
            target.string_value = str(value)
        elif layout.as_text_and_doubles or isinstance(value, float):
            target.double_value = float(value)
        else:
            target.int_value = value
    if put:
        (artifact.id,) = store.put_artifacts([artifact])
    return artifact
