"""The worst examples come out of the analysis table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from evaluator_component.views import Run, report_of
from evaluator_component.views.examples import row_losses, worst_examples


def analysis() -> pa.Table:
    return pa.table(
        {
            "labels": [1.0, 0.0, 1.0, 0.0],
            "predictions": [0.9, 0.8, 0.1, 0.2],
            "features.carrier": pa.array([[b"AA"], [b"UA"], [b"AA"], []], pa.list_(pa.binary())),
            "slice_keys": [["Overall", "carrier=AA"], ["Overall"], ["Overall", "carrier=AA"], []],
        }
    )


def test_the_worst_come_first_in_each_slice() -> None:
    found = worst_examples(analysis(), per_slice=2)
    assert [(e["slice"], e["prediction"]) for e in found] == [
        ("Overall", 0.1),
        ("Overall", 0.8),
        ("carrier=AA", 0.1),
        ("carrier=AA", 0.9),
    ]
    assert found[0]["features"] == {"carrier": "AA"}
    assert found[0]["loss"] == pytest.approx(-np.log(0.1))


def test_without_slice_keys_all_rows_are_one_slice() -> None:
    found = worst_examples(analysis().drop(["slice_keys"]), per_slice=1)
    assert [(e["slice"], e["label"]) for e in found] == [("Overall", 1.0)]


def test_losses_fit_the_kind_of_model() -> None:
    assert row_losses([3.0, 1.0], [2.0, 5.0]).tolist() == [1.0, 4.0]
    classes = row_losses([0, 1], [[0.5, 0.5], [0.9, 0.1]])
    np.testing.assert_allclose(classes, -np.log([0.5, 0.1]))
    assert np.isnan(row_losses([None, "x"], [0.5, 0.5])).all()
    assert row_losses([1], [0.0])[0] < 40


def test_a_table_without_labels_gives_no_examples() -> None:
    assert worst_examples(pa.table({"predictions": [0.5]})) == []


def test_examples_are_shown_only_when_asked_for(flights: Run) -> None:
    bare = Run(flights.tables)
    assert "examples" not in report_of(bare).payload["tabs"]
    shown = report_of(bare, examples=worst_examples(analysis())).payload
    assert "examples" in shown["tabs"]
    assert shown["examples"]["columns"] == ["label", "prediction", "loss", "carrier"]
