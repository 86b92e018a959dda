"""Loading folders: what a result offers, and what is said of a folder that is none."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluator_component.errors import ResultError
from evaluator_component.keys import MetricKey, SubKey
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.results import (
    DATA_CENTRIC_MODE,
    MODEL_CENTRIC_MODE,
    EvalResult,
    history_frame,
    load_attributions,
    load_eval_result,
    load_eval_results,
    load_metrics,
    load_plots,
    load_verdict,
    make_eval_results,
)
from evaluator_component.writers import RunInfo, write_results
from evaluator_component.writers.folder import Folder

sys.path.insert(0, str(Path(__file__).parent.parent / "writers"))
import small_tables
from small_tables import PAIR, SEVEN, TINY, UA


@pytest.fixture
def result(tmp_path: Path) -> EvalResult:
    path = tmp_path / "nightly"
    write_results(
        str(path),
        [small_tables.table()],
        eval_config=small_tables.config(),
        verdict=small_tables.verdict(),
        info=RunInfo.create(
            small_tables.config(),
            models={"candidate": "/models/2", "baseline": "/models/1"},
            rows_read={"": 100},
        ),
        data_location="data/eval-*",
        file_format="parquet",
    )
    return load_eval_result(path)


# -------------------------------------------------------------------------------------------------
# What a result offers


def test_it_tells_what_it_is_about(result: EvalResult) -> None:
    assert result.name == "nightly"
    assert result.data_location == "data/eval-*"
    assert result.file_format == "parquet"
    assert result.model_names == ["candidate", "baseline"]
    assert result.selected_model == "candidate"
    assert result.model_location in ("/models/1", "/models/2")
    assert result.for_model("baseline").model_location == "/models/1"
    assert result.config == small_tables.config()
    assert result.run is not None
    assert result.run.rows_read == {"": 100}
    assert result.verdict == small_tables.verdict()
    assert "slices=5, metrics=8, verdict=NOT_BLESSED" in repr(result)


def test_overall_is_a_series_by_metric(result: EvalResult) -> None:
    overall = result.overall
    assert isinstance(overall, pd.Series)
    assert overall["candidate/auc (weighted)"] == 0.9
    assert overall["candidate/auc"] == 0.91
    assert overall["candidate/precision[macro][0.5]"] == 0.2
    assert overall["example_count"] == 100


def test_by_slice_is_a_frame_with_a_row_per_slice(result: EvalResult) -> None:
    frame = result.by_slice
    assert list(frame.index) == [
        "Overall",
        "carrier=UA",
        "hour=3",
        "hour=7",
        "carrier=UA vs Overall",
    ]
    assert frame["examples"].tolist() == [100, 60, 2, 40, 100]
    worst = frame.sort_values("candidate/auc (weighted)").index[1]
    assert worst == "hour=7"


def test_names_leave_out_the_only_model() -> None:
    columns = {MetricKey("auc", "m"): Column(np.array([0.5]))}
    table = MetricsTable(((),), np.array([1]), np.array([1.0]), columns)
    assert list(EvalResult([table]).overall.index) == ["auc"]


def test_several_datasets_have_an_index_of_their_own(tmp_path: Path) -> None:
    write_results(str(tmp_path), [small_tables.table("golden"), small_tables.table("eval")])
    result = load_eval_result(tmp_path)
    assert result.datasets == ["eval", "golden"]
    assert result.by_slice.loc[("golden", "carrier=UA"), "examples"] == 60
    assert result.overall["eval", "example_count"] == 100
    assert set(result.to_frame()["dataset"]) == {"eval", "golden"}
    assert result.for_dataset("golden").datasets == ["golden"]
    with pytest.raises(ResultError, match=r"no dataset 'gold' .*did you mean 'golden'"):
        result.for_dataset("gold")


def test_the_tidy_frame_is_that_of_the_file(result: EvalResult) -> None:
    frame = result.to_frame()
    stored = pd.read_parquet(Path(result.path) / "metrics.parquet")
    assert list(frame.columns) == list(stored.columns)
    pd.testing.assert_frame_equal(
        frame.astype(object).where(frame.notna(), None),
        stored.astype(object).where(stored.notna(), None),
        check_dtype=False,
    )
    assert frame["class_id"].dtype == "Int64"


def test_plots_are_frames(result: EvalResult) -> None:
    frame = result.plots_frame("confusion_matrices")
    assert len(frame) == 4
    assert set(frame["slice"]) == {"Overall", "carrier=UA"}
    assert frame["threshold"].tolist() == [0.25, 0.5, 0.25, 0.5]
    assert len(result.plots_frame("confusion_matrices", slices=[UA])) == 2
    assert list(result.plots_frame("residuals")["lower"]) == [0.0, 1.0]
    with pytest.raises(ResultError, match="did you mean 'calibration'"):
        result.plots_frame("calibrations")
    with pytest.raises(ResultError, match="say which kind"):
        result.plots_frame()


def test_a_result_without_metrics_is_no_error(tmp_path: Path) -> None:
    write_results(str(tmp_path), [])
    result = load_eval_result(tmp_path)
    assert list(result.tables) == []
    assert len(result.to_frame()) == len(result.by_slice) == len(result.overall) == 0
    assert result.slicing_metrics == result.plots == result.attributions == []
    assert result.model_names == []


def test_a_model_is_selected_by_name(result: EvalResult) -> None:
    baseline = load_eval_result(result.path, model_name="baseline")
    assert baseline.get_metrics_for_slice(())["auc"] == {"doubleValue": 0.89}
    with pytest.raises(ResultError, match=r"no model 'candidat' .*did you mean 'candidate'"):
        load_eval_result(result.path, model_name="candidat")


def test_several_candidates_must_be_told_apart() -> None:
    columns = {MetricKey("auc", name): Column(np.array([0.5])) for name in ("a", "b")}
    result = EvalResult([MetricsTable(((),), np.array([1]), np.array([1.0]), columns)])
    with pytest.raises(ResultError, match=r"several models \['a', 'b'\].*model_name"):
        _ = result.slicing_metrics
    columns[MetricKey("auc", "b", is_diff=True)] = Column(np.array([0.0]))
    assert EvalResult(result.tables).slicing_metrics  # b is the candidate


def test_a_notebook_shows_the_report(result: EvalResult) -> None:
    page = result._repr_html_()
    assert page.lstrip().startswith("<")
    assert "carrier=UA" in page or "nightly" in page


# -------------------------------------------------------------------------------------------------
# The nested dicts of TensorFlow Model Analysis


def test_metrics_are_nested_by_output_and_class(result: EvalResult) -> None:
    metrics = dict(result.slicing_metrics)
    assert metrics[UA]["tip"] == {"classId:3": {"loss": {"doubleValue": "Infinity"}}}
    assert metrics[SEVEN]["tip"]["classId:3"]["loss"] == {"doubleValue": "NaN"}
    assert metrics[()][""][""]["macro_average_precision"] == {
        "arrayValue": {"dataType": "FLOAT64", "shape": [2], "float64Values": [0.1, 0.2]}
    }
    assert (PAIR.baseline, PAIR.comparison) in metrics


def test_weighted_and_unweighted_metrics_have_names_of_their_own(result: EvalResult) -> None:
    overall = result.get_metrics_for_slice()
    assert overall["auc"] == {
        "boundedValue": {"lowerBound": 0.88, "upperBound": 0.92, "value": 0.9}
    }
    assert overall["auc_unweighted"] == {"doubleValue": 0.91}
    assert overall["auc_diff"] == {"doubleValue": 0.01}
    assert overall["example_count"] == {"doubleValue": 100.0}
    matrices = overall["matrix"]["confusionMatrixAtThresholds"]["matrices"]
    assert matrices[0]["truePositives"] == 3.0


def test_a_slice_that_is_too_small_tells_why(result: EvalResult) -> None:
    found = dict(result.slicing_metrics)[TINY][""][""]
    assert found["__ERROR__"]["debugMessage"].startswith("2 examples")


def test_slices_and_metrics_can_be_listed(result: EvalResult) -> None:
    assert result.get_slice_names()[:2] == [(), UA]
    assert "auc_diff" in result.get_metric_names()
    assert result.get_metrics_for_slice((("carrier", "DL"),)) is None
    assert result.get_metrics_for_slice(UA, output_name="tip", class_id=3) == {
        "loss": {"doubleValue": "Infinity"}
    }
    assert result.get_metrics_for_all_slices()[UA]["auc_unweighted"] == {"doubleValue": 0.81}
    with pytest.raises(ResultError, match=r"no results for output 'tips' .*did you mean 'tip'"):
        result.get_metrics_for_slice((), output_name="tips")
    with pytest.raises(ResultError, match="no results for 'k:1'"):
        result.get_metrics_for_slice((), k=1)


def test_plots_of_one_model_and_output_stand_together(result: EvalResult) -> None:
    plots = dict(result.plots)
    found = plots[()][""][""]
    assert len(found["confusionMatrixAtThresholds"]["matrices"]) == 2
    assert found["calibrationHistogramBuckets"]["buckets"][1]["numWeightedExamples"] == 4.0
    assert found["table"]["columns"][0]["name"] == "lower"
    assert list(plots) == [(), UA]


def test_plots_of_one_kind_do_not_hide_each_other() -> None:
    from evaluator_component.keys import PlotKey

    plots = {
        PlotKey(name): small_tables.objects(small_tables.matrix())
        for name in ("confusion_matrix_plot", "another")
    }
    table = MetricsTable(((),), np.array([1]), np.array([1.0]), plots=plots)
    (sliced,) = EvalResult([table]).plots
    assert set(sliced.plot[""][""]) >= {"confusionMatrixAtThresholds", "another"}


def test_attributions_are_nested_by_feature(result: EvalResult) -> None:
    expected = {"hour": {"doubleValue": 0.5}, "carrier": {"doubleValue": -1.5}}
    assert result.get_attributions_for_slice() == expected
    assert result.get_attributions_for_slice((), "total_attributions") == expected
    assert result.get_attributions_for_all_slices() == {(): expected}
    assert result.get_attributions_for_slice((("carrier", "DL"),)) is None
    with pytest.raises(ResultError, match="did you mean 'total_attributions'"):
        result.get_attributions_for_slice((), "total_attribution")


def test_protos_can_be_loaded(result: EvalResult) -> None:
    metrics = list(load_metrics(result.path))
    assert [len(record.metric_keys_and_values) for record in metrics] == [8, 7, 0, 7, 7]
    assert len(list(load_plots(result.path))) == 2
    assert len(list(load_attributions(result.path))) == 1
    one_file = os.path.join(result.path, "metrics-00000-of-00001.tfrecord")
    read = [record.SerializeToString() for record in load_metrics(one_file)]
    assert read == [record.SerializeToString() for record in metrics]


def test_several_results_are_one_per_model_and_folder(result: EvalResult) -> None:
    results = load_eval_results([result.path, result.path])
    assert [each.model_name for each in results] == ["candidate", "baseline"] * 2
    assert results.get_mode() == MODEL_CENTRIC_MODE
    chosen = load_eval_results(result.path, mode=DATA_CENTRIC_MODE, model_name="baseline")
    assert len(chosen) == len(chosen.get_results()) == 1
    assert len(chosen.to_frame()) == len(result.to_frame())
    assert make_eval_results([result], DATA_CENTRIC_MODE).get_mode() == DATA_CENTRIC_MODE
    with pytest.raises(ResultError, match="did you mean 'data_centric_mode'"):
        make_eval_results([], "data_centric")


# -------------------------------------------------------------------------------------------------
# Folders that cannot be loaded: one clear line


def message(path: Any) -> str:
    with pytest.raises(ResultError) as caught:
        load_eval_result(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_no_folder(tmp_path: Path) -> None:
    assert message(tmp_path / "nowhere").endswith("nowhere: there is no such result folder")


def test_empty_folder(tmp_path: Path) -> None:
    assert "empty, no evaluation has been written here" in message(tmp_path)


def test_half_written_folder(tmp_path: Path) -> None:
    write_results(str(tmp_path), [small_tables.table()])
    os.remove(tmp_path / "run.json")
    assert "half-written (run.json is missing)" in message(tmp_path)
    os.remove(tmp_path / "eval_config.json")
    assert "half-written (run.json is missing)" in message(tmp_path)


def test_folder_in_which_the_first_file_is_being_written(tmp_path: Path) -> None:
    (tmp_path / ".metrics.parquet.0123.tmp").write_bytes(b"")
    assert "half-written (run.json is missing)" in message(tmp_path)


def test_folder_with_missing_shards(tmp_path: Path) -> None:
    write_results(str(tmp_path), [small_tables.table()])
    old = tmp_path / "metrics-00000-of-00001.tfrecord"
    old.rename(tmp_path / "metrics-00000-of-00003.tfrecord")
    assert "half-written: 1 of 3 shards of metrics are there" in message(tmp_path)


def test_folder_of_a_later_version(tmp_path: Path) -> None:
    write_results(str(tmp_path), [small_tables.table()])
    content = json.loads((tmp_path / "run.json").read_text())
    content |= {"schema_version": 99, "package_version": "9.0"}
    (tmp_path / "run.json").write_text(json.dumps(content))
    assert "results of version 99, written by evaluator_component 9.0" in message(tmp_path)


def test_folder_that_is_no_result(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_text("")
    (tmp_path / "variables").mkdir()
    text = message(tmp_path)
    assert "no result folder (it has no run.json; found 'saved_model.pb', 'variables/')" in text


def test_folder_above_the_result(tmp_path: Path) -> None:
    write_results(str(tmp_path / "evaluation"), [])
    assert "no result folder (did you mean its subfolder 'evaluation'?)" in message(tmp_path)


def test_folder_without_the_records(tmp_path: Path) -> None:
    write_results(str(tmp_path), [small_tables.table()], formats=("csv",))
    assert "written without the format 'tfrecord'" in message(tmp_path)


def test_damaged_files(tmp_path: Path) -> None:
    write_results(str(tmp_path), [small_tables.table()], verdict=small_tables.verdict())
    records = tmp_path / "metrics-00000-of-00001.tfrecord"
    content = records.read_bytes()
    records.write_bytes(content[: len(content) // 2])
    assert "metrics-00000-of-00001.tfrecord: ends in the middle" in message(tmp_path)
    records.write_bytes(content)
    (tmp_path / "eval_config.json").write_text("{")
    assert "eval_config.json: not the config of an evaluation" in message(tmp_path)


def test_unknown_format(tmp_path: Path) -> None:
    write_results(str(tmp_path), [])
    with pytest.raises(ResultError, match="unknown output_file_format 'csv'"):
        load_eval_result(tmp_path, output_file_format="csv")


def test_verdict_of_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="no such result folder"):
        load_verdict(tmp_path / "nowhere")


def test_loading_needs_neither_beam_nor_tensorflow_nor_pandas(tmp_path: Path) -> None:
    import subprocess

    write_results(str(tmp_path), [small_tables.table()], verdict=small_tables.verdict())
    heavy = ("apache_beam", "tensorflow", "pandas", "tfx", "rich")
    program = (
        "import sys; from evaluator_component.results import load_eval_result\n"
        f"r = load_eval_result({str(tmp_path)!r}); list(r.tables[0].plots); r.verdict\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_folders_behind_a_file_system_of_beam_work_too() -> None:
    """Beam has a file system in memory for none of this, so a made-up one keeps files in a dict."""
    from apache_beam.io.filesystem import BeamIOError, FileMetadata, FileSystem
    from apache_beam.io.filesystems import FileSystems

    files: dict[str, bytes] = {}

    class Memory(FileSystem):
        @classmethod
        def scheme(cls) -> str:
            return "dict"

        def join(self, basepath: str, *paths: str) -> str:
            return "/".join((basepath.rstrip("/"), *paths))

        def split(self, path: str) -> tuple[str, str]:
            head, _, tail = path.rpartition("/")
            return head, tail

        def mkdirs(self, path: str) -> None: ...

        def has_dirs(self) -> bool:
            return False

        def _list(self, dir_or_prefix: str) -> Any:
            for path, content in files.items():
                if path.startswith(dir_or_prefix):
                    yield FileMetadata(path, len(content))

        def create(self, path: str, mime_type: str = "", compression_type: str = "") -> Any:
            import io

            class Stream(io.BytesIO):
                def close(self) -> None:
                    files[path] = self.getvalue()
                    super().close()

            return Stream()

        def open(self, path: str, mime_type: str = "", compression_type: str = "") -> Any:
            import io

            if path not in files:
                raise BeamIOError(f"no file {path}")
            return io.BytesIO(files[path])

        def copy(self, source_file_names: Any, destination_file_names: Any) -> None: ...

        def rename(self, source_file_names: Any, destination_file_names: Any) -> None:
            for old, new in zip(source_file_names, destination_file_names, strict=True):
                assert new not in files
                files[new] = files.pop(old)

        def exists(self, path: str) -> bool:
            return path in files

        def size(self, path: str) -> int:
            return len(files[path])

        def last_updated(self, path: str) -> float:
            return 0.0

        def checksum(self, path: str) -> str:
            return ""

        def metadata(self, path: str) -> Any:
            return FileMetadata(path, len(files[path]))

        def delete(self, paths: Any) -> None:
            for path in paths:
                del files[path]

    assert FileSystems.get_filesystem("dict://a") is not None
    for _ in range(2):  # the second time over the files of the first
        write_results("dict://bucket/run", [small_tables.table()], verdict=small_tables.verdict())
    assert not [path for path in files if path.endswith(".tmp")]
    assert Folder("dict://bucket/run").names()[0].startswith("attributions")
    result = load_eval_result("dict://bucket/run")
    assert result.name == "run"
    assert result.by_slice.loc["carrier=UA", "examples"] == 60
    with pytest.raises(ResultError, match="no such result folder"):
        load_eval_result("dict://bucket/nothing")
    with pytest.raises(ResultError, match="cannot read 'dict://bucket/run/x'"):
        Folder("dict://bucket/run").read("x")


# -------------------------------------------------------------------------------------------------
# Comparison and history


def series(tmp_path: Path, name: str, **values: list[float]) -> EvalResult:
    errors = np.array([0.01, 0.01, 0.01])
    columns = {
        MetricKey(metric, "m" + name): Column(
            np.array(found),
            standard_error=errors if metric == "auc" else None,
            lower=np.array(found) - 0.02 if metric == "auc" else None,
            upper=np.array(found) + 0.02 if metric == "auc" else None,
            confidence_level=0.95 if metric == "auc" else None,
            direction={"loss": -1, "auc": 1}.get(metric, 0),
        )
        for metric, found in values.items()
    }
    table = MetricsTable(((), UA, SEVEN), np.array([30, 20, 10]), np.ones(3), columns)
    info = RunInfo(name=name, started=f"2024-05-0{len(name)}T00:00:00+00:00")
    write_results(str(tmp_path / name), [table], info=info)
    return load_eval_result(tmp_path / name)


def test_two_runs_are_compared_number_by_number(tmp_path: Path) -> None:
    nan = float("nan")
    before = series(tmp_path, "a", auc=[0.8, 0.8, 0.8], loss=[0.5, 0.5, nan], size=[1, 1, 1])
    after = series(tmp_path, "bb", auc=[0.9, 0.81, 0.7], loss=[0.4, 0.5, 1.0], bias=[1, 2, 3])
    frame = after.compare(before)
    changes = {(row["metric"], row["slice"]): row["change"] for row in frame.to_dict("records")}
    assert changes == {
        ("auc", "Overall"): "better",
        ("auc", "carrier=UA"): "unsure",
        ("auc", "hour=7"): "worse",
        ("loss", "Overall"): "better",
        ("loss", "carrier=UA"): "same",
        ("loss", "hour=7"): "",
        ("bias", "Overall"): "new",
        ("bias", "carrier=UA"): "new",
        ("bias", "hour=7"): "new",
        ("size", "Overall"): "gone",
        ("size", "carrier=UA"): "gone",
        ("size", "hour=7"): "gone",
    }
    row = frame[(frame.metric == "auc") & (frame.slice == "hour=7")].iloc[0]
    assert row["difference"] == pytest.approx(-0.1)
    assert row["relative"] == pytest.approx(-0.125)
    assert row["standard_error"] == pytest.approx(0.01 * 2**0.5)
    assert row["ci_high"] == pytest.approx(-0.1 + 1.959964 * 0.01 * 2**0.5)
    assert (row["n_before"], row["n_after"]) == (10, 10)


def test_vectors_classes_and_weightings_are_compared_with_their_like(result: EvalResult) -> None:
    frame = result.compare(result)
    assert set(frame["change"]) <= {"same", ""}
    assert frame.duplicated(["slice", "metric", "class_id", "weighted", "entry"]).sum() == 0
    assert set(frame["metric"]) == {"auc", "loss", "precision", "example_count"}
    assert frame.loc[frame.metric == "loss", "class_id"].unique().tolist() == [3]


def test_history_is_a_row_per_run(tmp_path: Path) -> None:
    later = series(tmp_path, "bb", auc=[0.9, 0.8, 0.7])
    earlier = series(tmp_path, "a", auc=[0.8, 0.7, 0.6], loss=[1.0, 2.0, 3.0])
    frame = history_frame([later, earlier], UA)
    assert frame["run"].tolist() == ["a", "bb"]
    assert frame["auc"].tolist() == [0.7, 0.8]
    assert np.isnan(frame["loss"].iloc[1])
    assert np.isnan(history_frame([later], TINY)["examples"].iloc[0])
    assert len(history_frame([])) == 0


def test_sub_keys_have_the_text_of_the_peer() -> None:
    from evaluator_component.results.nested import sub_key_text

    assert sub_key_text(SubKey(class_id=0)) == "classId:0"
    assert sub_key_text(SubKey(top_k=2)) == "topK:2"
    assert sub_key_text(SubKey(k=1)) == "k:1"
    assert sub_key_text(SubKey()) == ""
