"""Evaluations that every engine must get right, and the comparison of what comes of them.

Each of the small cases goes through a part of the graph that engines differ in: several datasets
and sinks, states that meet in a combiner, rows that meet by query, models loaded by workers.
`EVERYTHING` goes through all of them at once, for engines that take long to start a job.
`Flights` is the pipeline's own evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

__all__ = ["CASES", "EVERYTHING", "Case", "Flights", "assert_same", "write_files"]

ROWS, FILES = 3000, 6
ROOT = Path(__file__).parent.parent.parent
#: The large file is read in parts of this many bytes.
SHARD_BYTES = 30_000
#: A difference of two numbers near 1 has the last digits of those, not its own.
_CLOSE = {"rtol": 1e-12, "atol": 1e-13}

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
        splits: whether there are two datasets: many compressed files, and a large one.
    """

    name: str
    config: str
    model: bool = False
    splits: bool = False

    def evaluate(self, files: Path, output: Path, flags: list[str]) -> Any:
        """Runs the evaluation; returns its result."""
        from evaluator_component.api import evaluate
        from evaluator_component.inputs import Source

        many = Source(str(files / "part-*.tfrecord.gz"))
        data: Any = many
        if self.splits:
            large = Source(str(files / "large.tfrecord"), shard_bytes=SHARD_BYTES)
            data = {"train": many, "eval": large}
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


EVERYTHING = Case(
    "everything",
    """model_specs { name: "candidate" label_key: "label" }
    model_specs { name: "baseline" label_key: "label" is_baseline: true }
    metrics_specs {
      metrics { class_name: "ExampleCount" } metrics { class_name: "Precision" }
      metrics { class_name: "AUC" threshold {
        value_threshold { lower_bound { value: 0.6 } }
        change_threshold { direction: HIGHER_IS_BETTER absolute { value: 0.0 } } } }
      metrics { class_name: "ConfusionMatrixPlot" } }
    metrics_specs { query_key: "query" metrics { class_name: "NDCG"
      config: '{"gain_key": "label", "top_k_list": [1, 5]}' } }
    slicing_specs {} slicing_specs { feature_keys: "color" }
    slicing_specs { feature_keys: ["color", "size"] }
    options { compute_confidence_intervals { value: true }
      confidence_intervals { method: POISSON_BOOTSTRAP num_replicates { value: 12 } } }""",
    model=True,
    splits=True,
)


@dataclass(frozen=True)
class Flights:
    """The evaluation of the flights pipeline: its config, a new model against an older one.

    Attributes:
        folder: where data and models are, written when they are not.
        months: of which to take the flights; each is a file.
        one_in: keep one flight in this many.
    """

    folder: Path
    months: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    one_in: int = 8

    def evaluate(self, output: Path, flags: list[str]) -> Any:
        """Runs the evaluation; returns its result."""
        import yaml

        from evaluator_component.api import evaluate

        data, models = self._written()
        config = yaml.safe_load((ROOT / "pipelines/flights/eval_config.yaml").read_text())
        (spec,) = config["model_specs"]
        config["model_specs"] = [
            {**spec, "name": "candidate"},
            {**spec, "name": "baseline", "is_baseline": True},
        ]
        pattern = str(data / "span-*" / "eval" / "*.gz")
        return evaluate(
            config, pattern, models, str(output), pipeline_options=flags, report=False
        ).result

    def _written(self) -> tuple[Path, dict[str, str]]:
        from pipelines.flights.data import write_spans
        from pipelines.flights.trainer import run_fn

        data = write_spans(self.folder, months=self.months, one_in=self.one_in)
        models = {}
        for seed, name in enumerate(("candidate", "baseline")):
            path = self.folder / name
            models[name] = str(path / "serving")
            if not path.exists():
                run_fn(
                    SimpleNamespace(
                        train_files=[str(data / "span-1" / "eval" / "*.gz")],
                        serving_model_dir=models[name],
                        eval_model_dir=str(path / "eval"),
                        custom_config={"epochs": 1 + seed, "seed": seed},
                    )
                )
        return data, models


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
    with tf.io.TFRecordWriter(str(folder / "large.tfrecord")) as writer:
        for record in records[: ROWS // 2]:
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
        np.testing.assert_allclose(*numbers, **_CLOSE, err_msg=column)
    for ours, theirs in zip(found.plots, expected.plots, strict=True):
        (shape, numbers), (other_shape, others) = (
            _taken_apart(each.plot) for each in (ours, theirs)
        )
        assert (ours.slice, shape) == (theirs.slice, other_shape)
        np.testing.assert_allclose(numbers, others, **_CLOSE)
    verdicts = [each.verdict for each in (found, expected)]
    assert (verdicts[0] is None) == (verdicts[1] is None)
    if verdicts[0] is not None:
        assert verdicts[0].status == verdicts[1].status
    assert found.run.rows_read == expected.run.rows_read


def _taken_apart(plot: Any) -> tuple[Any, list[float]]:
    """Returns a plot without its numbers, and its numbers."""
    numbers: list[float] = []

    def shape(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: shape(value) for name, value in part.items()}
        if isinstance(part, list):
            return [shape(value) for value in part]
        if isinstance(part, float):
            numbers.append(part)
            return float
        return part

    return shape(plot), numbers
