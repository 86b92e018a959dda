"""Small evaluations that every engine must get right, and the numbers they come to.

Each case goes through a part of the graph that engines differ in: several datasets and sinks,
states that meet in a combiner, rows that meet by query, models loaded by workers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["CASES", "Case", "assert_same", "write_files"]

ROWS, FILES = 3000, 6

_BINARY = """
metrics_specs {
  metrics { class_name: "ExampleCount" } metrics { class_name: "AUC" }
  metrics { class_name: "Precision" } metrics { class_name: "BinaryCrossEntropy" }
  metrics { class_name: "ConfusionMatrixPlot" }
}
slicing_specs {} slicing_specs { feature_keys: "color" }
slicing_specs { feature_keys: ["color", "size"] }
"""
_STORED = 'model_specs { label_key: "label" prediction_key: "score" example_weight_key: "weight" }'


@dataclass(frozen=True)
class Case:
    """One evaluation.

    Attributes:
        name: what is special about it.
        config: the eval config.
        model: whether workers load a model.
        splits: whether there are two datasets.
    """

    name: str
    config: str
    model: bool = False
    splits: bool = False

    def evaluate(self, files: Path, output: Path, flags: list[str]) -> Any:
        """Runs the evaluation; returns its result."""
        from evaluator_component.api import evaluate

        pattern = str(files / "part-*.tfrecord.gz")
        data: Any = {"train": pattern, "eval": str(files / "part-0*")} if self.splits else pattern
        models = None
        if self.model:
            models = {"candidate": str(files / "good"), "baseline": str(files / "poor")}
        return evaluate(
            self.config, data, models, str(output), pipeline_options=flags, report=False
        ).result


CASES = (
    Case("slices and plots", _STORED + _BINARY),
    Case(
        "jackknife",
        _STORED + _BINARY + "options { compute_confidence_intervals { value: true } }",
    ),
    Case(
        "bootstrap over two datasets",
        _STORED
        + _BINARY
        + """options { compute_confidence_intervals { value: true }
          confidence_intervals { method: POISSON_BOOTSTRAP num_replicates { value: 12 } } }""",
        splits=True,
    ),
    Case(
        "queries",
        """model_specs { label_key: "label" prediction_key: "score" }
        metrics_specs { query_key: "query" metrics { class_name: "NDCG"
          config: '{"gain_key": "label", "top_k_list": [1, 5]}' } }
        metrics_specs { metrics { class_name: "MeanLabel" } }
        slicing_specs {} slicing_specs { feature_keys: "color" }""",
    ),
    Case(
        "two models and a verdict",
        """model_specs { name: "candidate" label_key: "label" }
        model_specs { name: "baseline" label_key: "label" is_baseline: true }
        metrics_specs { metrics { class_name: "AUC" threshold {
          value_threshold { lower_bound { value: 0.6 } }
          change_threshold { direction: HIGHER_IS_BETTER absolute { value: 0.0 } } } } }
        slicing_specs {} slicing_specs { feature_keys: "color" }""",
        model=True,
    ),
)


def write_files(folder: Path) -> None:
    """Writes the rows as TFRecords, and two models."""
    import pyarrow as pa
    import tensorflow as tf
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

    random = np.random.default_rng(11)
    x = random.normal(size=ROWS)
    label = (random.random(ROWS) < 1 / (1 + np.exp(-2 * x))).astype(np.int64)
    columns: dict[str, Any] = {
        "x": pa.array(x.astype(np.float32)),
        "label": pa.array(label),
        "score": pa.array((1 / (1 + np.exp(-1.5 * x))).astype(np.float32)),
        "weight": pa.array(random.uniform(0.5, 2, ROWS).astype(np.float32)),
        "color": pa.array(random.choice([b"red", b"green", b"blue"], ROWS)),
        "size": pa.array(random.integers(1, 6, ROWS)),
        "query": pa.array(random.integers(0, 250, ROWS)),
    }
    one_each = pa.array(np.arange(ROWS + 1, dtype=np.int32))
    lists = [pa.ListArray.from_arrays(one_each, column) for column in columns.values()]
    records = RecordBatchToExamplesEncoder().encode(pa.record_batch(lists, names=list(columns)))
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    for number in range(FILES):
        path = folder / f"part-{number}.tfrecord.gz"
        with tf.io.TFRecordWriter(str(path), options) as writer:
            for record in records[number::FILES]:
                writer.write(record)
    for name, slope in (("good", 2.0), ("poor", -0.5)):
        _write_model(str(folder / name), slope)


def _write_model(path: str, slope: float) -> None:
    import tensorflow as tf

    class Logistic(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples: Any) -> dict[str, Any]:
            parsed = tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([], tf.float32)})
            return {"score": tf.sigmoid(slope * parsed["x"])}

    model = Logistic()
    tf.saved_model.save(model, path, signatures={"serving_default": model.serve})


def assert_same(found: Any, expected: Any) -> None:
    """Compares two results: every number of every table, every plot, the verdict."""
    one, other = found.to_frame(), expected.to_frame()
    places = ["dataset", "slice", "model", "metric", "is_diff"]
    assert one[places].values.tolist() == other[places].values.tolist()
    for column in ("value", "standard_error", "ci_low", "ci_high"):
        numbers = (one[column].astype(float), other[column].astype(float))
        np.testing.assert_allclose(*numbers, rtol=1e-12, atol=0, err_msg=column)
    for ours, theirs in zip(found.plots, expected.plots, strict=True):
        assert ours.slice == theirs.slice
        _assert_close(ours.plot, theirs.plot)
    verdicts = [each.verdict for each in (found, expected)]
    assert (verdicts[0] is None) == (verdicts[1] is None)
    if verdicts[0] is not None:
        assert verdicts[0].status == verdicts[1].status
    assert found.run.rows_read == expected.run.rows_read


def _assert_close(one: Any, other: Any) -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            _assert_close(one[name], other[name])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            _assert_close(*pair)
    elif isinstance(one, float):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=0)
    else:
        assert one == other
