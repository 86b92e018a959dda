"""Derived columns of a config, ready to be computed: quantiles are looked up in the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evaluator_component.api.datasets import Dataset
from evaluator_component.errors import EvaluatorError, InputError, Problems, did_you_mean
from evaluator_component.inputs.derived import Derived, FixedBins, find_edges, quantile_edges
from evaluator_component.inputs.sql import SqlColumn

__all__ = ["derived_columns"]


def derived_columns(
    eval_config: Any, datasets: Sequence[Dataset], problems: Problems
) -> dict[str, Derived]:
    """Returns the derived columns of a config by name, in order.

    Quantile bins get the edges of the first dataset; all datasets share them, so that slices mean
    the same everywhere.

    Args:
        eval_config: its `derived_columns`.
        datasets: where quantiles are looked up.
        problems: notes what cannot be derived.
    """
    columns: dict[str, Derived] = {}
    for number, message in enumerate(eval_config.derived_columns):
        where = f"derived_columns[{number}]"
        try:
            columns[message.name] = _column(message, datasets)
        except EvaluatorError as error:
            problems.add(where, str(error))
    return columns


def _column(message: Any, datasets: Sequence[Dataset]) -> Derived:
    kind = message.WhichOneof("kind")
    if kind == "sql":
        column = SqlColumn(message.sql)
        _ = column.needs
        return column
    if kind == "fixed_bins":
        bins = message.fixed_bins
        return FixedBins(bins.key, tuple(bins.edges), tuple(bins.labels))
    wanted = message.quantile_bins
    edges = _edges(message.name, wanted.key, wanted.num_bins, datasets[0])
    if not edges:
        raise InputError(f"feature {wanted.key!r} has one value only: there are no quantiles")
    return FixedBins(wanted.key, edges)


def _edges(name: str, key: str, bins: int, dataset: Dataset) -> tuple[float, ...]:
    if dataset.table is not None:
        table: Mapping[str, Any] = dataset.table
        names = list(getattr(dataset.table, "column_names", None) or dataset.table)
        if key not in names:
            raise InputError(f"no feature {key!r} {did_you_mean(key, names)}")
        return quantile_edges(np.asarray(table[key], dtype=np.float64), bins)
    return find_edges(dataset.plans()[0], {name: (key, bins)})[name]
