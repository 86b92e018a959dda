"""What the flights pipeline is compiled to, checked by the messages and the SDK of Kubeflow."""

from __future__ import annotations

import pytest
import yaml

from evaluator_component.errors import ConfigError

pytest.importorskip("kfp", reason="kfp is not there: pip install 'evaluator_component[kubeflow]'")
pytestmark = pytest.mark.slow

IMAGE = "registry/flights:1"
MODEL = "minio://mlpipeline/v2/artifacts/flights/1/Trainer/2/model"
STEPS = """
default: {cpu: 2, memory: 4Gi}
Trainer:
  memory: 8Gi
  memory_request: 6Gi
  accelerator: nvidia.com/gpu
  environment: {TF_FORCE_GPU_ALLOW_GROWTH: "true"}
  node_labels: {pool: gpu}
  tolerations: [{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}]
Pusher:
  volumes: {/serving: flights-serving}
"""


def compiled(folder, steps=None, **arguments):
    """Returns the YAML documents that the flights pipeline is compiled to."""
    from pipelines.kubeflow.flights import compile_flights

    path = compile_flights(folder / "flights.yaml", image=IMAGE, steps=steps, **arguments)
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compiled")
    (folder / "steps.yaml").write_text(STEPS)
    return compiled(folder, folder / "steps.yaml", baseline=MODEL)


def container(documents, step):
    return documents[0]["deploymentSpec"]["executors"][f"{step}_executor"]["container"]


def test_the_pipeline_is_of_the_schema_that_kubeflow_takes(documents):
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2 as messages

    # Strict: an unknown field is an error.
    spec = json_format.ParseDict(documents[0], messages.PipelineSpec())
    deployment = documents[0]["deploymentSpec"]
    json_format.ParseDict(deployment, messages.PipelineDeploymentConfig())
    assert spec.schema_version == "2.1.0"
    assert spec.pipeline_info.name == "flights"


def test_kubeflows_sdk_loads_it(tmp_path):
    from kfp import components

    compiled(tmp_path, baseline=MODEL, baseline_parameter=True)
    loaded = components.load_component_from_file(str(tmp_path / "flights.yaml"))
    assert loaded.name == "flights"
    assert list(loaded.component_spec.inputs) == ["baseline"]


def test_outputs_have_the_types_that_kubeflows_ui_draws(documents):
    outputs = documents[0]["components"]["Evaluator"]["outputDefinitions"]["artifacts"]
    titles = {key: output["artifactType"].get("schemaTitle") for key, output in outputs.items()}
    assert titles == {
        "evaluation": None,
        "blessing": None,
        "metrics": "system.Metrics",
        "roc": "system.ClassificationMetrics",
        "report": "system.HTML",
    }
    # These are known by name, not by a schema that declares properties.
    for output in outputs.values():
        schema = yaml.safe_load(output["artifactType"].get("instanceSchema", "{}"))
        assert not schema.get("properties")


def test_type_names_are_names_that_kubeflow_knows():
    from kfp.dsl.types import artifact_types

    from evaluator_component.component.artifacts import SYSTEM_ARTIFACTS

    kinds = (artifact_types.Metrics, artifact_types.ClassificationMetrics, artifact_types.HTML)
    assert {kind.schema_title for kind in kinds} == SYSTEM_ARTIFACTS.keys()


def test_all_steps_run_our_entry_point(documents):
    executors = documents[0]["deploymentSpec"]["executors"]
    containers = [found["container"] for found in executors.values() if "container" in found]
    assert len(containers) == 4
    for found in containers:
        assert found["image"] == IMAGE
        assert "evaluator_component.component.kubeflow_entrypoint" in found["command"]


def test_resources_are_those_of_the_step_and_else_the_default(documents):
    assert container(documents, "Evaluator")["resources"] == {
        "resourceCpuLimit": "2",
        "resourceCpuRequest": "2",
        "resourceMemoryLimit": "4Gi",
        "resourceMemoryRequest": "4Gi",
    }
    trainer = container(documents, "Trainer")
    assert trainer["resources"]["resourceMemoryRequest"] == "6Gi"
    assert trainer["resources"]["resourceCpuLimit"] == "2"
    assert trainer["resources"]["accelerator"] == {
        "resourceType": "nvidia.com/gpu",
        "resourceCount": "1",
    }
    assert {"name": "TF_FORCE_GPU_ALLOW_GROWTH", "value": "true"} in trainer["env"]


def test_what_only_kubernetes_reads_is_of_its_schema(documents):
    from google.protobuf import json_format
    from kfp.kubernetes import kubernetes_executor_config_pb2 as kubernetes
    from kfp.pipeline_spec import pipeline_spec_pb2 as messages

    platform = json_format.ParseDict(documents[1], messages.PlatformSpec())
    executors = platform.platforms["kubernetes"].deployment_spec.executors
    configs = {
        label: json_format.ParseDict(
            json_format.MessageToDict(config), kubernetes.KubernetesExecutorConfig()
        )
        for label, config in executors.items()
    }
    assert configs.keys() == {"Trainer_executor", "Pusher_executor"}
    assert configs["Trainer_executor"].node_selector.labels == {"pool": "gpu"}
    assert configs["Trainer_executor"].tolerations[0].operator == "Exists"
    (volume,) = configs["Pusher_executor"].pvc_mount
    assert (volume.mount_path, volume.constant) == ("/serving", "flights-serving")


def test_the_resources_of_this_checkout_can_be_read(tmp_path):
    from pipelines.kubeflow.flights import STEPS as steps

    (document,) = compiled(tmp_path, steps)
    assert container([document], "Trainer")["resources"]["resourceMemoryLimit"] == "4Gi"


def test_mistakes_in_resources_are_told_together(tmp_path):
    path = tmp_path / "steps.yaml"
    path.write_text("Trainer: {memroy: 4Gi, cpu: two}\nPusher: {volumes: {serving: claim}}\n")
    with pytest.raises(ConfigError) as raised:
        compiled(tmp_path, path)
    told = str(raised.value)
    assert "Trainer.memroy: no such resource (did you mean 'memory'?)" in told
    assert "Trainer.cpu: 'two' is no quantity" in told
    assert "Pusher.volumes: 'serving': a mount path begins with '/'" in told


def test_resources_of_a_step_that_is_not_there_are_refused(tmp_path):
    path = tmp_path / "steps.yaml"
    path.write_text("Trainr: {cpu: 1}\n")
    with pytest.raises(ConfigError, match=r"no such node \(did you mean 'Trainer'\?\)"):
        compiled(tmp_path, path)


def test_beam_arguments_reach_the_command_of_the_step(tmp_path):
    (document,) = compiled(tmp_path, beam_pipeline_args=["--runner=DataflowRunner"])
    assert "--runner=DataflowRunner" in container([document], "Evaluator")["args"]


def test_a_baseline_is_imported_and_without_one_there_is_no_importer(tmp_path, documents):
    importer = documents[0]["deploymentSpec"]["executors"]["baseline_executor"]["importer"]
    assert importer["artifactUri"]["constant"] == MODEL
    (document,) = compiled(tmp_path)
    assert "baseline" not in document["root"]["dag"]["tasks"]
    assert (
        "baseline_model" not in document["root"]["dag"]["tasks"]["Evaluator"]["inputs"]["artifacts"]
    )


def test_a_resolver_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(ConfigError, match="runs no Resolver: look the model up"):
        compiled(tmp_path, baseline="resolve")


def test_a_name_that_kubeflow_refuses_is_refused_here(tmp_path):
    with pytest.raises(ConfigError, match="only lower case letters"):
        compiled(tmp_path, name="Flights_2013")


def test_a_file_of_another_backends_format_is_refused(tmp_path):
    from pipelines.kubeflow.flights import compile_flights

    with pytest.raises(ConfigError, match=r"Kubeflow takes \.yaml"):
        compile_flights(tmp_path / "flights.json", image=IMAGE)
