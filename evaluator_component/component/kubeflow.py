"""Compiles TFX pipelines for Kubeflow Pipelines v2, and finds baselines in its metadata store.

Kubeflow rejects what TFX compiles by default: another version of the schema, and every Resolver.
So the schema is the one that it takes, and the latest blessed model is looked up when a run is
submitted and handed in through an Importer; so is that model's own evaluation, to be reused.

Synopsis::

    store = "grpc://metadata-grpc-service.kubeflow:8080"
    uri = latest_blessed_model(store, "flights")
    pipeline = create_pipeline(..., baseline=uri, earlier_evaluation=evaluation_of(store, uri))
    compile_for_kubeflow(pipeline, "flights.yaml", image="registry/flights:1",
                         resources={"Trainer": Resources(cpu="4", memory="8Gi")})
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluator_component.component.kubeflow_resources import (
    DEFAULT,
    Resources,
    container_resources,
    pod_config,
)
from evaluator_component.errors import ConfigError, Problems, did_you_mean

__all__ = ["Resources", "compile_for_kubeflow", "evaluation_of", "latest_blessed_model"]

ENTRYPOINT = ("python", "-m", "evaluator_component.component.kubeflow_entrypoint")
SCHEMA_VERSION = "2.1.0"
NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
#: Read by TensorFlow when it is loaded; the rest of a pod's log can then be read.
ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3"}


def compile_for_kubeflow(
    pipeline: Any,
    path: str | os.PathLike[str],
    *,
    image: str | Mapping[str, str],
    resources: Mapping[str, Resources] | None = None,
) -> Path:
    """Writes the YAML that Kubeflow Pipelines takes.

    Args:
        pipeline: a TFX pipeline without resolvers; its root is where artifacts go.
        path: the file to write.
        image: the image of all steps, or by node id with "default" for the rest.
        resources: by node id, with "default" for what the others leave open; see
            `evaluator_component.component.kubeflow_resources`.

    Returns:
        The path.

    Raises:
        ConfigError: Kubeflow would refuse the pipeline.
    """
    from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import (
        KubeflowV2DagRunner,
        KubeflowV2DagRunnerConfig,
    )

    path = Path(path)
    if path.suffix not in (".yaml", ".yml"):
        raise ConfigError(f"{str(path)!r}: Kubeflow takes .yaml; .json is another backend's format")
    _check(pipeline, resources or {})
    _pack_user_modules(pipeline)
    config = KubeflowV2DagRunnerConfig(
        default_image=_tfx_images(image),
        default_commands=list(ENTRYPOINT),
        use_pipeline_spec_2_1=True,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    runner = KubeflowV2DagRunner(config, output_dir=str(path.parent), output_filename=path.name)
    runner.run(pipeline)
    _finish(path, resources or {})
    return path


def _tfx_images(image: str | Mapping[str, str]) -> Any:
    if isinstance(image, str):
        return image
    from tfx.orchestration.kubeflow.v2.pipeline_builder import DEFAULT_IMAGE_PATH_KEY

    if "default" not in image:
        raise ConfigError("image: 'default' is missing, the image of all steps that have no other")
    named = {name: value for name, value in image.items() if name != "default"}
    return {**named, DEFAULT_IMAGE_PATH_KEY: image["default"]}


def _check(pipeline: Any, resources: Mapping[str, Resources]) -> None:
    from tfx.dsl.components.common.resolver import Resolver

    problems = Problems()
    name = pipeline.pipeline_info.pipeline_name
    if not NAME.fullmatch(name):
        problems.add(
            "pipeline_name", f"{name!r}: only lower case letters, digits and '-' are allowed"
        )
    nodes = [node.id for node in pipeline.components]
    for node in pipeline.components:
        if isinstance(node, Resolver):
            hint = "look the model up with latest_blessed_model and hand it in with an Importer"
            problems.add(node.id, f"Kubeflow Pipelines runs no Resolver: {hint}")
    for node_id in resources:
        if node_id not in (DEFAULT, *nodes):
            problems.add(f"resources[{node_id!r}]", "no such node", did_you_mean(node_id, nodes))
    problems.raise_if_any(of="for Kubeflow Pipelines")


def _pack_user_modules(pipeline: Any) -> None:
    from tfx.dsl.components.base import base_component

    for component in pipeline.components:
        if isinstance(component, base_component.BaseComponent):
            component._resolve_pip_dependencies(pipeline.pipeline_info.pipeline_root)


def _finish(path: Path, resources: Mapping[str, Resources]) -> None:
    """Adds what TFX's compiler has no argument for: resources, environment, system types."""
    import yaml

    text = path.read_text(encoding="utf-8")
    spec = yaml.safe_load(text)
    if spec["schemaVersion"] != SCHEMA_VERSION:
        raise ConfigError(f"schema {spec['schemaVersion']} was compiled, not {SCHEMA_VERSION}")
    default = resources.get(DEFAULT, Resources())
    pods = {}
    for label, executor in spec["deploymentSpec"]["executors"].items():
        container = executor.get("container")
        if container is None:
            continue
        wanted = resources.get(label.removesuffix("_executor"), default).or_else(default)
        environment = {**ENVIRONMENT, **wanted.environment}
        container["env"] = [{"name": name, "value": value} for name, value in environment.items()]
        limits = container_resources(wanted)
        if limits:
            container["resources"] = limits
        config = pod_config(wanted)
        if config:
            pods[label] = config
    for component in spec["components"].values():
        for output in component.get("outputDefinitions", {}).get("artifacts", {}).values():
            output["artifactType"] = _system_type(output["artifactType"])
    comments = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    documents = [spec]
    if pods:
        documents.append({"platforms": {"kubernetes": {"deploymentSpec": {"executors": pods}}}})
    path.write_text(comments + yaml.safe_dump_all(documents, sort_keys=True), encoding="utf-8")


def _system_type(artifact_type: dict[str, Any]) -> dict[str, Any]:
    """Names a type that Kubeflow brings itself as Kubeflow's own SDK names it."""
    import yaml

    title = yaml.safe_load(artifact_type.get("instanceSchema", "{}")).get("title", "")
    if not title.startswith("system."):
        return artifact_type
    return {"schemaTitle": title, "schemaVersion": "0.0.1"}


def latest_blessed_model(store: Any, pipeline: str) -> str | None:
    """Returns the URI of the model that a pipeline blessed last; None if it never blessed one.

    Args:
        store: of Kubeflow, such as "grpc://localhost:8080"; see `stores`.
        pipeline: the pipeline's name.
    """
    from evaluator_component.component.history import history

    blessed = [found for found in history(store, pipeline=pipeline) if found.blessed]
    for found in reversed(blessed):
        for blessing in found.outputs.get("blessing", ()):
            uri = blessing.properties.get("current_model")
            if uri:
                return str(uri)
    return None


def evaluation_of(store: Any, model: str | None) -> str | None:
    """Returns the URI of the last evaluation whose candidate was a model; None without one.

    Args:
        store: see `latest_blessed_model`.
        model: the model's URI; None: no model.
    """
    from evaluator_component.component.history import history

    if model is None:
        return None
    for found in reversed(history(store)):
        if model in [artifact.uri for artifact in found.inputs.get("model", ())]:
            for evaluation in found.outputs.get("evaluation", ()):
                return evaluation.uri
    return None
