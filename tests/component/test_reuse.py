"""What a step takes from an earlier evaluation instead of computing it, in real pipelines."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from steps import Steps, config_with, write_examples

from evaluator_component.component.compiled import compile_pipeline, read_dag, run_node
from evaluator_component.component.history import history
from evaluator_component.errors import ConfigError

pytestmark = pytest.mark.slow

CHANGE = {"change_threshold": {"direction": "HIGHER_IS_BETTER", "absolute": -1.0}}


@pytest.fixture
def steps(tmp_path):
    return Steps(tmp_path)


def run_info(found):
    return json.loads((Path(found.outputs["evaluation"][0].uri) / "run.json").read_text())


def run_twice(steps, **second):
    """Blesses a model, then compares another one with it; returns both evaluations."""
    config = config_with(**CHANGE)
    first = steps.run(1.0, baseline="resolve", eval_config=config)
    return first, steps.run(2.0, baseline="resolve", **{"eval_config": config, **second})


def test_the_baseline_does_not_predict_where_its_own_evaluation_is_known(steps):
    first, second = run_twice(steps)
    folder = first.outputs["evaluation"][0].uri
    assert second.inputs["baseline_model"][0].id == first.inputs["model"][0].id
    assert second.lineage["reused"] == "statistics of the baseline"
    assert second.lineage["earlier_evaluation"] == folder
    assert "earlier_evaluation" not in first.lineage
    assert any("it did not predict again" in note for note in run_info(second)["notes"])
    assert second.metrics["baseline/auc"] == first.metrics["auc"]
    for slice_name, values in first.by_slice.items():
        assert second.by_slice[slice_name]["baseline/auc"] == values["auc"]


def test_nodes_that_airflow_starts_one_by_one_reuse_as_well(steps, tmp_path):
    for run, weight in (("monday", 1.0), ("tuesday", 2.0)):
        pipeline = steps.pipeline(weight, baseline="resolve", eval_config=config_with(**CHANGE))
        folder = compile_pipeline(pipeline, tmp_path / "compiled")
        for node in read_dag(folder)["nodes"]:
            run_node(folder, node["id"], run)
    monday, tuesday = history(steps.store)
    assert tuesday.lineage["reused"] == "statistics of the baseline"
    assert tuesday.metrics["baseline/auc"] == monday.metrics["auc"]


def test_numbers_are_those_of_predicting_again(steps):
    _, reused = run_twice(steps)
    again = steps.run(2.0, baseline=1.0, eval_config=config_with(**CHANGE), reuse="off")
    assert "reused" not in again.lineage
    assert again.metrics == reused.metrics
    assert again.by_slice == reused.by_slice


def test_a_policy_switches_it_off(steps):
    _, second = run_twice(steps, reuse="off")
    assert "earlier_evaluation" not in second.lineage
    assert "reuse" not in run_info(second)["details"]


def test_a_policy_that_does_not_exist_is_named(steps):
    with pytest.raises(ConfigError, match="reuse: got 'sometimes', allowed are 'on', 'off'"):
        steps.pipeline(reuse="sometimes")


def test_a_metric_that_the_earlier_evaluation_lacks_makes_the_baseline_predict(steps):
    config = config_with(**CHANGE)
    config["metrics_specs"][0]["metrics"].append({"class_name": "BinaryCrossEntropy"})
    _, second = run_twice(steps, eval_config=config)
    assert second.lineage["reused"] == "nothing"
    assert "binary_crossentropy" in second.lineage["not_reused_because"]
    assert "baseline/binary_crossentropy" in second.metrics


def test_data_that_were_changed_in_place_make_the_baseline_predict(steps):
    config = config_with(**CHANGE)
    first = steps.run(1.0, baseline="resolve", eval_config=config)
    shutil.rmtree(steps.examples)
    write_examples(steps.examples, steps.splits, seed=1)
    second = steps.run(2.0, baseline="resolve", eval_config=config)
    assert "not those of the earlier run" in second.lineage["not_reused_because"]
    assert second.metrics["baseline/auc"] != first.metrics["auc"]


def test_an_earlier_result_that_was_deleted_is_not_missed(steps):
    config = config_with(**CHANGE)
    first = steps.run(1.0, baseline="resolve", eval_config=config)
    shutil.rmtree(first.outputs["evaluation"][0].uri)
    second = steps.run(2.0, baseline="resolve", eval_config=config)
    assert "earlier_evaluation" not in second.lineage
    assert second.metrics["baseline/auc"] == first.metrics["auc"]


def test_the_cache_keeps_working_beside_it(steps):
    config = config_with(**CHANGE)
    settings = {"baseline": 1.0, "eval_config": config, "enable_cache": True}
    steps.run(1.0, eval_config=config)
    second = steps.run(2.0, **settings)
    assert second.lineage["reused"] == "statistics of the baseline"
    again = steps.run(2.0, **settings)
    assert again.outputs["blessing"][0].id == second.outputs["blessing"][0].id


def test_an_evaluation_that_another_pipeline_has_done_is_copied(steps):
    first = steps.run(enable_cache=True)
    second = steps.run(enable_cache=True, name="another")
    assert (second.pipeline, second.lineage["reused"]) == ("another", "the whole result")
    assert second.outputs["blessing"][0].id != first.outputs["blessing"][0].id
    assert (second.verdict, second.reason) == (first.verdict, first.reason)
    assert (second.metrics, second.by_slice) == (first.metrics, first.by_slice)
    assert second.checks == first.checks
    assert "its result was copied" in run_info(second)["notes"][-1]
    assert Path(second.outputs["report"][0].uri).is_file()


@pytest.mark.parametrize("change", ["config", "data", "model", "cache"])
def test_an_evaluation_that_differs_in_anything_is_not_copied(steps, change):
    steps.run(enable_cache=True)
    settings = {"enable_cache": True, "name": "another"}
    weight = 1.0
    if change == "config":
        settings["eval_config"] = config_with(value_threshold={"lower_bound": 0.7})
    elif change == "data":
        shutil.rmtree(steps.examples)
        write_examples(steps.examples, steps.splits, seed=1)
    elif change == "model":
        weight = 2.0
    else:
        settings["enable_cache"] = False
    second = steps.run(weight, **settings)
    assert second.lineage.get("reused") in (None, "nothing")
    assert "copied" not in str(run_info(second)["notes"])
