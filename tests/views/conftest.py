"""Results to look at: made-up flights, scored by two models, evaluated here in plain NumPy."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluator_component.keys import MetricKey, PlotKey, SliceKey, SubKey, slice_name
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.validation.attribution import Attribution, Contribution
from evaluator_component.validation.decision import Decision
from evaluator_component.validation.verdict import Verdict
from evaluator_component.validation.weak_slices import WeakSlice
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


def judge(table: MetricsTable, margin: float = 0.02, status: str = "") -> dict[str, object]:
    """A verdict: AUC must not fall by more than the margin; overall, it must be 0.7."""
    auc = MetricKey("auc", "candidate", example_weighted=False)
    diff = table.columns[auc.diff()]
    decisions = []
    for row, key in enumerate(table.slices):
        if len(key) > 1:
            continue
        value, fell = float(table.columns[auc].value[row]), float(diff.value[row])
        lower, upper = float(diff.lower[row]), float(diff.upper[row])
        outcome = "PASSED" if lower > -margin else "FAILED" if upper < -margin else "INCONCLUSIVE"
        n = int(table.examples[row])
        needed = int(n * ((upper - fell) / max(abs(fell + margin), 1e-4)) ** 2) + 1
        verb = "fell" if fell < 0 else "rose"
        told = f"{verb} by {abs(fell):.4f} ({value - fell:.4f} to {value:.4f})"
        end = {
            "PASSED": "met",
            "FAILED": f"missed by {-fell - margin:.4f} ({n:,} examples)",
            "INCONCLUSIVE": f"{n:,} examples cannot tell, about {needed:,} would",
        }[outcome]
        decisions.append(
            Decision(
                "no_worse",
                auc.diff(),
                key,
                check="ABSOLUTE_CHANGE",
                outcome=outcome,
                value=value,
                baseline=value - fell,
                difference=fell,
                bound=-margin,
                margin=fell + margin,
                lower=lower,
                upper=upper,
                confidence_level=0.95,
                num_examples=n,
                num_examples_needed=needed,
                sentence=f"auc on {slice_name(key)} {told}; it may fall by {margin:g}: {end}.",
            )
        )
    overall = float(table.columns[auc].value[0])
    decisions.append(
        Decision(
            "floor",
            auc,
            (),
            check="LOWER_BOUND",
            value=overall,
            difference=overall,
            bound=0.6,
            num_examples=int(table.examples[0]),
            sentence=f"auc on Overall is {overall:.4f}; at least 0.6 is asked for: met.",
        )
    )
    decisions.sort(key=lambda decision: decision.gravity)
    by_carrier = [row for row, key in enumerate(table.slices) if [f for f, _ in key] == ["carrier"]]
    parts = tuple(
        Contribution(
            table.slices[row],
            share_before=float(table.examples[row] / table.examples[0]) * 0.98,
            share_after=float(table.examples[row] / table.examples[0]),
            value_before=float(table.columns[auc].value[row] - diff.value[row]),
            value_after=float(table.columns[auc].value[row]),
            mix=0.0004 * (row - 6),
            performance=float(diff.value[row] * table.examples[row] / table.examples[0]),
        )
        for row in sorted(by_carrier, key=lambda row: diff.value[row])
    )
    change = float(diff.value[0])
    told = f"fell by {-change:.4f}, of which -0.0020 by mix."
    changed = Attribution(
        auc,
        ("carrier",),
        "",
        overall - change,
        overall,
        -0.002,
        change + 0.002,
        False,
        False,
        parts,
        told,
    )
    weak = tuple(
        WeakSlice(
            table.slices[row],
            "rest",
            int(table.examples[row]),
            int(table.examples[0]),
            0.91,
            0.64,
            0.01,
            1e-5,
            4e-4,
            "log_loss",
            "slicing_specs { feature_keys: 'carrier' }",
            f"log_loss on {slice_name(table.slices[row])} is 0.91, elsewhere 0.64.",
        )
        for row in by_carrier[:2]
    )
    outcomes = [decision.outcome for decision in decisions]
    failed = outcomes.count("FAILED")
    found = "NOT_BLESSED" if failed else "INCONCLUSIVE" if "INCONCLUSIVE" in outcomes else "BLESSED"
    verdict = Verdict(
        status or found,
        f"NOT BLESSED: {failed} of {len(decisions)} checks failed. {decisions[0].sentence}"
        if failed
        else f"{found}: {outcomes.count('PASSED')} of {len(decisions)} checks passed.",
        tuple(decisions),
        num_passed=outcomes.count("PASSED"),
        num_failed=failed,
        num_inconclusive=outcomes.count("INCONCLUSIVE"),
        attribution=(changed,),
        weak_slices=weak,
    )
    return verdict.to_dict()


#: As in run.json.
METADATA = {
    "name": "flights, week 48",
    "schema_version": 1,
    "package_version": "1.0.0",
    "started": "2026-11-22T14:03:11+00:00",
    "seconds": 12.4,
    "stage_seconds": {"read": 2.0},
    "eval_config": {
        "model_specs": [{"name": "candidate"}, {"name": "baseline", "is_baseline": True}],
        "slicing_specs": [{}, {"feature_keys": ["carrier"]}],
    },
    "config_hash": "9f2c41d0aa17",
    "models": {"candidate": "/models/flights/18", "baseline": "/models/flights/15"},
    "baselines": ["baseline"],
    "data": {
        "eval": {"location": "examples/Split-eval/*.gz", "file_format": "tfrecords", "files": 3}
    },
    "rows_read": {"eval": 24_000},
    "bad_records": {"eval": 2},
    "counters": {},
    "packages": {"tensorflow": "2.21.0", "apache-beam": "2.73.0", "numpy": "2.4.6"},
    "python": "3.11.2",
    "runner": "in-process",
    "notes": [],
    "details": {},
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
            "started": f"2026-{1 + index // 4:02d}-{1 + 7 * (index % 4):02d}T06:00:00+00:00",
            "models": {"candidate": f"/models/{index + 1}", "baseline": f"/models/{index}"},
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
    auc = MetricKey("auc", "candidate", example_weighted=False)
    told = {"check": "LOWER_BOUND", "outcome": "FAILED", "value": 0.5, "bound": 0.9}
    decisions = tuple(
        Decision(text, auc, key, sentence=HOSTILE[1], num_examples=44, **told)
        for text, key in zip((*HOSTILE, ""), table.slices, strict=True)
    )
    part = Contribution(table.slices[1], 0.1, 0.2, 0.5, 0.4, 0.1, -0.2)
    changed = Attribution(auc, (HOSTILE[1],), "", 0.5, 0.4, 0, 0, True, False, (part,), HOSTILE[0])
    weak = WeakSlice(
        table.slices[1], "rest", 9, 99, 1, 2, 3, 0.1, 0.1, HOSTILE[2], HOSTILE[0], HOSTILE[1]
    )
    notes = (HOSTILE[1], HOSTILE[0])
    verdict = Verdict(
        "NOT_BLESSED",
        HOSTILE[0],
        decisions,
        notes=notes,
        attribution=(changed,),
        weak_slices=(weak,),
    ).to_dict()
    examples = [
        {"slice": slice_name(key), "label": text, text: text}
        for key, text in zip(table.slices[1:], HOSTILE, strict=True)
    ]
    about = {
        **METADATA,
        "name": HOSTILE[0],
        "data": {HOSTILE[1]: {"location": HOSTILE[1]}},
        "packages": {HOSTILE[1]: HOSTILE[0]},
    }
    return Run((table,), about, verdict, examples, href="javascript:window.hacked=1")


def zoo_run() -> Run:
    """One of everything: outputs, classes, weights, datasets, vectors, texts, plots."""
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


CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Watched:
    """A page of a browser, and what went wrong in it: must stay empty."""

    page: Any
    troubles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        self.page.on("request", self._request)
        self.page.on("dialog", lambda dialog: self.troubles.append(f"dialog: {dialog.message}"))

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(f"{message.type}: {message.text}")

    def _request(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:", "about:")):
            self.troubles.append(f"request: {request.url}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless browser, of Debian's packages."""
    if not CHROMIUM:
        pytest.skip("no Chromium on this machine (apt-get install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Opens a report (or any HTML text) from a file; afterwards, nothing may have gone wrong."""
    opened: list[Watched] = []

    def open_report(report: Any, fragment: str = "", scheme: str = "light", **options: Any) -> Any:
        path = tmp_path / f"page{len(opened)}.html"
        if isinstance(report, str):
            path.write_text(report, encoding="utf-8")
        else:
            report.save(path)
        size = {"width": 1280, "height": 800}
        context = chromium.new_context(viewport=size, color_scheme=scheme, **options)
        watched = Watched(context.new_page())
        opened.append(watched)
        watched.page.goto(f"{path.as_uri()}{fragment}")
        if not isinstance(report, str):
            watched.page.wait_for_selector("html[data-ready=yes]", timeout=20_000)
        return watched.page

    yield open_report
    troubles = [trouble for watched in opened for trouble in watched.troubles]
    for watched in opened:
        watched.page.context.close()
    assert not troubles
