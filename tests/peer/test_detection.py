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


def test_equal_where_the_peer_is_right(peer, ours, key):
    given = columns(1)
    theirs, mine = peer(CONFIG, given), ours(CONFIG, given)
    for name in (
        "average_precision",
        "at_07",
        "few",
        "average_recall",
        "mean_average_precision",
        "mean_average_recall",
        "object_detection_precision",
        "object_detection_recall",
        "object_detection_max_recall",
        "object_detection_precision_at_recall",
    ):
        which = key(name, weighted=True)
        value = np.asarray(mine[which]).item()
        np.testing.assert_allclose(value, np.asarray(theirs[which]).item(), 1e-6, err_msg=name)

    # Weights of classes change nothing there.
    plain, weighted = key("mean_average_precision", weighted=True), key("weighted", weighted=True)
    assert theirs[weighted] == theirs[plain]
    assert abs(mine[weighted] - mine[plain]) > 1e-3

    # A threshold below 0 takes the missed boxes for found ones there.
    which = key("out_of_reach", weighted=True)
    assert mine[key("object_detection_max_recall", weighted=True)] < 0.9
    assert np.asarray(theirs[which]).item() > 0.5
    assert np.isnan(mine[which])
