"""Metrics and plots as data frames of keys and values."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from evaluator_component.errors import ResultError
from evaluator_component.protos import metrics_for_slice_pb2 as pb
from evaluator_component.results import auto_pivot, metrics_as_dataframes, plots_as_dataframes
from evaluator_component.writers.metric_protos import metrics_records
from evaluator_component.writers.plot_protos import plots_records
from evaluator_component.writers.store import write_results

sys.path.insert(0, str(Path(__file__).parent.parent / "writers"))
import small_tables


def test_numbers_have_a_row_each() -> None:
    frame = metrics_as_dataframes(metrics_records(small_tables.table())).double_value
    assert set(frame.columns.get_level_values(0)) == {
        "slices",
        "metric_keys",
        "metric_values",
        "confidence_interval",
    }
    assert len(frame) == 4 * 6  # the slice that is too small has none
    united = frame[(frame["slices", "carrier"] == "UA") & (frame["metric_keys", "name"] == "auc")]
    assert sorted(united["metric_values", "double_value"]) == [-0.02, 0.8, 0.81, 0.82]
    assert united["confidence_interval", "lower_bound"].dropna().tolist() == [0.76]
    pair = frame[frame["slices", "baseline_slice"] == "carrier=UA"]
    assert set(pair["slices", "comparison_slice"]) == {"Overall"}
    assert frame["slices", "Overall"].dropna().tolist() == [""] * 6


def test_matrices_have_a_row_per_threshold_and_arrays_one_per_entry() -> None:
    frames = metrics_as_dataframes(metrics_records(small_tables.table()))
    matrices = frames.confusion_matrix_at_thresholds
    assert matrices["metric_values", "threshold"].tolist() == [0.25, 0.5]
    assert matrices["metric_values", "precision"].tolist() == [0.75, 1.0]
    arrays = frames.array_value
    assert len(arrays) == 4 * 2
    assert arrays["metric_values", "shape"].iloc[0] == (2,)
    assert frames.bytes_value is None


def test_parts_of_keys_that_are_not_set_are_left_out_or_kept() -> None:
    records = list(metrics_records(small_tables.table()))
    short = metrics_as_dataframes(records).array_value
    assert ("metric_keys", "sub_key") not in short.columns
    assert short["metric_keys", "macro_average"].all()
    full = metrics_as_dataframes(records, include_empty_columns=True).array_value
    assert full["metric_keys", "sub_key"].isna().all()


def test_every_kind_of_value_has_a_frame() -> None:
    record = pb.MetricsForSlice()
    for place in range(4):
        record.metric_keys_and_values.add().key.name = f"m{place}"
    values = [entry.value for entry in record.metric_keys_and_values]
    values[0].unknown_type.value = b"text"
    values[1].bytes_value = b"bleu"
    values[2].value_at_cutoffs.values.add(cutoff=1, value=0.5)
    values[3].bounded_value.value.value = 0.25
    frames = metrics_as_dataframes([record])
    assert frames.unknown_type["metric_values", "value"].tolist() == [b"text"]
    assert frames.bytes_value["metric_values", "bytes_value"].tolist() == [b"bleu"]
    assert frames.value_at_cutoffs["metric_values", "cutoff"].tolist() == [1]
    assert frames.bounded_value["metric_values", "value"].tolist() == [0.25]


def test_plots_have_a_row_per_point(tmp_path: Path) -> None:
    write_results(str(tmp_path), [small_tables.table()])
    for frames in (
        plots_as_dataframes(plots_records(small_tables.table())),
        plots_as_dataframes(str(tmp_path)),
    ):
        matrices = frames.confusion_matrix_at_thresholds
        assert len(matrices) == 4
        assert matrices["plot_keys", "model_name"].unique().tolist() == ["candidate"]
        buckets = frames.calibration_histogram_buckets
        assert buckets["plot_data", "num_weighted_examples"].tolist() == [0.0, 4.0, 2.0, 0.0]
        assert frames.table["plot_data", "lower"].tolist() == [0.0, 1.0]


def test_a_pivot_has_a_row_per_slice_and_a_column_per_key() -> None:
    frame = metrics_as_dataframes(metrics_records(small_tables.table())).double_value
    frame = frame[frame["metric_keys", "name"] == "auc"]
    wide = auto_pivot(frame)
    assert wide.index.name == "slices"
    assert set(wide.index) == {
        "Overall:",
        "carrier:UA",
        "hour:7.0",
        "baseline_slice:carrier=UA; comparison_slice:Overall",
    }
    assert wide.columns.nlevels == 3  # model, weighted or not, difference or not
    assert wide.loc["carrier:UA"].dropna().tolist() == [0.82, 0.81, 0.8, -0.02] or (
        sorted(wide.loc["carrier:UA"].dropna()) == [-0.02, 0.8, 0.81, 0.82]
    )
    long = auto_pivot(frame, stringify_slices=False, collapse_column_names=False)
    assert long.index.nlevels == 5
    assert long.columns.get_level_values(0).unique().tolist() == ["double_value"]


def test_a_pivot_of_one_metric_has_one_column() -> None:
    frame = metrics_as_dataframes(metrics_records(small_tables.table())).double_value
    frame = frame[frame["metric_keys", "name"] == "example_count"]
    wide = auto_pivot(frame)
    assert wide.shape == (4, 1)
    assert wide["double_value"].loc["Overall:"] == 100.0


def test_a_pivot_of_plots_keeps_their_points() -> None:
    frame = plots_as_dataframes(plots_records(small_tables.table())).confusion_matrix_at_thresholds
    wide = auto_pivot(frame)
    assert np.isclose(wide["true_positives"].tolist(), [3.0, 2.0, 3.0, 2.0]).all()


def test_another_frame_is_refused() -> None:
    frame = metrics_as_dataframes(metrics_records(small_tables.table())).double_value
    with pytest.raises(ResultError, match="not a data frame of metrics or plots"):
        auto_pivot(frame[["slices"]])
