"""Object detection and segmentation from end to end: from tables, and from records with a model."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import evaluator_component as ec

BOXES, CLASSES, ROWS = 3, 2, 12

STACKED = (
    '"labels_to_stack": ["corners", "kind"], "predictions_to_stack": ["boxes", "classes", "scores"]'
)


def metric(class_name: str, arguments: str, name: str = "") -> str:
    named = f', "name": "{name}"' if name else ""
    return f"metrics {{ class_name: '{class_name}' config: '{arguments}{named}' }}"


CONFIG = "\n".join(
    [
        "model_specs {} slicing_specs {} slicing_specs { feature_keys: 'camera' } metrics_specs {",
        metric("ExampleCount", ""),
        metric("ObjectDetectionPrecision", f'"class_id": 0, "thresholds": 0, {STACKED}'),
        metric("ObjectDetectionMaxRecall", f'"class_id": 0, {STACKED}', "recall_0"),
        metric("ObjectDetectionMaxRecall", f'"class_id": 1, {STACKED}', "recall_1"),
        metric("COCOMeanAveragePrecision", f'"class_ids": [0, 1], {STACKED}'),
        metric("ObjectDetectionConfusionMatrixPlot", f'"class_id": 0, {STACKED}'),
        "}",
    ]
)


def rows() -> list[dict[str, Any]]:
    """Images with three true boxes; class 0 is found but in the images of the second camera."""
    random = np.random.default_rng(2)
    images = []
    for number in range(ROWS):
        corner = 100.0 * np.arange(BOXES)[:, None] + random.integers(0, 9, (BOXES, 2))
        boxes = np.hstack([corner, corner + 20]).astype(np.float32)
        camera = "front" if number % 3 else "back"
        kind = np.array([0, 0, 1], dtype=np.int64)
        moved = boxes + np.where((camera == "back") & (kind[:, None] == 0), 1000, 0)
        images.append(
            {
                "corners": boxes,
                "kind": kind,
                "camera": camera,
                "boxes": moved.astype(np.float32),
                "classes": kind.astype(np.float32),
                "scores": np.array([0.9, 0.8, 0.7], np.float32),
            }
        )
    return images


def check(result: Any) -> None:
    frame = result.to_frame()
    found = {(row.metric, row.slice): row.value for row in frame.itertuples() if not row.is_diff}
    for where, recall in (("Overall", 2 / 3), ("camera=front", 1.0), ("camera=back", 0.0)):
        assert found["object_detection_precision", where] == pytest.approx(recall)
        assert found["recall_0", where] == pytest.approx(recall)
        assert found["recall_1", where] == 1.0
    assert found["mean_average_precision", "camera=front"] == 1.0
    assert found["mean_average_precision", "camera=back"] == 0.5
    assert found["example_count", "Overall"] == ROWS
    assert set(frame.output) <= {"", None}


@pytest.mark.slow
@pytest.mark.parametrize("nested", [True, False], ids=["a list per box", "one list per image"])
def test_boxes_from_a_table(nested: bool, tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {}
    for row in rows():
        for name, value in row.items():
            flat = value if nested or isinstance(value, str) else value.ravel()
            columns.setdefault(name, []).append(flat if isinstance(flat, str) else flat.tolist())
    table = pa.table(columns)
    check(ec.evaluate(CONFIG, table, output_path=str(tmp_path / "memory")).result)
    pq.write_table(table, tmp_path / "boxes.parquet")
    path = str(tmp_path / "boxes.parquet")
    check(ec.evaluate(CONFIG, path, output_path=str(tmp_path / "file")).result)


@pytest.mark.slow
def test_boxes_of_a_model_with_several_outputs_from_records(tmp_path: Path) -> None:
    import tensorflow as tf

    class Detector(tf.Module):
        """Finds what the data say it finds."""

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples: Any) -> dict[str, Any]:
            spec = {
                "boxes": tf.io.FixedLenFeature([BOXES, 4], tf.float32),
                "classes": tf.io.FixedLenFeature([BOXES], tf.float32),
                "scores": tf.io.FixedLenFeature([BOXES], tf.float32),
            }
            parsed = tf.io.parse_example(examples, spec)
            # Other names than the features have, so that only the model can have given them.
            return {f"model_{name}": value for name, value in parsed.items()}

    detector = Detector()
    model = str(tmp_path / "model")
    tf.saved_model.save(detector, model, signatures={"serving_default": detector.serve})
    records = str(tmp_path / "images.tfrecord")
    with tf.io.TFRecordWriter(records) as writer:
        for row in rows():
            features = {}
            for name, value in row.items():
                if isinstance(value, str):
                    text = tf.train.BytesList(value=[value.encode()])
                    features[name] = tf.train.Feature(bytes_list=text)
                elif value.dtype == np.int64:
                    ids = tf.train.Int64List(value=value)
                    features[name] = tf.train.Feature(int64_list=ids)
                else:
                    numbers = tf.train.FloatList(value=value.ravel())
                    features[name] = tf.train.Feature(float_list=numbers)
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
    config = CONFIG
    for name in ("boxes", "classes", "scores"):
        config = config.replace(f'"{name}"', f'"model_{name}"')
    check(ec.evaluate(config, records, model, str(tmp_path / "out")).result)


@pytest.mark.slow
def test_images_from_a_table(tmp_path: Path) -> None:
    from PIL import Image
    from sklearn.metrics import jaccard_score

    random = np.random.default_rng(4)
    true = random.integers(0, 3, (8, 6, 5))
    guess = np.where(random.random(true.shape) < 0.7, true, 0)
    files = []
    for image in true:
        file = io.BytesIO()
        Image.fromarray(image.astype(np.uint8)).save(file, "png")
        files.append(file.getvalue())
    table = pa.table({"truth": files, "guess": guess.tolist()})
    arguments = '"class_ids": [1, 2], "ground_truth_key": "truth", "prediction_key": "guess"'
    config = f"model_specs {{}} metrics_specs {{ {metric('SemanticSegmentationIoU', arguments)} }}"
    frame = ec.evaluate(config, table, output_path=str(tmp_path / "out")).result.to_frame()
    wanted = jaccard_score(true.ravel(), guess.ravel(), labels=[1, 2], average=None)
    found = frame[frame.metric == "semantic_segmentation_iou"].sort_values("class_id")
    np.testing.assert_allclose(found.value.astype(float), wanted, rtol=1e-12)
