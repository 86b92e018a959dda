"""Compiles a pipeline once, and runs single nodes of it: what any scheduler can call.

Airflow, cron or make need neither TFX nor the pipeline's Python to know what to run: `dag.json`
names the nodes and their order, and one command runs one node in the environment that compiled it.

Vocabulary:
    compiled pipeline: a folder with `pipeline.pb` (TFX's intermediate representation) and
        `dag.json`.
    node: a step of the pipeline; resolvers are nodes, too.
    attempt: one try of a node in a run. A retry is an execution of its own in the metadata store;
        what an attempt that was killed left behind is marked as failed and never read.

Synopsis::

    compile_pipeline(create_pipeline(...), "demo/compiled")

    python -m evaluator_component.component.compiled demo/compiled --node Trainer --run-id monday
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from evaluator_component.errors import ConfigError, InputError, did_you_mean

__all__ = ["SKIPPED_EXIT_CODE", "NodeResult", "compile_pipeline", "main", "read_dag", "run_node"]

PIPELINE_FILE = "pipeline.pb"
DAG_FILE = "dag.json"
#: The exit code for "a condition was not met", which Airflow takes for "skipped".
SKIPPED_EXIT_CODE = 99


@dataclass(frozen=True)
class NodeResult:
    """What became of a node.

    Attributes:
        node: the node's id.
        state: COMPLETE, CACHED or SKIPPED.
        execution: id of the execution in the metadata store; None if it was skipped.
        outputs: URIs by output key.
    """

    node: str
    state: str
    execution: int | None = None
    outputs: Mapping[str, Sequence[str]] = field(default_factory=dict)


def compile_pipeline(pipeline: Any, folder: str | os.PathLike[str]) -> Path:
    """Writes a compiled pipeline; returns its folder.

    User modules are packed into wheels now, once, not whenever a scheduler looks at the pipeline.

    Args:
        pipeline: a TFX pipeline with a metadata connection.
        folder: the folder to write to; made if absent.
    """
    from tfx.dsl.compiler import compiler
    from tfx.dsl.components.base import base_component

    if pipeline.metadata_connection_config is None:
        raise ConfigError(
            "the pipeline has no metadata connection: nodes could not find each other"
        )
    for component in pipeline.components:
        if isinstance(component, base_component.BaseComponent):
            component._resolve_pip_dependencies(pipeline.pipeline_info.pipeline_root)
    compiled = compiler.Compiler().compile(pipeline)
    nodes = [
        {
            "id": node.pipeline_node.node_info.id,
            "upstream": sorted(node.pipeline_node.upstream_nodes),
        }
        for node in compiled.nodes
    ]
    dag = {
        "name": compiled.pipeline_info.id,
        "python": sys.executable,
        "folder": os.getcwd(),
        "nodes": nodes,
    }
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / PIPELINE_FILE, compiled.SerializeToString(deterministic=True))
    _replace(folder / DAG_FILE, json.dumps(dag, indent=2).encode())
    return folder


def _replace(path: Path, content: bytes) -> None:
    """Writes a file whole: a scheduler may read it at any moment."""
    partial = path.with_suffix(f"{path.suffix}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def read_dag(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Returns the content of `dag.json`."""
    path = Path(folder) / DAG_FILE
    if not path.is_file():
        raise InputError(f"no compiled pipeline in {str(folder)!r}: it has no {DAG_FILE}")
    return dict(json.loads(path.read_text(encoding="utf-8")))


def run_node(
    folder: str | os.PathLike[str],
    node_id: str,
    run_id: str,
    parameters: Mapping[str, Any] | None = None,
) -> NodeResult:
    """Runs one node of a compiled pipeline.

    Args:
        folder: the compiled pipeline.
        node_id: which node.
        run_id: names the run; nodes of one run see each other's outputs.
        parameters: values of runtime parameters by name.

    Raises:
        InputError: there is no such pipeline or node.
        RuntimeError: the node failed; the metadata store has the failed execution.
    """
    from tfx.dsl.compiler import constants
    from tfx.orchestration import metadata
    from tfx.orchestration.local import runner_utils
    from tfx.orchestration.portable import runtime_parameter_utils

    pipeline = _read_pipeline(folder)
    nodes = {node.pipeline_node.node_info.id: node.pipeline_node for node in pipeline.nodes}
    if node_id not in nodes:
        raise InputError(f"no node {node_id!r} in the pipeline {did_you_mean(node_id, nodes)}")
    values = {**(parameters or {}), constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
    runtime_parameter_utils.substitute_runtime_parameter(pipeline, values)
    deployment = runner_utils.extract_local_deployment_config(pipeline)
    connection = deployment.metadata_connection_config
    config = getattr(connection, connection.WhichOneof("connection_config"))
    launcher = _launcher_class()(
        pipeline_node=nodes[node_id],
        mlmd_connection=metadata.Metadata(config),
        pipeline_info=pipeline.pipeline_info,
        pipeline_runtime_spec=pipeline.runtime_spec,
        executor_spec=runner_utils.extract_executor_spec(deployment, node_id),
        custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, node_id),
    )
    info = launcher.launch()
    if info is None or info.execution_id is None:
        return NodeResult(node_id, "SKIPPED")
    # The launcher does not raise when a node's inputs cannot be resolved.
    with metadata.Metadata(config) as handle:
        (execution,) = handle.store.get_executions_by_id([info.execution_id])
        outputs = _outputs(handle.store, info.execution_id)
    state = type(execution).State.Name(execution.last_known_state)
    if state not in ("COMPLETE", "CACHED"):
        raise RuntimeError(f"{node_id}: execution {info.execution_id} ended as {state}")
    return NodeResult(node_id, state, info.execution_id, outputs)


def _outputs(store: Any, execution_id: int) -> dict[str, list[str]]:
    """Returns the URIs of an execution's outputs, which for a cached one are of an earlier run."""
    from ml_metadata.proto import metadata_store_pb2 as messages

    events = [
        event
        for event in store.get_events_by_execution_ids([execution_id])
        if event.type in (messages.Event.OUTPUT, messages.Event.INTERNAL_OUTPUT)
    ]
    artifacts = store.get_artifacts_by_id([event.artifact_id for event in events])
    uris = {artifact.id: artifact.uri for artifact in artifacts}
    outputs: dict[str, list[str]] = {}
    for event in events:
        outputs.setdefault(event.path.steps[0].key, []).append(uris[event.artifact_id])
    return outputs


def _read_pipeline(folder: str | os.PathLike[str]) -> Any:
    from tfx.proto.orchestration import pipeline_pb2

    path = Path(folder) / PIPELINE_FILE
    if not path.is_file():
        raise InputError(f"no compiled pipeline in {str(folder)!r}: it has no {PIPELINE_FILE}")
    return pipeline_pb2.Pipeline.FromString(path.read_bytes())


def _launcher_class() -> Any:
    """Returns TFX's launcher, with an execution of its own for every attempt.

    TFX's own would take up the execution of an attempt that failed or was killed, and with it what
    it left in the output folders; the failure would be gone from the store.
    """
    from ml_metadata.proto import metadata_store_pb2 as messages
    from tfx.orchestration.portable import launcher
    from tfx.orchestration.portable.mlmd import execution_lib

    class AttemptLauncher(launcher.Launcher):
        """Registers a new execution for every attempt."""

        def _register_or_reuse_execution(
            self, metadata_handle: Any, contexts: Any, **settings: Any
        ) -> Any:
            earlier = execution_lib.get_executions_associated_with_all_contexts(
                metadata_handle, contexts
            )
            for execution in earlier:
                if execution_lib.is_execution_successful(execution):
                    return execution
                if execution_lib.is_execution_active(execution):
                    execution.last_known_state = messages.Execution.FAILED
                    metadata_handle.store.put_executions([execution])
            return launcher._register_execution(
                metadata_handle=metadata_handle,
                execution_type=self._pipeline_node.node_info.type,
                contexts=contexts,
                **settings,
            )

    return AttemptLauncher


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one node from the command line; prints what became of it as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m evaluator_component.component.compiled")
    parser.add_argument("folder", help="the compiled pipeline")
    parser.add_argument("--node", required=True, help="id of the node")
    parser.add_argument("--run-id", required=True, help="name of the run")
    parser.add_argument(
        "--parameter", action="append", default=[], metavar="NAME=VALUE", help="a runtime parameter"
    )
    given = parser.parse_args(arguments)
    parameters = {}
    for text in given.parameter:
        name, equals, value = text.partition("=")
        if not equals:
            parser.error(f"--parameter: expected NAME=VALUE, got {text!r}")
        parameters[name] = value
    # The user's modules are found from where the pipeline was compiled.
    sys.path.insert(0, read_dag(given.folder).get("folder", os.getcwd()))
    result = run_node(given.folder, given.node, given.run_id, parameters)
    print(json.dumps(asdict(result)), flush=True)
    return SKIPPED_EXIT_CODE if result.state == "SKIPPED" else 0


if __name__ == "__main__":
    sys.exit(main())
