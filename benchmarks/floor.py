"""The floor: the same numbers from NumPy, with neither Beam nor checks nor result files.

It reads with zlib and a slicing loop (checksums are not verified), decodes only the features it
needs, predicts 4,096 rows at a time, keeps all columns in memory, and computes every metric of
every slice at once. Scores are put into 10,000 buckets, as the peer does.
"""

from __future__ import annotations

import glob
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.agreement import Numbers, slice_text
from benchmarks.configs import Setting
from benchmarks.data import CATEGORIES, LABEL
from benchmarks.measure import Stopwatch
from benchmarks.model import saved_model

__all__ = ["Floor"]

Array = npt.NDArray[Any]

BATCH = 4096
BUCKETS = 10_000
THRESHOLDS = 1_001
#: More (group, bucket) pairs than this are not kept as a dense table.
DENSE = 10_000_000


class Floor:
    """Runs the floor on one setting."""

    def __init__(self, setting: Setting) -> None:
        import tensorflow as tf
        from tensorflow_metadata.proto.v0 import schema_pb2
        from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

        self.setting = setting
        self.loading = Stopwatch()
        schema = schema_pb2.Schema()
        for name in (*setting.features, LABEL):
            kind = schema_pb2.BYTES if name in CATEGORIES else schema_pb2.INT
            schema.feature.add(name=name, type=kind)
        self._decoder = ExamplesToRecordBatchDecoder(schema.SerializeToString())
        self._models = [tf.saved_model.load(saved_model(name)) for name in setting.models]

    def run(self, data: str, output: str) -> dict[tuple[str, ...], Any]:
        """Evaluates; returns the numbers of every slicing spec."""
        del output
        import tensorflow as tf

        serve = [model.signatures["serving_default"] for model in self._models]
        labels, scores = [], [[] for _ in serve]
        features = {name: _Codes() for name in self.setting.features}
        for records in _records(sorted(glob.glob(data))):
            batch = self._decoder.DecodeBatch(records)
            labels.append(batch.column(LABEL).flatten().to_numpy())
            for name, codes in features.items():
                codes.add(batch.column(name).flatten().dictionary_encode())
            for function, found in zip(serve, scores, strict=True):
                found.append(function(tf.constant(records))["late"].numpy()[:, 0])
        label = np.concatenate(labels).astype(bool)
        results = [
            _evaluate(self.setting, label, np.concatenate(found), features) for found in scores
        ]
        if self.setting.baseline:
            for spec, (_, metrics) in results[0].items():
                other = results[1][spec][1]
                changes = {
                    f"{name}_diff": metrics[name] - other[name]
                    for name in ("example_count", *_NUMBERS)
                }
                metrics.update(changes)
        return results[0]

    def numbers(self, result: dict[tuple[str, ...], Any]) -> Numbers:
        """Returns the numbers found."""
        found = {}
        for keys, metrics in result.values():
            for name, values in metrics.items():
                for key, value in zip(keys, values, strict=True):
                    found[f"{slice_text(key)} / {name}"] = np.ravel(value).astype(np.float64)
        return found


def _records(files: list[str]) -> Iterator[list[bytes]]:
    length = struct.Struct("<Q").unpack_from
    records: list[bytes] = []
    for file in files:
        with open(file, "rb") as stream:
            data = zlib.decompress(stream.read(), 31)
        at, end = 0, len(data)
        while at < end:
            size = length(data, at)[0]
            records.append(data[at + 12 : at + 12 + size])
            at += 16 + size
            if len(records) == BATCH:
                yield records
                records = []
    if records:
        yield records


class _Codes:
    """One feature: dictionary codes that hold for all batches."""

    def __init__(self) -> None:
        self.values: dict[Any, int] = {}
        self._codes: list[Array] = []

    def add(self, column: Any) -> None:
        code_of = [self.values.setdefault(v, len(self.values)) for v in column.dictionary.tolist()]
        self._codes.append(np.array(code_of)[column.indices.to_numpy()])

    def codes(self) -> Array:
        return np.concatenate(self._codes)


def _groups(spec: tuple[str, ...], features: dict[str, _Codes], rows: int) -> Any:
    """Returns (slice key of each group, group of each row)."""
    code = np.zeros(rows, np.int64)
    for name in spec:
        code = code * len(features[name].values) + features[name].codes()
    present, group = np.unique(code, return_inverse=True)
    keys = []
    for number in present.tolist():
        pairs = []
        for name in reversed(spec):
            values = list(features[name].values)
            number, index = divmod(number, len(values))
            pairs.append((name, values[index]))
        keys.append(tuple(pairs))
    return keys, group


def _evaluate(
    setting: Setting, label: Array, score: Array, features: dict[str, _Codes]
) -> dict[tuple[str, ...], Any]:
    rows = len(label)
    exact = score.astype(np.float64)
    with np.errstate(divide="ignore"):
        loss = -np.log(np.where(label, score, np.float32(1) - score)).astype(np.float64)
    above = exact > 0.5
    columns = np.stack([np.ones(rows), label, exact, above & label, above & ~label, loss])
    bucket = np.minimum((exact * BUCKETS).astype(np.int64), BUCKETS - 1)
    random = np.random.default_rng(0)
    draws = part = None
    if setting.interval == "JACKKNIFE":
        part = random.integers(0, setting.replicates, rows)
    elif setting.interval:
        draws = random.poisson(1.0, (setting.replicates, rows)).astype(np.uint8)
    found = {}
    for spec in setting.slices:
        keys, group = _groups(spec, features, rows)
        count = len(keys)
        sums = _sums(group, count, columns)
        metrics = _metrics(sums, *_areas(group, count, bucket, label))
        if setting.plots:
            metrics.update(_plots(group, count, exact, label))
        if part is not None:
            inside = _sums(part * count + group, count * setting.replicates, columns)
            inside = inside.reshape(len(columns), setting.replicates, count)
            others = sums[:, None, :] - inside
            areas = _areas_without_part(group, count, bucket, label, part, setting.replicates)
            values = _metrics(others, *areas)
            scale = (setting.replicates - 1) ** 2 / setting.replicates
            metrics.update(_intervals(metrics, values, scale))
        if draws is not None:
            replicates = []
            for draw in draws:
                weight = draw.astype(np.float64)
                areas = _areas(group, count, bucket, label, weight)
                replicates.append(_metrics(_sums(group, count, columns * weight), *areas))
            values = {name: np.stack([r[name] for r in replicates]) for name in _NUMBERS}
            metrics.update(_intervals(metrics, values, 1.0))
        found[spec] = keys, metrics
    return found


def _sums(group: Array, count: int, columns: Array) -> Array:
    return np.stack([np.bincount(group, column, count) for column in columns])


def _metrics(sums: Array, roc: Array, pr: Array) -> dict[str, Array]:
    count, positives, total, hits, alarms, loss = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "example_count": count,
            "precision": hits / (hits + alarms),
            "recall": hits / positives,
            "binary_accuracy": (hits + (count - positives - alarms)) / count,
            "binary_crossentropy": loss / count,
            "mean_label": positives / count,
            "mean_prediction": total / count,
            "calibration": total / positives,
            "auc": roc,
            "auc_precision_recall": pr,
        }


_NUMBERS = (
    "precision",
    "recall",
    "binary_accuracy",
    "binary_crossentropy",
    "mean_label",
    "mean_prediction",
    "calibration",
    "auc",
    "auc_precision_recall",
)


def _intervals(metrics: dict[str, Array], values: dict[str, Array], scale: float) -> Any:
    """Bounds of two standard errors; which quantile is right does not cost anything."""
    found = {}
    for name in _NUMBERS:
        error = 2 * np.sqrt(values[name].var(axis=0, ddof=1) * scale)
        found[f"{name} interval"] = np.stack([metrics[name] - error, metrics[name] + error], 1)
    return found


def _areas(
    group: Array, count: int, bucket: Array, label: Array, weight: Array | None = None
) -> tuple[Array, Array]:
    """Areas under the ROC and the precision-recall curve of each group."""
    cell = group * BUCKETS + bucket
    if count * BUCKETS <= DENSE:
        size = count * BUCKETS
        both = np.bincount(cell * 2 + label, weight, 2 * size).reshape(count, BUCKETS, 2)
        return _area_under(both[..., 0].astype(float), both[..., 1].astype(float))
    order = np.argsort(cell, kind="stable")
    starts = np.flatnonzero(np.diff(cell[order], prepend=-1))
    weight = np.ones(len(cell)) if weight is None else weight
    total = np.add.reduceat(weight[order], starts)
    positive = np.add.reduceat((weight * label)[order], starts)
    owner = cell[order][starts] // BUCKETS
    # Each group's entries side by side, in a table as wide as the longest needs.
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    place = np.arange(len(owner)) - first[owner]
    tables = np.zeros((2, count, int(place.max()) + 1))
    tables[:, owner, place] = total - positive, positive
    return _area_under(*tables)


def _areas_without_part(
    group: Array, count: int, bucket: Array, label: Array, part: Array, parts: int
) -> tuple[Array, Array]:
    cell = (group * BUCKETS + bucket) * 2 + label
    size = count * BUCKETS * 2
    total = np.bincount(cell, minlength=size)
    order = np.argsort(part.astype(np.uint8), kind="stable")
    ends = np.cumsum(np.bincount(part, minlength=parts))[:-1]
    found = []
    for rows in np.split(order, ends):
        others = total - np.bincount(cell[rows], minlength=size)
        table = others.reshape(count, BUCKETS, 2).astype(np.float64)
        found.append(_area_under(table[..., 0], table[..., 1]))
    return np.stack([roc for roc, _ in found]), np.stack([pr for _, pr in found])


def _area_under(negative: Array, positive: Array) -> tuple[Array, Array]:
    """Areas from counts by ascending score, (groups, buckets)."""
    negatives, positives = negative.sum(1), positive.sum(1)
    hits = positives[:, None] - np.cumsum(positive, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ranked = (negative * (hits + positive / 2)).sum(1)
        roc = np.where((positives > 0) & (negatives > 0), ranked / (positives * negatives), np.nan)
        chosen = hits + negatives[:, None] - np.cumsum(negative, 1)
        step = positive + negative
        slope = np.divide(positive, step, out=np.zeros_like(step), where=step > 0)
        ratio = np.divide(chosen + step, chosen, out=np.ones_like(step), where=chosen > 0)
        grown = slope * (positive + (hits - slope * chosen) * np.log(ratio))
        pr = np.where(positives > 0, grown.sum(1) / positives, np.nan)
    return roc, pr


def _plots(group: Array, count: int, score: Array, label: Array) -> dict[str, Array]:
    """Confusion matrices at thresholds, and sums by bucket of the score."""
    step = THRESHOLDS - 1
    above = np.ceil(score * step).astype(np.int64)  # thresholds that it exceeds
    size = THRESHOLDS + 1
    cell = (group * size + above) * 2 + label
    table = np.bincount(cell, minlength=count * size * 2).reshape(count, size, 2)
    hits = table[:, ::-1].cumsum(1)[:, ::-1]
    total = table.sum(1, keepdims=True)
    matrices = np.concatenate([hits[..., ::-1], (total - hits)], axis=2)
    bucket = np.clip((score * step).astype(np.int64) + 1, 0, step + 1)
    cell = group * (step + 2) + bucket
    columns = (None, label, score)
    sums = [np.bincount(cell, column, count * (step + 2)) for column in columns]
    buckets = np.stack(sums, axis=1).reshape(count, step + 2, 3)
    return {
        "confusionMatrixAtThresholds": matrices.reshape(count, -1),
        "calibrationHistogramBuckets": buckets.reshape(count, -1),
    }
