"""Metrics of matched boxes: cases worked out by hand, and the formulas written out as loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evaluator_component.batch import Batch
from evaluator_component.errors import ConfigError
from evaluator_component.groups import Groups
from evaluator_component.keys import SubKey
from evaluator_component.metrics import object_detection
from evaluator_component.metrics.boxes import Matching, match
from evaluator_component.metrics.registry import create
from evaluator_component.resamples import Partition

IOUS = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]


def images(*rows: Any) -> Any:
    """One array of boxes per image."""
    column = np.empty(len(rows), dtype=object)
    for row, boxes in enumerate(rows):
        column[row] = np.asarray(boxes, dtype=float)
    return column


def at(place: int, class_id: int = 1, height: int = 10) -> list[int]:
    """A box of width 10 that overlaps no box of another place; full height is 10."""
    return [100 * place, 0, 100 * place + 10, height, class_id]


@pytest.fixture
def batch() -> Batch:
    """Class 1: four true boxes, three found; class 2: one true box, found; class 3: one, missed."""
    true = images([at(0), at(1), at(0, 2)], [at(0), at(1), at(5, 3)], [])
    predicted = images(
        [[*at(0), 0.9], [*at(7), 0.8], [*at(0, 2), 0.3]],
        [[*at(0), 0.8], [*at(1, height=6), 0.6]],
        [[*at(3), 0.1]],
    )
    return Batch(true, predicted, np.ones(3))


def value(evaluate: Any, batch: Batch, name: str, config: str) -> Any:
    return evaluate(create(name, config=config), batch)[0]


def test_counts_by_hand(batch, evaluate):
    # Found at 0.9, 0.8 and 0.6; wrong at 0.8 and 0.1; one of four missed.
    cases = [
        ("ObjectDetectionPrecision", '"class_id": 1', 3 / 4),
        ("ObjectDetectionPrecision", '"class_id": 1, "thresholds": 0.85', 1.0),
        ("ObjectDetectionRecall", '"class_id": 1', 3 / 4),
        ("ObjectDetectionRecall", '"class_id": 1, "iou_threshold": 0.7', 2 / 4),
        ("ObjectDetectionRecall", '"class_id": 1, "thresholds": 0.7', 2 / 4),
        ("ObjectDetectionMaxRecall", '"class_id": 1', 3 / 4),
        ("ObjectDetectionMaxRecall", '"class_id": 1, "max_num_detections": 1', 2 / 4),
        ("ObjectDetectionMaxRecall", '"class_id": 3', 0.0),
        ("ObjectDetectionMaxRecall", '"class_id": 4', np.nan),
        ("ObjectDetectionPrecisionAtRecall", '"class_id": 1, "recall": 0.25', 1.0),
        ("ObjectDetectionPrecisionAtRecall", '"class_id": 1, "recall": 0.6', 3 / 4),
        ("ObjectDetectionThresholdAtRecall", '"class_id": 1, "recall": 0.5', 0.8),
    ]
    for name, config, expected in cases:
        np.testing.assert_allclose(
            value(evaluate, batch, name, config), expected, rtol=1e-3, err_msg=f"{name}({config})"
        )
    both = value(
        evaluate, batch, "ObjectDetectionPrecision", '"class_id": 1, "thresholds": [0, 0.7]'
    )
    np.testing.assert_allclose(both, [3 / 5, 2 / 3])


@pytest.mark.parametrize("name", ["PrecisionAtRecall", "ThresholdAtRecall"])
@pytest.mark.parametrize("more", ["", ', "num_thresholds": 100', ', "thresholds": [-1, 0.5]'])
def test_a_recall_that_no_confidence_reaches_is_undefined(batch, evaluate, name, more):
    # A threshold below 0 would count the missed box as found.
    config = '"class_id": 1, "recall": [0.75, 0.8, 1.0]' + more
    found = value(evaluate, batch, f"ObjectDetection{name}", config)
    assert np.isnan(found).tolist() == [False, True, True]


def test_resamples_do_not_reach_it_either(batch, evaluate):
    metric = create(
        "ObjectDetectionPrecisionAtRecall", config='"class_id": 1, "recall": [0.5, 0.8]'
    )
    groups = Groups.everything(3)
    split = Groups(groups.memberships, 1, 3, Partition(np.zeros(3, dtype=np.int64), 1))
    found = evaluate(metric, batch, split)[0, 0]
    assert found[0] >= 0.6
    assert np.isnan(found[1])


def test_the_plot_counts_at_thresholds_from_0_on(batch, evaluate):
    metric = create(
        "ObjectDetectionConfusionMatrixPlot",
        config='"class_id": 1, "num_thresholds": 10, "class_weight": 2',
    )
    assert metric.key_name == "confusion_matrix_plot"
    assert metric.sub_key == SubKey(class_id=1)
    columns = evaluate(metric, batch)[0]["columns"]
    np.testing.assert_allclose(columns["threshold"], np.arange(11) / 10)
    by_row = {
        round(threshold, 1): (tp, fp, fn)
        for threshold, tp, fp, fn in zip(
            columns["threshold"],
            columns["true_positives"],
            columns["false_positives"],
            columns["false_negatives"],
            strict=True,
        )
    }
    assert by_row[0.0] == (6.0, 4.0, 2.0)
    assert by_row[0.7] == (4.0, 2.0, 4.0)
    assert by_row[1.0] == (0.0, 0.0, 8.0)


def test_names_and_keys():
    names = {
        "ObjectDetectionPrecision": "object_detection_precision",
        "ObjectDetectionRecall": "object_detection_recall",
        "ObjectDetectionMaxRecall": "object_detection_max_recall",
        "COCOAveragePrecision": "average_precision",
        "COCOAverageRecall": "average_recall",
    }
    for name, key in names.items():
        metric = create(name, config='"class_id": 1')
        sub_key = None if name.startswith("COCO") else SubKey(class_id=1)
        assert (metric.key_name, metric.sub_key, metric.binarizes) == (key, sub_key, False)
        assert not metric.joins_outputs
    stacked = create("COCOAveragePrecision", config='"class_id": 1, "labels_to_stack": ["a"]')
    assert stacked.joins_outputs


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("ObjectDetectionPrecision", "", "class_id"),
        ("ObjectDetectionPrecision", '"class_id": 1, "top_k": 2', "top_k"),
        ("ObjectDetectionPrecision", '"class_id": 1, "class_weight": -1', "negative"),
        ("ObjectDetectionRecall", '"class_id": 1, "area_range": [2, 1]', "area_range"),
        ("ObjectDetectionRecall", '"class_id": 1, "max_num_detections": 0', "positive"),
        ("COCOAverageRecall", "", "class_id"),
        (
            "COCOMeanAveragePrecision",
            '"class_ids": [1], "class_weights": [1, 2]',
            "2 class_weights",
        ),
        ("COCOMeanAverageRecall", '"class_ids": [1], "class_weights": [-1]', "negative"),
        ("COCOMeanAverageRecall", '"class_ids": [1, 2], "class_weights": [0, 0]', "not all 0"),
        ("COCOMeanAverageRecall", '"class_ids": [1], "iou_thresholds": [50]', "IoU"),
    ],
    ids=str,
)
def test_wrong_arguments_are_refused_when_the_metric_is_made(name, config, message):
    with pytest.raises(ConfigError, match=message):
        create(name, config=config)


def test_average_precision_by_hand(batch, evaluate):
    # Found at 0.9 (precision 1, recall 1/4), 0.8 (2 of 3 with the tie, 1/2), 0.6 (3 of 4, 3/4).
    # So the best precision is 1 for 26 recalls 0..0.25, and 3/4 for 50 recalls 0.26..0.75.
    found = value(evaluate, batch, "COCOAveragePrecision", '"class_id": 1')
    assert found == pytest.approx((26 * 1 + 50 * 0.75) / 101, rel=1e-12)
    at_07 = value(evaluate, batch, "COCOAveragePrecision", '"class_id": 1, "iou_threshold": 0.7')
    assert at_07 == pytest.approx((26 * 1 + 25 * 2 / 3) / 101, rel=1e-12)
    few = value(evaluate, batch, "COCOAveragePrecision", '"class_id": 1, "recalls": [0.2, 0.6, 1]')
    assert few == pytest.approx((1 + 0.75 + 0) / 3, rel=1e-12)
    three = value(evaluate, batch, "COCOAveragePrecision", '"class_id": 1, "num_recalls": 3')
    assert three == pytest.approx((1 + 0.75 + 0) / 3, rel=1e-12)
    assert value(evaluate, batch, "COCOAveragePrecision", '"class_id": 3') == 0.0
    assert np.isnan(value(evaluate, batch, "COCOAveragePrecision", '"class_id": 4'))


def test_average_recall_by_hand(batch, evaluate):
    # The box of 6/10 is found at the thresholds 0.5, 0.55 and 0.6, the other two at all ten.
    found = value(evaluate, batch, "COCOAverageRecall", '"class_id": 1')
    assert found == pytest.approx((3 * 3 / 4 + 7 * 2 / 4) / 10, rel=1e-12)
    for given in ("0.5", "[0.5]"):
        one = value(
            evaluate, batch, "COCOAverageRecall", f'"class_id": 1, "iou_thresholds": {given}'
        )
        assert one == pytest.approx(3 / 4, rel=1e-12)


def test_class_weights_weigh_classes(batch, evaluate):
    for name, first in (("Precision", (26 + 50 * 0.75) / 101), ("Recall", 0.75)):
        for weights, expected in (
            ("null", (first + 1 + 0) / 3),
            ("[1, 1, 1]", (first + 1 + 0) / 3),
            ("[1, 100, 0]", (first + 100) / 101),
            ("[3, 1, 1]", (3 * first + 1 + 0) / 5),
        ):
            config = f'"class_ids": [1, 2, 3], "class_weights": {weights}, "iou_thresholds": [0.5]'
            found = value(evaluate, batch, f"COCOMeanAverage{name}", config)
            assert found == pytest.approx(expected, rel=1e-12), (name, weights)


def test_classes_without_true_boxes_do_not_count(batch, evaluate):
    config = '"class_ids": [2, 4], "class_weights": [1, 9], "iou_thresholds": [0.5]'
    assert value(evaluate, batch, "COCOMeanAveragePrecision", config) == 1.0
    assert np.isnan(value(evaluate, batch, "COCOMeanAverageRecall", '"class_ids": [4, 5]'))


def test_weights_of_images_weigh_their_boxes(batch, evaluate):
    weighted = Batch(batch.label, batch.prediction, np.array([1.0, 3.0, 2.0]))
    # Image 1: one of two found; image 2 (three times): two of two.
    assert value(evaluate, weighted, "ObjectDetectionMaxRecall", '"class_id": 1') == 7 / 8
    precision = value(
        evaluate, weighted, "ObjectDetectionPrecision", '"class_id": 1, "thresholds": 0'
    )
    assert precision == (1 + 3 + 3) / (1 + 1 + 3 + 3 + 2)


def average_precision(pairs: list[tuple[float, float, float]]) -> float:
    """Mean over 101 recalls of the best precision, over (label, score, weight), by loops."""
    positives = sum(weight for label, _, weight in pairs if label)
    if not positives:
        return np.nan
    points = []
    for threshold in {score for _, score, _ in pairs if score > 0}:
        above = [(label, weight) for label, score, weight in pairs if score >= threshold]
        tp = sum(weight for label, weight in above if label)
        every = sum(weight for _, weight in above)
        if every:
            points.append((tp / positives, tp / every))
    best = [
        max((precision for recall, precision in points if recall >= wanted - 1e-12), default=0.0)
        for wanted in np.linspace(0, 1, 101)
    ]
    return float(np.mean(best))


def test_random_images_agree_with_loops(evaluate):
    random = np.random.default_rng(3)
    rows = 25
    true, predicted = [], []
    for _ in range(rows):
        corner = random.integers(0, 30, (random.integers(0, 6), 2))
        boxes = np.hstack([corner, corner + random.integers(5, 20, corner.shape)])
        boxes = np.hstack([boxes, random.integers(1, 3, (len(boxes), 1))])
        moved = boxes[random.random(len(boxes)) < 0.8].astype(float)
        moved[:, 2:4] += random.integers(0, 5, (len(moved), 2))
        true.append(boxes)
        predicted.append(np.hstack([moved, np.round(random.random((len(moved), 1)), 1)]))
    weight = random.uniform(0.1, 2, rows)
    batch = Batch(images(*true), images(*predicted), weight)
    values = {}
    for class_id in (1, 2):
        for iou in IOUS:
            pairs = []
            for image in range(rows):
                found = match(true[image], predicted[image], Matching(class_id, iou))
                pairs += [(y, s, weight[image]) for y, s in zip(*found, strict=True)]
            values[class_id, iou] = average_precision(pairs)
            config = f'"class_id": {class_id}, "iou_threshold": {iou}'
            np.testing.assert_allclose(
                value(evaluate, batch, "COCOAveragePrecision", config), values[class_id, iou]
            )
    config = '"class_ids": [1, 2], "class_weights": [1, 4]'
    expected = np.mean([(values[1, iou] + 4 * values[2, iou]) / 5 for iou in IOUS])
    found = value(evaluate, batch, "COCOMeanAveragePrecision", config)
    np.testing.assert_allclose(found, expected)


def test_every_public_metric_is_registered():
    for name in object_detection.__all__:
        with pytest.raises(ConfigError, match=r"class_id|recall"):
            create(name)
