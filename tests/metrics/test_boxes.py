"""Matching of boxes, against the rule written out as loops, and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from evaluator_component.batch import Batch
from evaluator_component.errors import MetricError
from evaluator_component.groups import Groups
from evaluator_component.metrics.boxes import Detections, Matching, match, overlaps
from evaluator_component.metrics.scores import EXACT, ScoreHistogram

CORNERS = ("xmin", "ymin", "xmax", "ymax", "class")


def overlap_of(one: Any, other: Any) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(width, 0) * max(height, 0)
    union = area_of(one) + area_of(other) - common
    return common / union if union else 0.0


def area_of(box: Any) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


def matched_by_loops(true: Any, predicted: Any, matching: Matching) -> list[tuple[float, float]]:
    """(label, score) of every box that counts, sorted."""
    low, high = matching.area_range
    free = [box for box in true if box[4] == matching.class_id and low <= area_of(box) <= high]
    candidates = [box for box in predicted if box[4] == matching.class_id]
    candidates.sort(key=lambda box: -box[5])
    if matching.max_num_detections is not None:
        candidates = candidates[: matching.max_num_detections]
    taken: set[int] = set()
    found = []
    for box in candidates:
        best, best_overlap = None, min(matching.iou_threshold, 1 - 1e-10)
        for index, other in enumerate(free):
            if index not in taken and overlap_of(box, other) >= best_overlap:
                best, best_overlap = index, overlap_of(box, other)
        if best is not None:
            taken.add(best)
            found.append((1.0, float(box[5])))
        elif low <= area_of(box) <= high:
            found.append((0.0, float(box[5])))
    found += [(1.0, 0.0)] * (len(free) - len(taken))
    return sorted(found)


def random_boxes(random: np.random.Generator, count: int, width: int) -> Any:
    corner = random.integers(0, 8, (count, 2)).astype(float)
    boxes = np.hstack([corner, corner + random.integers(0, 6, (count, 2))])
    boxes = np.hstack([boxes, random.integers(1, 3, (count, 1))])
    score = np.round(random.uniform(0.05, 1, (count, 1)), 1)
    return np.hstack([boxes, score]) if width == 6 else boxes


def pairs(true: Any, predicted: Any, **settings: Any) -> list[tuple[float, float]]:
    """(label, score) of the boxes of one image, sorted."""
    matching = Matching(1, **settings)
    true = np.asarray(true, dtype=float).reshape(-1, 5)
    predicted = np.asarray(predicted, dtype=float).reshape(-1, 6)
    label, score = match(true, predicted, matching)
    return sorted(zip(label.tolist(), score.tolist(), strict=True))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"iou_threshold": 0.0},
        {"iou_threshold": 0.3},
        {"iou_threshold": 1.0},
        {"area_range": (4, 12)},
        {"max_num_detections": 2},
        {"iou_threshold": 0.2, "area_range": (6, 100), "max_num_detections": 3},
    ],
    ids=str,
)
def test_random_boxes_agree_with_loops(settings):
    random = np.random.default_rng(5)
    for _ in range(200):
        true = random_boxes(random, random.integers(0, 7), 5)
        predicted = random_boxes(random, random.integers(0, 7), 6)
        expected = matched_by_loops(true, predicted, Matching(1, **settings))
        assert pairs(true, predicted, **settings) == expected


def test_overlaps_agree_with_loops():
    random = np.random.default_rng(6)
    predicted, true = random_boxes(random, 20, 6), random_boxes(random, 15, 5)
    expected = [[overlap_of(one, other) for other in true] for one in predicted]
    np.testing.assert_allclose(overlaps(predicted, true), expected, rtol=1e-15)


def test_the_most_confident_box_chooses_first():
    true = [[0, 0, 10, 10, 1]]
    predicted = [[0, 0, 10, 10, 1, 0.6], [0, 0, 10, 8, 1, 0.9]]
    assert pairs(true, predicted) == [(0.0, 0.6), (1.0, 0.9)]


def test_of_equal_overlaps_the_later_true_box_is_taken():
    # The first prediction overlaps both halves alike; the second one only the left half.
    true = [[0, 0, 5, 10, 1], [5, 0, 10, 10, 1]]
    predicted = [[0, 0, 10, 10, 1, 0.9], [0, 0, 5, 10, 1, 0.8]]
    assert pairs(true, predicted) == [(1.0, 0.8), (1.0, 0.9)]
    assert pairs(true[::-1], predicted) == [(0.0, 0.8), (1.0, 0.0), (1.0, 0.9)]


def test_an_overlap_equal_to_the_threshold_matches():
    true, predicted = [[0, 0, 10, 10, 1]], [[0, 0, 10, 5, 1, 0.9]]
    assert pairs(true, predicted, iou_threshold=0.5) == [(1.0, 0.9)]
    assert pairs(true, predicted, iou_threshold=0.51) == [(0.0, 0.9), (1.0, 0.0)]


def test_of_equal_confidences_the_first_counts():
    true = [[0, 0, 10, 10, 1]]
    predicted = [[50, 50, 60, 60, 1, 0.7], [0, 0, 10, 10, 1, 0.7]]
    assert pairs(true, predicted, max_num_detections=1) == [(0.0, 0.7), (1.0, 0.0)]


def test_area_ranges_hold_their_ends_and_keep_matches_of_other_sizes():
    true = [[0, 0, 10, 10, 1], [20, 20, 30, 32, 1], [40, 40, 41, 41, 1]]
    predicted = [
        [0, 0, 10, 9, 1, 0.9],  # Too small, but matched.
        [20, 20, 30, 32, 1, 0.8],
        [60, 60, 61, 61, 1, 0.7],  # Too small, and not matched.
        [70, 70, 80, 80, 1, 0.6],
    ]
    found = pairs(true, predicted, area_range=(100, 120))
    assert found == [(0.0, 0.6), (1.0, 0.8), (1.0, 0.9)]
    assert pairs(true, predicted, area_range=(101, 119)) == []


@pytest.mark.parametrize(
    ("true", "predicted", "expected"),
    [
        ([], [], []),
        ([[0, 0, 1, 1, 1]], [], [(1.0, 0.0)]),
        ([], [[0, 0, 1, 1, 1, 0.4]], [(0.0, 0.4)]),
        ([[0, 0, 1, 1, 2]], [[0, 0, 1, 1, 2, 0.4]], []),
        ([[3, 3, 3, 3, 1]], [[3, 3, 3, 3, 1, 0.4]], [(0.0, 0.4), (1.0, 0.0)]),
    ],
    ids=["no boxes", "no predictions", "no true boxes", "other classes", "boxes of no area"],
)
def test_little_in_an_image(true, predicted, expected):
    assert pairs(true, predicted) == expected


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"area_range": (5, 1)}, "area_range"),
        ({"area_range": (5,)}, "area_range"),
        ({"max_num_detections": 0}, "positive"),
        ({"iou_threshold": 1.5}, r"\[0, 1\]"),
        ({"class_weight": -1.0}, "negative"),
    ],
    ids=str,
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Matching(1, **settings)


def histogram(batch: Batch, matching: Matching) -> dict[float, tuple[float, float]]:
    """(positive, negative) weight by score, over all images."""
    statistic = Detections(ScoreHistogram(EXACT), matching)
    cells = statistic.accumulate(batch, Groups.everything(len(batch)))["scores"]
    scores = cells.cell.view(np.float64).tolist()
    return dict(zip(scores, map(tuple, cells.sums.tolist()), strict=True))


def objects(*values: Any) -> Any:
    column = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        column[row] = value
    return column


TRUE = objects([[0, 0, 10, 10, 1]], [], [[0, 0, 10, 10, 1], [20, 20, 30, 30, 1]])
PREDICTED = objects([[0, 0, 10, 10, 1, 0.75]], [[0, 0, 9, 9, 1, 0.5]], [[0, 0, 10, 9, 1, 0.25]])
EXPECTED = {0.0: (4.0, 0.0), 0.25: (4.0, 0.0), 0.5: (0.0, 2.0), 0.75: (1.0, 0.0)}
WEIGHT = np.array([1.0, 2.0, 4.0])


def stacked(images: Any, part: Any) -> list[Any]:
    return [[box[part] for box in image] for image in images]


def test_boxes_as_arrays_weigh_as_their_images():
    assert histogram(Batch(TRUE, PREDICTED, WEIGHT), Matching(1)) == EXPECTED
    thrice = {score: (3 * one, 3 * two) for score, (one, two) in EXPECTED.items()}
    assert histogram(Batch(TRUE, PREDICTED, WEIGHT), Matching(1, class_weight=3.0)) == thrice


def test_boxes_as_arrow_columns():
    batch = Batch(pa.array(TRUE.tolist()), pa.array(PREDICTED.tolist()), WEIGHT)
    assert histogram(batch, Matching(1)) == EXPECTED


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "four in one column"])
@pytest.mark.parametrize("where", ["features", "outputs"])
def test_boxes_are_stacked_from_columns(where, together):
    if together:
        true = {"corners": stacked(TRUE, slice(0, 4)), "class": stacked(TRUE, 4)}
        predicted = {"boxes": stacked(PREDICTED, slice(0, 4)), "classes": stacked(PREDICTED, 4)}
    else:
        true = {name: stacked(TRUE, part) for part, name in enumerate(CORNERS)}
        predicted = {f"its {name}": stacked(PREDICTED, part) for part, name in enumerate(CORNERS)}
    predicted["score"] = stacked(PREDICTED, 5)
    matching = Matching(1, labels_to_stack=tuple(true), predictions_to_stack=tuple(predicted))
    if where == "features":
        columns = {name: pa.array(column) for name, column in {**true, **predicted}.items()}
        batch = Batch(None, None, WEIGHT, features=columns)
    else:
        true = {name: objects(*column) for name, column in true.items()}
        predicted = {name: objects(*column) for name, column in predicted.items()}
        batch = Batch(true, predicted, WEIGHT)
    assert histogram(batch, matching) == EXPECTED
    assert Detections(ScoreHistogram(), matching).searched() == (*true, *predicted)


def test_flattened_boxes_as_records_hold_them():
    corners = [[number for box in image for number in box[:4]] for image in TRUE]
    columns = {"corners": pa.array(corners), "class": pa.array(stacked(TRUE, 4))}
    matching = Matching(1, labels_to_stack=("corners", "class"))
    assert histogram(Batch(None, PREDICTED, WEIGHT, features=columns), matching) == EXPECTED


def test_images_without_values_have_no_boxes():
    columns = {name: pa.array([[row[part]] if row else None for row in ([0, 0, 1, 1, 1], None)])
               for part, name in enumerate(CORNERS)}  # fmt: skip
    matching = Matching(1, labels_to_stack=CORNERS)
    nothing = objects([], [])
    assert histogram(Batch(None, nothing, features=columns), matching) == {0.0: (1.0, 0.0)}
    # A label column of at most one value per row is an array with NaN where it lacks.
    numbers = {name: np.array([0.0, np.nan]) for name in CORNERS[:2]}
    numbers |= {name: np.array([1.0, np.nan]) for name in CORNERS[2:]}
    assert histogram(Batch(numbers, nothing), matching) == {0.0: (1.0, 0.0)}


def test_padding_is_cut_off():
    boxes = np.zeros((2, 3, 4))
    boxes[:, :, 2:] = 1.0
    predicted = {
        "boxes": boxes,
        "classes": np.ones((2, 3)),
        "scores": np.array([[0.75, 0.5, 0.25]] * 2),
        "count": np.array([[0], [2]]),
    }
    matching = Matching(
        1, predictions_to_stack=("boxes", "classes", "scores"), num_detections_key="count"
    )
    found = histogram(Batch(objects([], []), predicted), matching)
    assert found == {0.5: (0.0, 1.0), 0.75: (0.0, 1.0)}


def test_missing_columns_are_named_or_allowed():
    keys = ("boxes", "klass")
    batch = Batch(None, PREDICTED, features={"boxes": np.zeros((3, 4)), "class": np.ones(3)})
    with pytest.raises(MetricError, match=r"no column of true boxes 'klass'.*'class'"):
        histogram(batch, Matching(1, labels_to_stack=keys))
    found = histogram(batch, Matching(1, labels_to_stack=keys, allow_missing_key=True))
    assert found == {score: (0.0, 1.0) for score in (0.25, 0.5, 0.75)}
    matching = Matching(1, num_detections_key="count")
    with pytest.raises(MetricError, match="no number of detections 'count'"):
        histogram(Batch(TRUE, PREDICTED), matching)
    allowed = Matching(1, num_detections_key="count", allow_missing_key=True)
    assert histogram(Batch(TRUE, PREDICTED, WEIGHT), allowed) == EXPECTED


@pytest.mark.parametrize(
    ("true", "message"),
    [
        ([[5, 0, 1, 1, 1]], "left <= right"),
        ([[0, 0, np.nan, 1, 1]], "left <= right"),
        ([[0, 0, 1, 1]], "5 numbers"),
        ([[0, 0, 1, 1, 1, 0.5]] * 5, "5 numbers"),
    ],
    ids=["right of right", "not a number", "four numbers", "a score"],
)
def test_wrong_boxes_are_quoted(true, message):
    with pytest.raises(MetricError, match=message):
        histogram(Batch(objects(true), objects([])), Matching(1))


def test_columns_that_do_not_fit_each_other_are_named():
    columns = {name: pa.array([[0.0, 1.0]]) for name in CORNERS}
    columns["class"] = pa.array([[1.0]])
    batch = Batch(None, objects([]), features=columns)
    with pytest.raises(MetricError, match=r"true box has 5 numbers.*class.*\(1,\)"):
        histogram(batch, Matching(1, labels_to_stack=CORNERS))
    with pytest.raises(MetricError, match="one array per image"):
        histogram(Batch({"a": np.ones(1)}, objects([])), Matching(1))
