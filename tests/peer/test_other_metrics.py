"""Model comparison, ranking, set match, texts, attributions and samples: TFMA and us."""

from __future__ import annotations

import numpy as np
import pytest
import sacrebleu

pytestmark = pytest.mark.slow

ONE_MODEL = """
model_specs { label_key: "label" example_weight_key: "weight" }
slicing_specs {}
"""

TWO_MODELS = """
model_specs { name: "new" label_key: "label" example_weight_key: "weight" }
model_specs { name: "old" label_key: "label" example_weight_key: "weight" is_baseline: true }
slicing_specs {}
metrics_specs {
  metrics { class_name: "BooleanFlipRates" config: '"threshold": 0.4' }
  metrics { class_name: "SymmetricFlipRate" }
  metrics { class_name: "SymmetricPredictionDifference" }
}
metrics_specs {
  metrics { class_name: "ModelCosineSimilarity" }
  example_weights { unweighted: true }
}
"""


def _objects(rows: list) -> np.ndarray:
    column = np.empty(len(rows), dtype=object)
    column[:] = rows
    return column


def _two_models(seed: int, size: int = 200, shape: tuple[int, ...] = ()) -> dict:
    random = np.random.default_rng(seed)
    new = random.random((size, *shape))
    old = np.clip(new + random.normal(0, 0.2, new.shape), 0.01, 1)
    label, weight = random.integers(0, 2, size).astype(float), random.uniform(0.1, 2, size)
    return {
        "labels": {"new": label, "old": label},
        "predictions": {"new": new, "old": old},
        "example_weights": {"new": weight, "old": weight},
        "features": {},
    }


def test_comparison_of_two_models(peer, ours, key):
    columns = _two_models(1)
    theirs, mine = peer(TWO_MODELS, columns), ours(TWO_MODELS, columns)
    names = [
        "flip_rate",
        "neg_to_neg_flip_rate",
        "neg_to_pos_flip_rate",
        "pos_to_neg_flip_rate",
        "pos_to_pos_flip_rate",
        "symmetric_flip_rate",
        "symmetric_prediction_difference",
    ]
    for name in names:
        which = key(name, "new", weighted=True, is_diff=True)
        np.testing.assert_allclose(mine[which], theirs[which], rtol=1e-9, err_msg=name)
    which = key("model_cosine_similarity", "new", is_diff=True)
    np.testing.assert_allclose(mine[which], theirs[which], rtol=1e-9)


def test_comparison_of_score_vectors(peer, ours, key):
    config = TWO_MODELS.replace("0.4", "0.6").replace(
        'metrics { class_name: "SymmetricPredictionDifference" }', ""
    )
    columns = _two_models(2, shape=(3,))
    theirs, mine = peer(config, columns), ours(config, columns)
    for which in (
        key("flip_rate", "new", weighted=True, is_diff=True),
        key("model_cosine_similarity", "new", is_diff=True),
    ):
        np.testing.assert_allclose(mine[which], theirs[which], rtol=1e-9)


def test_prediction_difference_of_score_vectors_sees_only_the_first_in_the_peer(peer, ours, key):
    columns = _two_models(3, shape=(3,))
    which = key("symmetric_prediction_difference", "new", weighted=True, is_diff=True)
    new, old = columns["predictions"]["new"], columns["predictions"]["old"]
    weight = columns["example_weights"]["new"]
    each = 2 * np.abs(new - old) / (new + old)
    np.testing.assert_allclose(
        ours(TWO_MODELS, columns)[which], np.average(each.mean(axis=1), weights=weight), rtol=1e-9
    )
    np.testing.assert_allclose(
        peer(TWO_MODELS, columns)[which], np.average(each[:, 0], weights=weight), rtol=1e-9
    )


RANKING = (
    ONE_MODEL
    + """
metrics_specs {
  query_key: "query"
  metrics { class_name: "NDCG" config: '"gain_key": "gain", "top_k_list": [1, 3]' }
  metrics { class_name: "MinLabelPosition" }
  metrics { class_name: "MinLabelPosition" config: '"label_key": "clicked", "name": "clicked"' }
  metrics { class_name: "QueryStatistics" }
}
"""
)


def _queries(seed: int, weights: bool) -> dict:
    random = np.random.default_rng(seed)
    query = np.sort(random.integers(0, 30, 150))
    of_query = random.uniform(0.5, 2, 30) if weights else np.ones(30)
    return {
        "labels": (random.random(150) < 0.3).astype(float),
        "predictions": random.normal(size=150),
        "example_weights": of_query[query],
        "features": {
            "query": _objects([f"q{number}" for number in query]),
            "gain": random.integers(0, 4, 150).astype(float),
            "clicked": random.integers(0, 2, 150).astype(float),
        },
    }


@pytest.mark.parametrize("weights", [False, True])
def test_ranking(peer, ours, key, weights):
    columns = _queries(4, weights)
    theirs, mine = peer(RANKING, columns), ours(RANKING, columns)
    found = [key("ndcg", weighted=True, top_k=k) for k in (1, 3)]
    names = ["min_label_position", "clicked", "total_queries", "total_documents"]
    # The peer multiplies the size of the smallest and largest query by the query's weight.
    names += [] if weights else ["min_documents", "max_documents"]
    for which in (*found, *(key(name, weighted=True) for name in names)):
        np.testing.assert_allclose(mine[which], theirs[which], rtol=1e-9, err_msg=str(which))
    sizes = np.unique(columns["features"]["query"].astype(str), return_counts=True)[1]
    assert mine[key("min_documents", weighted=True)] == sizes.min()
    assert mine[key("max_documents", weighted=True)] == sizes.max()


def test_set_match(peer, ours, key):
    config = (
        ONE_MODEL
        + """
metrics_specs {
  metrics { class_name: "SetMatchPrecision" config: '"thresholds": 0.3' }
  metrics { class_name: "SetMatchRecall" config: '"thresholds": 0.3' }
  metrics { class_name: "SetMatchRecall" config: '"top_k": 2, "name": "of_top", '
            '"weight_key": "weights"' }
}
"""
    )
    random = np.random.default_rng(5)
    names = np.array([f"class {number}" for number in range(9)])
    labels = [random.choice(names, random.integers(1, 5), replace=False) for _ in range(100)]
    classes = [random.choice(names, random.integers(1, 6), replace=False) for _ in range(100)]
    columns = {
        "labels": _objects(labels),
        "predictions": {
            "classes": _objects(classes),
            "scores": _objects([-np.sort(-random.random(len(row))) for row in classes]),
        },
        "example_weights": random.uniform(0.1, 2, 100),
        "features": {"weights": _objects([random.random(len(row)) for row in labels])},
    }
    theirs, mine = peer(config, columns), ours(config, columns)
    for name in ("set_match_precision", "set_match_recall"):
        which = key(name, weighted=True)
        np.testing.assert_allclose(mine[which], theirs[which], rtol=1e-9, err_msg=name)
    # The peer's key does not say top_k.
    np.testing.assert_allclose(
        mine[key("of_top", weighted=True, top_k=2)], theirs[key("of_top", weighted=True)], rtol=1e-9
    )


def test_texts(peer, ours, key):
    config = """
model_specs { label_key: "label" }
slicing_specs {}
metrics_specs {
  metrics { class_name: "ExactMatch" }
  metrics { class_name: "Bleu" }
  metrics { class_name: "Rouge" config: '"rouge_type": "rougeL"' }
}
"""
    random = np.random.default_rng(6)
    words = np.array("the a cat dog sat ran on under red mat".split())
    references = [" ".join(random.choice(words, 7)) for _ in range(40)]
    predictions = [
        " ".join(np.where(random.random(7) < 0.3, random.choice(words, 7), text.split()))
        for text in references
    ]
    columns = {
        "labels": np.array(references),
        "predictions": np.array(predictions),
        "example_weights": np.ones(40),
        "features": {},
    }
    without = {name: column for name, column in columns.items() if name != "example_weights"}
    theirs, mine = peer(config, without), ours(config, columns)
    np.testing.assert_allclose(mine[key("exact_match")], theirs[key("exact_match")])
    np.testing.assert_allclose(mine[key("rougeL")], theirs[key("rougeL")], rtol=1e-9)
    # The peer takes one text for a list of references, each a letter, and compares with the first.
    corpus = sacrebleu.corpus_bleu(predictions, [references]).score
    np.testing.assert_allclose(mine[key("BLEU")], corpus, rtol=1e-9)
    assert theirs[key("BLEU")].score < corpus / 10
    nested = {**without, "labels": np.array(references)[:, None, None]}
    only_bleu = config.replace('metrics { class_name: "ExactMatch" }', "").replace(
        """metrics { class_name: "Rouge" config: '"rouge_type": "rougeL"' }""", ""
    )
    theirs = peer(only_bleu, nested)
    np.testing.assert_allclose(theirs[key("BLEU")].score, corpus, rtol=1e-9)


def test_attributions_and_samples(peer, ours, key):
    names = ["Total", "TotalAbsolute", "Mean", "MeanAbsolute"]
    config = ONE_MODEL + "".join(
        f'metrics_specs {{ metrics {{ class_name: "{name}Attributions" }} }}' for name in names
    )
    config += """
metrics_specs { metrics { class_name: "FixedSizeSample"
                          config: '"sampled_key": "city", "size": 7' } }
"""
    random = np.random.default_rng(7)
    columns = {
        "labels": random.random(80),
        "predictions": random.random(80),
        "example_weights": random.uniform(0.1, 2, 80),
        "features": {"city": random.choice(np.array(["Rome", "Oslo", "Lima"]), 80)},
        "attributions": {"age": random.normal(size=80), "city": random.normal(size=(80, 2))},
    }
    theirs, mine = peer(config, columns), ours(config, columns)
    for name in ("total", "total_absolute", "mean", "mean_absolute"):
        which = key(f"{name}_attributions", weighted=True)
        assert mine[which].keys() == theirs[which].keys()
        for feature, value in mine[which].items():
            np.testing.assert_allclose(value, theirs[which][feature], rtol=1e-9)
    which = key("fixed_size_sample", weighted=True)
    assert len(mine[which]) == len(theirs[which]) == 7
    assert set(mine[which]) <= {"Rome", "Oslo", "Lima"}
