"""Semantic segmentation, against scikit-learn on flattened pixels."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from sklearn import metrics as reference

from evaluator_component.batch import Batch
from evaluator_component.errors import ConfigError, MetricError
from evaluator_component.groups import Groups
from evaluator_component.keys import SubKey
from evaluator_component.metrics.registry import create

KEYS = '"ground_truth_key": "truth", "prediction_key": "guess"'
PLAIN = f'{KEYS}, "decode_ground_truth": false'


def png(image: Any) -> bytes:
    """An image of class ids as the bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(np.asarray(image, dtype=np.uint8)).save(file, "png")
    return file.getvalue()


@pytest.fixture
def drawn() -> dict[str, Any]:
    random = np.random.default_rng(9)
    true = random.integers(0, 4, (6, 7, 5))
    guess = np.where(random.random(true.shape) < 0.7, true, random.integers(0, 4, true.shape))
    return {"true": true, "guess": guess, "weight": random.uniform(0.1, 3, 6)}


@pytest.fixture
def batch(drawn: dict[str, Any]) -> Batch:
    predictions = {"guess": drawn["guess"], "other": drawn["true"]}
    return Batch(None, predictions, drawn["weight"], features={"truth": drawn["true"]})


def values(evaluate: Any, batch: Batch, name: str, class_ids: list[int], more: str = PLAIN) -> Any:
    made = create(f"SemanticSegmentation{name}", config=f'"class_ids": {class_ids}, {more}')
    return [evaluate(metric, batch)[0] for metric in made.expand()]


def test_counts_and_ratios_agree_with_scikit_learn(drawn, batch, evaluate):
    true, guess = drawn["true"].ravel(), drawn["guess"].ravel()
    weight = np.repeat(drawn["weight"], 35)
    classes = [0, 1, 2, 3]
    matrices = reference.multilabel_confusion_matrix(
        true, guess, labels=classes, sample_weight=weight
    )
    settings = {"labels": classes, "sample_weight": weight}
    expected = {
        "TruePositive": matrices[:, 1, 1],
        "FalsePositive": matrices[:, 0, 1],
        "FalseNegative": matrices[:, 1, 0],
        "IoU": reference.jaccard_score(true, guess, average=None, **settings),
        "Dice": reference.f1_score(true, guess, average=None, **settings),
        "MeanIoU": [reference.jaccard_score(true, guess, average="macro", **settings)],
        "PixelAccuracy": [reference.accuracy_score(true, guess, sample_weight=weight)],
    }
    for name, wanted in expected.items():
        found = values(evaluate, batch, name, classes)
        np.testing.assert_allclose(found, wanted, rtol=1e-12, err_msg=name)
    for matrix, columns in zip(
        matrices, values(evaluate, batch, "ConfusionMatrix", classes), strict=True
    ):
        (tn, fp), (fn, tp) = matrix
        counts = {"true_positives": tp, "false_positives": fp}
        counts |= {"false_negatives": fn, "true_negatives": tn, "threshold": 0.0}
        assert columns["kind"] == "confusion_matrices"
        assert {name: column.shape for name, column in columns["columns"].items()} == dict.fromkeys(
            counts, (1,)
        )
        for name, count in counts.items():
            np.testing.assert_allclose(columns["columns"][name][0], count, rtol=1e-12)


def test_ignored_pixels_are_no_false_positives(drawn, batch, evaluate):
    kept = drawn["true"].ravel() != 0
    true, guess = drawn["true"].ravel()[kept], drawn["guess"].ravel()[kept]
    weight = np.repeat(drawn["weight"], 35)[kept]
    more = PLAIN + ', "ignore_ground_truth_id": 0'
    wanted = reference.jaccard_score(
        true, guess, labels=[1, 2, 3], average=None, sample_weight=weight
    )
    np.testing.assert_allclose(values(evaluate, batch, "IoU", [1, 2, 3], more), wanted, rtol=1e-12)
    matrices = reference.multilabel_confusion_matrix(
        true, guess, labels=[1, 2, 3], sample_weight=weight
    )
    for name, row, column in (("FalsePositive", 0, 1), ("FalseNegative", 1, 0)):
        found = values(evaluate, batch, name, [1, 2, 3], more)
        np.testing.assert_allclose(found, matrices[:, row, column], rtol=1e-12)


def test_every_class_is_a_metric_with_its_key():
    metric = create("SemanticSegmentationIoU", config=f'"class_ids": [3, 5], {KEYS}')
    assert [part.sub_key for part in metric.expand()] == [SubKey(class_id=3), SubKey(class_id=5)]
    mean = create("SemanticSegmentationMeanIoU", config=f'"class_ids": [3, 5], {KEYS}')
    assert [part.sub_key for part in mean.expand()] == [None]
    assert mean.joins_outputs
    assert create(
        "SemanticSegmentationTruePositive", config=f'"class_ids": [1], {KEYS}'
    ).key_name == ("semantic_segmentation_true_positives")


def test_a_class_that_occurs_nowhere_is_undefined_and_counts_for_nothing(batch, evaluate):
    for name in ("IoU", "Dice"):
        assert np.isnan(values(evaluate, batch, name, [9])).all()
    assert values(evaluate, batch, "TruePositive", [9]) == [0.0]
    one, with_absent = (values(evaluate, batch, "MeanIoU", ids) for ids in ([1], [1, 9]))
    assert one == with_absent
    assert np.isnan(values(evaluate, batch, "MeanIoU", [9])[0])
    assert np.isnan(values(evaluate, batch, "PixelAccuracy", [9])[0])


@pytest.mark.parametrize("form", ["png", "list of png", "arrow", "lists", "channel", "only output"])
def test_images_come_in_many_forms(drawn, batch, evaluate, form):
    wanted = values(evaluate, batch, "IoU", [0, 1, 2])
    files = [png(image) for image in drawn["true"]]
    truth, guess, more = drawn["true"], {"guess": drawn["guess"]}, PLAIN
    if form == "png":
        truth, more = np.array(files, dtype=object), KEYS
    elif form == "list of png":
        truth, more = pa.array([[file] for file in files]), KEYS
    elif form == "arrow":
        guessed = pa.array([png(image) for image in drawn["guess"]])
        truth, guess = pa.array(files), {"guess": guessed}
        more = KEYS + ', "decode_prediction": true'
    elif form == "lists":
        truth = pa.array(drawn["true"].tolist())
    elif form == "channel":
        truth = drawn["true"][..., None]
    else:
        guess = drawn["guess"]
    given = Batch({"truth": truth}, guess, drawn["weight"])
    np.testing.assert_array_equal(values(evaluate, given, "IoU", [0, 1, 2], more), wanted)


def test_images_of_different_sizes_add_up(drawn, evaluate):
    sizes = np.empty(2, dtype=object)
    sizes[0], sizes[1] = drawn["true"][0], drawn["true"][1][:3]
    other = np.empty(2, dtype=object)
    other[0], other[1] = drawn["guess"][0], drawn["guess"][1][:3]
    found = values(evaluate, Batch({"truth": sizes}, {"guess": other}), "IoU", [1])
    true = np.concatenate([image.ravel() for image in sizes])
    guess = np.concatenate([image.ravel() for image in other])
    np.testing.assert_allclose(
        found, reference.jaccard_score(true, guess, labels=[1], average=None), rtol=1e-12
    )


def test_groups_are_apart(drawn, batch, evaluate):
    made = create("SemanticSegmentationDice", config=f'"class_ids": [2], {PLAIN}')
    found = evaluate(made, batch, Groups.single(np.array([0, 0, 1, 1, 1, 0]), 3))
    for group, rows in ((0, [0, 1, 5]), (1, [2, 3, 4])):
        wanted = reference.f1_score(
            drawn["true"][rows].ravel(),
            drawn["guess"][rows].ravel(),
            labels=[2],
            average=None,
            sample_weight=np.repeat(drawn["weight"][rows], 35),
        )
        np.testing.assert_allclose(found[group], wanted[0], rtol=1e-12)
    assert np.isnan(found[2])


@pytest.mark.parametrize(
    ("truth", "more", "message"),
    [
        (np.zeros((1, 3, 2)), PLAIN, "shape .*predicted where"),
        (np.zeros((1, 4)), PLAIN, "two dimensions"),
        (np.zeros((1, 2, 2, 3)), PLAIN, "two dimensions"),
        (np.array([b"no image"], dtype=object), KEYS, "cannot be decoded"),
        (np.array([1.5], dtype=object), KEYS, "should be bytes, got float"),
        (np.zeros((1, 2, 2)), PLAIN.replace('"truth"', '"thruth"'), r"no image 'thruth'.*'truth'"),
    ],
    ids=["other shape", "flat", "colours", "no image", "no bytes", "no such key"],
)
def test_what_is_no_image_is_named(evaluate, truth, more, message):
    batch = Batch({"truth": truth}, {"guess": np.zeros((1, 2, 2))})
    with pytest.raises(MetricError, match=message):
        values(evaluate, batch, "IoU", [1], more)


def test_arguments_that_must_be_given_are_named():
    with pytest.raises(ConfigError, match="class_ids"):
        create("SemanticSegmentationIoU", config=KEYS)
