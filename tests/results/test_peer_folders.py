"""Folders change hands: TensorFlow Model Analysis opens ours, and we open its.

One test process imports it once, which takes a while.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluator_component.keys import MetricKey
from evaluator_component.results import (
    auto_pivot,
    load_eval_result,
    load_metrics,
    load_verdict,
    metrics_as_dataframes,
    plots_as_dataframes,
)
from evaluator_component.results.records import load_plots
from evaluator_component.writers.store import write_results

sys.path.insert(0, str(Path(__file__).parent.parent / "writers"))
import small_tables
from small_tables import PAIR, SEVEN, TINY, UA

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tfma() -> Any:
    importlib.import_module("tfx.components")  # gives TFMA back the names that its release lost
    return importlib.import_module("tensorflow_model_analysis")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("ours"))
    write_results(
        path,
        [small_tables.table()],
        eval_config=small_tables.config(),
        verdict=small_tables.verdict(),
        data_location="data/eval-*",
        file_format="tfrecords",
    )
    return path


# -------------------------------------------------------------------------------------------------
# Ours, read by the peer


def test_the_peer_opens_our_folder(tfma: Any, ours: str) -> None:
    read = tfma.load_eval_result(ours, model_name="candidate")
    mine = load_eval_result(ours)
    assert read.data_location == "data/eval-*"
    assert read.file_format == "tfrecords"
    assert [spec.name for spec in read.config.model_specs] == ["candidate", "baseline"]
    assert (
        read.config.metrics_specs[0].metrics[0].threshold.value_threshold.lower_bound.value == 0.85
    )
    # The slice without metrics has no model; the peer leaves it out.
    assert read.get_slice_names() == [(), UA, SEVEN, (PAIR.baseline, PAIR.comparison)]
    theirs = dict(read.slicing_metrics)
    for slice_key, metrics in mine.slicing_metrics:
        if slice_key == TINY:
            continue
        found = theirs[slice_key]
        assert found["tip"] == metrics["tip"]
        for name, value in metrics[""][""].items():
            # Of two metrics of one name the peer keeps the last.
            if name not in ("auc", "auc_unweighted", "macro_average_precision"):
                assert found[""][""][name] == value, (slice_key, name)


def test_the_peer_finds_our_plots(tfma: Any, ours: str) -> None:
    read = tfma.load_eval_result(ours, model_name="candidate")
    protos = list(tfma.load_plots(ours))
    assert len(protos) == 2
    data = protos[0].plot_keys_and_values[0].value
    assert len(data.confusion_matrix_at_thresholds.matrices) == 2
    assert len(data.calibration_histogram_buckets.buckets) == 4
    mine = dict(load_eval_result(ours).plots)
    theirs = dict(read.plots)
    assert theirs[UA][""][""] == mine[UA][""][""]


def test_the_peer_finds_our_attributions(tfma: Any, ours: str) -> None:
    read = tfma.load_eval_result(ours, model_name="candidate")
    mine = load_eval_result(ours)
    assert read.get_attributions_for_slice() == mine.get_attributions_for_slice()


def test_the_peer_finds_our_verdict(tfma: Any, ours: str) -> None:
    read = tfma.load_validation_result(ours)
    assert not read.validation_ok
    (of_slice,) = read.metric_validations_per_slice
    assert of_slice.failures[0].metric_key.name == "auc"
    assert of_slice.failures[0].metric_value.double_value.value == 0.8


def test_the_peer_makes_the_same_data_frames_of_our_folder(tfma: Any, ours: str) -> None:
    module = importlib.import_module("tensorflow_model_analysis.api.dataframe")
    protos, records = list(tfma.load_metrics(ours)), list(load_metrics(ours))
    _drop_arrays(protos)
    theirs, mine = module.metrics_as_dataframes(protos), metrics_as_dataframes(records)
    levels = ["metric_keys", "metric_values"]
    for name in ("double_value", "confusion_matrix_at_thresholds"):
        left, right = getattr(theirs, name), getattr(mine, name)
        left, right = left[levels].reset_index(drop=True), right[levels]
        columns = [c for c in left.columns if not left[c].isna().all()]
        pd.testing.assert_frame_equal(left[columns], right[columns], check_dtype=False)
    theirs = module.plots_as_dataframes(tfma.load_plots(ours))
    mine = plots_as_dataframes(load_plots(ours))
    for name in ("calibration_histogram_buckets", "confusion_matrix_at_thresholds"):
        left, right = getattr(theirs, name), getattr(mine, name)
        left = left[["plot_keys", "plot_data"]].reset_index(drop=True)
        pd.testing.assert_frame_equal(left, right[left.columns], check_dtype=False)


def _drop_arrays(protos: list[Any]) -> None:
    """The peer cannot make data frames of arrays: TypeError, 'int' object is not iterable."""
    for proto in protos:
        kept = [
            entry for entry in proto.metric_keys_and_values if not entry.value.array_value.shape
        ]
        del proto.metric_keys_and_values[:]
        proto.metric_keys_and_values.extend(kept)


# -------------------------------------------------------------------------------------------------
# The peer's, read by us

ROWS = 40
CONFIG = """
    model_specs { label_key: "label" prediction_key: "prediction" example_weight_key: "weight" }
    slicing_specs {}
    slicing_specs { feature_keys: ["carrier"] }
    slicing_specs { feature_keys: ["distance"] }
    cross_slicing_specs {
      baseline_spec {}
      slicing_specs { feature_keys: ["carrier"] }
    }
    metrics_specs {
      example_weights { weighted: true unweighted: true }
      metrics { class_name: "ExampleCount" }
      metrics { class_name: "WeightedExampleCount" }
      metrics {
        class_name: "BinaryAccuracy"
        threshold { value_threshold { lower_bound { value: 0.99 } } }
      }
      metrics { class_name: "Precision" config: '"thresholds": [0.25, 0.5]' }
      metrics { class_name: "ConfusionMatrixAtThresholds" config: '"thresholds": [0.25, 0.5]' }
      metrics { class_name: "ConfusionMatrixPlot" config: '"num_thresholds": 4' }
      metrics { class_name: "CalibrationPlot" config: '"num_buckets": 4' }
    }
    options { compute_confidence_intervals { value: true } }
"""


def data() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "label": rng.integers(0, 2, ROWS).astype(float),
            "prediction": rng.random(ROWS),
            "weight": rng.integers(1, 4, ROWS).astype(float),
            "carrier": rng.choice(["UA", "AA"], ROWS),
            "distance": rng.choice([0.1, 2.5], ROWS),
        }
    )


@pytest.fixture(scope="module", params=["tfrecord", "parquet"])
def theirs(request: Any, tfma: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    import tensorflow as tf
    from google.protobuf import text_format
    from tensorflow_model_analysis.proto import config_pb2

    path = str(tmp_path_factory.mktemp(request.param))
    config = text_format.Parse(CONFIG, config_pb2.EvalConfig())
    writers = tfma.default_writers(path, eval_config=config, output_file_format=request.param)
    # Having written Parquet, it tries to load TFRecords.
    with contextlib.suppress(tf.errors.DataLossError):
        tfma.analyze_raw_data(data(), config, output_path=path, writers=writers)
    return path


def test_we_open_the_folder_of_the_peer(tfma: Any, theirs: str) -> None:
    result = load_eval_result(theirs)
    (table,) = result.tables
    frame = data()
    assert result.run is None
    assert table.examples[table.row_of[()]] == ROWS
    assert table.weights[table.row_of[()]] == frame["weight"].sum()
    united = frame[frame["carrier"] == "UA"]
    assert table.examples[table.row_of[UA]] == len(united)
    # Ours are 64-bit floats again, though the file has 32 bits of them.
    assert (("distance", 0.1),) in table.row_of
    right = (united["prediction"] > 0.5) == (united["label"] > 0.5)
    weighted = MetricKey("binary_accuracy", example_weighted=True)
    assert table.value(weighted, UA) == pytest.approx(np.average(right, weights=united["weight"]))
    unweighted = MetricKey("binary_accuracy", example_weighted=False)
    assert table.value(unweighted, UA) == pytest.approx(right.mean())
    column = table.columns[weighted]
    row = table.row_of[()]
    assert column.lower[row] < column.value[row] < column.upper[row]
    assert column.degrees_of_freedom[row] == 19
    vector = table.value(MetricKey("precision", example_weighted=True))
    assert vector.shape == (2,)
    pairs = [key for key in table.slices if dataclasses.is_dataclass(key)]
    assert len(pairs) == 2


def test_we_find_the_plots_of_the_peer(theirs: str) -> None:
    result = load_eval_result(theirs)
    names = {key.name for key in result.tables[0].plots}
    assert names == {"confusion_matrix_plot", "calibration_plot"}
    frame = result.plots_frame("confusion_matrices", slices=[()])
    totals = frame[["true_positives", "false_positives", "true_negatives", "false_negatives"]]
    weighted = frame["weighted"].astype(bool)
    assert np.allclose(totals[weighted].sum(axis=1), data()["weight"].sum())
    assert np.allclose(totals[~weighted].sum(axis=1), ROWS)
    buckets = result.plots_frame("calibration", slices=[()])
    assert buckets["weight"].sum() == data()["weight"].sum() + ROWS


def test_we_find_the_verdict_of_the_peer(theirs: str) -> None:
    verdict = load_verdict(theirs)
    assert verdict.status == "NOT_BLESSED"
    assert {each.metric_key.name for each in verdict.decisions} == {"binary_accuracy"}
    assert {each.bound for each in verdict.decisions} == {0.99}
    frame = load_eval_result(theirs).to_frame()
    judged = frame[frame["decision"] == "FAILED"]
    assert set(judged["metric"]) == {"binary_accuracy"}
    assert set(judged["threshold"]) == {">= 0.99"}


def test_our_nested_dicts_are_those_of_the_peer(tfma: Any, theirs: str) -> None:
    file_format = "parquet" if "parquet" in Path(theirs).name else "tfrecord"
    read = tfma.load_eval_result(theirs, output_file_format=file_format)
    mine = load_eval_result(theirs)
    assert set(read.get_slice_names()) == {
        tuple(tuple(pair) for pair in key) for key in _as_float32(mine.get_slice_names())
    }
    theirs_overall, mine_overall = dict(read.slicing_metrics)[()], dict(mine.slicing_metrics)[()]
    assert theirs_overall.keys() == mine_overall.keys()
    for name, value in theirs_overall[""][""].items():
        # Of a metric both weighted and not, the peer keeps one.
        found = (mine_overall[""][""].get(key) for key in (name, f"{name}_unweighted"))
        assert any(near(value, mine) for mine in found), name
    # The peer takes pairs of slices for the overall slice, and finds no plots there.
    (overall,) = [plots for key, plots in read.plots if key == () and plots]
    plots, my_plots = overall[""][""], dict(mine.plots)[()][""][""]
    for kind, plot in plots.items():
        assert near(plot, my_plots[kind]) or near(plot, my_plots["default"][kind])


def near(left: Any, right: Any) -> bool:
    """Whether nested values are equal up to rounding."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(near(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(near, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return left == pytest.approx(right, rel=1e-12)
    return bool(left == right)


def _as_float32(names: Any) -> Any:
    """Slice values as the peer has them: floats of 32 bits."""
    for name in names:
        yield tuple(_value_as_float32(part) for part in name)


def _value_as_float32(part: Any) -> Any:
    if part and isinstance(part[-1], float):
        return (part[0], float(np.float32(part[1])))
    return part


def test_a_pivot_is_that_of_the_peer(tfma: Any, theirs: str) -> None:
    file_format = "parquet" if "parquet" in Path(theirs).name else "tfrecord"
    protos = list(tfma.load_metrics(theirs, file_format))
    protos = [proto for proto in protos if not proto.HasField("cross_slice_key")]
    _drop_arrays(protos)
    module = importlib.import_module("tensorflow_model_analysis.api.dataframe")
    left = module.auto_pivot(module.metrics_as_dataframes(protos).double_value)
    from evaluator_component.protos import metrics_for_slice_pb2 as pb

    records = [pb.MetricsForSlice.FromString(proto.SerializeToString()) for proto in protos]
    right = auto_pivot(metrics_as_dataframes(records).double_value)
    assert len(left) == len(right)
    assert set(left.columns) == set(right.columns)  # in whatever order
    overall = left.index.str.startswith("Overall").argmax()
    pd.testing.assert_series_equal(
        left.iloc[overall],
        right.loc["Overall:"][left.columns],
        check_names=False,
        check_dtype=False,
    )
