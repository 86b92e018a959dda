"""Evaluations without a result: those that failed, and those that were killed.

A step that fails is marked as failed by its orchestrator. One that is killed, together with the
process that would have marked it, stays "running" in the metadata store for good. Nothing of either
is ever taken for a result, but a history should not keep quiet about them.

Synopsis::

    for attempt in unfinished("demo/metadata.sqlite", pipeline="flights"):
        print(attempt)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from evaluator_component.component.history import (
    BLESSING_TYPES,
    artifacts_of_type,
    context_names,
    producers,
)
from evaluator_component.component.stores import open_store

__all__ = ["Attempt", "mark_as_failed", "unfinished"]

#: Types of executions that are evaluations, even where none has given a result yet.
EVALUATORS = (
    "evaluator_component.component.component.Evaluator",
    "tfx.components.evaluator.component.Evaluator",
)
#: Kubeflow's only type of execution; the task's name tells them apart.
TASK = "task_name"
#: What is said of each state.
STATES = {"NEW": "not started", "RUNNING": "running, or killed", "FAILED": "failed"}


@dataclass(frozen=True)
class Attempt:
    """An evaluation that gave no result.

    Attributes:
        pipeline: name of the pipeline.
        run: name of the run.
        node: id of the step in the pipeline; "" where the store does not tell.
        state: NEW, RUNNING or FAILED.
        started: when, UTC.
        execution_id: of the execution in the store.
    """

    pipeline: str
    run: str
    node: str
    state: str
    started: datetime
    execution_id: int

    def __str__(self) -> str:
        return f"{self.run} {self.node}: {STATES[self.state]}, since {self.started:%Y-%m-%d %H:%M}"


def unfinished(
    store: Any, *, pipeline: str | None = None, node: str | None = None
) -> list[Attempt]:
    """Returns the evaluations of a store that gave no result, oldest first.

    Args:
        store: see `evaluator_component.component.stores`.
        pipeline: only this pipeline's; None: those of all.
        node: only those of this step; None: those of all.
    """
    opened = open_store(store)
    blessings = [each for name in BLESSING_TYPES for each in artifacts_of_type(opened, name)]
    gave_results = set(producers(opened, [each.id for each in blessings]).values())
    executions = opened.get_executions()
    kinds = {_kind(each) for each in executions if each.id in gave_results}
    attempts = []
    for each in executions:
        state = type(each).State.Name(each.last_known_state)
        known = _kind(each) in kinds or each.type in EVALUATORS
        if each.id in gave_results or state not in STATES or not known:
            continue
        names = context_names(opened.get_contexts_by_execution(each.id))
        if pipeline in (None, names[0]) and node in (None, names[2]):
            started = datetime.fromtimestamp(each.create_time_since_epoch / 1000, tz=timezone.utc)
            attempts.append(Attempt(*names, state, started, each.id))
    return sorted(attempts, key=lambda attempt: attempt.execution_id)


def mark_as_failed(store: Any, pipeline: str) -> list[int]:
    """Marks every step of a pipeline that is said to be running as failed.

    It is for those who know that no run of the pipeline is at work; the store does not.

    Args:
        store: see `evaluator_component.component.stores`.
        pipeline: the pipeline's name.

    Returns:
        The ids of the executions.
    """
    opened = open_store(store)
    running = []
    for each in opened.get_executions():
        if each.last_known_state != type(each).RUNNING:
            continue
        if context_names(opened.get_contexts_by_execution(each.id))[0] == pipeline:
            each.last_known_state = type(each).FAILED
            running.append(each)
    opened.put_executions(running)
    return [each.id for each in running]


def _kind(execution: Any) -> tuple[str, str]:
    properties: Mapping[str, Any] = execution.custom_properties
    task = properties[TASK].string_value if TASK in properties else ""
    return execution.type, task
