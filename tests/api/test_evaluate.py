"""Evaluations from end to end: real data, real models, real Beam, real files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference

import evaluator_component as ec
from evaluator_component.errors import ConfigError, EvaluatorError, MetricError

CONFIG = """
slicing_specs {} slicing_specs { feature_keys: "color" }
slicing_specs { feature_keys: ["color", "region"] }
metrics_specs {
  metrics { class_name: "ExampleCount" } metrics { class_name: "ExactAUC" }
  metrics { class_name: "BinaryAccuracy" } metrics { class_name: "ConfusionMatrixPlot" }
}
"""


def by_slice(result: Any, metric: str) -> dict[str, float]:
    frame = result.to_frame()
    rows = frame[(frame.metric == metric) & ~frame.is_diff]
    return dict(zip(rows.slice, rows.value, strict=True))


@pytest.mark.slow
def test_every_slice_agrees_with_scikit_learn(frame: pd.DataFrame, tmp_path: Path) -> None:
    result = ec.analyze_raw_data(frame, CONFIG, str(tmp_path / "out"))
    auc, accuracy = by_slice(result, "exact_auc"), by_slice(result, "binary_accuracy")
    assert len(auc) == 1 + 3 + 6
    for color in ("red", "green", "blue"):
        rows = frame[frame.color == color]
        name = f"color={color}"
        assert auc[name] == pytest.approx(
            reference.roc_auc_score(rows.label, rows.prediction), rel=1e-12
        )
        assert accuracy[name] == pytest.approx(
            reference.accuracy_score(rows.label, rows.prediction > 0.5), rel=1e-12
        )
    assert by_slice(result, "example_count")["Overall"] == len(frame)


@pytest.mark.slow
def test_the_cut_into_files_and_batches_does_not_change_a_number(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    config = (
        CONFIG
        + """options {
      compute_confidence_intervals { value: true }
      confidence_intervals { method: POISSON_BOOTSTRAP num_replicates { value: 30 } } }"""
    )
    config += 'model_specs { label_key: "label" prediction_key: "prediction" }'
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    frame.to_parquet(whole / "all.parquet", index=False)
    shuffled = frame.sample(frac=1.0, random_state=3)
    for number, start in enumerate(range(0, len(frame), 371)):
        shuffled[start : start + 371].to_parquet(parts / f"{number}.parquet", index=False)
    one = ec.evaluate(config, str(whole / "*.parquet")).result.to_frame()
    many = ec.evaluate(config, str(parts / "*.parquet")).result.to_frame()
    assert list(one.slice) == list(many.slice)
    for column in ("value", "standard_error", "ci_low", "ci_high"):
        np.testing.assert_allclose(
            many[column].astype(float), one[column].astype(float), rtol=1e-12, equal_nan=True
        )


@pytest.mark.slow
def test_an_eval_model_tells_its_labels_and_brings_its_metrics(
    records: str, eval_models: dict[str, str], frame: pd.DataFrame, tmp_path: Path
) -> None:
    import keras

    outcome = ec.evaluate(
        'slicing_specs {} slicing_specs { feature_keys: "color" }',
        records,
        eval_models["good"],
        str(tmp_path / "out"),
    )
    model = keras.models.load_model(eval_models["good.keras"])
    found_auc = by_slice(outcome.result, "keras_auc")
    for name, rows in (("Overall", frame), ("color=blue", frame[frame.color == "blue"])):
        values = model.evaluate(
            rows.x.to_numpy()[:, None], rows.label.to_numpy()[:, None], verbose=0, return_dict=True
        )
        assert found_auc[name] == pytest.approx(values["keras_auc"], abs=1e-6)
        assert by_slice(outcome.result, "loss")[name] == pytest.approx(values["loss"], abs=1e-6)
    assert any("label" in note for note in outcome.notes)


@pytest.mark.slow
def test_a_worse_candidate_is_not_blessed_and_the_reason_is_told(
    records: str, eval_models: dict[str, str], tmp_path: Path
) -> None:
    config = """
    model_specs { name: "candidate" } model_specs { name: "baseline" is_baseline: true }
    slicing_specs {} slicing_specs { feature_keys: "region" }
    metrics_specs { metrics { class_name: "BinaryCrossEntropy" threshold {
      change_threshold { direction: LOWER_IS_BETTER absolute { value: 0.001 } } } } }
    """
    out = tmp_path / "out"
    models = {"candidate": eval_models["poor"], "baseline": eval_models["good"]}
    verdict = ec.evaluate(config, records, models, str(out)).verdict
    assert verdict.status == "NOT_BLESSED"
    assert not verdict.validation_ok
    assert "binary_crossentropy" in verdict.summary
    written = json.loads((out / "verdict.json").read_text())
    assert written["verdict"] == "NOT_BLESSED"
    assert {decision["slice"] for decision in written["decisions"]} == {
        "Overall",
        "region=north",
        "region=south",
    }
    back = {"candidate": eval_models["good"], "baseline": eval_models["poor"]}
    assert ec.evaluate(config, records, back, str(tmp_path / "back")).verdict.validation_ok


@pytest.mark.slow
def test_the_three_part_example_of_the_architecture_runs(
    records: str, eval_models: dict[str, str], tmp_path: Path
) -> None:
    import evaluator_component as tfma

    eval_config = tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(label_key="label")],
        slicing_specs=[tfma.SlicingSpec(), tfma.SlicingSpec(feature_keys=["color"])],
        metrics_specs=[tfma.MetricsSpec(metrics=[tfma.MetricConfig(class_name="AUC")])],
    )
    eval_shared_model = tfma.default_eval_shared_model(
        eval_models["good"], eval_config=eval_config, include_default_metrics=False
    )
    output_path = str(tmp_path / "out")
    extractors = [
        tfma.extractors.InputExtractor(eval_config),
        tfma.extractors.PredictExtractor(eval_shared_model, eval_config),
        tfma.extractors.SliceKeyExtractor(eval_config),
    ]
    evaluators = [
        tfma.evaluators.MetricsAndPlotsEvaluator(tfma.evaluators.make_plan(eval_config)),
        tfma.evaluators.AnalysisTableEvaluator(include=["features", "labels", "predictions"]),
    ]
    writers = [
        *tfma.default_writers(output_path, eval_shared_model, eval_config),
        tfma.writers.AnalysisTableWriter(output_path),
    ]
    result = tfma.run_model_analysis(
        eval_shared_model,
        eval_config,
        data_location=records,
        output_path=output_path,
        extractors=extractors,
        evaluators=evaluators,
        writers=writers,
    )
    assert set(by_slice(result, "auc")) == {"Overall", "color=red", "color=green", "color=blue"}
    rows = tfma.results.load_analysis_table(output_path)
    assert len(rows) == 2000
    html = tfma.view.render_slicing_metrics(result)._repr_html_()
    assert "<iframe" in html


@pytest.mark.slow
def test_datasets_keep_their_metrics_apart(frame: pd.DataFrame, tmp_path: Path) -> None:
    config = CONFIG + 'model_specs { label_key: "label" prediction_key: "prediction" }'
    north, south = (frame[frame.region == name] for name in ("north", "south"))
    outcome = ec.evaluate(config, {"north": north, "south": south}, output_path=str(tmp_path / "o"))
    assert {table.dataset: int(table.examples[0]) for table in outcome.tables} == {
        "north": len(north),
        "south": len(south),
    }


def problems_of(config: str, data: Any, models: Any = None) -> str:
    with pytest.raises(EvaluatorError) as caught:
        ec.evaluate(config, data, models)
    return str(caught.value)


@pytest.mark.slow
def test_all_mistakes_are_told_in_one_message(frame: pd.DataFrame) -> None:
    config = """
    model_specs { label_key: "lable" prediction_key: "prediction" }
    slicing_specs { feature_keys: "colour" }
    metrics_specs { metrics { class_name: "BinaryAccuracy" } }
    """
    message = problems_of(config, frame)
    assert "no feature 'lable' (did you mean 'label'?)" in message
    assert "no feature 'colour' (did you mean 'color'?)" in message


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"prediction": [np.nan] * 2000}, "predictions must be finite"),
        ({"label": [3] * 2000}, "labels of a binary metric must be in [0, 1]"),
        ({"weight": [-1.0] * 2000}, "weights must"),
    ],
)
def test_values_that_cannot_be_are_told_with_the_metric(
    frame: pd.DataFrame, changes: dict[str, Any], sentence: str
) -> None:
    config = (
        'model_specs { label_key: "label" prediction_key: "prediction" '
        'example_weight_key: "weight" } metrics_specs { metrics { class_name: "AUC" } }'
    )
    message = problems_of(config, frame.assign(**changes))
    assert sentence in message
    assert "auc" in message


@pytest.mark.slow
def test_a_late_bad_value_ends_the_run_without_a_result(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    bad = frame.copy()
    bad.loc[1500, "prediction"] = np.inf
    with pytest.raises(MetricError, match=r"auc .*predictions must be finite, found inf"):
        ec.analyze_raw_data(
            bad, 'metrics_specs { metrics { class_name: "AUC" } }', str(tmp_path / "out")
        )
    assert not (tmp_path / "out" / "run.json").exists()


@pytest.mark.slow
def test_bad_values_are_left_out_and_counted_where_asked(frame: pd.DataFrame) -> None:
    bad = frame.copy()
    bad.loc[1500, "prediction"] = np.nan
    config = (
        'metrics_specs { metrics { class_name: "ExampleCount" } metrics { class_name: "AUC" } } '
        "options { non_finite: EXCLUDE }"
    )
    result = ec.analyze_raw_data(bad, config)
    assert by_slice(result, "example_count")["Overall"] == 1999
    assert any("1 example" in note for note in result.run.notes)


@pytest.mark.slow
def test_a_class_that_does_not_exist_is_told(frame: pd.DataFrame) -> None:
    scores = np.random.default_rng(0).random((len(frame), 3))
    data = frame.assign(prediction=list(scores))
    config = (
        'metrics_specs { binarize { class_ids { values: [0, 7] } } metrics { class_name: "AUC" } }'
    )
    with pytest.raises(ConfigError, match=r"class_id 7 does not exist"):
        ec.analyze_raw_data(data, config)


@pytest.mark.slow
def test_a_baseline_that_does_not_load_is_a_policy(
    records: str, eval_models: dict[str, str], tmp_path: Path
) -> None:
    config = """
    model_specs { name: "candidate" } model_specs { name: "baseline" is_baseline: true }
    metrics_specs { metrics { class_name: "AUC" threshold {
      value_threshold { lower_bound { value: 0.6 } }
      change_threshold { direction: HIGHER_IS_BETTER absolute { value: 0 } } } } }
    """
    models = {"candidate": eval_models["good"], "baseline": str(tmp_path / "gone")}
    assert "no model at" in problems_of(config, records, models)
    verdict = ec.evaluate(
        config + "baseline_policy { unloadable: EVALUATE_WITHOUT }", records, models
    ).verdict
    assert verdict.validation_ok
    assert any("no model at" in note for note in verdict.notes)


@pytest.mark.slow
def test_the_worst_examples_are_kept_and_shown(frame: pd.DataFrame, tmp_path: Path) -> None:
    out = tmp_path / "out"
    config = (
        'slicing_specs {} slicing_specs { feature_keys: "color" } '
        'metrics_specs { metrics { class_name: "AUC" } } worst_examples { num_examples: 3 }'
    )
    ec.analyze_raw_data(frame, config, str(out))
    rows = ec.results.load_analysis_table(str(out))
    assert 3 <= len(rows) <= 3 * 4
    losses = -np.log(np.where(frame.label == 1, frame.prediction, 1 - frame.prediction))
    worst = frame.prediction[int(losses.argmax())]
    assert worst in rows["predictions"].to_pylist()
    assert "worst" in (out / "report.html").read_text().lower()


def fails_above_two(batch: Any) -> np.ndarray:
    x = np.asarray(batch["x"], dtype=float)
    if (x > 2).any():
        raise ValueError("x is out of range")
    return 1 / (1 + np.exp(-x))


@pytest.mark.slow
def test_examples_that_the_model_fails_on_are_left_out_and_limited(frame: pd.DataFrame) -> None:
    config = 'model_specs { label_key: "label" } metrics_specs { metrics { class_name: "AUC" } } '
    failing = int((frame.x > 2).sum())
    assert failing > 5
    tolerant = f"options {{ max_bad_records {{ value: {failing} }} }}"
    result = ec.evaluate(config + tolerant, frame, fails_above_two).result
    assert int(result.tables[0].examples[0]) == len(frame) - failing
    assert sum(result.run.bad_records.values()) == failing
    strict = "options { max_bad_records { value: 2 } }"
    assert "max_bad_records is 2" in problems_of(config + strict, frame, fails_above_two)
    assert "x is out of range" in problems_of(config, frame, fails_above_two)


@pytest.mark.slow
def test_damaged_records_are_counted_and_their_places_written(
    records: str, frame: pd.DataFrame, tmp_path: Path
) -> None:
    import gzip
    import shutil

    folder = tmp_path / "damaged"
    folder.mkdir()
    for part in Path(records).parent.glob("part-*.gz"):
        shutil.copy(part, folder)
    content = bytearray(gzip.decompress((folder / "part-0.gz").read_bytes()))
    content[40] ^= 0xFF
    (folder / "part-0.gz").write_bytes(gzip.compress(bytes(content)))
    config = (
        'model_specs { label_key: "label" prediction_key: "x" } '
        'metrics_specs { metrics { class_name: "ExactAUC" } } '
    )
    out = tmp_path / "out"
    tolerant = "options { max_bad_records { value: 1 } }"
    outcome = ec.evaluate(config + tolerant, str(folder / "*.gz"), None, str(out))
    assert int(outcome.tables[0].examples[0]) == len(frame) - 1
    letters = next(out.glob("bad_records-*.jsonl")).read_text().splitlines()
    assert "part-0.gz" in json.loads(letters[0])["file"]
    assert "max_bad_records is 0" in problems_of(config, str(folder / "*.gz"))
