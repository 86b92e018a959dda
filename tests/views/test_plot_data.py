"""Plot data get smaller without changing what they show."""

from __future__ import annotations

import numpy as np

from evaluator_component.views import Run
from evaluator_component.views.payload import report_payload
from evaluator_component.views.plot_data import CURVE_POINTS, merge_cells, thin_curve


def curve(size: int = 10_001, seed: int = 0) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    scores = draw.beta(2, 5, 40_000)
    labels = draw.uniform(size=len(scores)) < scores
    thresholds = np.linspace(0, 1, size)
    order = np.sort(scores[labels]), np.sort(scores[~labels])
    fn, tn = (np.searchsorted(part, thresholds, side="right") for part in order)
    return {
        "threshold": thresholds,
        "true_positives": len(order[0]) - fn,
        "false_positives": len(order[1]) - tn,
        "true_negatives": tn,
        "false_negatives": fn,
    }


def area(columns: dict[str, np.ndarray]) -> float:
    tpr = columns["true_positives"] / (columns["true_positives"] + columns["false_negatives"])
    fpr = columns["false_positives"] / (columns["false_positives"] + columns["true_negatives"])
    integrate = getattr(np, "trapezoid", None) or np.trapz  # NumPy 1 has the older name only
    return float(integrate(tpr[::-1], fpr[::-1]))


def test_a_thinned_curve_has_the_same_area_and_ends() -> None:
    whole = curve()
    thin = thin_curve(whole)
    assert len(thin["threshold"]) <= CURVE_POINTS + 2
    assert abs(area(whole) - area(thin)) < 1e-4
    assert thin["threshold"][0] == 0
    assert thin["threshold"][-1] == 1


def test_rows_of_a_thinned_curve_are_rows_of_the_whole() -> None:
    whole = curve(2_000)
    thin = thin_curve(whole)
    rows = np.searchsorted(whole["threshold"], thin["threshold"])
    for name, column in whole.items():
        np.testing.assert_array_equal(thin[name], column[rows])


def test_a_short_curve_stays_as_it_is() -> None:
    whole = curve(50)
    assert all(np.array_equal(thin_curve(whole)[name], whole[name]) for name in whole)


def histogram(size: int = 1_000) -> dict[str, np.ndarray]:
    edges = np.linspace(0, 1, size + 1)
    draw = np.random.default_rng(1)
    inner = draw.integers(0, 9, size).astype(float)
    return {
        "lower": np.concatenate([[-np.inf], edges[:-1], [1.0]]),
        "upper": np.concatenate([[0.0], edges[1:], [np.inf]]),
        "weight": np.concatenate([[3.0], inner, [4.0]]),
    }


def test_merged_cells_keep_every_sum() -> None:
    whole = histogram()
    merged = merge_cells(whole, 40)
    assert len(merged["weight"]) == 42
    assert merged["weight"].sum() == whole["weight"].sum()
    assert (merged["weight"][0], merged["weight"][-1]) == (3.0, 4.0)
    inner = slice(1, -1)
    np.testing.assert_allclose(merged["upper"][inner] - merged["lower"][inner], 1 / 40)
    np.testing.assert_array_equal(
        merged["weight"][inner], whole["weight"][inner].reshape(40, 25).sum(axis=1)
    )


def test_merging_makes_no_false_waves() -> None:
    flat = {**histogram(100), "weight": np.ones(102)}
    merged = merge_cells(flat, 40)["weight"][1:-1]
    assert set(merged[:-1]) == {3.0}


def test_shares_of_a_matrix_stay_right_when_cells_are_left_out() -> None:
    from evaluator_component.views.plot_data import ENTRIES, _heaviest

    classes = 80
    draw = np.random.default_rng(2)
    actual, predicted = (part.ravel() for part in np.indices((classes, classes)))
    weight = draw.integers(1, 50, classes**2).astype(float)
    kept = _heaviest({"actual": actual, "predicted": predicted, "weight": weight})
    assert len(kept["weight"]) == ENTRIES
    expected = np.bincount(actual, weight)[kept["actual"]]
    np.testing.assert_array_equal(kept["all"], expected)


def test_matrices_at_many_thresholds_are_kept_at_some() -> None:
    from evaluator_component.views.plot_data import THRESHOLDS, _heaviest

    at = np.repeat(np.linspace(0, 1, 101), 4)
    columns = {
        "threshold": at,
        "actual": np.tile([0, 0, 1, 1], 101),
        "predicted": np.tile([0, 1, 0, 1], 101),
        "weight": np.ones(404),
    }
    kept = _heaviest(columns)
    assert len(np.unique(kept["threshold"])) == THRESHOLDS
    assert set(kept["all"]) == {2.0}


def test_every_kind_of_plot_reaches_the_page(zoo: Run) -> None:
    kinds = [plot["kind"] for plot in report_payload(zoo)["datasets"][0]["plots"]]
    assert kinds == [
        "residuals",
        "score_distribution",
        "multi_class_confusion_matrix",
        "multi_label_confusion_matrix",
        "table",
        "confusion_matrices",
    ]


def test_tables_of_gain_are_drawn_as_curves() -> None:
    from evaluator_component.views.plot_data import _kind

    columns = {"threshold": [0], "fraction": [1], "gain": [1], "lift": [1]}
    assert _kind({"kind": "table", "columns": columns}) == "gain"
