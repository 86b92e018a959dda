"""Compiles the flights pipeline for Kubeflow Pipelines and runs every step of it, twice."""

from __future__ import annotations

from pathlib import Path

import kubeflow_backend as backend
import pytest

from evaluator_component.component.history import history
from evaluator_component.errors import ConfigError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
BUCKET = "minio://mlpipeline/v2/artifacts"


@pytest.fixture(scope="module")
def flights(tmp_path_factory):
    from pipelines.flights.data import write_records

    return write_records(tmp_path_factory.mktemp("data"), one_in=12)


def compile_flights(folder, flights, **arguments):
    from evaluator_component.component.kubeflow import Resources, compile_for_kubeflow
    from pipelines.flights.pipeline import create_pipeline

    settings = {
        "name": "flights",
        "root": BUCKET,
        "data": str(flights),
        "serving": str(folder / "serving"),
        "baseline": None,
        **arguments,
    }
    path = compile_for_kubeflow(
        create_pipeline(**settings),
        folder / "flights.yaml",
        image="registry/flights:1",
        resources={"Trainer": Resources(cpu="2", memory="4Gi", accelerator="nvidia.com/gpu")},
    )
    return backend.load(path)


def test_two_runs_end_in_a_blessing_against_the_baseline(tmp_path, flights):
    from evaluator_component.component.kubeflow import latest_blessed_model

    server, port = backend.serve_metadata(tmp_path / "metadata.sqlite")
    store = f"grpc://127.0.0.1:{port}"
    environment = {"PYTHONPATH": str(ROOT), "EVALUATOR_KUBEFLOW_PREFIX": str(tmp_path / "disk")}

    def run(**arguments):
        spec = compile_flights(tmp_path, flights, **arguments)
        made = backend.Backend(spec, BUCKET, tmp_path / "disk", port, environment)
        states = made.run()
        assert set(states.values()) == {"COMPLETE"}, made.logs
        return made

    try:
        assert latest_blessed_model(store, "flights") is None
        first_run = run(training={"epochs": 3})
        (first,) = history(store, pipeline="flights")
        assert first.verdict == "BLESSED", first.reason
        baseline = latest_blessed_model(store, "flights")
        assert baseline.startswith(f"{first_run.run_root}/Trainer/")
        second_run = run(training={"epochs": 4, "seed": 2}, baseline=baseline)

        first, second = history(store, pipeline="flights")
        assert (first.run, second.run) == (first_run.run_id, second_run.run_id)
        assert (first.verdict, second.verdict) == ("BLESSED", "BLESSED")
        assert "baseline_model" not in first.inputs
        (model,), (compared,) = second.inputs["model"], second.inputs["baseline_model"]
        facts = second.outputs["blessing"][0].properties
        assert facts["current_model_id"] == str(model.id)
        assert facts["baseline_model_id"] == str(compared.id)
        assert facts["baseline_model"] == baseline
        assert {"auc", "baseline/auc", "auc difference"} <= set(second.metrics)
        assert second.by_slice["origin=JFK"]["auc"] > 0.5

        report = second_run.outputs["Evaluator"]["report"]
        assert second_run.local(report.uri).is_file()
        roc = second_run.outputs["Evaluator"]["roc"].metadata["confidenceMetrics"]["list"]
        assert roc[0]["confidenceThreshold"] == 1.0
        assert len(list((tmp_path / "serving").iterdir())) == 2
    finally:
        server.stop(0)


def test_the_compiled_pipeline_is_what_kubeflow_takes(tmp_path, flights):
    from kfp import components

    spec = compile_flights(tmp_path, flights, baseline=f"{BUCKET}/flights/1/Trainer/2/model")
    assert components.load_component_from_file(str(tmp_path / "flights.yaml")).name == "flights"
    assert spec["schemaVersion"] == "2.1.0"
    outputs = spec["components"]["Evaluator"]["outputDefinitions"]["artifacts"]
    titles = {key: output["artifactType"].get("schemaTitle") for key, output in outputs.items()}
    assert titles["metrics"] == "system.Metrics"
    assert titles["roc"] == "system.ClassificationMetrics"
    assert titles["report"] == "system.HTML"
    trainer = spec["deploymentSpec"]["executors"]["Trainer_executor"]["container"]
    assert trainer["image"] == "registry/flights:1"
    assert trainer["resources"]["resourceMemoryLimit"] == "4Gi"
    assert trainer["resources"]["accelerator"]["resourceType"] == "nvidia.com/gpu"
    assert "evaluator_component.component.kubeflow_entrypoint" in trainer["command"]


def test_a_resolver_is_refused_with_the_remedy(tmp_path, flights):
    with pytest.raises(ConfigError, match="runs no Resolver: look the model up"):
        compile_flights(tmp_path, flights, baseline="resolve")


def test_a_name_that_kubeflow_refuses_is_refused_here(tmp_path, flights):
    with pytest.raises(ConfigError, match="only lower case letters"):
        compile_flights(tmp_path, flights, name="Flights_2013")
