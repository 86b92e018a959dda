"""TensorBoard reads what is written: scalars, PR curves, histograms, the verdict."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pytest

from evaluator_component.writers import TensorBoardWriter, write_tensorboard
from evaluator_component.writers.tfrecord import read_records

sys.path.insert(0, str(Path(__file__).parent))
import small_tables


def events(folder: Path) -> dict[str, Any]:
    """The summaries of a run by tag."""
    from tensorboard.compat.proto import event_pb2

    (file,) = folder.glob("events.out.tfevents.*")
    read = [
        event_pb2.Event.FromString(record) for record in read_records(file.read_bytes(), file.name)
    ]
    assert read[0].file_version == "brain.Event:2"
    return {value.tag: (event, value) for event in read[1:] for value in event.summary.value}


def numbers(value: Any) -> Any:
    shape = [dim.size for dim in value.tensor.tensor_shape.dim]
    return np.frombuffer(value.tensor.tensor_content, dtype="<f4").reshape(shape)


def test_numbers_become_scalars_at_the_step_of_the_model(tmp_path: Path) -> None:
    write_tensorboard(str(tmp_path), [small_tables.table()], step=7)
    assert sorted(os.listdir(tmp_path)) == [
        "carrier=UA",
        "carrier=UA_vs_Overall",
        "hour=3",
        "hour=7",
        "overall",
    ]
    event, value = events(tmp_path / "carrier=UA")["evaluation/candidate/auc_weighted_"]
    assert event.step == 7
    assert numbers(value) == np.float32(0.8)
    assert value.metadata.plugin_data.plugin_name == "scalars"
    overall = events(tmp_path / "overall")
    assert numbers(overall["evaluation/candidate/precision_macro_/0.5"][1]) == np.float32(0.2)
    assert not any(tag.endswith("loss@class_id=3") for tag in events(tmp_path / "hour=7"))


def test_plots_become_curves_and_histograms(tmp_path: Path) -> None:
    write_tensorboard(str(tmp_path), [small_tables.table()])
    overall = events(tmp_path / "overall")
    curve = overall["evaluation/candidate/confusion_matrix_plot/pr_curves"][1]
    assert curve.metadata.plugin_data.plugin_name == "pr_curves"
    assert numbers(curve).tolist() == [
        [3.0, 2.0],
        [1.0, 0.0],
        [2.0, 3.0],
        [0.0, 1.0],
        [0.75, 1.0],
        [1.0, np.float32(2 / 3)],
    ]
    histogram = overall["evaluation/candidate/calibration_plot"][1]
    assert histogram.metadata.plugin_data.plugin_name == "histograms"
    assert numbers(histogram)[:, 2].sum() == 6.0


def test_only_the_largest_slices_are_written(tmp_path: Path) -> None:
    write_tensorboard(str(tmp_path), [small_tables.table("eval")], max_slices=2)
    assert sorted(os.listdir(tmp_path)) == ["eval.carrier=UA_vs_Overall", "eval.overall"]


def test_the_writer_joins_metrics_plots_and_verdict(tmp_path: Path) -> None:
    import dataclasses

    whole = small_tables.table()
    with beam.Pipeline(argv=["--runner=FnApiRunner"]) as on:
        given = {
            "metrics": on | "M" >> beam.Create([dataclasses.replace(whole, plots={})]),
            "plots": on | "P" >> beam.Create([dataclasses.replace(whole, columns={})]),
            "validations": on | "V" >> beam.Create([small_tables.verdict()]),
        }
        writer = TensorBoardWriter(str(tmp_path), step=3)
        given | writer.stage_name >> writer.ptransform
    overall = events(tmp_path / "overall")
    assert "evaluation/candidate/confusion_matrix_plot/pr_curves" in overall
    assert b"NOT BLESSED" in overall["verdict"][1].tensor.string_val[0]


@pytest.mark.slow
def test_tensorboard_finds_the_data(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing import event_accumulator

    write_tensorboard(str(tmp_path), [small_tables.table()], step=5)
    read = event_accumulator.EventAccumulator(str(tmp_path / "overall"))
    read.Reload()
    (event,) = read.Tensors("evaluation/candidate/auc_weighted_")
    assert event.step == 5
    assert read.PluginTagToContent("pr_curves")
    assert read.PluginTagToContent("histograms")
