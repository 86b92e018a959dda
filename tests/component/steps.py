"""Small pipelines around the Evaluator: data, models and a runner that take no time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

PIPELINE = "steps"

CONFIG: dict[str, Any] = {
    "model_specs": [{"label_key": "label"}],
    "slicing_specs": [{}, {"feature_keys": ["group"]}],
    "metrics_specs": [
        {
            "metrics": [
                {
                    "class_name": "AUC",
                    "per_slice_thresholds": [
                        {
                            "slicing_specs": [{}],
                            "threshold": {"value_threshold": {"lower_bound": 0.6}},
                        }
                    ],
                },
                {"class_name": "ExampleCount"},
                {"class_name": "ConfusionMatrixPlot"},
            ]
        }
    ],
}


def config_with(**threshold: Any) -> dict[str, Any]:
    """Returns the config with another threshold on AUC; none without arguments."""
    config = json.loads(json.dumps(CONFIG))
    auc = config["metrics_specs"][0]["metrics"][0]
    if threshold:
        auc["per_slice_thresholds"][0]["threshold"] = threshold
    else:
        del auc["per_slice_thresholds"]
    return config


def write_examples(folder: Path, splits: dict[str, int], seed: int = 0) -> Path:
    """Writes an Examples artifact: x decides the label, noisily; three groups; a prediction."""
    import tensorflow as tf

    draw = np.random.default_rng(seed)
    for split, rows in splits.items():
        target = folder / f"Split-{split}"
        target.mkdir(parents=True)
        options = tf.io.TFRecordOptions(compression_type="GZIP")
        with tf.io.TFRecordWriter(str(target / "data.gz"), options) as writer:
            for _ in range(rows):
                x = draw.normal()
                label = int(x + draw.normal() > 0)
                group = str(draw.choice(["a", "b", "c"]))
                feature = {
                    "x": tf.train.Feature(float_list=tf.train.FloatList(value=[x])),
                    "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
                    "group": tf.train.Feature(
                        bytes_list=tf.train.BytesList(value=[group.encode()])
                    ),
                    "score": tf.train.Feature(
                        float_list=tf.train.FloatList(value=[float(1 / (1 + np.exp(-x)))])
                    ),
                }
                example = tf.train.Example(features=tf.train.Features(feature=feature))
                writer.write(example.SerializeToString())
    return folder


def write_model(folder: Path, weight: float) -> Path:
    """Writes a Model artifact that predicts sigmoid(weight * x)."""
    import tensorflow as tf

    class Model(tf.Module):
        """Reads serialized examples."""

        def __init__(self) -> None:
            super().__init__()
            self.weight = tf.Variable(weight)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples: Any) -> dict[str, Any]:
            spec = {"x": tf.io.FixedLenFeature([], tf.float32)}
            x = tf.io.parse_example(examples, spec)["x"]
            return {"score": tf.sigmoid(self.weight * x)[:, None]}

    model = Model()
    target = folder / "Format-Serving"
    tf.saved_model.save(model, str(target), signatures={"serving_default": model.serve})
    return folder


class Steps:
    """A root folder with a store, and a way to run an Evaluator in it."""

    def __init__(
        self, root: Path, splits: dict[str, int] | None = None, store: str | None = None
    ) -> None:
        self.root = root
        self.store = store or root / "metadata.sqlite"
        self.serving = root / "serving"
        self.splits = splits or {"eval": 400}
        self.examples = write_examples(root / "examples", self.splits)

    def model(self, weight: float) -> Path:
        """Returns a model of this weight, written once."""
        folder = self.root / f"model{weight}"
        return folder if folder.exists() else write_model(folder, weight)

    def pipeline(
        self,
        weight: float | None = 1.0,
        *,
        baseline: str | float | None = None,
        beam_pipeline_args: list[str] | None = None,
        enable_cache: bool = False,
        push: bool = True,
        name: str = PIPELINE,
        **arguments: Any,
    ) -> Any:
        """Returns a pipeline: imported examples and model, Evaluator, Pusher."""
        from tfx.components.pusher.component import Pusher
        from tfx.dsl.components.common.importer import Importer
        from tfx.dsl.components.common.resolver import Resolver
        from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import (
            LatestBlessedModelStrategy,
        )
        from tfx.orchestration.pipeline import Pipeline
        from tfx.proto import pusher_pb2
        from tfx.types import standard_artifacts
        from tfx.types.channel import Channel

        from evaluator_component.component import Evaluator
        from evaluator_component.component.stores import connection_config

        examples = Importer(
            source_uri=str(self.examples),
            artifact_type=standard_artifacts.Examples,
            properties={"split_names": json.dumps(list(self.splits)), "span": 3, "version": 1},
        ).with_id("examples")
        nodes = [examples]
        inputs: dict[str, Any] = {"examples": examples.outputs["result"]}
        if weight is not None:
            model = Importer(
                source_uri=str(self.model(weight)), artifact_type=standard_artifacts.Model
            ).with_id("model")
            nodes.append(model)
            inputs["model"] = model.outputs["result"]
        if baseline == "resolve":
            resolver = Resolver(
                strategy_class=LatestBlessedModelStrategy,
                model=Channel(type=standard_artifacts.Model),
                model_blessing=Channel(type=standard_artifacts.ModelBlessing),
            ).with_id("latest_blessed")
            nodes.append(resolver)
            inputs["baseline_model"] = resolver.outputs["model"]
        elif baseline is not None:
            uri = self.model(baseline) if isinstance(baseline, float) else baseline
            imported = Importer(
                source_uri=str(uri), artifact_type=standard_artifacts.Model
            ).with_id("baseline")
            nodes.append(imported)
            inputs["baseline_model"] = imported.outputs["result"]
        arguments.setdefault("eval_config", CONFIG)
        evaluator = Evaluator(**inputs, **arguments)
        nodes.append(evaluator)
        if push and weight is not None:
            destination = pusher_pb2.PushDestination(
                filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=str(self.serving))
            )
            nodes.append(
                Pusher(
                    model=inputs["model"],
                    model_blessing=evaluator.outputs["blessing"],
                    push_destination=destination,
                )
            )
        return Pipeline(
            pipeline_name=name,
            pipeline_root=str(self.root / "pipeline"),
            components=nodes,
            metadata_connection_config=connection_config(self.store, read_only=False),
            beam_pipeline_args=beam_pipeline_args or [],
            enable_cache=enable_cache,
        )

    def run(self, weight: float | None = 1.0, **arguments: Any) -> Any:
        """Runs it; returns what the store then holds of the evaluation."""
        from evaluator_component.component.history import history
        from evaluator_component.component.local import run_locally

        run_locally(self.pipeline(weight, **arguments))
        return history(self.store)[-1]

    @property
    def pushed(self) -> int:
        """How many models were pushed; in one second they go to the same folder."""
        from evaluator_component.component.stores import open_store

        artifacts = open_store(self.store).get_artifacts_by_type("PushedModel")
        return sum(each.custom_properties["pushed"].int_value for each in artifacts)
