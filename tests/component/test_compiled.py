from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evaluator_component.component.compiled import (
    SKIPPED_EXIT_CODE,
    compile_pipeline,
    read_dag,
    run_node,
)
from evaluator_component.component.stores import open_store
from evaluator_component.errors import InputError

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

pytestmark = pytest.mark.slow


@pytest.fixture
def small(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    import small_pipeline

    return small_pipeline


@pytest.fixture
def compiled(small, tmp_path):
    return compile_pipeline(small.make(tmp_path), tmp_path / "compiled")


def executions(tmp_path, name):
    store = open_store(tmp_path / "metadata.sqlite")
    found = [e for e in store.get_executions() if e.type.endswith(name)]
    return [type(e).State.Name(e.last_known_state) for e in sorted(found, key=lambda e: e.id)]


def run_in_process(compiled, node, run_id, *arguments, fault=""):
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{HERE}", "TF_CPP_MIN_LOG_LEVEL": "3"}
    fault_file = compiled.parent / "fault"
    if fault:
        fault_file.write_text(fault)
    environment["FAULT_FILE"] = str(fault_file)
    module = "evaluator_component.component.compiled"
    command = [sys.executable, "-W", "ignore", "-m", module, str(compiled)]
    return subprocess.run(
        [*command, "--node", node, "--run-id", run_id, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_the_dag_file_names_nodes_in_order(compiled):
    dag = read_dag(compiled)
    assert dag["name"] == "small"
    assert [(node["id"], node["upstream"]) for node in dag["nodes"]] == [
        ("Writer", []),
        ("Judge", ["Writer"]),
        ("Push", ["Judge", "Writer"]),
    ]


def test_nodes_run_one_by_one_and_find_each_other(compiled):
    for node in ("Writer", "Judge"):
        assert run_node(compiled, node, "monday").state == "COMPLETE"
    pushed = run_node(compiled, "Push", "monday")
    assert (Path(pushed.outputs["pushed"][0]) / "pushed.txt").read_text() == "good"


def test_a_condition_that_is_not_met_skips_the_node(compiled):
    run_node(compiled, "Writer", "monday", {"word": "bad"})
    run_node(compiled, "Judge", "monday")
    assert run_node(compiled, "Push", "monday").state == "SKIPPED"


def test_an_unknown_node_names_the_nearest(compiled):
    with pytest.raises(InputError, match="did you mean 'Writer'"):
        run_node(compiled, "Writr", "monday")


def test_a_folder_without_a_pipeline_is_named(tmp_path):
    with pytest.raises(InputError, match="no compiled pipeline"):
        run_node(tmp_path, "Writer", "monday")


def test_a_node_whose_inputs_are_not_there_fails(compiled):
    with pytest.raises(RuntimeError, match="Judge"):
        run_node(compiled, "Judge", "monday")


def test_a_failed_attempt_stays_in_the_store_and_a_retry_is_its_own(
    compiled, tmp_path, monkeypatch
):
    fault = tmp_path / "fault"
    fault.write_text("raise")
    monkeypatch.setenv("FAULT_FILE", str(fault))
    with pytest.raises(ValueError, match="as asked for"):
        run_node(compiled, "Writer", "monday")
    assert run_node(compiled, "Writer", "monday").state == "COMPLETE"
    assert executions(tmp_path, "Writer") == ["FAILED", "COMPLETE"]
    assert run_node(compiled, "Judge", "monday").state == "COMPLETE"


def test_a_killed_attempt_is_marked_as_failed_and_its_output_is_never_read(compiled, tmp_path):
    killed = run_in_process(compiled, "Writer", "monday", fault="kill")
    assert killed.returncode == -9
    assert executions(tmp_path, "Writer") == ["RUNNING"]
    again = run_in_process(compiled, "Writer", "monday", "--parameter", "word=best")
    result = json.loads(again.stdout.splitlines()[-1])
    assert (Path(result["outputs"]["model"][0]) / "model.txt").read_text() == "best"
    assert executions(tmp_path, "Writer") == ["FAILED", "COMPLETE"]


def test_a_node_that_has_succeeded_is_not_run_again(compiled, tmp_path):
    first = run_node(compiled, "Writer", "monday")
    second = run_node(compiled, "Writer", "monday")
    assert second == first
    assert executions(tmp_path, "Writer") == ["COMPLETE"]


def test_a_skipped_node_has_an_exit_code_of_its_own(compiled):
    run_node(compiled, "Writer", "monday", {"word": "bad"})
    run_node(compiled, "Judge", "monday")
    assert run_in_process(compiled, "Push", "monday").returncode == SKIPPED_EXIT_CODE
