from __future__ import annotations

import json
import sys

import pytest
from layouts import LAYOUTS, put_evaluation, put_failure
from ml_metadata.metadata_store.metadata_store import MetadataStore

from evaluator_component.component.history import history, history_frame
from evaluator_component.component.stores import connection_config, open_store
from evaluator_component.component.unfinished import unfinished
from evaluator_component.errors import InputError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metadata.sqlite"


@pytest.fixture
def store(path):
    return MetadataStore(connection_config(path, read_only=False))


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_every_layout_is_read_alike(store, path, layout):
    put_evaluation(store, layout, "run-1", auc=0.7, blessed=True)
    put_evaluation(store, layout, "run-2", auc=0.6, blessed=False, baseline=True)
    first, second = history(path)

    assert (first.pipeline, first.run) == ("flights", "run-1")
    assert (first.blessed, first.verdict, first.reason) == (True, "BLESSED", "auc is high enough")
    assert first.metrics == {"auc": 0.7, "examples": 10}
    assert first.by_slice == {"origin=JFK": {"auc": pytest.approx(0.6)}}
    assert first.checks == {"passed": 2}
    assert first.lineage["config_hash"] == "abc"
    assert first.inputs["examples"][0].properties == {"span": 7}
    assert "baseline_model" not in first.inputs

    assert (second.blessed, second.verdict) == (False, "NOT_BLESSED")
    assert second.inputs["baseline_model"][0].uri == "/run-2/baseline_model"
    assert second.outputs["blessing"][0].uri == "/run-2/blessing"
    assert first.time <= second.time


def test_one_store_may_hold_several_layouts(store, path):
    for number, layout in enumerate(LAYOUTS):
        put_evaluation(store, layout, f"run-{number}", auc=0.7, blessed=True)
    assert [found.run for found in history(path)] == ["run-0", "run-1", "run-2"]


def test_a_pipeline_can_be_singled_out(store, path):
    put_evaluation(store, LAYOUTS[0], "mine", auc=0.7, blessed=True)
    put_evaluation(store, LAYOUTS[0], "theirs", auc=0.7, blessed=True, pipeline="others")
    assert [found.run for found in history(path, pipeline="flights")] == ["mine"]


def test_a_store_without_evaluations_has_no_history(store, path):
    assert history(path) == []


def test_a_frame_has_a_row_per_evaluation(store, path):
    put_evaluation(store, LAYOUTS[0], "run-1", auc=0.7, blessed=True)
    put_evaluation(store, LAYOUTS[0], "run-2", auc=0.8, blessed=True)
    frame = history_frame(path, metrics=["auc"])
    assert list(frame.columns) == ["pipeline", "run", "time", "verdict", "auc"]
    assert list(frame["auc"]) == [0.7, 0.8]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_evaluations_that_failed_are_told_apart_from_other_steps(store, path, layout):
    put_evaluation(store, layout, "run-1", auc=0.7, blessed=True)
    put_failure(store, layout, "run-2")
    put_failure(store, layout, "run-3", task="Trainer")
    (attempt,) = unfinished(path, pipeline="flights")
    assert (attempt.pipeline, attempt.run, attempt.state) == ("flights", "run-2", "FAILED")
    assert unfinished(path, pipeline="others") == []


def test_the_command_line_prints_results_and_what_has_none(store, path):
    from click.testing import CliRunner

    from evaluator_component.cli.main import main

    put_evaluation(store, LAYOUTS[0], "run-1", auc=0.75, blessed=True)
    put_failure(store, LAYOUTS[0], "run-2")
    arguments = ["history", "--mlmd", str(path), "--pipeline", "flights"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert "run-1" in done.output
    assert "no result: run-2" in done.output
    told = CliRunner().invoke(main, [*arguments, "--json", "--metrics", "auc"])
    assert json.loads(told.stdout)["runs"][0]["metrics"] == {"auc": 0.75}


def test_a_missing_store_is_not_made_but_named(store, path):
    with pytest.raises(InputError, match=r"did you mean 'metadata\.sqlite'"):
        history(path.with_name("metadat.sqlite"))
    assert not path.with_name("metadat.sqlite").exists()


def test_urls_of_all_kinds_of_stores_are_read(path, store):
    assert open_store(f"sqlite:///{path}") is not None
    client = connection_config("grpc://metadata-grpc-service.kubeflow:8081")
    assert (client.host, client.port) == ("metadata-grpc-service.kubeflow", 8081)
    postgres = connection_config("postgresql://me:p%40ss@db/mlmd").postgresql
    assert (postgres.host, postgres.port, postgres.user) == ("db", "5432", "me")
    assert (postgres.password, postgres.dbname) == ("p@ss", "mlmd")
    assert connection_config("mysql://me@db:3307/mlmd").mysql.port == 3307
    with pytest.raises(InputError, match="did you mean 'postgresql'"):
        connection_config("postgres://db/mlmd")


def test_reading_a_history_loads_no_tensorflow_and_no_tfx(path, store):
    import subprocess

    code = (
        "import sys; from evaluator_component.component.history import history; "
        f"history({str(path)!r}); "
        "print([name for name in ('tensorflow', 'tfx', 'apache_beam') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
