"""Stands in for Kubeflow Pipelines: runs a compiled pipeline without a cluster.

Every step is a real process with its compiled command; what Kubeflow's driver and launcher do
around it (placeholders, folders, artifacts, conditions, metadata over gRPC) is done here, with the
same refusals. Behaviour follows backend/src/v2 of kubeflow/pipelines 2.17.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from google.protobuf import json_format, struct_pb2

SCHEMES = {"minio": "minio", "s3": "s3", "gs": "gcs"}
NUMBER = re.compile(r"\d+$")


class StepError(Exception):
    """A step that Kubeflow would mark as failed."""


def serve_metadata(path: Path) -> tuple[Any, int]:
    """Serves a SQLite store over gRPC, as Kubeflow's metadata service; returns server and port."""
    import threading

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
    config.sqlite.connection_mode = 3
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
    servicer = type("Servicer", (base,), methods)()
    server = grpc.server(futures.ThreadPoolExecutor(4))
    metadata_store_service_pb2_grpc.add_MetadataStoreServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


class Metadata:
    """Writes to the store as Kubeflow's driver and launcher do."""

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

    def put(self, task: str, inputs: dict[str, int], outputs: dict[str, Any]) -> dict[str, int]:
        """Stores an execution with its artifacts; returns the ids of the outputs."""
        execution = self.messages.Execution(
            type_id=self._type("execution", "system.ContainerExecution"),
            last_known_state=self.messages.Execution.COMPLETE,
        )
        execution.custom_properties["task_name"].string_value = task
        pairs = []
        for key, artifact_id in inputs.items():
            (known,) = self.store.get_artifacts_by_id([artifact_id])
            pairs.append((known, self._event(self.messages.Event.INPUT, key)))
        for key, runtime in outputs.items():
            artifact = self.messages.Artifact(
                type_id=self._type("artifact", title_of(runtime.type)),
                uri=runtime.uri,
                state=self.messages.Artifact.LIVE,
            )
            for name, value in runtime.metadata.fields.items():
                self._set(artifact.custom_properties[name], value)
            artifact.custom_properties["display_name"].string_value = key
            pairs.append((artifact, self._event(self.messages.Event.OUTPUT, key)))
        _, ids, _ = self.store.put_execution(execution, pairs, self.contexts)
        return dict(zip(outputs, ids[len(inputs) :], strict=True))

    def _event(self, kind: int, key: str) -> Any:
        event = self.messages.Event(type=kind)
        event.path.steps.add(key=key)
        event.path.steps.add(index=0)
        return event

    @staticmethod
    def _set(target: Any, value: Any) -> None:
        """Stores a JSON value: lists and objects are wrapped, null is refused."""
        kind = value.WhichOneof("kind")
        if kind in (None, "null_value"):
            raise StepError("unknown/unsupported value type null")
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


@dataclass
class Backend:
    """Runs compiled pipelines.

    Attributes:
        spec: the compiled pipeline.
        root: of all artifacts, such as "minio://mlpipeline/v2/artifacts".
        disk: stands for the pods' disks, and for the bucket.
        port: of the metadata service.
        environment: environment variables of the pods.
    """

    spec: dict[str, Any]
    root: str
    disk: Path
    port: int
    environment: dict[str, str]
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        from kfp.pipeline_spec import pipeline_spec_pb2 as messages

        self.messages = messages
        self.pipeline = json_format.ParseDict(self.spec, messages.PipelineSpec())
        deployment = self.spec["deploymentSpec"]
        self.deployment = json_format.ParseDict(deployment, messages.PipelineDeploymentConfig())
        if self.pipeline.schema_version != "2.1.0":
            raise StepError(f"only schema 2.1.0 is supported, got {self.pipeline.schema_version}")
        for label, executor in self.deployment.executors.items():
            if executor.WhichOneof("spec") not in ("container", "importer"):
                raise StepError(f"executor {label}: neither container nor importer")
        self.name = self.pipeline.pipeline_info.name
        self.metadata = Metadata(self.port, self.name, self.run_id)
        self.outputs: dict[str, dict[str, Any]] = {}
        self.ids: dict[str, dict[str, int]] = {}
        self.logs: dict[str, str] = {}

    @property
    def run_root(self) -> str:
        """Where this run's artifacts go; anything else cannot be uploaded."""
        return f"{self.root}/{self.name}/{self.run_id}"

    def local(self, uri: str) -> Path | None:
        """Returns where the launcher keeps a remote artifact."""
        scheme, _, rest = uri.partition("://")
        return self.disk / SCHEMES[scheme] / rest if scheme in SCHEMES else None

    def run(self) -> dict[str, str]:
        """Runs every task; returns their states."""
        states: dict[str, str] = {}
        tasks = dict(self.pipeline.root.dag.tasks)
        while tasks:
            ready = [name for name, task in tasks.items() if self._needs(task) <= states.keys()]
            name = min(ready)
            task = tasks.pop(name)
            before = {states[other] for other in self._needs(task)}
            states[name] = "SKIPPED" if before - {"COMPLETE"} else self._run_task(name, task)
        return states

    def _needs(self, task: Any) -> set[str]:
        producers = {
            spec.task_output_artifact.producer_task for spec in task.inputs.artifacts.values()
        }
        return set(task.dependent_tasks) | producers

    def _run_task(self, name: str, task: Any) -> str:
        component = self.pipeline.components[task.component_ref.name]
        executor = self.deployment.executors[component.executor_label]
        if executor.WhichOneof("spec") == "importer":
            return self._import(name, component, executor.importer)
        given = self.messages.ExecutorInput()
        for key, spec in task.inputs.parameters.items():
            given.inputs.parameter_values[key].CopyFrom(spec.runtime_value.constant)
        input_ids = {}
        for key, spec in task.inputs.artifacts.items():
            source = spec.task_output_artifact
            artifact = self.outputs[source.producer_task][source.output_artifact_key]
            given.inputs.artifacts[key].artifacts.add().CopyFrom(artifact)
            input_ids[key] = self.ids[source.producer_task][source.output_artifact_key]
        if task.trigger_policy.condition and not self._is_met(task.trigger_policy.condition, given):
            return "SKIPPED"
        self._provide_outputs(name, component, given)
        self._run_container(name, executor.container, given)
        self._take_outputs(name, given, input_ids)
        return "COMPLETE"

    def _is_met(self, condition: str, given: Any) -> bool:
        """Evaluates a condition; the part of CEL that TFX compiles to."""
        inputs = json_format.MessageToDict(given.inputs)

        class Fields(dict):
            """A message whose fields are attributes."""

            def __getattr__(self, name: str) -> Any:
                value = self[name]
                return Fields(value) if isinstance(value, dict) else value

            def __getitem__(self, name: Any) -> Any:
                value = super().__getitem__(name)
                if isinstance(value, dict):
                    return Fields(value)
                return [Fields(v) for v in value] if isinstance(value, list) else value

        python = condition.replace("&&", " and ").replace("||", " or ")
        python = re.sub(r"!(?!=)", " not ", python)
        for kind in ("number_value", "string_value"):
            python = python.replace(f".{kind}", "")
        return bool(eval(python, {"__builtins__": {}}, {"inputs": Fields(inputs)}))

    def _import(self, name: str, component: Any, importer: Any) -> str:
        uri = importer.artifact_uri.constant.string_value
        if not uri:
            raise StepError("empty Artifact URI")
        if self.local(uri) is None:
            raise StepError(f"no provider scheme found in artifact URI: {uri}")
        ((key, output),) = component.output_definitions.artifacts.items()
        artifact = self.messages.RuntimeArtifact(uri=uri, type=output.artifact_type)
        artifact.metadata.CopyFrom(importer.metadata)
        self._publish(name, {key: artifact}, {})
        return "COMPLETE"

    def _provide_outputs(self, name: str, component: Any, given: Any) -> None:
        task_root = f"{self.run_root}/{name}/{uuid.uuid4()}"
        for key, output in component.output_definitions.artifacts.items():
            artifact = given.outputs.artifacts[key].artifacts.add()
            artifact.name = key
            artifact.uri = f"{task_root}/{key}"
            artifact.type.CopyFrom(output.artifact_type)
            # The launcher makes the parent of an output, not the output itself.
            self.local(artifact.uri).parent.mkdir(parents=True, exist_ok=True)
        folder = self.disk / "kfp_outputs" / str(uuid.uuid4())
        folder.mkdir(parents=True)
        given.outputs.output_file = str(folder / "output_metadata.json")

    def _run_container(self, name: str, container: Any, given: Any) -> None:
        text = json_format.MessageToJson(given, indent=None)
        command = [part.replace("{{$}}", text) for part in (*container.command, *container.args)]
        if command[0] == "python":
            command[0] = sys.executable
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.disk),
            **{variable.name: variable.value for variable in container.env},
            **self.environment,
        }
        done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True)
        self.logs[name] = done.stdout + done.stderr
        if done.returncode:
            raise StepError(f"{name} failed ({done.returncode}):\n{self.logs[name][-4000:]}")

    def _take_outputs(self, name: str, given: Any, input_ids: dict[str, int]) -> None:
        reported = self.messages.ExecutorOutput()
        path = Path(given.outputs.output_file)
        if path.exists():
            # Strict: an unknown field is an error in the launcher, too.
            json_format.Parse(path.read_text(), reported)
        outputs = {}
        for key, listed in given.outputs.artifacts.items():
            artifact = listed.artifacts[0]
            if key in reported.artifacts:
                source = reported.artifacts[key].artifacts[0]
                artifact.uri = source.uri or artifact.uri
                for field_name, value in source.metadata.fields.items():
                    artifact.metadata.fields[field_name].CopyFrom(value)
            if not artifact.uri.startswith(self.run_root):
                raise StepError(f"{key}: {artifact.uri} is not below {self.run_root}")
            if not self.local(artifact.uri).exists():
                self.logs[name] += f"\nnothing to upload for {key}"
            outputs[key] = artifact
        self._publish(name, outputs, input_ids)

    def _publish(self, name: str, outputs: dict[str, Any], input_ids: dict[str, int]) -> None:
        ids = self.metadata.put(name, input_ids, outputs)
        for key, artifact in outputs.items():
            artifact.name = str(ids[key])
            for field_name, value in list(artifact.metadata.fields.items()):
                artifact.metadata.fields[field_name].CopyFrom(_as_read_back(value))
        self.ids[name], self.outputs[name] = ids, outputs


def _as_read_back(value: Any) -> Any:
    """Returns a value as the store gives it back to the next step."""
    kind = value.WhichOneof("kind")
    if kind in ("list_value", "struct_value"):
        name = "list" if kind == "list_value" else "struct"
        return struct_pb2.Value(struct_value=struct_pb2.Struct(fields={name: value}))
    return value


def load(path: Path) -> dict[str, Any]:
    """Returns a compiled pipeline."""
    return next(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def as_json(spec: dict[str, Any]) -> str:
    """Returns a compiled pipeline as text, to search in."""
    return json.dumps(spec)
