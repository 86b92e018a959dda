"""The component in real pipelines: local runner, SQLite store, real models."""

from __future__ import annotations

import inspect
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from steps import CONFIG, Steps, config_with

from evaluator_component.component.stores import open_store
from evaluator_component.errors import ConfigError, InputError

pytestmark = pytest.mark.slow


@pytest.fixture
def steps(tmp_path):
    return Steps(tmp_path)


def blessing_of(found):
    (artifact,) = found.outputs["blessing"]
    return artifact, sorted(path.name for path in Path(artifact.uri).iterdir())


def test_a_good_model_is_blessed_as_tfx_reads_it_and_pushed(steps):
    found = steps.run()
    blessing, files = blessing_of(found)
    assert files == ["BLESSED"]
    (model,) = found.inputs["model"]
    assert blessing.properties["blessed"] == 1
    assert blessing.properties["current_model"] == model.uri
    assert blessing.properties["current_model_id"] == model.id
    assert "baseline_model" not in blessing.properties
    assert "component_id" not in blessing.properties
    assert steps.pushed == 1


def test_a_bad_model_is_not_blessed_and_the_reason_is_in_the_store(steps):
    found = steps.run(-1.0)
    blessing, files = blessing_of(found)
    assert files == ["NOT_BLESSED"]
    assert blessing.properties["blessed"] == 0
    assert found.verdict == "NOT_BLESSED"
    assert "auc" in found.reason
    assert found.checks["failed"] == 1
    assert steps.pushed == 0


def test_without_thresholds_a_blessing_is_written_all_the_same(steps):
    found = steps.run(eval_config=config_with())
    _, files = blessing_of(found)
    assert files == ["NOT_BLESSED"]
    assert not found.blessed
    assert "no threshold" in found.reason


def test_the_latest_blessed_model_is_the_baseline_of_the_next_run(steps):
    better = {"change_threshold": {"direction": "HIGHER_IS_BETTER", "absolute": -0.01}}
    config = config_with(**better)
    first = steps.run(1.0, baseline="resolve", eval_config=config)
    assert first.verdict == "BLESSED"
    assert "baseline_model" not in first.inputs
    second = steps.run(-1.0, baseline="resolve", eval_config=config)
    assert second.verdict == "NOT_BLESSED"
    assert second.inputs["baseline_model"][0].id == first.inputs["model"][0].id
    blessing, _ = blessing_of(second)
    assert blessing.properties["baseline_model"] == first.inputs["model"][0].uri
    assert blessing.properties["baseline_model_id"] == first.inputs["model"][0].id
    assert second.metrics["auc difference"] < -0.3
    third = steps.run(2.0, baseline="resolve", eval_config=config)
    assert third.inputs["baseline_model"][0].id == first.inputs["model"][0].id
    assert third.verdict == "BLESSED"


def test_an_empty_baseline_is_no_baseline(steps, tmp_path):
    (tmp_path / "nothing").mkdir()
    found = steps.run(baseline=str(tmp_path / "nothing"))
    assert found.verdict == "BLESSED"
    assert "baseline_model" not in blessing_of(found)[0].properties


def test_values_slices_and_lineage_are_in_the_store(steps):
    found = steps.run()
    assert found.metrics["examples"] == 400
    assert 0.6 < found.metrics["auc"] < 1
    assert set(found.by_slice) == {"group=a", "group=b", "group=c"}
    assert sum(values["examples"] for values in found.by_slice.values()) == 400
    lineage = found.lineage
    assert lineage["splits"] == "eval"
    assert lineage["examples_span"] == "3"
    assert len(lineage["config_hash"]) == 32
    assert lineage["code_version"].startswith("0.")


def test_the_report_is_one_file_and_the_roc_curve_has_its_keys(steps):
    found = steps.run()
    report = Path(found.outputs["report"][0].uri)
    assert report.is_file()
    assert report.read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html")
    roc = found.outputs["roc"][0].properties
    assert set(roc["confidenceMetrics"][0]) == {
        "confidenceThreshold",
        "falsePositiveRate",
        "recall",
    }
    rows = roc["confusionMatrix"]["rows"]
    assert sum(sum(row["row"]) for row in rows) == 400
    store = open_store(steps.store)
    types = {artifact.type for artifact in store.get_artifacts()}
    assert {"system.Metrics", "system.ClassificationMetrics", "system.HTML"} <= types


def test_splits_are_kept_apart(tmp_path):
    steps = Steps(tmp_path, {"train": 300, "eval": 200})
    found = steps.run(example_splits=["train", "eval"])
    assert found.metrics["train: examples"] == 300
    assert found.metrics["eval: examples"] == 200
    assert found.lineage["splits"] == "train, eval"


def test_a_metric_that_is_undefined_does_not_stop_publishing(steps):
    config = config_with(value_threshold={"lower_bound": 0.0})
    config["metrics_specs"][0]["metrics"].append(
        {"class_name": "Precision", "config": {"thresholds": 1.0, "name": "never"}}
    )
    found = steps.run(eval_config=config)
    assert "never" not in found.metrics
    assert found.outputs["metrics"][0].properties["undefined"] == "never"


def test_predictions_may_come_with_the_examples(steps):
    config = {**CONFIG, "model_specs": [{"label_key": "label", "prediction_key": "score"}]}
    found = steps.run(None, eval_config=config)
    assert found.verdict == "BLESSED"
    assert "current_model" not in blessing_of(found)[0].properties


def test_without_model_and_prediction_key_the_place_is_named(steps):
    with pytest.raises(ConfigError, match=r"model_specs\[0\].prediction_key"):
        steps.run(None)


def test_configs_of_tfma_are_taken_as_they_are(steps):
    import tensorflow_model_analysis as tfma
    from google.protobuf import json_format

    config = json_format.ParseDict(CONFIG, tfma.EvalConfig())
    assert steps.run(eval_config=config).verdict == "BLESSED"


def test_a_config_may_be_a_runtime_parameter_of_json_text(steps):
    from tfx.orchestration.data_types import RuntimeParameter

    parameter = RuntimeParameter("config", str, json.dumps(CONFIG))
    assert steps.run(eval_config=parameter).verdict == "BLESSED"


def test_a_wrong_runtime_parameter_is_named_before_any_work(steps):
    from tfx.orchestration.data_types import RuntimeParameter

    parameter = RuntimeParameter("splits", str, "eval")
    with pytest.raises(ConfigError, match="example_splits: expected JSON text"):
        steps.run(example_splits=parameter)
    states = [e.last_known_state for e in open_store(steps.store).get_executions()]
    assert type(open_store(steps.store).get_executions()[0]).FAILED in states


def test_a_mistake_in_the_config_is_found_when_the_pipeline_is_written(steps):
    with pytest.raises(ConfigError, match=r"metrics_spec: unknown field .*'metrics_specs'"):
        steps.pipeline(eval_config={"metrics_spec": []})


def test_a_missing_split_names_the_nearest_and_leaves_no_artifact(steps):
    with pytest.raises(InputError, match=r"split 'evl'.*did you mean 'eval'"):
        steps.run(example_splits=["evl"])
    store = open_store(steps.store)
    assert not [a for a in store.get_artifacts() if a.type == "ModelEvaluation"]
    evaluations = list((steps.root / "pipeline/Evaluator/evaluation").glob("*"))
    assert evaluations == []


def test_a_model_can_be_blessed_by_order_and_the_reason_is_kept(steps):
    found = steps.run(-1.0, force_bless="the old one is on fire")
    assert found.blessed
    properties = blessing_of(found)[0].properties
    assert properties["forced_because"] == "the old one is on fire"
    assert steps.pushed == 1


def test_fairness_thresholds_are_used(steps):
    found = steps.run(fairness_indicator_thresholds=[0.5])
    rate = "fairness_indicators_metrics/false_positive_rate@0.5"
    assert 0 < found.metrics[rate] < 1
    assert 0 < found.by_slice["group=a"][rate] < 1


def test_an_old_slicing_spec_still_slices(steps):
    spec = {"specs": [{"column_for_slicing": ["group"]}]}
    found = steps.run(eval_config=None, feature_slicing_spec=spec)
    assert set(found.by_slice) == {"group=a", "group=b", "group=c"}
    assert not found.blessed


def test_hooks_of_a_module_reach_the_evaluation(steps, tmp_path):
    module = tmp_path / "code" / "my_hooks.py"
    module.parent.mkdir()
    module.write_text(
        "import numpy as np\n"
        "from dataclasses import dataclass\n"
        "from evaluator_component.metrics.regression import MeanSquaredError\n"
        "@dataclass(frozen=True)\n"
        "class Brier(MeanSquaredError):\n"
        "    pass\n"
        "def metrics():\n"
        "    return [Brier]\n"
    )
    config = config_with(value_threshold={"lower_bound": 0.0})
    config["metrics_specs"][0]["metrics"].append({"class_name": "Brier"})
    found = steps.run(eval_config=config, module_file=str(module))
    assert 0 < found.metrics["brier"] < 0.5
    wheels = list((steps.root / "pipeline" / "_wheels").glob("*.whl"))
    assert len(wheels) == 1


@pytest.mark.parametrize("baseline", [None, 1.0])
def test_all_hooks_together(steps, baseline):
    config = config_with(value_threshold={"lower_bound": 0.0})
    config["slicing_specs"] = [{}, {"feature_keys": ["side"]}]
    config["metrics_specs"][0]["metrics"].append({"class_name": "SquaredDoubt"})
    module = Path(__file__).with_name("all_hooks.py")
    found = steps.run(eval_config=config, module_file=str(module), baseline=baseline)
    assert found.metrics["squared_doubt"] == 0.25
    assert {name: values["squared_doubt"] for name, values in found.by_slice.items()} == {
        "side=left": 0.25,
        "side=right": 0.25,
    }
    assert sum(values["examples"] for values in found.by_slice.values()) == 400
    folder = Path(found.outputs["evaluation"][0].uri)
    assert (folder / "rows.txt").read_text() == "400"
    assert (folder / "report.html").is_file()
    if baseline is not None:
        assert found.metrics["baseline/squared_doubt"] == 0.25
        assert found.metrics["squared_doubt difference"] == 0.0


def test_beam_arguments_are_honoured_without_packing_tfx(steps, monkeypatch):
    from tfx.utils import dependency_utils

    def refuse():
        raise AssertionError("TFX was packed")

    monkeypatch.setattr(dependency_utils, "build_ephemeral_package", refuse)
    arguments = ["--direct_num_workers=2", "--direct_running_mode=multi_threading"]
    assert steps.run(beam_pipeline_args=arguments).verdict == "BLESSED"


def test_equal_inputs_are_answered_from_the_cache_until_the_code_changes(steps, monkeypatch):
    from evaluator_component.component import component

    first = steps.run(enable_cache=True)
    again = steps.run(enable_cache=True)
    assert again.outputs["blessing"][0].id == first.outputs["blessing"][0].id
    monkeypatch.setattr(component, "code_version", lambda module_path=None: "0+changed")
    changed = steps.run(enable_cache=True)
    assert changed.outputs["blessing"][0].id != first.outputs["blessing"][0].id


def test_arguments_are_those_of_tfx_in_the_same_order():
    from tfx.components import Evaluator as theirs

    from evaluator_component.component import Evaluator as ours

    names = list(inspect.signature(theirs.__init__).parameters)
    assert list(inspect.signature(ours.__init__).parameters)[: len(names)] == names


def test_a_step_does_not_load_tfma():
    code = (
        "import sys, evaluator_component.component.component\n"
        "print('tensorflow_model_analysis' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_numbers_in_the_store_equal_those_of_the_result_folder(steps):
    from evaluator_component.results import load_eval_result

    found = steps.run()
    (table,) = load_eval_result(found.outputs["evaluation"][0].uri).tables
    (key,) = (key for key in table.columns if key.name == "auc")
    assert math.isclose(found.metrics["auc"], table.value(key), rel_tol=1e-12)
