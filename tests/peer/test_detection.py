"""Object detection: TFMA and us on the same boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow


def metric(class_name: str, arguments: str) -> str:
    return f"metrics {{ class_name: '{class_name}' config: '{arguments}' }}"


CONFIG = "\n".join(
    [
        'model_specs { label_key: "label" example_weight_key: "weight" }',
        "slicing_specs {} metrics_specs {",
        metric("COCOAveragePrecision", '"class_id": 1'),
        metric("COCOAveragePrecision", '"class_id": 1, "iou_threshold": 0.7, "name": "at_07"'),
        metric(
            "COCOAveragePrecision",
            '"class_id": 2, "area_range": [60, 200], "max_num_detections": 2, "name": "few"',
        ),
        metric("COCOAverageRecall", '"class_id": 1'),
        metric("COCOMeanAveragePrecision", '"class_ids": [1, 2], "iou_thresholds": [0.5, 0.75]'),
        metric(
            "COCOMeanAveragePrecision",
            '"class_ids": [1, 2], "iou_thresholds": [0.5, 0.75], "class_weights": [1.0, 9.0], '
            '"name": "weighted"',
        ),
        metric("COCOMeanAverageRecall", '"class_ids": [1, 2], "iou_thresholds": [0.5, 0.75]'),
        metric("ObjectDetectionPrecision", '"class_id": 1'),
        metric("ObjectDetectionRecall", '"class_id": 2, "thresholds": [0.25]'),
        metric("ObjectDetectionMaxRecall", '"class_id": 1'),
        metric("ObjectDetectionPrecisionAtRecall", '"class_id": 1, "recall": [0.3]'),
        metric(
            "ObjectDetectionPrecisionAtRecall",
            '"class_id": 1, "recall": [0.99], "name": "out_of_reach"',
        ),
        "}",
    ]
)


def columns(seed: int, size: int = 60) -> dict[str, Any]:
    """Boxes of two classes, most of them found, more or less; scores have three digits."""
    random = np.random.default_rng(seed)
    labels, predictions = np.empty(size, dtype=object), np.empty(size, dtype=object)
    for row in range(size):
        count = random.integers(0, 6)
        corner = random.uniform(0, 60, (count, 2))
        boxes = np.hstack([corner, corner + random.uniform(5, 20, (count, 2))])
        labels[row] = np.hstack([boxes, random.integers(1, 3, (count, 1))])
        found = labels[row][random.random(count) < 0.7].copy()
        found[:, :4] += random.uniform(0, 3, (len(found), 4)) * [0, 0, 1, 1]
        corner = random.uniform(0, 60, (2, 2))
        wrong = np.hstack([corner, corner + 9, random.integers(1, 3, (2, 1))])
        boxes = np.vstack([found, wrong])
        score = np.round(random.uniform(0.01, 0.99, (len(boxes), 1)), 3)
        predictions[row] = np.hstack([boxes, score])
    return {
        "labels": labels,
        "predictions": predictions,
        "example_weights": random.uniform(0.1, 3, size),
        "features": {"size": np.zeros(size)},
    }


COCO = {
    "average_precision",
    "at_07",
    "few",
    "average_recall",
    "mean_average_precision",
    "mean_average_recall",
}
#: With the class in their keys.
BINARY = {
    "object_detection_precision": 1,
    "object_detection_recall": 2,
    "object_detection_max_recall": 1,
    "object_detection_precision_at_recall": 1,
    "out_of_reach": 1,
}


def test_equal_where_the_peer_is_right(peer, ours, key):
    given = columns(1)
    theirs, mine = peer(CONFIG, given), ours(CONFIG, given)
    plain = ours(CONFIG, {**given, "example_weights": np.ones(len(given["labels"]))})

    def value(found, name):
        which = key(name, class_id=BINARY.get(name), weighted=True)
        return np.asarray(found[which]).item()

    # Weights of examples do not reach the averages there, though their keys say weighted. Recalls
    # that equal one of the 101 but for rounding, and 10,000 thresholds, leave some millionths.
    names = (COCO | BINARY.keys()) - {"out_of_reach"}
    expected = {name: value(plain if name in COCO else mine, name) for name in names}
    found = {name: value(theirs, name) for name in names}
    assert found == pytest.approx(expected, abs=1e-5)
    assert abs(value(mine, "average_precision") - found["average_precision"]) > 0.01

    # Weights of classes change nothing there.
    assert value(theirs, "weighted") == value(theirs, "mean_average_precision")
    assert abs(value(mine, "weighted") - value(mine, "mean_average_precision")) > 1e-3

    # A threshold below 0 takes the missed boxes for found ones there.
    assert value(mine, "object_detection_max_recall") < 0.9
    assert value(theirs, "out_of_reach") > 0.1
    assert np.isnan(value(mine, "out_of_reach"))
