"""Derived columns: bins of numbers and SQL expressions, for slicing on what the data do not say.

Vocabulary:
    edges: k increasing numbers make k + 1 bins: below the first, [a, b) between them, and from the
        last on. A missing value is in no bin.
    quantile edges: edges that put about as many examples into each bin.

Example:
    >>> import pyarrow as pa
    >>> bins = FixedBins("age", (18, 65))
    >>> bins.apply({"age": pa.array([[7], [18], None, [70]])}, 4).to_pylist()
    [['<18'], ['18-65'], None, ['>=65']]
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.errors import ConfigError, InputError, did_you_mean
from evaluator_component.inputs.arrow_types import innermost, is_list
from evaluator_component.inputs.plan import Plan
from evaluator_component.inputs.sql import SqlColumn

__all__ = ["Derived", "FixedBins", "bin_labels", "derive", "find_edges", "needed", "quantile_edges"]

Array = npt.NDArray[Any]

#: Rows looked at to find quantiles.
QUANTILE_ROWS = 1_000_000


def bin_labels(edges: Sequence[float]) -> tuple[str, ...]:
    """Returns names of the bins between edges, from the lowest to the highest.

    Example:
        >>> bin_labels((0, 0.5, 10))
        ('<0', '0-0.5', '0.5-10', '>=10')
    """
    shown = [f"{edge:.6g}" for edge in edges]
    if len(set(shown)) < len(shown):
        shown = [repr(float(edge)) for edge in edges]
    between = [
        f"[{low}, {high})" if low.startswith("-") or high.startswith("-") else f"{low}-{high}"
        for low, high in itertools.pairwise(shown)
    ]
    return (f"<{shown[0]}", *between, f">={shown[-1]}")


@dataclass(frozen=True)
class FixedBins:
    """The bin that a number falls into.

    Attributes:
        key: the feature.
        edges: increasing numbers.
        labels: names of the bins, one more than edges; () for names made of the edges.
    """

    key: str
    edges: tuple[float, ...]
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        edges = tuple(float(edge) for edge in self.edges)
        object.__setattr__(self, "edges", edges)
        if not edges or any(not low < high for low, high in itertools.pairwise(edges)):
            raise ConfigError(f"bins of {self.key!r}: edges must increase, got {list(edges)}")
        if self.labels and len(self.labels) != len(edges) + 1:
            raise ConfigError(
                f"bins of {self.key!r}: {len(edges)} edges make {len(edges) + 1} bins, "
                f"got {len(self.labels)} labels"
            )

    @property
    def needs(self) -> tuple[str, ...]:
        """The feature that is binned."""
        return (self.key,)

    def apply(self, features: Mapping[str, Any], rows: int) -> Any:
        """Returns the names of the bins, an Arrow array like the feature's.

        Raises:
            ConfigError: there is no such feature.
            InputError: its values are no numbers.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        if self.key not in features:
            raise ConfigError(f"bins: no feature {self.key!r} {did_you_mean(self.key, features)}")
        column = features[self.key]
        if isinstance(column, np.ndarray):
            column = pa.array(column)
        if not is_list(column.type):
            return self._named(column)
        named = self._named(column.flatten())
        lengths = np.asarray(pc.list_value_length(column).fill_null(0), dtype=np.int64)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        # A null offset makes a null list.
        absent = np.append(np.asarray(column.is_null()), False)
        return pa.LargeListArray.from_arrays(pa.array(offsets, mask=absent), named)

    def _named(self, values: Any) -> Any:
        import pyarrow as pa

        kind = innermost(values.type)
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
            raise InputError(
                f"bins of {self.key!r}: expected numbers, the column has {values.type}"
            )
        numbers = np.asarray(values.cast(pa.float64()).fill_null(np.nan))
        place = np.searchsorted(np.array(self.edges), numbers, side="right")
        names = pa.array(self.labels or bin_labels(self.edges))
        indices = pa.array(place.astype(np.int32), mask=np.isnan(numbers))
        return names.take(indices)


Derived = FixedBins | SqlColumn


def needed(columns: Mapping[str, Derived]) -> tuple[str, ...]:
    """Returns the features of the data that derived columns are made of, each once.

    A derived column may be made of others that come before it.
    """
    found: dict[str, None] = {}
    for column in columns.values():
        found.update(dict.fromkeys(name for name in column.needs if name not in columns))
    return tuple(found)


def derive(
    features: Mapping[str, Any], columns: Mapping[str, Derived], rows: int
) -> dict[str, Any]:
    """Returns the features and the derived columns.

    Args:
        features: the batch's columns by name.
        columns: derived columns by name, in order.
        rows: the length of the batch.

    Raises:
        ConfigError: a derived column has the name of a feature, or does not fit the features.
    """
    complete = dict(features)
    for name, column in columns.items():
        if name in features:
            raise ConfigError(f"derived column {name!r}: the data have a feature of that name")
        complete[name] = column.apply(complete, rows)
    return complete


def quantile_edges(values: Array, bins: int) -> tuple[float, ...]:
    """Returns the edges of bins that hold about as many values each.

    Equal values are never put into different bins, so that there may be fewer bins.

    Args:
        values: numbers; NaN is ignored.
        bins: how many bins.

    Example:
        >>> quantile_edges(np.arange(100.0), 4)
        (25.0, 50.0, 75.0)
    """
    values = np.asarray(values, dtype=np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return ()
    shares = np.arange(1, bins) / bins
    edges = np.unique(np.quantile(values, shares, method="higher"))
    return tuple(float(edge) for edge in edges if edge > values.min())


def find_edges(
    plan: Plan, wanted: Mapping[str, tuple[str, int]], rows: int = QUANTILE_ROWS
) -> dict[str, tuple[float, ...]]:
    """Returns quantile edges of features, from the first rows of every shard of the data.

    Data of up to `rows` rows are looked at as a whole.

    Args:
        plan: the data.
        wanted: {name: (feature, bins)}.
        rows: how many rows to look at, about.

    Raises:
        ConfigError: there is no such feature.
        InputError: its values are no numbers.
    """
    from dataclasses import replace

    from evaluator_component.inputs.bad_records import BadRecords
    from evaluator_component.inputs.batches import rows_of
    from evaluator_component.inputs.reader import Reader

    keys = tuple(dict.fromkeys(key for key, _ in wanted.values()))
    for key in keys:
        if key in plan.unseen or (plan.types and key not in plan.types):
            raise ConfigError(f"bins: no feature {key!r} {did_you_mean(key, plan.types)}")
    source = replace(plan.source, columns=keys, ids="", keep_records=False, text_columns=())
    reader = Reader(replace(plan, source=source))
    shards = plan.shards()
    seen: dict[str, list[Array]] = {key: [] for key in keys}
    for shard in shards:
        left = max(1, rows // len(shards))
        for batch in reader.read(shard, BadRecords(limit=None)):
            for key in keys:
                seen[key].append(_numbers(batch["features"][key], key))
            left -= rows_of(batch)
            if left <= 0:
                break
    return {
        name: quantile_edges(np.concatenate(seen[key]), bins)
        for name, (key, bins) in wanted.items()
    }


def _numbers(column: Any, name: str) -> Array:
    import pyarrow as pa

    while is_list(column.type):
        column = column.flatten()
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
        raise InputError(f"bins of {name!r}: expected numbers, the column has {kind}")
    return np.asarray(column.cast(pa.float64()).fill_null(np.nan))
