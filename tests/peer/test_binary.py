"""Binary metrics: TFMA and us on the same examples, and both numbers where TFMA is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

pytestmark = pytest.mark.slow

MODEL = """
model_specs { label_key: "label" example_weight_key: "weight" }
slicing_specs {}
"""

RATIOS = (
    "TruePositives TP TrueNegatives TN FalsePositives FP FalseNegatives FN BinaryAccuracy "
    "Precision PPV Recall TPR Specificity TNR FallOut FPR MissRate FNR NegativePredictiveValue NPV "
    "FalseDiscoveryRate FalseOmissionRate Prevalence PrevalenceThreshold ThreatScore "
    "BalancedAccuracy F1Score MatthewsCorrelationCoefficient FowlkesMallowsIndex Informedness "
    "Markedness PositiveLikelihoodRatio NegativeLikelihoodRatio DiagnosticOddsRatio "
    "PredictedPositiveRate"
).split()

SEARCHES = {
    "SensitivityAtSpecificity": "specificity",
    "SpecificityAtSensitivity": "sensitivity",
    "PrecisionAtRecall": "recall",
    "RecallAtPrecision": "precision",
    "RecallAtFalsePositiveRate": "false_positive_rate",
    "ThresholdAtRecall": "recall",
}


def _metric(class_name: str, arguments: str = "") -> str:
    return f"metrics {{ class_name: {class_name!r} config: {arguments!r} }}\n"


def _spec(*metrics: str, more: str = "") -> str:
    return "metrics_specs {\n" + "".join(metrics) + more + "}\n"


def _columns(seed: int, size: int = 300, fractional: bool = False) -> dict:
    random = np.random.default_rng(seed)
    hidden = random.normal(-0.5, 1.5, size)
    label = (random.random(size) < 1 / (1 + np.exp(-hidden))).astype(float)
    if fractional:
        label = np.where(random.random(size) < 0.5, np.round(random.random(size), 2), label)
    prediction = 1 / (1 + np.exp(-hidden - random.normal(0, 1, size)))
    return {
        "labels": label,
        "predictions": _in_the_middle_of_buckets(prediction),
        "example_weights": random.uniform(0.1, 3, size),
        "features": {},
    }


def _in_the_middle_of_buckets(prediction: np.ndarray) -> np.ndarray:
    """Moves predictions so that the peer's buckets hide nothing: none begins at a threshold."""
    bucket = np.floor(prediction * 10000)
    return (bucket + (bucket % 10 == 0) + 0.5) / 10000


def _snake(class_name: str) -> str:
    from evaluator_component.metrics.base import snake_case

    return snake_case(class_name)


EQUAL = MODEL + _spec(
    *(_metric(name) for name in RATIOS),
    *(
        _metric(name, f'"thresholds": [0.25, 0.75], "name": "{_snake(name)}_of_two"')
        for name in RATIOS
        if name != "BinaryAccuracy"
    ),
    _metric("MaxRecall"),
    _metric("ConfusionMatrixAtThresholds", '"thresholds": [0.2, 0.5]'),
    _metric("MeanLabel"),
    _metric("MeanPrediction"),
    _metric("Calibration"),
    _metric("BinaryCrossEntropy"),
    _metric("BinaryCrossEntropy", '"label_smoothing": 0.1, "name": "smoothed"'),
    _metric("CoefficientOfDiscrimination"),
    _metric("RelativeCoefficientOfDiscrimination"),
    more="example_weights { weighted: true unweighted: true }\n",
)


@pytest.mark.parametrize("fractional", [False, True])
def test_rates_and_means_are_equal(peer, ours, key, fractional):
    columns = _columns(1, fractional=fractional)
    theirs, mine = peer(EQUAL, columns), ours(EQUAL, columns)
    names = [_snake(name) for name in RATIOS]
    names += [f"{name}_of_two" for name in names if name != "binary_accuracy"]
    names += ["max_recall", "mean_label", "mean_prediction", "calibration", "smoothed"]
    names += ["binary_crossentropy"]
    names += ["coefficient_of_discrimination", "relative_coefficient_of_discrimination"]
    for name in names:
        for weighted in (False, True):
            which = key(name, weighted=weighted)
            np.testing.assert_allclose(mine[which], theirs[which], rtol=1e-6, err_msg=name)
    which = key("confusion_matrix_at_thresholds", weighted=True)
    value, matrices = mine[which]["columns"], theirs[which]
    for name, field in [
        ("threshold", "thresholds"),
        ("true_positives", "tp"),
        ("false_positives", "fp"),
        ("true_negatives", "tn"),
        ("false_negatives", "fn"),
    ]:
        np.testing.assert_allclose(value[name], getattr(matrices, field), rtol=1e-9)


def test_fairness_indicators_are_the_peers_rates(peer, ours, key):
    rates = {
        "false_positive_rate": "FallOut",
        "false_negative_rate": "MissRate",
        "true_positive_rate": "Recall",
        "true_negative_rate": "Specificity",
        "positive_rate": "PredictedPositiveRate",
        "false_discovery_rate": "FalseDiscoveryRate",
        "false_omission_rate": "FalseOmissionRate",
    }
    one_by_one = MODEL + _spec(
        *(
            _metric(name, f'"thresholds": {number / 10}, "name": "{rate}@{number / 10}"')
            for rate, name in rates.items()
            for number in range(1, 10)
        )
    )
    columns = _columns(5)
    theirs = peer(one_by_one, columns)
    mine = ours(MODEL + _spec(_metric("FairnessIndicators")), columns)
    for number in range(1, 10):
        at = f"@{number / 10}"
        for rate in rates:
            found = mine[key(f"fairness_indicators_metrics/{rate}{at}", weighted=True)]
            wanted = theirs[key(f"{rate}{at}", weighted=True)]
            np.testing.assert_allclose(found, wanted, rtol=1e-6, err_msg=f"{rate}{at}")
        negative = mine[key(f"fairness_indicators_metrics/negative_rate{at}", weighted=True)]
        positive = theirs[key(f"positive_rate{at}", weighted=True)]
        np.testing.assert_allclose(negative, 1 - positive, rtol=1e-6)


def _curves() -> tuple[str, list[str]]:
    metrics, names = [], []
    for count in (3, 200, 10000):
        for curve in ("ROC", "PR"):
            for method in ("interpolation", "minoring", "majoring"):
                names.append(f"auc_{count}_{curve}_{method}")
                arguments = f'"num_thresholds": {count}, "curve": "{curve}", '
                arguments += f'"summation_method": "{method}", "name": "{names[-1]}"'
                metrics.append(_metric("AUC", arguments))
    for class_name, argument in SEARCHES.items():
        for bound in (0.25, 0.8):
            names.append(f"{class_name}_{bound}")
            arguments = f'"{argument}": {bound}, "num_thresholds": 10000, "name": "{names[-1]}"'
            metrics.append(_metric(class_name, arguments))
    return MODEL + _spec(*metrics), names


def test_curves_over_buckets_are_equal(peer, ours, key):
    config, names = _curves()
    columns = _columns(2)
    theirs, mine = peer(config, columns), ours(config, columns)
    for name in names:
        which = key(name, weighted=True)
        np.testing.assert_allclose(mine[which], theirs[which], rtol=1e-6, err_msg=name)


PLOTS = MODEL + _spec(
    _metric("CalibrationPlot", '"num_buckets": 50'),
    _metric("ConfusionMatrixPlot", '"num_thresholds": 50'),
    _metric("ScoreDistributionPlot", '"num_thresholds": 50'),
)


@pytest.mark.parametrize("fractional", [False, True])
def test_plots_are_equal_where_buckets_lose_nothing(peer, ours, key, fractional):
    columns = _columns(3, fractional=fractional)
    theirs, mine = peer(PLOTS, columns), ours(PLOTS, columns)
    which = key("calibration_plot", weighted=True)
    buckets = theirs[which].buckets
    for name, field in [
        ("weight", "num_weighted_examples"),
        ("label", "total_weighted_label"),
        ("prediction", "total_weighted_refined_prediction"),
    ]:
        expected = [getattr(bucket, field).value for bucket in buckets]
        np.testing.assert_allclose(mine[which]["columns"][name], expected, rtol=1e-6)
    expected = [bucket.lower_threshold_inclusive for bucket in buckets]
    np.testing.assert_allclose(mine[which]["columns"]["lower"], expected)
    which = key("confusion_matrix_plot", weighted=True)
    for name in ("threshold", "true_positives", "false_positives", "true_negatives"):
        expected = [getattr(matrix, name) for matrix in theirs[which].matrices]
        np.testing.assert_allclose(mine[which]["columns"][name], expected, rtol=1e-6, atol=1e-9)
    which = key("score_distribution_plot", weighted=True)
    above = [matrix.true_positives for matrix in theirs[which].matrices]
    weight = mine[which]["columns"]["weight"]
    np.testing.assert_allclose(above, [weight.sum(), *weight[::-1].cumsum()[-2::-1]], rtol=1e-6)


CATEGORICAL = MODEL + _spec(
    _metric("CategoricalCrossEntropy"),
    _metric("CategoricalCrossEntropy", '"label_smoothing": 0.1, "name": "smoothed"'),
)


def test_categorical_cross_entropy_is_equal_for_dense_labels(peer, ours, key):
    random = np.random.default_rng(4)
    columns = {
        "labels": np.eye(4)[random.integers(0, 4, 200)],
        "predictions": random.dirichlet(np.ones(4), 200),
        "example_weights": random.uniform(0.1, 3, 200),
        "features": {},
    }
    theirs, mine = peer(CATEGORICAL, columns), ours(CATEGORICAL, columns)
    for name in ("categorical_crossentropy", "smoothed"):
        which = key(name, weighted=True)
        np.testing.assert_allclose(mine[which], theirs[which], rtol=1e-6)


# -- Where the peer is wrong: both numbers --------------------------------------------------------

CLIPPED = """
model_specs { label_key: "label" }
slicing_specs {}
metrics_specs { metrics { class_name: "BinaryCrossEntropy" } metrics { class_name: "AUC" } }
"""


def test_one_confident_mistake_makes_the_peers_cross_entropy_infinite(peer, ours, key):
    columns = {
        "labels": np.array([1.0, 0.0, 1.0]),
        "predictions": np.array([0.0, 0.2, 0.9]),
        "features": {},
    }
    which = key("binary_crossentropy")
    expected = -(np.log(1e-7) + np.log(0.8) + np.log(0.9)) / 3
    np.testing.assert_allclose(ours(CLIPPED, columns)[which], expected, rtol=1e-6)
    assert np.isinf(peer(CLIPPED, columns)[which])


def test_small_probabilities_all_fall_into_the_peers_first_bucket(peer, ours, key):
    random = np.random.default_rng(5)
    label = random.integers(0, 2, 400).astype(float)
    columns = {
        "labels": label,
        "predictions": 9e-5 * random.beta(2 + label, 3),
        "features": {},
    }
    which = key("auc")
    exact = roc_auc_score(label, columns["predictions"])
    assert exact > 0.6
    np.testing.assert_allclose(ours(CLIPPED, columns)[which], exact, atol=1e-4)
    assert peer(CLIPPED, columns)[which] == 0.5


def test_logits_are_cut_off_at_0_and_1_by_the_peer(peer, ours, key):
    random = np.random.default_rng(6)
    label = random.integers(0, 2, 400).astype(float)
    logit = random.normal(0, 2, 400) + label
    config = CLIPPED.replace('"BinaryCrossEntropy"', '"MeanLabel"')
    columns = {"labels": label, "predictions": logit, "features": {}}
    which, exact = key("auc"), roc_auc_score(label, logit)
    np.testing.assert_allclose(ours(config, columns)[which], exact, atol=1e-4)
    assert abs(peer(config, columns)[which] - exact) > 0.005


def test_a_slice_of_one_class_has_no_auc(peer, ours, key):
    columns = {"labels": np.ones(4), "predictions": np.linspace(0.1, 0.9, 4), "features": {}}
    assert np.isnan(ours(CLIPPED, columns)[key("auc")])
    assert peer(CLIPPED, columns)[key("auc")] == 0.0


EXPLICIT = MODEL + _spec(_metric("AUC", '"thresholds": [0.25, 0.5, 0.75]'))


def test_the_peer_forgets_the_end_points_of_explicit_thresholds(peer, ours, key):
    columns = {
        "labels": np.array([0.0, 1.0, 0.0, 1.0, 1.0]),
        "predictions": np.array([0.1, 0.3, 0.6, 0.6, 0.9]),
        "example_weights": np.ones(5),
        "features": {},
    }
    # Keras: points (fpr, tpr) = (1, 1), (.5, 1), (.5, 2/3), (0, 1/3), (0, 0).
    which = key("auc", weighted=True)
    np.testing.assert_allclose(ours(EXPLICIT, columns)[which], 0.75)
    np.testing.assert_allclose(peer(EXPLICIT, columns)[which], 0.25)


MULTI_CLASS = """
model_specs { label_key: "label" }
slicing_specs {}
metrics_specs {
  metrics { class_name: "CoefficientOfDiscrimination" }
  binarize { class_ids { values: [0, 1] } }
}
"""

TOP_K = """
model_specs { label_key: "label" }
slicing_specs {}
metrics_specs {
  metrics { class_name: "CLASS" }
  binarize { top_k_list { values: [2] } }
}
"""


def _multi_class(seed: int, size: int = 200) -> dict:
    random = np.random.default_rng(seed)
    prediction = random.dirichlet(np.ones(3), size)
    label = np.where(
        random.random(size) < 0.5, prediction.argmax(axis=1), random.integers(0, 3, size)
    )
    return {"labels": label, "predictions": prediction, "features": {}}


def test_the_peers_discrimination_is_the_same_for_every_class(peer, ours, key):
    columns = _multi_class(7)
    theirs, mine = peer(MULTI_CLASS, columns), ours(MULTI_CLASS, columns)
    which = [key("coefficient_of_discrimination", class_id=class_id) for class_id in (0, 1)]
    for class_id in (0, 1):
        score, hit = columns["predictions"][:, class_id], columns["labels"] == class_id
        expected = score[hit].mean() - score[~hit].mean()
        np.testing.assert_allclose(mine[which[class_id]], expected, rtol=1e-9)
    assert theirs[which[0]] == theirs[which[1]]


def test_the_peers_means_over_the_top_2_crash(peer, ours, key):
    columns = _multi_class(8)
    config = TOP_K.replace("CLASS", "MeanPrediction")
    best = np.sort(columns["predictions"], axis=1)[:, 1:]
    which = key("mean_prediction", top_k=2)
    np.testing.assert_allclose(ours(config, columns)[which], best.mean(), rtol=1e-9)
    with pytest.raises(Exception, match="add_input failed"):
        peer(config, columns)


def test_the_peers_auc_of_the_top_2_is_zero(peer, ours, key):
    columns = _multi_class(9)
    config = TOP_K.replace("CLASS", "AUC")
    kept = columns["predictions"].copy()
    kept[np.arange(len(kept)), kept.argmin(axis=1)] = -np.inf
    hit = np.eye(3)[columns["labels"]].ravel()
    exact = roc_auc_score(hit, np.where(np.isinf(kept), -1, kept).ravel())
    which = key("auc", top_k=2)
    np.testing.assert_allclose(ours(config, columns)[which], exact, atol=1e-4)
    assert peer(config, columns)[which] == 0.0


SAMPLER = """
model_specs { label_key: "label" }
slicing_specs {}
metrics_specs {
  metrics { class_name: "FalsePositiveFeatureSampler"
            config: '"feature_key": "name", "sample_size": 5' }
}
"""


def test_the_peers_sampler_crashes_without_mistakes(peer, ours, key):
    columns = {
        "labels": np.array([1.0, 0.0]),
        "predictions": np.array([0.9, 0.1]),
        "features": {"name": np.array(["a", "b"])},
    }
    sample = ours(SAMPLER, columns)[key("false_positive_feature_sampler")]
    assert len(sample) == 0
    with pytest.raises(Exception, match="concatenate"):
        peer(SAMPLER, columns)


def test_merging_a_list_of_accumulators_counts_the_peers_first_one_twice(tfma):
    from tensorflow_model_analysis.metrics import metric_types

    from evaluator_component.batch import Batch
    from evaluator_component.groups import Groups
    from evaluator_component.metrics.cross_entropy import BinaryCrossEntropy, BinaryLoss
    from evaluator_component.metrics.state import States

    combiner = tfma.metrics.BinaryCrossEntropy().computations()[0].combiner
    predictions = (0.5, 0.25)
    parts = []
    states = States()
    for prediction in predictions:
        label, score = np.array([1.0]), np.array([prediction])
        inputs = metric_types.StandardMetricInputs({"labels": label, "predictions": score})
        parts.append(combiner.add_input(combiner.create_accumulator(), inputs))
        arrays = BinaryLoss().accumulate(Batch(label, score), Groups.everything(1))
        states.add(["all"], {"loss": arrays}, {"loss": BinaryLoss.state})
    theirs = next(iter(combiner.extract_output(combiner.merge_accumulators(parts)).values()))
    mine = BinaryCrossEntropy().result(states.table("loss"))[0]
    np.testing.assert_allclose(mine, 1.5 * np.log(2))
    np.testing.assert_allclose(theirs, 4 / 3 * np.log(2), rtol=1e-6)


def test_peers_plots_bucket_scores_and_ours_are_exact(peer, ours, key):
    # 0.50004 is above 0.5; the peer's bucket [0.5, 0.5001) counts as not above it.
    columns = {
        "labels": np.array([1.0, 1.0, 0.0]),
        "predictions": np.array([0.50004, 0.9, 0.1]),
        "example_weights": np.ones(3),
        "features": {},
    }
    which = key("confusion_matrix_plot", weighted=True)
    mine = ours(PLOTS, columns)[which]["columns"]
    theirs = peer(PLOTS, columns)[which].matrices
    at = int(np.flatnonzero(mine["threshold"] == 0.5)[0])
    assert mine["true_positives"][at] == 2.0
    assert theirs[at].true_positives == 1.0


UNREACHED = """
model_specs { label_key: "label" }
slicing_specs {}
metrics_specs {
  metrics { class_name: "ThresholdAtRecall" config: '"recall": 0.9, "thresholds": [0.8]' }
  metrics { class_name: "PrecisionAtRecall" config: '"recall": 0.9, "thresholds": [0.8]' }
}
"""


def test_a_bound_that_no_threshold_satisfies_is_0_for_the_peer(peer, ours, key):
    columns = {
        "labels": np.array([1.0, 1.0, 0.0]),
        "predictions": np.array([0.5, 0.9, 0.1]),
        "features": {},
    }
    theirs, mine = peer(UNREACHED, columns), ours(UNREACHED, columns)
    for name in ("threshold_at_recall", "precision_at_recall"):
        assert theirs[key(name)] == 0.0
        assert np.isnan(mine[key(name)])


def test_logits_and_ones_in_the_peers_matrices(peer, ours, key):
    columns = {
        "labels": np.ones(3),
        "predictions": np.array([-2.0, 0.3, 1.0]),
        "example_weights": np.ones(3),
        "features": {},
    }
    which = key("confusion_matrix_plot", weighted=True)
    config = MODEL + _spec(_metric("ConfusionMatrixPlot", '"num_thresholds": 50'))
    mine = ours(config, columns)[which]["columns"]["true_positives"]
    theirs = [matrix.true_positives for matrix in peer(config, columns)[which].matrices]
    # -2 is above -0.000001 for the peer, and 1 is above 1.
    assert (mine[0], mine[-1]) == (2.0, 0.0)
    assert (theirs[0], theirs[-1]) == (3.0, 1.0)


def test_the_peers_score_distribution_of_logits_crashes(peer, ours, key):
    columns = {"labels": np.ones(2), "predictions": np.array([-2.0, 0.3]), "features": {}}
    config = CLIPPED.replace('"AUC"', '"ScoreDistributionPlot"').replace(
        '"BinaryCrossEntropy"', '"MeanLabel"'
    )
    plot = ours(config, columns)[key("score_distribution_plot")]
    assert plot["columns"]["weight"].sum() == 2.0
    with pytest.raises(Exception, match="add_input failed"):
        peer(config, columns)
