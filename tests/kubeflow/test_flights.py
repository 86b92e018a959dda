"""Runs every step of the compiled flights pipeline, twice, as Kubeflow would."""

from __future__ import annotations

import shutil
import subprocess
import sys

import image_tree
import pytest

from evaluator_component.component.history import history
from evaluator_component.component.kubeflow import evaluation_of, latest_blessed_model

REASON = "kfp is not there: pip install 'evaluator_component[kubeflow]'"
kfp = pytest.importorskip("kfp_backend", reason=REASON, exc_type=ImportError)
kfp_metadata = pytest.importorskip("kfp_metadata")
pytestmark = pytest.mark.slow

BUCKET = "minio://mlpipeline/v2/artifacts"
STEPS = ("ImportExampleGen", "Trainer", "Evaluator", "Pusher")
#: Bounds that models of a few flights reach: what is tested here is not the model.
AUC = {
    "class_name": "AUC",
    "threshold": {
        "value_threshold": {"lower_bound": 0.5},
        "change_threshold": {"direction": "HIGHER_IS_BETTER", "absolute": -0.2},
    },
}
EVAL_CONFIG = {
    "model_specs": [{"label_key": "late"}],
    "slicing_specs": [{}, {"feature_keys": ["origin"]}],
    "metrics_specs": [
        {"metrics": [{"class_name": "ExampleCount"}, AUC, {"class_name": "ConfusionMatrixPlot"}]}
    ],
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    app = image_tree.write_app(folder / "app")
    with kfp_metadata.metadata_service(folder / "metadata.sqlite") as port:
        yield kfp.Cluster(BUCKET, folder, port, image_tree.image_python(), {"PYTHONPATH": str(app)})


@pytest.fixture(scope="module")
def runs(cluster):
    """Two runs: one without a baseline, and one against the model that the first one blessed."""
    from pipelines.flights.data import write_records
    from pipelines.kubeflow.flights import compile_flights

    settings = {
        "image": "registry/flights:1",
        "data": str(write_records(cluster.folder / "data", one_in=40)),
        "serving": str(cluster.folder / "serving"),
        "eval_config": EVAL_CONFIG,
    }
    store = f"grpc://127.0.0.1:{cluster.port}"
    assert latest_blessed_model(store, "flights") is None
    path = compile_flights(cluster.folder / "first.yaml", training={"epochs": 2}, **settings)
    first = kfp.Run(cluster, path)
    first.go()
    assert set(first.states.values()) == {"COMPLETE"}, first.told()

    baseline = latest_blessed_model(store, "flights")
    assert baseline == first.outputs["Trainer"]["model"].uri
    path = compile_flights(
        cluster.folder / "second.yaml",
        training={"epochs": 4, "seed": 2},
        baseline_parameter=True,
        earlier_evaluation=evaluation_of(store, baseline),
        **settings,
    )
    second = kfp.Run(cluster, path, {"baseline": baseline})
    second.go()
    assert "FAILED" not in second.states.values(), second.told()
    for run in (first, second):
        print({name: round(seconds, 1) for name, seconds in run.seconds.items()})
    return first, second


def test_every_step_runs_with_its_compiled_command(runs):
    first, _ = runs
    assert first.states == dict.fromkeys(STEPS, "COMPLETE")


def test_the_second_run_takes_from_the_cache_what_did_not_change(runs):
    _, second = runs
    again = ("baseline", "earlier_evaluation", "Trainer", "Evaluator", "Pusher")
    changed = dict.fromkeys(again, "COMPLETE")
    assert second.states == {**changed, "ImportExampleGen": "CACHED"}


def test_the_second_model_is_blessed_against_the_first_runs(cluster, runs):
    first_run, second_run = runs
    first, second = history(f"grpc://127.0.0.1:{cluster.port}", pipeline="flights")
    assert (first.run, second.run) == (first_run.id, second_run.id)
    assert (first.verdict, second.verdict) == ("BLESSED", "BLESSED")
    assert "baseline_model" not in first.inputs

    (model,), (baseline,) = second.inputs["model"], second.inputs["baseline_model"]
    (blessing,) = second.outputs["blessing"]
    assert baseline.uri == first.inputs["model"][0].uri
    assert blessing.properties["current_model"] == model.uri
    assert blessing.properties["baseline_model"] == baseline.uri
    assert blessing.properties["current_model_id"] == str(model.id)
    assert blessing.properties["baseline_model_id"] == str(baseline.id)


def test_the_baseline_does_not_predict_again(cluster, runs):
    first, second = history(f"grpc://127.0.0.1:{cluster.port}", pipeline="flights")
    (earlier,) = second.inputs["earlier_evaluation"]
    assert earlier.uri == first.outputs["evaluation"][0].uri
    assert second.lineage.get("not_reused_because") is None
    assert second.lineage["reused"] == "statistics of the baseline"
    assert second.lineage["earlier_evaluation"] == earlier.uri
    assert second.metrics["baseline/auc"] == first.metrics["auc"]


def test_values_of_all_slices_and_of_the_baseline_are_in_the_metadata(cluster, runs):
    _, second = history(f"grpc://127.0.0.1:{cluster.port}", pipeline="flights")
    assert {"auc", "baseline/auc", "auc difference"} <= second.metrics.keys()
    assert second.by_slice["origin=JFK"]["auc"] > 0.5
    assert second.lineage["splits"] == "eval"


def test_no_path_of_a_pods_disk_is_left_in_the_metadata(cluster, runs):
    store = runs[0].metadata.store
    for artifact in store.get_artifacts():
        assert artifact.uri.startswith(f"{BUCKET}/"), artifact
        assert "/pods/" not in str(artifact)


def test_metrics_are_what_kubeflows_table_shows(runs):
    metadata = runs[1].outputs["Evaluator"]["metrics"].metadata
    assert metadata["auc"] > 0.5
    assert metadata["verdict"] == "BLESSED"


def test_the_roc_curve_and_the_matrix_are_what_kubeflows_ui_draws(runs):
    metadata = runs[1].outputs["Evaluator"]["roc"].metadata
    points = metadata["confidenceMetrics"]["list"]
    assert {name for point in points for name in point} == {
        "confidenceThreshold",
        "falsePositiveRate",
        "recall",
    }
    rates = [point["falsePositiveRate"] for point in points]
    assert rates == sorted(rates)
    assert (rates[0], rates[-1]) == (0.0, 1.0)
    matrix = metadata["confusionMatrix"]["struct"]
    assert [spec["displayName"] for spec in matrix["annotationSpecs"]] == ["negative", "positive"]
    assert [len(row["row"]) for row in matrix["rows"]] == [2, 2]


def test_the_report_is_one_html_file_in_the_bucket(cluster, runs):
    report = cluster.in_bucket(runs[1].outputs["Evaluator"]["report"].uri)
    assert report.is_file()
    page = report.read_text(encoding="utf-8")
    assert page.lstrip().lower().startswith("<!doctype html>")
    # The frame that Kubeflow shows it in can load nothing else.
    assert 'src="http' not in page
    assert '<link rel="stylesheet"' not in page


def test_blessed_models_are_pushed_and_kept_in_the_bucket(cluster, runs):
    assert len(list((cluster.folder / "serving").iterdir())) == 2
    pushed = runs[1].outputs["Pusher"]["pushed_model"]
    assert pushed.metadata["pushed"] == 1
    assert (cluster.in_bucket(pushed.uri) / "saved_model.pb").is_file()


def test_the_result_folder_in_the_bucket_loads(cluster, runs, tmp_path):
    from evaluator_component import load_eval_result

    evaluation = cluster.in_bucket(runs[1].outputs["Evaluator"]["evaluation"].uri)
    shutil.copytree(evaluation, tmp_path / "evaluation")
    assert load_eval_result(str(tmp_path / "evaluation")).slicing_metrics


def test_the_command_line_finds_the_blessed_model_and_compiles(cluster, runs, tmp_path, capsys):
    from pipelines.kubeflow.flights import main

    path = tmp_path / "flights.yaml"
    store = f"grpc://127.0.0.1:{cluster.port}"
    arguments = ["--image", "registry/flights:2", "--output", str(path), "--metadata", store]
    assert main(["compile", *arguments]) == 0
    model = runs[1].outputs["Trainer"]["model"].uri
    evaluation = runs[1].outputs["Evaluator"]["evaluation"].uri
    told = capsys.readouterr().out.splitlines()
    assert told[:2] == [f"baseline: {model}", f"reused:   {evaluation}"]
    assert model in path.read_text()
    assert evaluation in path.read_text()


def test_the_script_runs_from_anywhere(tmp_path):
    command = [sys.executable, str(image_tree.FOLDER / "flights.py"), "submit", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "--baseline-parameter" in done.stdout


def test_a_step_under_a_condition_is_skipped_where_the_model_is_not_blessed(
    cluster, runs, monkeypatch
):
    from tfx.components.pusher import component
    from tfx.dsl.experimental.conditionals.conditional import Cond

    pusher = component.Pusher

    def pusher_under_a_condition(model_blessing, **arguments):
        with Cond(model_blessing.future()[0].custom_property("blessed") == 1):
            return pusher(**arguments)

    monkeypatch.setattr(component, "Pusher", pusher_under_a_condition)
    bound = {"value_threshold": {"lower_bound": 0.999}}
    config = {**EVAL_CONFIG, "metrics_specs": [{"metrics": [{**AUC, "threshold": bound}]}]}
    run = rerun(cluster, "unblessed", config)
    assert run.states["Evaluator"] == "COMPLETE", run.told()
    assert run.states["Pusher"] == "SKIPPED"
    last = history(f"grpc://127.0.0.1:{cluster.port}", pipeline="flights")[-1]
    assert last.verdict == "NOT_BLESSED"
    assert "auc on Overall" in last.reason
    baseline = latest_blessed_model(f"grpc://127.0.0.1:{cluster.port}", "flights")
    assert baseline == runs[1].outputs["Trainer"]["model"].uri


def test_a_step_that_fails_says_why_and_leaves_nothing(cluster, runs):
    config = {**EVAL_CONFIG, "model_specs": [{"label_key": "latte"}]}
    store = f"grpc://127.0.0.1:{cluster.port}"
    before = len(history(store, pipeline="flights"))
    run = rerun(cluster, "failing", config)
    assert (run.states["Evaluator"], run.states["Pusher"]) == ("FAILED", "SKIPPED")
    told = run.logs["Evaluator"].partition("\nKubeflow:")[0].splitlines()
    assert told[-1].endswith("no feature 'latte' (did you mean 'late'?)")
    assert not any("Traceback" in line for line in told)
    assert len(history(store, pipeline="flights")) == before
    assert not cluster.in_bucket(f"{run.root}/Evaluator").exists()


def rerun(cluster, name, config):
    """Runs the second run's pipeline with another config; what came before is in the cache."""
    from pipelines.kubeflow.flights import compile_flights

    path = compile_flights(
        cluster.folder / f"{name}.yaml",
        image="registry/flights:1",
        data=str(cluster.folder / "data" / "flights-1-in-40"),
        serving=str(cluster.folder / "serving"),
        training={"epochs": 4, "seed": 2},
        eval_config=config,
    )
    run = kfp.Run(cluster, path)
    run.go()
    assert (run.states["ImportExampleGen"], run.states["Trainer"]) == ("CACHED", "CACHED")
    return run
