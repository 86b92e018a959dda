"""Stands in for Kubeflow Pipelines: runs a compiled pipeline without a cluster.

Every step is a real process with its compiled command, environment and nothing else; what
Kubeflow's driver and launcher do around it is done here, with the same refusals: placeholders,
parameters, conditions, the cache, a disk for each pod to which inputs are downloaded and from which
outputs are uploaded, metadata over gRPC. Behaviour follows backend/src/v2 of kubeflow/pipelines
2.17, read in its source.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from google.protobuf import json_format, struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2 as messages
from kfp_metadata import Metadata, Refused

#: Where the launcher keeps artifacts on a pod's disk, by scheme.
FOLDERS = {"minio": "minio", "s3": "s3", "gs": "gcs"}
#: Of a pod's log, what a failure shows.
LOG_CHARACTERS = 4000


@dataclass
class Cluster:
    """What outlives a run: the bucket, the metadata, the cache.

    Attributes:
        root: URI below which all artifacts go, such as "minio://mlpipeline/v2/artifacts".
        folder: for the bucket and the pods' disks.
        port: of the metadata service.
        python: stands for `python` in the image.
        environment: of all pods.
    """

    root: str
    folder: Path
    port: int
    python: str
    environment: Mapping[str, str]
    cache: dict[str, dict[str, Any]] = field(default_factory=dict)

    def in_bucket(self, uri: str) -> Path:
        """Returns where the bucket keeps an object."""
        scheme, _, rest = uri.partition("://")
        return self.folder / "buckets" / scheme / rest


@dataclass
class Run:
    """One run of a compiled pipeline.

    Attributes:
        cluster: where it runs.
        path: of the compiled pipeline.
        arguments: of the pipeline's parameters.
    """

    cluster: Cluster
    path: Path
    arguments: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        document = next(yaml.safe_load_all(self.path.read_text(encoding="utf-8")))
        self.pipeline = json_format.ParseDict(document, messages.PipelineSpec())
        self.deployment = json_format.ParseDict(
            document["deploymentSpec"], messages.PipelineDeploymentConfig()
        )
        if self.pipeline.schema_version != "2.1.0":
            raise Refused(f"only schema 2.1.0 is supported, got {self.pipeline.schema_version}")
        for label, executor in self.deployment.executors.items():
            if executor.WhichOneof("spec") not in ("container", "importer"):
                raise Refused(f"executor {label}: neither container nor importer")
        self.name = self.pipeline.pipeline_info.name
        self.metadata = Metadata(self.cluster.port, self.name, self.id)
        self.parameters = self._parameters()
        self.outputs: dict[str, dict[str, Any]] = {}
        self.states: dict[str, str] = {}
        self.logs: dict[str, str] = {}
        self.seconds: dict[str, float] = {}

    def _parameters(self) -> dict[str, Any]:
        declared = self.pipeline.root.input_definitions.parameters
        unknown = self.arguments.keys() - declared.keys()
        if unknown:
            raise Refused(f"no such parameters: {sorted(unknown)}")
        values = {}
        for name, parameter in declared.items():
            value = struct_pb2.Value()
            value.CopyFrom(parameter.default_value)
            if name in self.arguments:
                json_format.ParseDict(self.arguments[name], value)
            if value.WhichOneof("kind") is None:
                raise Refused(f"parameter {name} has no value")
            values[name] = value
        return values

    @property
    def root(self) -> str:
        """Where this run's artifacts go; anything else cannot be uploaded."""
        return f"{self.cluster.root}/{self.name}/{self.id}"

    def go(self) -> dict[str, str]:
        """Runs every task, until one fails; returns their states."""
        tasks = dict(self.pipeline.root.dag.tasks)
        while tasks:
            name = min(name for name, task in tasks.items() if _needs(task) <= self.states.keys())
            task = tasks.pop(name)
            if {self.states[other] for other in _needs(task)} - {"COMPLETE", "CACHED"}:
                self.states[name] = "SKIPPED"
                continue
            started = time.monotonic()
            try:
                self.states[name] = self._run_task(name, task)
            except Refused as error:
                self.states[name] = "FAILED"
                self.logs[name] = self.logs.get(name, "") + f"\nKubeflow: {error}"
                self.metadata.put(name, "FAILED", {}, {})
            self.seconds[name] = time.monotonic() - started
        return self.states

    def _run_task(self, name: str, task: Any) -> str:
        component = self.pipeline.components[task.component_ref.name]
        executor = self.deployment.executors[component.executor_label]
        given = messages.ExecutorInput()
        for key, spec in task.inputs.parameters.items():
            given.inputs.parameter_values[key].CopyFrom(self._parameter(spec))
        inputs = {}
        for key, spec in task.inputs.artifacts.items():
            source = spec.task_output_artifact
            artifact = self.outputs[source.producer_task][source.output_artifact_key]
            given.inputs.artifacts[key].artifacts.add().CopyFrom(artifact)
            inputs[key] = int(artifact.name)
        condition = task.trigger_policy.condition
        if condition and not is_met(condition, given):
            return "SKIPPED"
        if executor.WhichOneof("spec") == "importer":
            self._publish(name, "COMPLETE", {}, self._imported(component, executor.importer, given))
            return "COMPLETE"
        container = executor.container
        key = _fingerprint(container, given, component)
        if task.caching_options.enable_cache and key in self.cluster.cache:
            known = self.cluster.cache[key]
            ids = {output: int(artifact.name) for output, artifact in known.items()}
            self.metadata.put(name, "CACHED", inputs, ids)
            self.outputs[name] = known
            return "CACHED"
        pod = self.cluster.folder / "pods" / str(uuid.uuid4())
        self._provide(name, component, given, pod)
        self._download(given, pod)
        self._run_container(name, container, given, pod)
        made = self._upload(name, given, pod)
        shutil.rmtree(pod)
        self._publish(name, "COMPLETE", inputs, made)
        self.cluster.cache[key] = self.outputs[name]
        return "COMPLETE"

    def _parameter(self, spec: Any) -> Any:
        if spec.component_input_parameter:
            return self.parameters[spec.component_input_parameter]
        return spec.runtime_value.constant

    def _imported(self, component: Any, importer: Any, given: Any) -> dict[str, Any]:
        if importer.artifact_uri.WhichOneof("value") == "runtime_parameter":
            value = given.inputs.parameter_values[importer.artifact_uri.runtime_parameter]
            uri = value.string_value
        else:
            uri = importer.artifact_uri.constant.string_value
        if not uri:
            raise Refused("empty Artifact URI")
        if uri.partition("://")[0] not in FOLDERS:
            raise Refused(f"no provider scheme found in artifact URI: {uri}")
        ((key, output),) = component.output_definitions.artifacts.items()
        artifact = messages.RuntimeArtifact(uri=uri, type=output.artifact_type)
        artifact.metadata.CopyFrom(importer.metadata)
        return {key: artifact}

    def _provide(self, name: str, component: Any, given: Any, pod: Path) -> None:
        task_root = f"{self.root}/{name}/{uuid.uuid4()}"
        for key, output in component.output_definitions.artifacts.items():
            artifact = given.outputs.artifacts[key].artifacts.add()
            artifact.name = key
            artifact.uri = f"{task_root}/{key}"
            artifact.type.CopyFrom(output.artifact_type)
            # The launcher makes the parent of an output, not the output itself.
            on_disk(pod, artifact.uri).parent.mkdir(parents=True, exist_ok=True)
        folder = pod / "tmp" / "kfp_outputs"
        folder.mkdir(parents=True)
        given.outputs.output_file = str(folder / "output_metadata.json")

    def _download(self, given: Any, pod: Path) -> None:
        for artifact in _all(given.inputs.artifacts):
            source = self.cluster.in_bucket(artifact.uri)
            target = on_disk(pod, artifact.uri)
            if not source.exists():
                raise Refused(f"failed to download {artifact.uri}")
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target)
            else:
                shutil.copyfile(source, target)

    def _run_container(self, name: str, container: Any, given: Any, pod: Path) -> None:
        text = json_format.MessageToJson(given, indent=None)
        command = [part.replace("{{$}}", text) for part in (*container.command, *container.args)]
        if command[0] == "python":
            command[0] = self.cluster.python
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(pod / "tmp"),
            "EVALUATOR_KUBEFLOW_PREFIX": str(pod),
            **{variable.name: variable.value for variable in container.env},
            **self.cluster.environment,
        }
        done = subprocess.run(
            command, env=environment, cwd=pod / "tmp", capture_output=True, text=True, timeout=600
        )
        self.logs[name] = done.stdout + done.stderr
        if done.returncode:
            raise Refused(f"{name} failed ({done.returncode})")

    def _upload(self, name: str, given: Any, pod: Path) -> dict[str, Any]:
        reported = messages.ExecutorOutput()
        path = Path(given.outputs.output_file)
        if path.exists():
            # Strict: an unknown field is an error in the launcher, too.
            json_format.Parse(path.read_text(), reported)
        made = {}
        for key, listed in given.outputs.artifacts.items():
            (artifact,) = listed.artifacts
            if key in reported.artifacts:
                source = reported.artifacts[key].artifacts[0]
                artifact.uri = source.uri or artifact.uri
                artifact.metadata.update(json_format.MessageToDict(source.metadata))
            if not artifact.uri.startswith(f"{self.root}/"):
                raise Refused(f"{key}: {artifact.uri} does not have expected prefix {self.root}")
            local, remote = on_disk(pod, artifact.uri), self.cluster.in_bucket(artifact.uri)
            if local.is_dir():
                shutil.copytree(local, remote)
            elif local.exists():
                remote.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(local, remote)
            else:
                self.logs[name] += f"\nKubeflow: nothing to upload for {key}"
            made[key] = artifact
        return made

    def _publish(
        self, name: str, state: str, inputs: dict[str, int], outputs: dict[str, Any]
    ) -> None:
        ids = self.metadata.put(name, state, inputs, outputs)
        for key, artifact in outputs.items():
            artifact.name = str(ids[key])
            for value in artifact.metadata.fields.values():
                value.CopyFrom(_as_read_back(value))
        self.outputs[name] = outputs

    def told(self) -> str:
        """Returns what went wrong, for the message of a failed test."""
        failed = [name for name, state in self.states.items() if state == "FAILED"]
        logs = "\n".join(self.logs[name][-LOG_CHARACTERS:] for name in failed)
        return f"{self.states}\n{logs}"


def on_disk(pod: Path, uri: str) -> Path:
    """Returns where the launcher keeps an artifact on a pod's disk."""
    scheme, _, rest = uri.partition("://")
    return pod / FOLDERS[scheme] / rest


def is_met(condition: str, given: Any) -> bool:
    """Evaluates a condition; the part of CEL that TFX compiles to."""

    class Fields(dict):
        """A message whose fields are attributes."""

        def __getattr__(self, name: str) -> Any:
            return _fields(self[name])

        def __getitem__(self, name: Any) -> Any:
            return _fields(super().__getitem__(name))

    def _fields(value: Any) -> Any:
        if isinstance(value, dict):
            return Fields(value)
        return [_fields(part) for part in value] if isinstance(value, list) else value

    inputs = json_format.MessageToDict(given.inputs, preserving_proto_field_name=True)
    python = condition.replace("&&", " and ").replace("||", " or ")
    python = re.sub(r"!(?!=)", " not ", python)
    python = re.sub(r"\.(number|string)_value\b", "", python)
    return bool(eval(python, {"__builtins__": {}}, {"inputs": Fields(inputs)}))


def _needs(task: Any) -> set[str]:
    producers = {spec.task_output_artifact.producer_task for spec in task.inputs.artifacts.values()}
    return set(task.dependent_tasks) | producers


def _all(artifacts: Any) -> Iterator[Any]:
    for listed in artifacts.values():
        yield from listed.artifacts


def _fingerprint(container: Any, given: Any, component: Any) -> str:
    """Returns what two tasks share when Kubeflow takes the outputs of one for the other."""
    parts = [
        json_format.MessageToDict(message)
        for message in (container, given.inputs, component.output_definitions)
    ]
    return json.dumps(parts, sort_keys=True)


def _as_read_back(value: Any) -> Any:
    """Returns a value as the store gives it back to the next step."""
    kind = value.WhichOneof("kind")
    if kind in ("list_value", "struct_value"):
        wrapped = struct_pb2.Value()
        wrapped.struct_value.fields["list" if kind == "list_value" else "struct"].CopyFrom(value)
        return wrapped
    return value
