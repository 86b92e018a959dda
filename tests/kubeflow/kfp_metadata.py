"""Stands in for Kubeflow's metadata service, and writes to it as Kubeflow does."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from concurrent import futures
from pathlib import Path
from typing import Any

import yaml


class Refused(Exception):
    """What Kubeflow would refuse, or mark as failed."""


@contextlib.contextmanager
def metadata_service(path: Path) -> Iterator[int]:
    """Serves a SQLite store over gRPC; gives the port."""
    import grpc
    from ml_metadata.metadata_store.metadata_store import MetadataStore
    from ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store as native
    from ml_metadata.proto import (
        metadata_store_pb2,
        metadata_store_service_pb2,
        metadata_store_service_pb2_grpc,
    )

    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(path)
    config.sqlite.connection_mode = (
        metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    )
    store, lock = MetadataStore(config), threading.Lock()

    def handler(name: str, method: Any) -> Any:
        reply_class = getattr(metadata_store_service_pb2, method.output_type.name)

        def handle(_: Any, request: Any, context: Any) -> Any:
            with lock:
                body, message, code = getattr(native, name)(
                    store._metadata_store, request.SerializeToString()
                )
            if code:
                status = next(c for c in grpc.StatusCode if c.value[0] == code)
                context.abort(status, message.decode())
            return reply_class.FromString(body)

        return handle

    service = metadata_store_service_pb2.DESCRIPTOR.services_by_name["MetadataStoreService"]
    methods = {
        method.name: handler(method.name, method)
        for method in service.methods
        if hasattr(native, method.name)
    }
    base = metadata_store_service_pb2_grpc.MetadataStoreServiceServicer
    server = grpc.server(futures.ThreadPoolExecutor(4))
    metadata_store_service_pb2_grpc.add_MetadataStoreServiceServicer_to_server(
        type("Servicer", (base,), methods)(), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(0).wait()


class Metadata:
    """Writes the executions of one run."""

    def __init__(self, port: int, pipeline: str, run: str) -> None:
        from ml_metadata.metadata_store.metadata_store import MetadataStore
        from ml_metadata.proto import metadata_store_pb2 as messages

        self.messages = messages
        self.store = MetadataStore(messages.MetadataStoreClientConfig(host="127.0.0.1", port=port))
        self.contexts = [
            self._context("system.Pipeline", pipeline),
            self._context("system.PipelineRun", run),
        ]

    def _type(self, of: str, name: str) -> int:
        kind = getattr(self.messages, f"{of.capitalize()}Type")(name=name)
        put = getattr(self.store, f"put_{of}_type")
        return put(kind, can_add_fields=True, can_omit_fields=True)

    def _context(self, kind: str, name: str) -> Any:
        found = self.store.get_context_by_type_and_name(kind, name)
        if found is None:
            found = self.messages.Context(type_id=self._type("context", kind), name=name)
            (found.id,) = self.store.put_contexts([found])
        return found

    def put(
        self, task: str, state: str, inputs: Mapping[str, int], outputs: Mapping[str, Any]
    ) -> dict[str, int]:
        """Stores an execution with its artifacts; returns the ids of the outputs.

        Args:
            task: name of the task.
            state: COMPLETE, CACHED or FAILED.
            inputs: ids of artifacts by input key.
            outputs: by output key, RuntimeArtifacts that are new or ids of known artifacts.
        """
        execution = self.messages.Execution(
            type_id=self._type("execution", "system.ContainerExecution"),
            last_known_state=self.messages.Execution.State.Value(state),
        )
        execution.custom_properties["task_name"].string_value = task
        (execution_id,) = self.store.put_executions([execution])
        execution.id = execution_id
        pairs = [
            (self._known(known), self._event(self.messages.Event.INPUT, key))
            for key, known in inputs.items()
        ]
        for key, output in outputs.items():
            artifact = self._known(output) if isinstance(output, int) else self._new(key, output)
            pairs.append((artifact, self._event(self.messages.Event.OUTPUT, key)))
        _, ids, _ = self.store.put_execution(execution, pairs, self.contexts)
        return dict(zip(outputs, ids[len(inputs) :], strict=True))

    def _known(self, artifact_id: int) -> Any:
        (artifact,) = self.store.get_artifacts_by_id([artifact_id])
        return artifact

    def _new(self, key: str, runtime: Any) -> Any:
        artifact = self.messages.Artifact(
            type_id=self._type("artifact", title_of(runtime.type)),
            uri=runtime.uri,
            state=self.messages.Artifact.LIVE,
        )
        for name, value in runtime.metadata.fields.items():
            _set(artifact.custom_properties[name], value)
        artifact.custom_properties["display_name"].string_value = key
        return artifact

    def _event(self, kind: int, key: str) -> Any:
        event = self.messages.Event(type=kind)
        event.path.steps.add(key=key)
        event.path.steps.add(index=0)
        return event


def _set(target: Any, value: Any) -> None:
    """Stores a JSON value: lists and objects are wrapped, null is refused."""
    kind = value.WhichOneof("kind")
    if kind in (None, "null_value"):
        raise Refused("unknown/unsupported value type null")
    if kind == "string_value":
        target.string_value = value.string_value
    elif kind in ("number_value", "bool_value"):
        target.double_value = float(getattr(value, kind))
    else:
        wrapped = "list" if kind == "list_value" else "struct"
        target.struct_value.fields[wrapped].CopyFrom(value)


def title_of(artifact_type: Any) -> str:
    """Returns the name of an artifact's type."""
    if artifact_type.instance_schema:
        return yaml.safe_load(artifact_type.instance_schema)["title"]
    return artifact_type.schema_title
