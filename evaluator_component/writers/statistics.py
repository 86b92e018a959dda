"""`statistics-*.npz`: the merged states that metrics were computed from, one file a dataset.

A later run takes a model's states from there instead of predicting again; states of several runs
add up to those of one run over all their data. A file holds arrays and one JSON text; it is never
unpickled.

Vocabulary:
    key: text that is equal for equal statistics on equal views of a model, whatever its name. A
        statistic that was not defined by this package has the source of its class in the key.

Example:
    >>> from evaluator_component.metrics.counts import RowWeight
    >>> from evaluator_component.metrics.view import View
    >>> key_of(Accumulation(View("a"), RowWeight())) == key_of(Accumulation(View("b"), RowWeight()))
    True
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import inspect
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import apache_beam as beam
import numpy as np

from evaluator_component.cells import Cells
from evaluator_component.errors import ResultError
from evaluator_component.evaluators.accumulate import Accumulated
from evaluator_component.evaluators.base import STATISTICS_KEY
from evaluator_component.evaluators.computations import Accumulation
from evaluator_component.evaluators.plan import Plan
from evaluator_component.metrics.state import Names, Sample, States
from evaluator_component.writers import tagged_json
from evaluator_component.writers.base import Writer, pipeline_of
from evaluator_component.writers.folder import STATISTICS, Folder, shard_name

__all__ = [
    "MAX_BYTES",
    "ReadStatistics",
    "StatisticsWriter",
    "StoredStatistics",
    "canonical",
    "encode",
    "key_of",
    "load_statistics",
]

#: States larger than this are not stored: writing them would show in the time of a run, and a
#: result folder is to stay small enough to be copied about.
MAX_BYTES = 20 << 20

_PACKAGE = __name__.partition(".")[0]
_PLAIN = (type(None), bool, int, float, str, bytes)


def canonical(value: Any) -> str:
    """Returns text that is equal for equal values, in every process.

    Raises:
        TypeError: for an object whose content cannot be told.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, _PLAIN):
        return repr(value)
    if isinstance(value, enum.Enum):
        return f"{type(value).__qualname__}.{value.name}"
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, np.ndarray) and value.dtype != object:
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return f"array({value.dtype},{value.shape},{digest})"
    if isinstance(value, (tuple, list)):
        return f"({','.join(map(canonical, value))},)"
    if isinstance(value, (set, frozenset)):
        return f"{{{','.join(sorted(map(canonical, value)))}}}"
    if isinstance(value, Mapping):
        items = sorted(f"{canonical(key)}:{canonical(item)}" for key, item in value.items())
        return f"{{{','.join(items)}}}"
    if dataclasses.is_dataclass(value):
        kind = type(value)
        fields = [
            f"{field.name}={canonical(getattr(value, field.name))}"
            for field in dataclasses.fields(value)
            if field.compare
        ]
        return f"{canonical(kind)}{_source_of(kind)}({','.join(fields)})"
    raise TypeError(f"cannot tell what a {type(value).__name__} holds")


def _source_of(kind: type) -> str:
    """A hash of the source of a class that does not come with this package's version."""
    if kind.__module__.partition(".")[0] == _PACKAGE:
        return ""
    try:
        source = inspect.getsource(kind)
    except OSError as error:
        raise TypeError(f"cannot find the source of {kind.__name__}") from error
    return "#" + hashlib.sha256(source.encode()).hexdigest()[:16]


def key_of(accumulation: Accumulation) -> str | None:
    """Returns the key of a statistic on a view; None where it has none."""
    view = replace(accumulation.view, model_name="")
    try:
        return canonical((view, accumulation.statistic))
    except TypeError:
        return None


def encode(plan: Plan, accumulated: Accumulated) -> dict[str, Any]:
    """Returns merged states as the arrays of a file; only their size, where they are too large.

    A sample of values that JSON cannot hold is left out.
    """
    if accumulated.nbytes > 2 * MAX_BYTES:  # up to half of it may be room to grow
        return _omitted(accumulated.nbytes)
    arrays: dict[str, Any] = {}
    slices: dict[str, Any] = {}
    statistics: list[list[Any]] = []
    replicates = None if accumulated.resampled is None else accumulated.resampled.replicates
    for part, states, accumulations in _parts(plan, accumulated):
        slices[part] = list(states.keys)
        for number, each in enumerate(accumulations):
            key = key_of(each)
            if key is None or number not in states:
                continue
            state = states.table(number)
            try:
                encoded = {name: _encode(value, arrays) for name, value in state.items()}
            except TypeError:
                continue
            statistics.append([part, each.view.model_name, key, encoded])
    size = sum(array.nbytes for array in arrays.values())
    index = tagged_json.dumps(
        {"slices": slices, "statistics": statistics, "replicates": replicates, "omitted_bytes": 0}
    )
    size += len(index)
    if size > MAX_BYTES:
        return _omitted(size)
    return {**arrays, "index": _text(index)}


def _omitted(size: int) -> dict[str, Any]:
    """What a file holds in place of states that are too large."""
    return {"index": _text(tagged_json.dumps({"omitted_bytes": size}))}


def _text(text: str) -> Any:
    return np.frombuffer(text.encode(), np.uint8)


def _parts(
    plan: Plan, accumulated: Accumulated
) -> Iterator[tuple[str, States, Sequence[Accumulation]]]:
    yield "plain", accumulated.plain, plan.accumulations
    if accumulated.resampled is not None:
        yield "resampled", accumulated.resampled, plan.resampled


def _encode(value: Any, arrays: dict[str, Any]) -> list[Any]:
    """Puts the arrays of a state aside, and returns what is left, which names them."""

    def put(array: Any) -> str:
        name = f"a{len(arrays)}"
        arrays[name] = array
        return name

    if isinstance(value, Cells):
        return ["cells", put(value.group), put(value.cell), put(value.sums)]
    if isinstance(value, Sample):
        values = list(value.values)
        _require_plain(values)
        return ["sample", put(value.group), put(value.priority), values, value.size]
    if isinstance(value, Names):
        return ["names", dict(value.names)]
    return ["dense", put(value)]


def _require_plain(value: Any) -> None:
    if isinstance(value, (list, tuple)):
        for item in value:
            _require_plain(item)
    elif isinstance(value, Mapping):
        _require_plain([*value, *value.values()])
    elif not isinstance(value, _PLAIN):
        raise TypeError(f"cannot store a {type(value).__name__}")


@dataclasses.dataclass(frozen=True)
class StoredStatistics:
    """The content of one file.

    Attributes:
        arrays: by name.
        slices: slice keys of the rows, by part ("plain", "resampled").
        statistics: what the arrays of a state are, by (part, model name, key).
        replicates: number of resamples; None for none.
        omitted_bytes: size of states that were too large to be stored; 0 where they are here.
    """

    arrays: Mapping[str, Any]
    slices: Mapping[str, Sequence[Any]]
    statistics: Mapping[tuple[str, str, str], Mapping[str, Any]]
    replicates: int | None = None
    omitted_bytes: int = 0

    def missing(self, plan: Plan, models: Mapping[str, str], resampled: bool) -> list[Accumulation]:
        """Returns the statistics of some models that a plan needs and that are not here.

        Args:
            plan: what is to be computed.
            models: name of each model here, by its name in the plan.
            resampled: whether intervals are wanted.
        """
        wanted = [("plain", plan.accumulations)]
        if resampled:
            wanted.append(("resampled", plan.resampled))
        return [
            each
            for part, accumulations in wanted
            for each in accumulations
            if each.view.model_name in models
            and (part, models[each.view.model_name], key_of(each)) not in self.statistics
        ]

    def accumulated(self, plan: Plan, models: Mapping[str, str], resampled: bool) -> Accumulated:
        """Returns the states of some models as a plan numbers them; see `missing`."""
        found = Accumulated(States(), States(self.replicates) if resampled else None)
        for part, states, accumulations in _parts(plan, found):
            rows = states.rows(self.slices[part])
            for number, each in enumerate(accumulations):
                if each.view.model_name not in models:
                    continue
                place = (part, models[each.view.model_name], key_of(each) or "")
                arrays = {
                    name: self._decode(value) for name, value in self.statistics[place].items()
                }
                states.add_rows(rows, {number: arrays}, {number: each.statistic.state})
        return found

    def _decode(self, value: Sequence[Any]) -> Any:
        kind, *parts = value
        if kind == "cells":
            return Cells(*(self.arrays[name] for name in parts))
        if kind == "sample":
            group, priority, listed, size = parts
            values = np.empty(len(listed), dtype=object)
            values[:] = listed
            return Sample(self.arrays[group], self.arrays[priority], values, size)
        if kind == "names":
            return Names(parts[0])
        return self.arrays[parts[0]]


def load_statistics(output_path: str, name: str) -> StoredStatistics:
    """Reads one file of a result folder.

    Raises:
        ResultError: it cannot be read, or is damaged.
    """
    folder = Folder(output_path)
    content = folder.read(name)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = dict(file)
        index = tagged_json.loads(arrays.pop("index").tobytes())
        return StoredStatistics(
            arrays,
            index.get("slices", {}),
            {(part, model, key): each for part, model, key, each in index.get("statistics", [])},
            index.get("replicates"),
            index["omitted_bytes"],
        )
    except (
        zipfile.BadZipFile,
        ValueError,
        KeyError,
        TypeError,
        OSError,
        EOFError,
        AttributeError,
    ) as error:
        raise ResultError(f"{folder.join(name)}: damaged ({error})") from error


class ReadStatistics(beam.PTransform):  # type: ignore[misc]
    """PBegin -> PCollection of one (0, Accumulated): a model's states from an earlier run.

    Args:
        output_path: the earlier run's result folder.
        name: of the file.
        plan: numbers the states.
        models: name of each model in the file, by its name in the plan.
        resampled: whether intervals are wanted.
    """

    def __init__(
        self, output_path: str, name: str, plan: Plan, models: Mapping[str, str], resampled: bool
    ) -> None:
        super().__init__()
        self._file = (output_path, name)
        self._wanted = (plan, dict(models), resampled)

    def expand(self, begin: Any) -> beam.PCollection:
        """Builds the graph."""
        return begin | beam.Impulse() | "Load" >> beam.Map(_load, *self._file, *self._wanted)


def _load(
    _: bytes,
    output_path: str,
    name: str,
    plan: Plan,
    models: Mapping[str, str],
    resampled: bool,
) -> tuple[int, Accumulated]:
    return 0, load_statistics(output_path, name).accumulated(plan, models, resampled)


def StatisticsWriter(
    output_path: str, plan: Plan, datasets: Iterable[str], shards: int = 1
) -> Writer:
    """Makes the writer of merged states.

    Args:
        output_path: the result folder.
        plan: what was accumulated.
        datasets: names of the datasets, one file each.
        shards: number of tables that slices are spread over.
    """
    transform = _WriteStatistics(output_path, plan, tuple(datasets), shards)
    return Writer("WriteStatistics", transform)


class _WriteStatistics(beam.PTransform):  # type: ignore[misc]
    def __init__(
        self, output_path: str, plan: Plan, datasets: tuple[str, ...], shards: int
    ) -> None:
        super().__init__()
        self._arguments = (output_path, plan, datasets)
        self._shards = shards

    def expand(self, evaluation: Mapping[str, beam.PCollection]) -> beam.PCollection:
        if STATISTICS_KEY not in evaluation:
            return pipeline_of(evaluation) | beam.Create([], reshuffle=False)
        states = evaluation[STATISTICS_KEY]
        if self._shards == 1:
            return states | beam.Map(_write, *self._arguments)
        return (
            states
            | "ByDataset" >> beam.Map(lambda state: (state[0], state[2]))
            | "Gather" >> beam.CombinePerKey(_Gather())
            | "Write" >> beam.Map(_write_gathered, *self._arguments)
        )


class _Gather(beam.CombineFn):  # type: ignore[misc]
    """Puts shards together as long as they are small enough to be stored; else adds up sizes."""

    def create_accumulator(self) -> tuple[int, Accumulated | None]:
        return 0, None

    def add_input(
        self, gathered: tuple[int, Accumulated | None], part: Accumulated
    ) -> tuple[int, Accumulated | None]:
        return self.merge_accumulators([gathered, (part.nbytes, part)])

    def merge_accumulators(
        self, parts: Iterable[tuple[int, Accumulated | None]]
    ) -> tuple[int, Accumulated | None]:
        size, gathered = 0, None
        for more, part in parts:
            size += more
            if part is None or size > MAX_BYTES:
                continue
            if gathered is None:
                # Parts are still read elsewhere: they must not change.
                replicates = None if part.resampled is None else part.resampled.replicates
                empty = None if part.resampled is None else States(replicates)
                gathered = Accumulated(States(), empty)
            gathered.merge(part)
        return size, gathered if size <= MAX_BYTES else None

    def extract_output(
        self, gathered: tuple[int, Accumulated | None]
    ) -> tuple[int, Accumulated | None]:
        return gathered


def _write(
    states: tuple[str, int, Accumulated], output_path: str, plan: Plan, datasets: tuple[str, ...]
) -> str:
    dataset, _, accumulated = states
    return _write_file(encode(plan, accumulated), output_path, datasets, dataset)


def _write_gathered(
    found: tuple[str, tuple[int, Accumulated | None]],
    output_path: str,
    plan: Plan,
    datasets: tuple[str, ...],
) -> str:
    dataset, (size, accumulated) = found
    arrays = _omitted(size) if accumulated is None else encode(plan, accumulated)
    return _write_file(arrays, output_path, datasets, dataset)


def _write_file(
    arrays: dict[str, Any], output_path: str, datasets: tuple[str, ...], dataset: str
) -> str:
    folder = Folder(output_path)
    name = shard_name(STATISTICS, datasets.index(dataset), len(datasets), "npz")
    with folder.writing(name) as stream:
        np.savez(stream, **arrays)
    return folder.join(name)
