"""Results to look at: made-up flights, scored by two models, evaluated here in plain NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from evaluator_component.keys import MetricKey, PlotKey, SliceKey, SubKey, slice_name
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.views.run import Run

CARRIERS = (
    "AA",
    "AS",
    "B6",
    "DL",
    "EV",
    "F9",
    "FL",
    "HA",
    "MQ",
    "OO",
    "UA",
    "US",
    "VX",
    "WN",
    "YV",
)
ORIGINS = ("EWR", "JFK", "LGA")
DIRECTIONS = {
    "auc": 1,
    "accuracy": 1,
    "precision": 1,
    "recall": 1,
    "log_loss": -1,
    "calibration": 0,
}
THRESHOLDS = np.concatenate([[-1e-7], np.linspace(0.001, 0.999, 999), [1.0000001]])


def rank_auc(labels: np.ndarray, scores: np.ndarray) -> float:
    positives = labels.sum()
    if positives in (0, len(labels)):
        return float("nan")
    ranks = scores.argsort().argsort() + 1
    return float(
        (ranks[labels == 1].sum() - positives * (positives + 1) / 2)
        / (positives * (len(labels) - positives))
    )


def measure(labels: np.ndarray, scores: np.ndarray) -> dict[str, tuple[float, float]]:
    """Each metric's value and a rough standard error."""
    count = len(labels)
    hit = scores >= 0.5
    tp, fp, fn = (
        (hit & (labels == 1)).sum(),
        (hit & (labels == 0)).sum(),
        (~hit & (labels == 1)).sum(),
    )
    auc = rank_auc(labels, scores)
    with np.errstate(divide="ignore", invalid="ignore"):
        accuracy = np.mean(hit == (labels == 1))
        loss = -(labels * np.log(scores) + (1 - labels) * np.log1p(-scores))
        precision, recall = np.float64(tp) / (tp + fp), np.float64(tp) / (tp + fn)
        positives = max(labels.sum(), 1)
        spread = np.sqrt(max(auc * (1 - auc), 1e-4) / positives) if auc == auc else np.nan
        return {
            "auc": (auc, spread),
            "accuracy": (accuracy, np.sqrt(accuracy * (1 - accuracy) / count)),
            "precision": (precision, np.sqrt(precision * (1 - precision) / (tp + fp))),
            "recall": (recall, np.sqrt(recall * (1 - recall) / positives)),
            "log_loss": (loss.mean(), loss.std() / np.sqrt(count)),
            "calibration": (scores.mean() / labels.mean(), 0.3 / np.sqrt(positives)),
        }


def threshold_table(labels: np.ndarray, scores: np.ndarray) -> dict[str, object]:
    order = np.argsort(scores)
    scores, labels = scores[order], labels[order]
    below = np.searchsorted(scores, THRESHOLDS, side="right")
    negatives_below = np.concatenate([[0], np.cumsum(labels == 0)])[below]
    positives_below = below - negatives_below
    positives = labels.sum()
    return {
        "kind": "confusion_matrices",
        "columns": {
            "threshold": THRESHOLDS,
            "true_positives": positives - positives_below,
            "false_positives": (len(labels) - positives) - negatives_below,
            "true_negatives": negatives_below,
            "false_negatives": positives_below,
        },
    }


def calibration_table(
    labels: np.ndarray, scores: np.ndarray, cells: int = 200
) -> dict[str, object]:
    edges = np.linspace(0, 1, cells + 1)
    cell = np.clip((scores * cells).astype(int), 0, cells - 1)
    sums = [np.bincount(cell, w, cells) for w in (np.ones(len(cell)), labels, scores)]
    pad = [np.concatenate([[0], column, [0]]) for column in sums]
    return {
        "kind": "calibration",
        "columns": {
            "lower": np.concatenate([[-np.inf], edges[:-1], [1.0]]),
            "upper": np.concatenate([[0.0], edges[1:], [np.inf]]),
            "weight": pad[0],
            "label": pad[1],
            "prediction": pad[2],
        },
    }


def flights_table(seed: int = 7, size: int = 24_000, drift: float = 0.0) -> MetricsTable:
    """Late flights: the candidate beats the baseline but for one carrier."""
    draw = np.random.default_rng(seed)
    popularity = draw.dirichlet(np.full(len(CARRIERS), 0.9))
    carrier = draw.choice(len(CARRIERS), size, p=popularity)
    origin = draw.choice(len(ORIGINS), size, p=[0.42, 0.35, 0.23])
    hour = np.clip(draw.normal(13, 4.5, size).round(), 5, 23).astype(int)
    signal = 0.16 * (hour - 13) + draw.normal(0, 0.5, len(CARRIERS))[carrier] - 1.1
    hidden = draw.normal(0, 1.4, size)
    labels = (draw.uniform(size=size) < 1 / (1 + np.exp(-(signal + hidden)))).astype(float)
    noise = draw.normal(0, 1.1, size)
    broken = CARRIERS.index("MQ")
    candidate = signal + 0.75 * hidden + noise * (1.0 - drift)
    candidate = np.where(carrier == broken, signal * 0.4 + 1.2 * noise - 0.4, candidate)
    baseline = signal + 0.55 * hidden + 1.15 * draw.normal(0, 1.1, size)
    scores = {
        name: 1 / (1 + np.exp(-s)) for name, s in (("candidate", candidate), ("baseline", baseline))
    }

    groups: dict[SliceKey, np.ndarray] = {(): np.ones(size, bool)}
    for index, name in enumerate(CARRIERS):
        groups[(("carrier", name),)] = carrier == index
    for index, name in enumerate(ORIGINS):
        groups[(("origin", name),)] = origin == index
    for value in range(5, 24):
        groups[(("hour", value),)] = hour == value
    for i, c in enumerate(CARRIERS):
        for j, o in enumerate(ORIGINS):
            groups[(("carrier", c), ("origin", o))] = (carrier == i) & (origin == j)
    groups = {key: mask for key, mask in groups.items() if mask.sum() >= 8}
    return evaluate(groups, labels, scores)


def evaluate(
    groups: Mapping[SliceKey, np.ndarray], labels: np.ndarray, scores: Mapping[str, np.ndarray]
) -> MetricsTable:
    found = {
        model: [measure(labels[mask], score[mask]) for mask in groups.values()]
        for model, score in scores.items()
    }
    columns = {}
    for metric, direction in DIRECTIONS.items():
        pairs = {m: np.array([row[metric] for row in rows], float).T for m, rows in found.items()}
        for model, (value, error) in pairs.items():
            columns[MetricKey(metric, model, example_weighted=False)] = Column(
                value,
                error,
                value - 1.96 * error,
                value + 1.96 * error,
                confidence_level=0.95,
                direction=direction,
                resampling="poisson_bootstrap",
            )
        value = pairs["candidate"][0] - pairs["baseline"][0]
        error = 0.7 * np.hypot(pairs["candidate"][1], pairs["baseline"][1])
        columns[MetricKey(metric, "candidate", example_weighted=False, is_diff=True)] = Column(
            value,
            error,
            value - 1.96 * error,
            value + 1.96 * error,
            confidence_level=0.95,
            direction=direction,
            resampling="poisson_bootstrap",
        )
    counts = np.array([mask.sum() for mask in groups.values()])
    for model in scores:
        columns[MetricKey("example_count", model, example_weighted=False)] = Column(
            counts.astype(float)
        )
    plots = {}
    for model, score in scores.items():
        for name, make in (("roc", threshold_table), ("calibration_plot", calibration_table)):
            values = np.empty(len(groups), object)
            values[:] = [make(labels[mask], score[mask]) for mask in groups.values()]
            plots[PlotKey(name, model, example_weighted=False)] = values
    keys = tuple(groups)
    notes = {key: "fewer than 30 examples" for key, n in zip(keys, counts, strict=True) if n < 30}
    return MetricsTable(keys, counts, counts.astype(float), columns, plots, notes=notes)


def judge(table: MetricsTable, margin: float = 0.02) -> dict[str, object]:
    """A verdict in the layout of verdict.json: AUC must not fall by more than the margin."""
    auc, diff = MetricKey("auc", "candidate", example_weighted=False), None
    diff = table.columns[auc.diff()]
    decisions = []
    for row, key in enumerate(table.slices):
        if len(key) > 1:
            continue
        value, fell = table.columns[auc].value[row], diff.value[row]
        lower, upper = diff.lower[row], diff.upper[row]
        decision = "pass" if lower > -margin else "fail" if upper < -margin else "inconclusive"
        n = int(table.examples[row])
        n_needed = int(n * ((diff.upper[row] - fell) / max(abs(fell + margin), 1e-4)) ** 2) + 1
        words = {
            "pass": f"auc of {slice_name(key)} changed by {fell:+.4f}; it may fall by {margin:g}.",
            "fail": f"auc of {slice_name(key)} fell by {-fell:.4f}, more than the {margin:g} "
            f"allowed, on {n:,} examples (95% interval {lower:+.4f} to {upper:+.4f}).",
            "inconclusive": f"auc of {slice_name(key)} changed by {fell:+.4f}, but {n:,} examples "
            f"cannot tell this from the {margin:g} allowed; about {n_needed:,} would.",
        }
        decisions.append(
            {
                "threshold": "change",
                "name": "",
                "severity": "block",
                "metric": "auc",
                "slice": slice_name(key),
                "dataset": "",
                "value": value,
                "baseline": value - fell,
                "difference": fell,
                "bound": -margin,
                "margin": margin,
                "lower": lower,
                "upper": upper,
                "n": n,
                "n_needed": n_needed,
                "p_value": None,
                "decision": decision,
                "sentence": words[decision],
            }
        )
    overall = float(table.columns[auc].value[0])
    decisions.append(
        {
            "threshold": "value",
            "name": "floor",
            "severity": "block",
            "metric": "auc",
            "slice": "Overall",
            "dataset": "",
            "value": overall,
            "baseline": None,
            "difference": None,
            "bound": 0.7,
            "margin": None,
            "lower": None,
            "upper": None,
            "n": int(table.examples[0]),
            "n_needed": None,
            "p_value": None,
            "decision": "pass",
            "sentence": f"auc of Overall is {overall:.4f}, at least 0.7 is asked for.",
        }
    )
    failed = [d for d in decisions if d["decision"] == "fail"]
    unclear = [d for d in decisions if d["decision"] == "inconclusive"]
    verdict = "NOT_BLESSED" if failed else "INCONCLUSIVE" if unclear else "BLESSED"
    summary = (
        f"{len(failed)} of {len(decisions)} thresholds block. The largest: {failed[0]['sentence']}"
        if failed
        else f"All {len(decisions)} thresholds pass."
    )
    rows = sorted(range(1, 16), key=lambda row: diff.value[row])[:4]
    return {
        "verdict": verdict,
        "summary": summary,
        "decisions": decisions,
        "attribution": [
            {
                "metric": "auc",
                "slice": slice_name(table.slices[row]),
                "mix": 0.0004 * (row - 6),
                "performance": float(diff.value[row] * table.examples[row] / table.examples[0]),
                "total": float(diff.value[row] * table.examples[row] / table.examples[0])
                + 0.0004 * (row - 6),
            }
            for row in rows
        ],
        "weak_slices": [
            {
                "metric": "auc",
                "slice": slice_name(table.slices[row]),
                "value": float(table.columns[auc].value[row]),
                "overall": overall,
                "n": int(table.examples[row]),
                "p_value": 0.0004,
                "sentence": "auc is lower than elsewhere.",
            }
            for row in rows[:2]
        ],
    }


METADATA = {
    "name": "flights · 2013-W48",
    "time": "2026-11-22T14:03:11+00:00",
    "models": [
        {
            "name": "candidate",
            "role": "candidate",
            "version": "v18",
            "location": "/models/flights/18",
        },
        {
            "name": "baseline",
            "role": "baseline",
            "version": "v15",
            "location": "/models/flights/15",
        },
    ],
    "data": {"eval": "examples/Split-eval/*.gz"},
    "rows": 24_000,
    "bad_records": 0,
    "seconds": 12.4,
    "versions": {"evaluator_component": "1.0.0", "tensorflow": "2.21.0", "apache-beam": "2.73.0"},
    "config_hash": "9f2c41d0",
}


def flights_run(seed: int = 7, size: int = 24_000, **about: object) -> Run:
    table = flights_table(seed, size)
    draw = np.random.default_rng(seed)
    examples = [
        {
            "slice": slice_name(table.slices[row]),
            "label": int(k % 2),
            "prediction": float(p),
            "loss": float(-np.log(p if k % 2 else 1 - p)),
            "features": {
                "carrier": table.slices[row][0][1],
                "origin": ORIGINS[k % 3],
                "hour": 6 + k % 17,
                "distance": int(draw.integers(90, 2600)),
                "tailnum": f"N{draw.integers(100, 999)}UA",
            },
        }
        for row in range(1, 12)
        for k, p in enumerate(draw.uniform(0.02, 0.98, 8))
    ]
    return Run((table,), {**METADATA, **about}, judge(table), examples)


def history_runs(count: int = 20, slices: Sequence[int] = tuple(range(0, 19))) -> list[Run]:
    runs = []
    for index in range(count):
        table = flights_table(100 + index, 6_000, drift=0.02 * index).take(list(slices))
        about = {
            "name": f"week {index + 1}",
            "time": f"2026-{1 + index // 4:02d}-{1 + 7 * (index % 4):02d}T06:00:00+00:00",
            "models": [
                {"name": "candidate", "role": "candidate", "version": f"v{index + 1}"},
                {"name": "baseline", "role": "baseline", "version": f"v{index}"},
            ],
        }
        verdict = {**judge(table), "verdict": "NOT_BLESSED" if index in (6, 13) else "BLESSED"}
        runs.append(Run((table,), about, verdict, href=f"run-{index + 1}/report.html"))
    return runs


def wide_table(
    slices: int = 5_000, metrics: int = 20, compared: bool = True, seed: int = 3
) -> MetricsTable:
    """Many slices by many metrics, as drawn numbers: for size and speed."""
    draw = np.random.default_rng(seed)
    counts = np.maximum(draw.lognormal(5, 1.8, slices).astype(int), 1)
    counts[0] = counts[1:].sum()
    keys: list[SliceKey] = [
        (("carrier", CARRIERS[index % 15]), ("route", f"R{index:04d}")) for index in range(slices)
    ]
    keys[0] = ()
    columns = {}
    for number in range(metrics):
        name = (
            ("auc", "accuracy", "precision", "recall", "log_loss")[number]
            if number < 5
            else f"metric_{number:02d}"
        )
        error = 0.35 / np.sqrt(counts)
        truth = np.clip(draw.normal(0.8, 0.05, slices), 0.02, 0.99)
        values = {
            m: np.clip(truth + draw.normal(0, 1, slices) * error, 0, 1)
            for m in ("candidate", "baseline")
        }
        for model, value in values.items():
            columns[MetricKey(name, model)] = Column(
                value,
                error,
                value - 1.96 * error,
                value + 1.96 * error,
                direction=1,
                confidence_level=0.95,
            )
            if not compared:
                break
        if compared:
            value = values["candidate"] - values["baseline"]
            columns[MetricKey(name, "candidate", is_diff=True)] = Column(
                value,
                error,
                value - 1.96 * error,
                value + 1.96 * error,
                direction=1,
                confidence_level=0.95,
            )
    return MetricsTable(tuple(keys), counts, counts.astype(float), columns)


HOSTILE = (
    "</script><script>window.hacked=1</script>",
    "<img src=x onerror='window.hacked=1'>",
    '"><svg/onload=window.hacked=1>',
    "${window.hacked=1}{{constructor.constructor('window.hacked=1')()}}",
    "<!--<script>",
    "javascript:window.hacked=1",
    "a\u2028b\u2029c\x00d\ud800",
    "$accent",
    "[name](javascript:hacked)",
)


def hostile_run() -> Run:
    """Every text that data can bring is an attack."""
    draw = np.random.default_rng(1)
    groups: dict[SliceKey, np.ndarray] = {(): np.ones(400, bool)}
    for index, text in enumerate(HOSTILE):
        groups[((text, text),)] = np.arange(400) % len(HOSTILE) == index
    labels = (draw.uniform(size=400) < 0.4).astype(float)
    scores = {
        m: np.clip(labels * 0.3 + draw.uniform(0.05, 0.6, 400), 0.01, 0.99)
        for m in ("candidate", "baseline")
    }
    table = evaluate(groups, labels, scores)
    names = tuple(HOSTILE[:3])
    matrix = np.empty(len(table), object)
    matrix[:] = [
        {
            "kind": "multi_class_confusion_matrix",
            "class_names": list(names),
            "columns": {
                "actual": np.array([0, 0, 1, 1, 2]),
                "predicted": np.array([0, 1, 1, -1, 2]),
                "weight": np.array([5.0, 2.0, 7.0, 1.0, 3.0]),
            },
        }
    ] * len(table)
    columns = {
        **table.columns,
        MetricKey(HOSTILE[1], "candidate", HOSTILE[0], SubKey(class_id=1)): Column(
            draw.uniform(size=len(table)), direction=1
        ),
    }
    plots = {**table.plots, PlotKey(HOSTILE[1], "candidate"): matrix}
    table = MetricsTable(
        table.slices,
        table.examples,
        table.weights,
        columns,
        plots,
        notes={table.slices[1]: HOSTILE[1]},
    )
    verdict = {
        "verdict": "NOT_BLESSED",
        "summary": HOSTILE[0],
        "decisions": [
            {
                "metric": "auc",
                "slice": slice_name(key),
                "decision": "fail",
                "sentence": HOSTILE[1],
                "name": HOSTILE[2],
                "threshold": "value",
                "bound": 0.9,
                "value": 0.5,
                "n": 44,
                "severity": "block",
            }
            for key in table.slices
        ],
        "attribution": [{"metric": "auc", "slice": HOSTILE[1], "mix": 0.1, "performance": -0.2}],
        "weak_slices": [{"metric": "auc", "slice": HOSTILE[1], "sentence": HOSTILE[1]}],
    }
    examples = [
        {"slice": slice_name(key), "label": text, text: text}
        for key, text in zip(table.slices[1:], HOSTILE, strict=True)
    ]
    about = {
        **METADATA,
        "name": HOSTILE[0],
        "data": {HOSTILE[1]: HOSTILE[1]},
        "versions": {HOSTILE[1]: HOSTILE[0]},
    }
    return Run((table,), about, verdict, examples, href="javascript:window.hacked=1")


def zoo_run() -> Run:
    """One of everything: outputs, classes, weights, datasets, vectors, texts, every kind of plot."""
    draw = np.random.default_rng(5)
    slices: tuple[SliceKey, ...] = (
        (),
        (("kind", "tea"),),
        (("kind", "coffee"),),
        (("kind", "cocoa"),),
    )
    counts = np.array([900, 400, 300, 200])
    size = len(slices)

    def objects(make: Callable[[int], object]) -> np.ndarray:
        values = np.empty(size, object)
        values[:] = [make(row) for row in range(size)]
        return values

    def number(direction: int = 1) -> Column:
        value = draw.uniform(0.5, 0.9, size)
        bounds = {"lower": value - 0.03, "upper": value + 0.03}
        return Column(value, None, **bounds, direction=direction, confidence_level=0.9)

    columns = {
        MetricKey("example_count"): Column(counts.astype(float)),
        MetricKey("mean_absolute_error", output_name="price", example_weighted=False): number(-1),
        MetricKey("mean_absolute_error", output_name="price", example_weighted=True): number(-1),
        MetricKey("f1", output_name="taste", aggregation="macro"): number(),
        MetricKey("recall_at", output_name="taste"): Column(
            draw.uniform(size=(size, 3)), labels=("0.1", "0.5", "0.9"), direction=1
        ),
        MetricKey("confusion", output_name="taste"): Column(
            objects(lambda row: {"cells": [[row, 1], [2, 3]]})
        ),
        MetricKey("sample", output_name="taste"): Column(objects(lambda row: f"example {row}")),
    }
    for class_id in range(3):
        columns[MetricKey("f1", output_name="taste", sub_key=SubKey(class_id))] = number()
    edges = np.linspace(-2, 2, 101)
    names = ["bitter", "sweet", "salty", "sour"]
    actual, predicted = np.repeat(np.arange(4), 4), np.tile(np.arange(4), 4)

    def cells(*extra: str) -> dict[str, np.ndarray]:
        heights = {name: draw.poisson(30, 100).astype(float) for name in extra}
        return {"lower": edges[:-1], "upper": edges[1:], **heights}

    def matrix(row: int) -> dict[str, object]:
        weight = np.where(actual == predicted, 90.0, draw.integers(1, 25, 16))
        return {
            "kind": "multi_class_confusion_matrix",
            "class_names": names,
            "columns": {"actual": actual, "predicted": predicted, "weight": weight},
        }

    def together(row: int) -> dict[str, object]:
        counted = {
            f"{a}_{b}": draw.integers(5, 60, 16).astype(float)
            for a in ("true", "false")
            for b in ("positives", "negatives")
        }
        return {
            "kind": "multi_label_confusion_matrix",
            "class_names": names,
            "columns": {"actual": actual, "predicted": predicted, **counted},
        }

    def listed(row: int) -> dict[str, object]:
        return {"kind": "table", "columns": {"k": np.arange(1, 6), "ndcg": draw.uniform(size=5)}}

    def binary(row: int) -> dict[str, object]:
        labels = (draw.uniform(size=counts[row]) < 0.4).astype(float)
        return threshold_table(
            labels, np.clip(labels * 0.3 + draw.uniform(0, 0.7, counts[row]), 0, 1)
        )

    plots = {
        PlotKey("residual_plot", output_name="price"): objects(
            lambda row: {"kind": "residuals", "columns": cells("weight")}
        ),
        PlotKey("score_plot", output_name="price"): objects(
            lambda row: {"kind": "score_distribution", "columns": cells("weight")}
        ),
        PlotKey("confusion", output_name="taste"): objects(matrix),
        PlotKey("together", output_name="taste"): objects(together),
        PlotKey("ndcg", output_name="taste"): objects(listed),
        PlotKey("roc", output_name="taste", sub_key=SubKey(1)): objects(binary),
    }
    attributions = {
        MetricKey("mean_shap", output_name="price"): objects(
            lambda row: {"distance": 0.4 - row / 5, "hour": -0.2, "carrier": 0.05 * row}
        )
    }
    table = MetricsTable(slices, counts, counts * 1.5, columns, plots, attributions, dataset="test")
    other = replace(table, dataset="golden", plots={}, attributions={}).take([0, 2])
    about = {
        "name": "everything",
        "class_names": {"taste": names},
        "models": [{"name": "", "version": "7"}],
    }
    return Run((table, other), about)


@pytest.fixture(scope="session")
def zoo() -> Run:
    return zoo_run()


@pytest.fixture(scope="session")
def flights() -> Run:
    return flights_run()


@pytest.fixture(scope="session")
def hostile() -> Run:
    return hostile_run()


@pytest.fixture(scope="session")
def runs() -> list[Run]:
    return history_runs()


@pytest.fixture(scope="session")
def many_slices() -> Run:
    return Run((wide_table(),), METADATA)
