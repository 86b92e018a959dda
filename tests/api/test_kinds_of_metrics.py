"""Ranking, multi-class, Keras, derived and compared metrics, through the whole pipeline."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import ndcg_score, roc_auc_score

import evaluator_component as ec


def values(result: Any, slice_name: str = "Overall") -> dict[tuple[str, Any, Any], float]:
    """Values of a slice by (metric, class or k, aggregation)."""
    frame = result.to_frame()
    rows = frame[(frame.slice == slice_name) & ~frame.is_diff]
    found = {}
    for row in rows.itertuples():
        part = next((p for p in (row.class_id, row.k, row.top_k) if not pd.isna(p)), None)
        found[row.metric, part, row.aggregation or None] = row.value
    return found


@pytest.mark.slow
def test_queries_are_ranked_as_scikit_learn_does() -> None:
    random = np.random.default_rng(0)
    rows = 3000
    data = pd.DataFrame(
        {
            "label": random.integers(0, 2, rows),
            "prediction": random.random(rows),
            "query": random.integers(0, 300, rows),
            "gain": random.integers(1, 4, rows).astype(float),
        }
    )
    config = """
    metrics_specs { query_key: "query" binarize { top_k_list { values: 5 } }
      metrics { class_name: "NDCG" config: '"gain_key": "gain"' }
      metrics { class_name: "QueryStatistics" } }
    """
    found = values(ec.analyze_raw_data(data, config))
    scores = [
        ndcg_score([rows.gain], [rows.prediction], k=5)
        for _, rows in data.groupby("query")
        if len(rows) > 1
    ]
    alone = (data.groupby("query").size() == 1).sum()
    expected = (sum(scores) + alone) / (len(scores) + alone)
    assert found["ndcg", 5, None] == pytest.approx(expected, rel=1e-9)
    assert found["total_queries", None, None] == data["query"].nunique()


@pytest.mark.slow
def test_classes_are_binarized_and_averaged() -> None:
    random = np.random.default_rng(1)
    scores = random.dirichlet(np.ones(3), 2000)
    label = np.array([random.choice(3, p=row) for row in scores])
    data = pd.DataFrame({"label": label, "prediction": list(scores)})
    weights = " ".join(f"class_weights {{ key: {c} value: 1 }}" for c in range(3))
    config = f"""
    metrics_specs {{
      binarize {{ class_ids {{ values: [0, 2] }} }}
      aggregate {{ macro_average: true {weights} }} metrics {{ class_name: "ExactAUC" }} }}
    metrics_specs {{ aggregate {{ micro_average: true }} metrics {{ class_name: "ExactAUC" }} }}
    metrics_specs {{ metrics {{ class_name: "SparseCategoricalAccuracy" }}
      metrics {{ class_name: "CosineSimilarity" module: "keras.metrics" }} }}
    """
    found = values(ec.analyze_raw_data(data, config))
    one_hot = np.eye(3)[label]
    assert found["exact_auc", 2, None] == pytest.approx(
        roc_auc_score(label == 2, scores[:, 2]), rel=1e-12
    )
    assert found["exact_auc", None, "macro"] == pytest.approx(
        roc_auc_score(label, scores, multi_class="ovr"), rel=1e-12
    )
    assert found["exact_auc", None, "micro"] == pytest.approx(
        roc_auc_score(one_hot.ravel(), scores.ravel()), rel=1e-12
    )
    assert found["sparse_categorical_accuracy", None, None] == pytest.approx(
        np.mean(scores.argmax(axis=1) == label), rel=1e-12
    )


@pytest.mark.slow
def test_string_labels_follow_the_class_names() -> None:
    random = np.random.default_rng(2)
    scores = random.dirichlet(np.ones(3), 500)
    names = np.array(["ash", "birch", "oak"])
    label = names[random.integers(0, 3, 500)]
    data = pd.DataFrame({"label": label, "prediction": list(scores)})
    config = """
    model_specs { class_names: ["ash", "birch", "oak"] }
    metrics_specs { metrics { class_name: "SparseCategoricalAccuracy" }
      metrics { class_name: "MultiClassConfusionMatrixPlot" } }
    """
    result = ec.analyze_raw_data(data, config)
    accuracy = values(result)["sparse_categorical_accuracy", None, None]
    assert accuracy == pytest.approx(np.mean(names[scores.argmax(axis=1)] == label))
    plot = next(iter(result.tables[0].plots.values()))[0]
    assert tuple(plot["class_names"]) == ("ash", "birch", "oak")


@pytest.mark.slow
def test_slices_by_bins_expressions_and_queries_agree_with_pandas(frame: pd.DataFrame) -> None:
    config = """
    derived_columns { name: "high" sql: "x > 0.5" }
    derived_columns { name: "range" fixed_bins { key: "x" edges: [-1, 1] } }
    slicing_specs { feature_keys: "high" } slicing_specs { feature_keys: "range" }
    slicing_specs {
      slice_keys_sql: "SELECT STRUCT(region) FROM example.region WHERE region != 'south'" }
    metrics_specs { metrics { class_name: "ExampleCount" } }
    """
    rows = ec.analyze_raw_data(frame, config).to_frame()
    found = dict(zip(rows.slice, rows.value, strict=True))
    x = frame.x.astype(float)
    assert found == {
        "high=0": (x <= 0.5).sum(),
        "high=1": (x > 0.5).sum(),
        "range=<-1": (x < -1).sum(),
        "range=[-1, 1)": ((x >= -1) & (x < 1)).sum(),
        "range=>=1": (x >= 1).sum(),
        "region=north": (frame.region == "north").sum(),
    }


@pytest.mark.slow
def test_a_planted_weak_slice_is_found_and_can_be_pinned(frame: pd.DataFrame) -> None:
    spoiled = frame.copy()
    weak = (spoiled.color == "green") & (spoiled.region == "south")
    spoiled.loc[weak, "prediction"] = 1 - spoiled.loc[weak, "prediction"]
    config = 'metrics_specs { metrics { class_name: "AUC" } } '
    search = 'weak_slices { feature_keys: ["color", "region"] }'
    found = ec.analyze_raw_data(spoiled, config + search).verdict.weak_slices
    assert found[0].slice_key == (("color", "green"), ("region", "south"))
    pinned = ec.analyze_raw_data(spoiled, config + found[0].config)
    assert "color=green, region=south" in set(pinned.to_frame().slice)


@pytest.mark.slow
def test_gaps_and_comparisons_of_slices_follow_from_their_slices(frame: pd.DataFrame) -> None:
    config = """
    slicing_specs {} slicing_specs { feature_keys: "color" }
    cross_slicing_specs { baseline_spec {} slicing_specs { feature_keys: "color" } }
    metrics_specs { metrics { class_name: "Recall" }
      metrics { class_name: "EqualOpportunity" config: '"feature_keys": ["color"]'
        threshold { value_threshold { upper_bound { value: 0.9 } } } } }
    """
    result = ec.analyze_raw_data(frame, config)
    recalls = {
        color: values(result, f"color={color}")["recall", None, None]
        for color in ("red", "green", "blue")
    }
    overall = values(result)
    gap = max(recalls.values()) - min(recalls.values())
    assert overall["equal_opportunity", None, None] == pytest.approx(gap, rel=1e-12)
    crossed = values(result, "Overall vs color=red")["recall", None, None]
    assert crossed == pytest.approx(overall["recall", None, None] - recalls["red"], rel=1e-12)
    assert result.verdict.validation_ok


@pytest.mark.slow
def test_metric_objects_go_into_a_config(frame: pd.DataFrame) -> None:
    import keras

    from evaluator_component.config import config
    from evaluator_component.metrics.confusion_matrix import Precision

    hinge = keras.metrics.Hinge(name="hinge_loss")
    made = config(metrics=[Precision(thresholds=0.3), hinge])
    found = values(ec.analyze_raw_data(frame, made))
    predicted = frame.prediction > 0.3
    precision = frame.label[predicted].mean()
    assert found["precision", None, None] == pytest.approx(precision, rel=1e-12)
    hinge.update_state(frame.label.to_numpy()[:, None], frame.prediction.to_numpy()[:, None])
    assert found["hinge_loss", None, None] == pytest.approx(float(hinge.result()), abs=1e-6)
