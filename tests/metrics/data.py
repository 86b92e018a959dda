"""Random batches on which any registered metric can be tried, and arguments to try it with.

A new metric needs nothing here if it is happy with what `batch_for` makes for its form. Otherwise:

    ARGUMENTS["MyMetric"] = ('"argument": 3',)      arguments to try besides none at all
    BATCHES["MyMetric"] = make                      make(random, units) -> Batch
    COUNTS.add("MyMetric")                          a slice without examples is 0, not NaN

A *unit* is what groups hold: a row, or a query.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from evaluator_component.batch import Batch
from evaluator_component.metrics.base import MULTICLASS, QUERY, ROWS, Metric
from evaluator_component.metrics.registry import create, registered

Random = np.random.Generator

#: Arguments to try for each class besides none at all.
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "AUC": (
        '"num_thresholds": 200',
        '"thresholds": [0.25, 0.5, 0.75]',
        '"curve": "PR"',
        '"curve": "PR", "summation_method": "majoring"',
        '"summation_method": "minoring"',
        '"exact": true',
    ),
    "AbsoluteErrorQuantiles": ('"quantiles": 0.9, "relative_error": 0.05',),
    "BinaryAccuracy": ('"threshold": 0.3',),
    "BinaryCrossEntropy": ('"from_logits": true, "label_smoothing": 0.1',),
    "Bleu": (
        '"smooth_method": "add-k", "use_effective_order": true',
        '"smooth_method": "floor", "lowercase": true',
    ),
    "CalibrationPlot": (
        '"num_buckets": 10',
        '"num_buckets": 10, "left": -1, "right": 2',
    ),
    "COCOAveragePrecision": (
        '"class_id": 1',
        '"class_id": 1, "iou_threshold": 0.3, "num_recalls": 11, "max_num_detections": 2',
        '"class_id": 1, "labels_to_stack": ["where", "what"], '
        '"predictions_to_stack": ["boxes", "classes", "scores"], "num_detections_key": "count"',
    ),
    "COCOAverageRecall": ('"class_id": 1', '"class_id": 2, "area_range": [20, 60]'),
    "COCOMeanAveragePrecision": (
        '"class_ids": [1, 2]',
        '"class_ids": [1, 2], "class_weights": [1, 3], "iou_thresholds": [0.5]',
    ),
    "COCOMeanAverageRecall": (
        '"class_ids": [1, 2]',
        '"class_ids": [1, 2], "class_weights": [1, 3], "iou_thresholds": [0.5, 0.75]',
    ),
    "CategoricalCrossEntropy": ('"from_logits": true, "label_smoothing": 0.1',),
    "CohenKappa": (
        '"weights": "linear"',
        '"weights": "quadratic"',
    ),
    "ConfusionMatrixAtThresholds": ('"thresholds": [0.9, 0.1, 0.5]',),
    "ConfusionMatrixPlot": ('"num_thresholds": 10',),
    "ExactMatch": ('"convert_to": "json"',),
    "ExpectedCalibrationError": (
        '"binning": "equal_mass", "num_bins": 3',
        '"binning": "top_label"',
        '"norm": "l2"',
    ),
    "FalseNegativeFeatureSampler": ('"feature_key": "city", "sample_size": 3',),
    "FalsePositiveFeatureSampler": ('"feature_key": "city", "sample_size": 3',),
    "FixedSizeSample": (
        '"sampled_key": "size", "size": 4',
        '"sampled_key": "city", "size": 3, "random_seed": 5',
    ),
    "GainAtK": ('"k": [0.25, 0.5]',),
    "GainPlot": ('"num_thresholds": 10',),
    "Mean": (
        '"feature_key_path": ["features", "size"]',
        '"feature_key_path": ["labels"]',
    ),
    "MinLabelPosition": ('"label_key": "gain"',),
    "MultiClassConfusionMatrixAtThresholds": ('"thresholds": [0.9, 0.1, 0.5]',),
    "MultiClassConfusionMatrixPlot": ('"num_thresholds": 5',),
    "MultiClassF1Score": (
        '"average": "weighted"',
        '"average": "micro"',
    ),
    "MultiLabelConfusionMatrixPlot": (
        '"num_thresholds": 4',
        '"thresholds": [0.8, 0.2]',
    ),
    "NDCG": (
        '"gain_key": "gain"',
        '"gain_key": "gain", "top_k_list": [1, 3]',
        '"gain_key": "gain", "exponential": true',
    ),
    "ObjectDetectionConfusionMatrixPlot": ('"class_id": 1, "num_thresholds": 10',),
    "ObjectDetectionMaxRecall": ('"class_id": 1, "iou_threshold": 0.3',),
    "ObjectDetectionPrecision": ('"class_id": 1, "thresholds": [0.5, 0.1], "class_weight": 2',),
    "ObjectDetectionPrecisionAtRecall": ('"class_id": 1, "recall": 0.3',),
    "ObjectDetectionRecall": ('"class_id": 1, "max_num_detections": 2',),
    "ObjectDetectionThresholdAtRecall": ('"class_id": 1, "recall": [0.1, 0.3]',),
    "Precision": (
        '"thresholds": [0.9, 0.1, 0.5]',
        '"thresholds": [0.3]',
    ),
    "PrecisionAtRecall": (
        '"recall": 0.6',
        '"recall": [0.3, 0.8], "num_thresholds": 50',
        '"recall": 0.7, "thresholds": [0.2, 0.4]',
    ),
    "QuantileLoss": ('"quantile": 0.9',),
    "Recall": ('"thresholds": 0.25',),
    "RecallAtFalsePositiveRate": (
        '"false_positive_rate": 0.6',
        '"false_positive_rate": [0.3, 0.8], "num_thresholds": 50',
        '"false_positive_rate": 0.7, "thresholds": [0.2, 0.4]',
    ),
    "RecallAtPrecision": (
        '"precision": 0.6',
        '"precision": [0.3, 0.8], "num_thresholds": 50',
        '"precision": 0.7, "thresholds": [0.2, 0.4]',
    ),
    "ResidualPlot": ('"num_buckets": 10',),
    "Rouge": (
        '"rouge_type": "rouge2"',
        '"rouge_type": "rougeL", "score": "fmeasure", "use_stemmer": true',
    ),
    "ScoreDistributionPlot": ('"num_thresholds": 10',),
    **{
        f"SemanticSegmentation{name}": (
            '"class_ids": [1, 2], "ground_truth_key": "truth", "prediction_key": "guess", '
            '"decode_ground_truth": false',
            '"class_ids": [2], "ground_truth_key": "png", "prediction_key": "guess", '
            '"ignore_ground_truth_id": 0',
        )
        for name in (
            "ConfusionMatrix",
            "Dice",
            "FalseNegative",
            "FalsePositive",
            "IoU",
            "MeanIoU",
            "PixelAccuracy",
            "TruePositive",
        )
    },
    "SensitivityAtSpecificity": (
        '"specificity": 0.6',
        '"specificity": [0.3, 0.8], "num_thresholds": 50',
        '"specificity": 0.7, "thresholds": [0.2, 0.4]',
    ),
    "SetMatchPrecision": (
        '"thresholds": [0.7, 0.2]',
        '"top_k": 2, "weight_key": "weights"',
    ),
    "SetMatchRecall": (
        '"thresholds": [0.7, 0.2]',
        '"top_k": 2, "weight_key": "weights"',
    ),
    "SparseTopKCategoricalAccuracy": ('"k": 2',),
    "SpecificityAtSensitivity": (
        '"sensitivity": 0.6',
        '"sensitivity": [0.3, 0.8], "num_thresholds": 50',
        '"sensitivity": 0.7, "thresholds": [0.2, 0.4]',
    ),
    "ThresholdAtRecall": (
        '"recall": 0.6',
        '"recall": [0.3, 0.8], "num_thresholds": 50',
        '"recall": 0.7, "thresholds": [0.2, 0.4]',
    ),
    "TopKCategoricalAccuracy": ('"k": 2',),
}

#: Batches for metrics that need more than their form says.
BATCHES: dict[str, Callable[[Random, int], Batch]] = {}

#: Metrics that count: 0 is right for a slice without examples.
COUNTS = {
    "ExampleCount",
    "FN",
    "FP",
    "FalseNegatives",
    "FalsePositives",
    "SemanticSegmentationFalseNegative",
    "SemanticSegmentationFalsePositive",
    "SemanticSegmentationTruePositive",
    "TN",
    "TP",
    "TotalDocuments",
    "TotalQueries",
    "TrueNegatives",
    "TruePositives",
    "WeightedExampleCount",
}


@dataclass(frozen=True)
class Case:
    """A metric to try: a registered class and its arguments, or one of what it expands to."""

    class_name: str
    arguments: str
    metric: Metric

    def __str__(self) -> str:
        return f"{self.class_name}({self.arguments})/{self.metric.key_name}"


def cases() -> Iterator[Case]:
    """Yields every registered class with every set of arguments that is listed for it."""
    for class_name, metric_class in sorted(registered().items()):
        if not metric_class.__module__.startswith("evaluator_component."):
            continue
        for arguments in ("", *ARGUMENTS.get(class_name, ())):
            try:
                metric = create(class_name, config=arguments)
            except Exception:
                if arguments:
                    raise
                continue
            for part in metric.expand():
                yield Case(class_name, arguments, part)


def batch_for(case: Case, random: Random, units: int) -> Batch:
    """Returns a batch of some units that the metric can be computed on."""
    make = BATCHES.get(case.class_name)
    if make is not None:
        return make(random, units)
    forms = {statistic.form for statistic in case.metric.statistics}
    if QUERY in forms:
        return queries(random, units)
    if MULTICLASS in forms or (ROWS in forms and case.metric.compares_models):
        return multi_class(random, units)
    return elementwise(random, units)


def _weights(random: Random, rows: int) -> Any:
    """Weights, some of them 0 and most of them no binary fractions."""
    return np.round(random.uniform(0.1, 3, rows), 1) * (random.random(rows) > 0.1)


def _features(random: Random, rows: int) -> dict[str, Any]:
    return {
        "city": random.choice(np.array(["Rome", "Oslo", "Lima"], dtype=object), rows),
        "size": np.round(random.normal(3, 2, rows), 1),
    }


def _ids(random: Random, rows: int) -> Any:
    return random.integers(0, 2**63, rows).astype(np.uint64)


def _scores(random: Random, rows: int) -> Any:
    """Probabilities with ties, zeros and ones, and some of order 1e-4."""
    score = np.round(random.random(rows), 1)
    return np.where(
        random.random(rows) < 0.3, random.random(rows) * 10.0 ** -random.integers(0, 6), score
    )


def elementwise(random: Random, rows: int) -> Batch:
    """One score and one label per row; some labels between 0 and 1."""
    hard = random.integers(0, 2, rows).astype(float)
    return Batch(
        label=np.where(random.random(rows) < 0.2, np.round(random.random(rows), 1), hard),
        prediction=_scores(random, rows),
        baseline_prediction=_scores(random, rows),
        weight=_weights(random, rows),
        features=_features(random, rows),
        example_ids=_ids(random, rows),
    )


def multi_class(random: Random, rows: int, classes: int = 4) -> Batch:
    """One score per class and a class id per row."""
    score = random.dirichlet(np.ones(classes), rows)
    return Batch(
        label=random.integers(0, classes, rows),
        prediction=np.round(score, 1) + 0.001,
        baseline_prediction=np.round(random.dirichlet(np.ones(classes), rows), 1) + 0.001,
        weight=_weights(random, rows),
        features=_features(random, rows),
        example_ids=_ids(random, rows),
    )


def queries(random: Random, units: int) -> Batch:
    """Queries of one to five rows."""
    starts = np.concatenate([[0], np.cumsum(random.integers(1, 6, units))]).astype(np.int64)
    rows = int(starts[-1])
    batch = elementwise(random, rows)
    gain = random.integers(0, 4, rows).astype(float)
    return replace(
        batch,
        label=(batch.label > 0.5).astype(float),
        features={**batch.features, "gain": gain},
        weight=np.repeat(_weights(random, units), np.diff(starts)),
        query_starts=starts,
    )


def with_attributions(random: Random, rows: int) -> Batch:
    """Attributions: a number per row, one per class, and rows with different numbers of values."""
    ragged = np.empty(rows, dtype=object)
    for row in range(rows):
        ragged[row] = random.normal(size=random.integers(0, 3))
    attributions = {
        "size": random.normal(size=rows),
        "city": random.normal(size=(rows, 3)),
        "tags": ragged,
    }
    return replace(elementwise(random, rows), attributions=attributions)


def with_texts(random: Random, rows: int) -> Batch:
    """A predicted text per row, and one or two references."""
    words = np.array("the a cat dog sat ran on under red mat .".split())
    references = np.empty(rows, dtype=object)
    predictions = np.empty(rows, dtype=object)
    for row in range(rows):
        text = random.choice(words, random.integers(1, 9))
        other = np.where(random.random(len(text)) < 0.3, random.choice(words, len(text)), text)
        references[row] = [" ".join(text), "the cat sat"][: random.integers(1, 3)]
        predictions[row] = " ".join(other).encode()
    return replace(elementwise(random, rows), label=references, prediction=predictions)


def with_json(random: Random, rows: int) -> Batch:
    """Labels and predictions that are JSON texts."""
    label = random.choice(np.array(['{"a": 1, "b": [2]}', "[1, 2]", '"x"'], dtype=object), rows)
    prediction = random.choice(np.array(['{"b": [2], "a": 1}', "[1,2]"], dtype=object), rows)
    return replace(elementwise(random, rows), label=label, prediction=prediction)


def multi_label(random: Random, rows: int) -> Batch:
    """Several classes per row, or none."""
    return replace(multi_class(random, rows), label=random.integers(0, 2, (rows, 4)).astype(float))


def with_sets(random: Random, rows: int) -> Batch:
    """Lists of classes as labels, lists of classes and scores as predictions."""
    names = np.array(["sun", "sea", "moon", "light"], dtype=object)
    labels, classes, scores, weights = (np.empty(rows, dtype=object) for _ in range(4))
    for row in range(rows):
        labels[row] = list(random.choice(names, random.integers(0, 4)))
        classes[row] = list(random.choice(names, random.integers(0, 4)))
        scores[row] = random.random(len(classes[row]))
        weights[row] = np.round(random.random(len(labels[row])), 1)
    batch = elementwise(random, rows)
    return replace(
        batch,
        label=labels,
        prediction={"classes": classes, "scores": scores},
        baseline_prediction=None,
        features={**batch.features, "weights": weights},
    )


def _some_boxes(random: Random, count: int) -> Any:
    """Boxes (count, 5) near a few places, so that some of them overlap."""
    corner = 10.0 * random.integers(0, 3, (count, 2)) + random.integers(0, 3, (count, 2))
    return np.hstack(
        [corner, corner + random.integers(4, 9, (count, 2)), random.integers(1, 3, (count, 1))]
    )


def with_boxes(random: Random, rows: int) -> Batch:
    """True and predicted boxes as arrays, and as features by column."""
    true, predicted = np.empty(rows, dtype=object), np.empty(rows, dtype=object)
    for row in range(rows):
        true[row] = _some_boxes(random, random.integers(0, 5))
        boxes = np.vstack([true[row][random.random(len(true[row])) < 0.7], _some_boxes(random, 2)])
        boxes[:, :2] -= random.integers(0, 3, (len(boxes), 2))
        confidence = np.round(random.uniform(0.01, 1, (len(boxes), 1)), 1 + row % 2)
        predicted[row] = np.hstack([boxes, confidence])

    def columns(images: Any, part: Any) -> Any:
        column = np.empty(rows, dtype=object)
        for row in range(rows):
            column[row] = images[row][:, part]
        return column

    batch = elementwise(random, rows)
    features = {
        "where": columns(true, slice(0, 4)),
        "what": columns(true, 4),
        "boxes": columns(predicted, slice(0, 4)),
        "classes": columns(predicted, 4),
        "scores": columns(predicted, 5),
        "count": random.integers(0, 5, rows),
    }
    return replace(
        batch,
        label=true,
        prediction=predicted,
        baseline_prediction=None,
        features={**batch.features, **features},
    )


def with_images(random: Random, rows: int) -> Batch:
    """Images of class ids 0 to 3, true ones as numbers and as PNG files."""
    true = random.integers(0, 4, (rows, 5, 4))
    guess = np.where(random.random(true.shape) < 0.6, true, random.integers(0, 4, true.shape))
    files = np.array([png(image) for image in true] or [b""], dtype=object)[:rows]
    batch = elementwise(random, rows)
    return replace(
        batch,
        label=None,
        prediction={"guess": guess, "other": guess},
        baseline_prediction=None,
        features={**batch.features, "truth": true, "png": files},
    )


def png(image: Any) -> bytes:
    """An image of class ids as the bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(np.asarray(image, dtype=np.uint8)).save(file, "png")
    return file.getvalue()


for _name in registered():
    if _name.startswith(("ObjectDetection", "COCO")):
        BATCHES[_name] = with_boxes
    elif _name.startswith("SemanticSegmentation"):
        BATCHES[_name] = with_images

BATCHES["Bleu"] = with_texts
BATCHES["MultiLabelConfusionMatrixPlot"] = multi_label
BATCHES["SetMatchPrecision"] = with_sets
BATCHES["SetMatchRecall"] = with_sets
BATCHES["ExactMatch"] = with_json
BATCHES["Rouge"] = with_texts

for _name in ("Mean", "MeanAbsolute", "Total", "TotalAbsolute"):
    BATCHES[f"{_name}Attributions"] = with_attributions


def units_of(batch: Batch) -> int:
    """Number of rows, or of queries."""
    return len(batch) if batch.query_starts is None else batch.queries


def take(batch: Batch, units: Any) -> Batch:
    """Returns the batch restricted to some units, which may repeat."""
    units = np.asarray(units, dtype=np.int64)
    if batch.query_starts is None:
        return batch.take(units)
    starts, lengths = batch.query_starts[units], np.diff(batch.query_starts)[units]
    new_starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    rows = np.arange(new_starts[-1]) + np.repeat(starts - new_starts[:-1], lengths)
    return replace(batch.take(rows), query_starts=new_starts)


def reweighted(batch: Batch, factor: Any) -> Batch:
    """Returns the batch with weights multiplied by a factor per unit."""
    factor = np.asarray(factor, dtype=float)
    if batch.query_starts is not None:
        factor = np.repeat(factor, np.diff(batch.query_starts))
    shape = (len(factor), *(1,) * (batch.weight.ndim - 1))
    return replace(batch, weight=batch.weight * factor.reshape(shape), _derived={})


def config_of(metric: Metric) -> str:
    """Returns the metric's arguments as JSON."""
    return json.dumps(metric.config())
