"""Reads evaluations back from a metadata store: values, verdicts and lineage over runs.

The store may have been filled by TFX's local runner, by Airflow or by Kubeflow Pipelines; they lay
things out differently, and one reader understands all three. No query language is used, which
newer metadata stores do not have.

Vocabulary:
    evaluation: one execution that gave a blessing (TFX's own Evaluator included).

Synopsis::

    for evaluation in history("demo/metadata.sqlite", pipeline="flights"):
        print(evaluation.run, evaluation.verdict, evaluation.metrics.get("auc"))
    frame = history_frame("demo/metadata.sqlite", metrics=["auc"])
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from evaluator_component.component.properties import read_properties
from evaluator_component.component.records import BY_SLICE, OVERALL_VALUES
from evaluator_component.component.stores import open_store

__all__ = ["Artifact", "Evaluation", "history", "history_frame"]

#: Names of the blessing's type: TFX's, and TFX's on Kubeflow.
BLESSING_TYPES = ("ModelBlessing", "tfx.ModelBlessing")
PIPELINE_CONTEXTS = ("pipeline", "system.Pipeline")
NODE_CONTEXTS = ("node",)
RUN_CONTEXTS = ("pipeline_run", "run", "system.PipelineRun")
#: Properties that orchestrators and TFX add to every artifact.
NOT_OURS = frozenset(
    {"display_name", "is_external", "name", "producer_component", "state", "store_session_info"}
    | {"pipeline_name", "tfx_version"}
)
#: Words among the numbers of a `metrics` artifact.
WORDS = frozenset({"verdict", "reason", "undefined", BY_SLICE, OVERALL_VALUES})


@dataclass(frozen=True)
class Artifact:
    """An artifact as the store knows it."""

    id: int
    uri: str
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluation:
    """One evaluation.

    Attributes:
        pipeline: name of the pipeline.
        run: name of the run.
        node: id of the step in the pipeline; "" where the store does not tell.
        time: when the blessing was stored, UTC.
        blessed: whether the model was blessed.
        verdict: BLESSED, NOT_BLESSED or INCONCLUSIVE.
        reason: why, in sentences.
        metrics: overall values by name.
        by_slice: values by slice name, then by name.
        checks: how many checks passed, failed, ... by name.
        inputs: artifacts by input key: examples, model, baseline_model, schema.
        outputs: artifacts by output key.
        execution_id: of the execution in the store.
    """

    pipeline: str
    run: str
    node: str
    time: datetime
    blessed: bool
    verdict: str
    reason: str
    metrics: Mapping[str, float]
    by_slice: Mapping[str, Mapping[str, float]]
    checks: Mapping[str, int]
    inputs: Mapping[str, tuple[Artifact, ...]]
    outputs: Mapping[str, tuple[Artifact, ...]]
    execution_id: int

    @property
    def lineage(self) -> Mapping[str, Any]:
        """Data, config and code that led to the verdict."""
        return next((a.properties for a in self.outputs.get("evaluation", ())), {})


def history(
    store: Any, *, pipeline: str | None = None, node: str | None = None
) -> list[Evaluation]:
    """Returns the evaluations that a store holds, oldest first.

    Args:
        store: see `evaluator_component.component.stores`.
        pipeline: only this pipeline's; None: those of all.
        node: only those of this step; None: those of all.

    Raises:
        InputError: the store cannot be opened.
    """
    opened = open_store(store)
    blessings = [b for name in BLESSING_TYPES for b in artifacts_of_type(opened, name)]
    if not blessings:
        return []
    executions = producers(opened, [blessing.id for blessing in blessings])
    events = _events_by_execution(opened, set(executions.values()))
    ids = {event.artifact_id for found in events.values() for event in found}
    artifacts = {artifact.id: artifact for artifact in opened.get_artifacts_by_id(sorted(ids))}
    evaluations = []
    for blessing in blessings:
        execution = executions.get(blessing.id)
        if execution is None:
            continue
        names = context_names(opened.get_contexts_by_execution(execution))
        if pipeline is not None and names[0] != pipeline:
            continue
        if node is not None and names[2] != node:
            continue
        evaluations.append(_evaluation(names, execution, blessing, events[execution], artifacts))
    return sorted(evaluations, key=lambda evaluation: (evaluation.time, evaluation.execution_id))


def history_frame(
    store: Any,
    *,
    pipeline: str | None = None,
    node: str | None = None,
    metrics: Collection[str] | None = None,
) -> Any:
    """Returns the history as a pandas.DataFrame: a row per evaluation, a column per metric.

    Args:
        store: see `evaluator_component.component.stores`.
        pipeline: only this pipeline's; None: those of all.
        node: only those of this step; None: those of all.
        metrics: names of the columns of values; None: all.
    """
    import pandas as pd

    rows = []
    for found in history(store, pipeline=pipeline, node=node):
        values = {
            name: value
            for name, value in found.metrics.items()
            if metrics is None or name in metrics
        }
        facts = {
            "pipeline": found.pipeline,
            "run": found.run,
            "time": found.time,
            "verdict": found.verdict,
        }
        rows.append(facts | values)
    return pd.DataFrame(rows)


def artifacts_of_type(store: Any, name: str) -> list[Any]:
    """Returns live artifacts; none where the store does not know the type."""
    from ml_metadata import errors
    from ml_metadata.proto import metadata_store_pb2 as messages

    try:
        found = store.get_artifacts_by_type(name)
    except errors.NotFoundError:
        return []
    kept = (messages.Artifact.LIVE, messages.Artifact.UNKNOWN)
    return [artifact for artifact in found if artifact.state in kept]


def producers(store: Any, artifact_ids: Collection[int]) -> dict[int, int]:
    """Returns the execution that gave each artifact."""
    from ml_metadata.proto import metadata_store_pb2 as messages

    outputs = (messages.Event.OUTPUT, messages.Event.DECLARED_OUTPUT)
    return {
        event.artifact_id: event.execution_id
        for event in store.get_events_by_artifact_ids(sorted(artifact_ids))
        if event.type in outputs
    }


def _events_by_execution(store: Any, execution_ids: Iterable[int]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for event in store.get_events_by_execution_ids(sorted(execution_ids)):
        found.setdefault(event.execution_id, []).append(event)
    return found


def context_names(contexts: Iterable[Any]) -> tuple[str, str, str]:
    """Returns the names of pipeline, run and node."""
    by_type = {context.type: context.name for context in contexts}
    pipeline = next((by_type[name] for name in PIPELINE_CONTEXTS if name in by_type), "")
    run = next((by_type[name] for name in RUN_CONTEXTS if name in by_type), "")
    # Airflow's runner puts the pipeline's name before that of the run.
    node = next((by_type[name] for name in NODE_CONTEXTS if name in by_type), "")
    return pipeline, run.removeprefix(f"{pipeline}."), node.removeprefix(f"{pipeline}.")


def _evaluation(
    names: tuple[str, str, str],
    execution: int,
    blessing: Any,
    events: Iterable[Any],
    artifacts: Mapping[int, Any],
) -> Evaluation:
    inputs: dict[str, tuple[Artifact, ...]] = {}
    outputs: dict[str, tuple[Artifact, ...]] = {}
    for event in events:
        message = artifacts.get(event.artifact_id)
        if message is None:
            continue
        steps = event.path.steps
        key = steps[0].key if steps else message.type
        side = outputs if _is_output(event) else inputs
        side[key] = (*side.get(key, ()), _artifact(message))
    facts = read_properties(blessing)
    values = dict(outputs["metrics"][0].properties) if "metrics" in outputs else {}
    by_slice = values.get(BY_SLICE, {})
    numbers = {name: value for name, value in values.items() if name not in WORDS}
    numbers.update(values.get(OVERALL_VALUES, {}))
    blessed = int(facts.get("blessed", 0)) == 1
    pipeline, run, node = names
    return Evaluation(
        pipeline=pipeline,
        run=run,
        node=node,
        time=datetime.fromtimestamp(blessing.create_time_since_epoch / 1000, tz=timezone.utc),
        blessed=blessed,
        verdict=str(facts.get("verdict", "BLESSED" if blessed else "NOT_BLESSED")),
        reason=str(facts.get("reason", "")),
        metrics={name: value for name, value in numbers.items() if isinstance(value, int | float)},
        by_slice=by_slice if isinstance(by_slice, Mapping) else {},
        checks={
            name.removeprefix("checks_"): int(value)
            for name, value in facts.items()
            if name.startswith("checks_")
        },
        inputs=inputs,
        outputs=outputs,
        execution_id=execution,
    )


def _is_output(event: Any) -> bool:
    kinds = type(event)
    return event.type in (kinds.OUTPUT, kinds.DECLARED_OUTPUT)


def _artifact(message: Any) -> Artifact:
    properties = {
        name: value for name, value in read_properties(message).items() if name not in NOT_OURS
    }
    return Artifact(message.id, message.uri, properties)
