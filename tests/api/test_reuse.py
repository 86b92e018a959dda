"""Statistics of a baseline from an earlier run: the same numbers, or a reason why not.

Most models are scikit-learn models in files: real, and quick to load.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import evaluator_component as ec
from evaluator_component.errors import ConfigError

METRICS = """
metrics_specs {
  metrics { class_name: "ExampleCount" } metrics { class_name: "WeightedExampleCount" }
  metrics { class_name: "ExactAUC" } metrics { class_name: "AUC" }
  metrics { class_name: "BinaryCrossEntropy" } metrics { class_name: "ConfusionMatrixPlot" }
  metrics { class_name: "FixedSizeSample" config: '"sampled_key": "color", "size": 5' }
}
metrics_specs { query_key: "region" example_weights { unweighted: true }
  metrics { class_name: "NDCG" config: '"gain_key": "label"' } }
"""
SLICES = 'slicing_specs {} slicing_specs { feature_keys: "color" }\n'
INTERVALS = "options { compute_confidence_intervals { value: true } }\n"
BOOTSTRAP = """options { compute_confidence_intervals { value: true }
  confidence_intervals { method: POISSON_BOOTSTRAP num_replicates { value: 30 } } }
"""
SPEC = 'label_key: "label" example_weight_key: "weight"'
ALONE = f"model_specs {{ {SPEC} }}\n"
PAIR = f"""
model_specs {{ name: "candidate" {SPEC} }}
model_specs {{ name: "baseline" is_baseline: true {SPEC} }}
"""


@pytest.fixture(scope="module")
def models(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("sklearn")
    paths = {}
    for name, rows in (("old", 40), ("new", 1000)):
        model = LogisticRegression().fit(frame[["x"]][:rows], frame.label[:rows])
        paths[name] = str(folder / f"{name}.joblib")
        joblib.dump(model, paths[name])
    return paths


@pytest.fixture(scope="module")
def data(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "rows.parquet"
    frame.to_parquet(path, index=False)
    return path


@pytest.fixture(scope="module")
def earlier(data: Path, models: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The result folder of the old model by itself, with intervals."""
    out = str(tmp_path_factory.mktemp("earlier") / "out")
    ec.evaluate(ALONE + SLICES + METRICS + INTERVALS, str(data), models["old"], out, report=False)
    return out


def run(data: Path, models: dict[str, str], config: str, reuse: str | None = None) -> Any:
    pair = {"candidate": models["new"], "baseline": models["old"]}
    return ec.evaluate(config, str(data), pair, report=False, reuse=reuse)


def told(outcome: Any) -> dict[str, Any]:
    details = json.loads((Path(outcome.output_path) / "run.json").read_text())["details"]
    return details["reuse"]  # type: ignore[no-any-return]


def assert_same(found: Any, wanted: Any) -> None:
    one, other = found.result.to_frame(), wanted.result.to_frame()
    assert list(one.columns) == list(other.columns)
    for column in ("slice", "metric", "model", "is_diff"):
        assert list(one[column]) == list(other[column])
    for column in ("value", "standard_error", "ci_low", "ci_high"):
        np.testing.assert_array_equal(one[column].astype(float), other[column].astype(float))
    for mine, theirs in zip(found.tables, wanted.tables, strict=True):
        for key, values in mine.columns.items():
            assert repr(values) == repr(theirs.columns[key]), key
        assert set(mine.plots) == set(theirs.plots)
        for key in mine.plots:
            assert repr(mine.plots[key]) == repr(theirs.plots[key])


@pytest.mark.slow
@pytest.mark.parametrize("intervals", [INTERVALS, BOOTSTRAP], ids=["jackknife", "bootstrap"])
def test_numbers_and_intervals_are_those_of_a_run_that_predicts(
    intervals: str, data: Path, models: dict[str, str], tmp_path: Path
) -> None:
    out = str(tmp_path / "earlier")
    config = SLICES + METRICS + intervals
    ec.evaluate(ALONE + config, str(data), models["old"], out, report=False)
    reused = run(data, models, PAIR + config, out)
    assert told(reused) == {"folder": out, "baseline": "baseline", "reused": True, "reason": ""}
    assert any("were reused from" in note for note in reused.notes)
    assert_same(reused, run(data, models, PAIR + config))
    diff = reused.result.to_frame()
    assert diff[diff.is_diff].ci_low.notna().any()


@pytest.mark.slow
def test_the_baseline_does_not_predict_again(
    earlier: str, data: Path, models: dict[str, str], tmp_path: Path
) -> None:
    from evaluator_component.api import prepare

    job = prepare(
        PAIR + SLICES + METRICS + INTERVALS,
        str(data),
        {"candidate": models["new"], "baseline": models["old"]},
        reuse=earlier,
    )
    predict = next(each for each in job.extractors if each.stage_name == "ExtractPredictions")
    assert [each.name for each in predict.ptransform.fn._models] == ["candidate"]


@pytest.mark.slow
def test_a_candidate_of_yesterday_is_the_baseline_of_today(
    data: Path, models: dict[str, str]
) -> None:
    config = SLICES + METRICS + INTERVALS
    yesterday = ec.evaluate(
        PAIR + config,
        str(data),
        {"candidate": models["old"], "baseline": models["new"]},
        report=False,
    )
    reused = run(data, models, PAIR + config, yesterday.output_path)
    assert told(reused)["reused"]
    again = run(data, models, PAIR + config, reused.output_path)
    assert told(again)["reused"]
    assert_same(again, reused)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda config: config.replace('feature_keys: "color"', 'feature_keys: "region"'),
            "slices",
        ),
        (lambda config: config.replace(INTERVALS, BOOTSTRAP), "resamples"),
        (
            lambda config: (
                config.replace('metrics { class_name: "AUC" }', "")
                + 'metrics_specs { metrics { class_name: "Calibration" } }'
            ),
            "did not keep what",
        ),
        (lambda config: config.replace(' example_weight_key: "weight"', ""), "model spec"),
        (lambda config: config.replace("options {", "options { non_finite: EXCLUDE"), "non_finite"),
    ],
    ids=["slices", "resamples", "metrics", "weights", "screening"],
)
def test_another_config_predicts_again_and_says_why(
    change: Any, reason: str, earlier: str, data: Path, models: dict[str, str]
) -> None:
    config = change(PAIR + SLICES + METRICS + INTERVALS)
    outcome = run(data, models, config, earlier)
    assert not told(outcome)["reused"]
    assert reason in told(outcome)["reason"]
    assert any(reason in note and "not reused" in note for note in outcome.notes)
    assert_same(outcome, run(data, models, config))


@pytest.mark.slow
def test_other_data_or_another_model_predict_again_and_say_why(
    earlier: str, data: Path, models: dict[str, str], frame: pd.DataFrame, tmp_path: Path
) -> None:
    config = PAIR + SLICES + METRICS + INTERVALS
    changed = tmp_path / "rows.parquet"
    frame.assign(x=frame.x + np.float32(0.125)).to_parquet(changed, index=False)
    outcome = run(changed, models, config, earlier)
    assert told(outcome)["reason"] == "the data are not those of the earlier run"
    swapped = {"old": models["new"], "new": models["old"]}
    outcome = run(data, swapped, config, earlier)
    assert told(outcome)["reason"] == "the earlier run did not evaluate this model"
    outcome = run(data, models, config, str(tmp_path))
    assert "no result" in told(outcome)["reason"]


@pytest.mark.slow
def test_copies_of_the_data_and_the_model_are_recognised(
    earlier: str, data: Path, models: dict[str, str], tmp_path: Path
) -> None:
    copied = tmp_path / "rows.parquet"
    copied.write_bytes(data.read_bytes())
    model = tmp_path / "another_name.joblib"
    model.write_bytes(Path(models["old"]).read_bytes())
    config = PAIR + SLICES + METRICS + INTERVALS
    assert told(run(copied, {**models, "old": str(model)}, config, earlier))["reused"]


@pytest.mark.slow
def test_metrics_that_look_at_both_models_predict_again(
    earlier: str, data: Path, models: dict[str, str]
) -> None:
    config = PAIR + SLICES + 'metrics_specs { metrics { class_name: "BooleanFlipRates" } }'
    reason = told(run(data, models, config + INTERVALS, earlier))["reason"]
    assert "compares predictions of each example" in reason


@pytest.mark.slow
def test_an_eval_model_with_its_own_labels_and_metrics(
    records: str, eval_models: dict[str, str]
) -> None:
    config = 'slicing_specs {} slicing_specs { feature_keys: "color" }\n' + INTERVALS
    pair = 'model_specs { name: "candidate" } model_specs { name: "baseline" is_baseline: true }\n'
    earlier = ec.evaluate(config, records, eval_models["good"], report=False)
    both = {"candidate": eval_models["poor"], "baseline": eval_models["good"]}
    reused = ec.evaluate(pair + config, records, both, report=False, reuse=earlier.output_path)
    assert told(reused)["reason"] == ""
    assert_same(reused, ec.evaluate(pair + config, records, both, report=False))


@pytest.mark.slow
def test_statistics_are_not_stored_where_they_are_large_or_switched_off(
    data: Path, models: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SLICES + METRICS
    off = 'options { disabled_outputs { values: "statistics" } }'
    outcome = ec.evaluate(ALONE + config + off, str(data), models["old"], report=False)
    assert not list(Path(outcome.output_path).glob("statistics*"))
    assert (
        "holds no statistics"
        in told(run(data, models, PAIR + config, outcome.output_path))["reason"]
    )
    monkeypatch.setattr("evaluator_component.writers.statistics.MAX_BYTES", 100)
    outcome = ec.evaluate(ALONE + config, str(data), models["old"], report=False)
    (stored,) = Path(outcome.output_path).glob("statistics-*.npz")
    assert stored.stat().st_size < 1000
    assert "too large" in told(run(data, models, PAIR + config, outcome.output_path))["reason"]


@pytest.mark.slow
def test_the_folder_that_is_to_be_written_cannot_be_reused(
    earlier: str, data: Path, models: dict[str, str]
) -> None:
    pair = {"candidate": models["new"], "baseline": models["old"]}
    with pytest.raises(ConfigError, match="is to write"):
        ec.evaluate(PAIR + SLICES + METRICS, str(data), pair, earlier, reuse=earlier)
    assert (Path(earlier) / "run.json").exists()


@pytest.mark.slow
def test_a_damaged_file_is_no_reason_to_fail(data: Path, models: dict[str, str]) -> None:
    config = SLICES + METRICS
    outcome = ec.evaluate(ALONE + config, str(data), models["old"], report=False)
    (stored,) = Path(outcome.output_path).glob("statistics-*.npz")
    stored.write_bytes(stored.read_bytes()[:-200])
    assert "damaged" in told(run(data, models, PAIR + config, outcome.output_path))["reason"]
