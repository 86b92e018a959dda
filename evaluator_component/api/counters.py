"""Counters: how many rows the readers have seen, by dataset, as a runner tells it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from evaluator_component.api.datasets import Dataset

__all__ = ["count"]


def count(result: Any, name: str, datasets: tuple[Dataset, ...]) -> dict[str, int]:
    """Returns a counter of the readers by dataset; tables in memory are counted here."""
    from apache_beam.metrics import MetricsFilter

    wanted = MetricsFilter().with_namespace("evaluator_component/inputs").with_name(name)
    counters = result.metrics().query(wanted)["counters"]
    prefixes = {_as_step(f"{dataset.name or 'Data'}/"): dataset.name for dataset in datasets}
    counts = {dataset.name: 0 for dataset in datasets}
    for counter in counters:
        step = _as_step(counter.key.step)
        prefix = max((each for each in prefixes if step.startswith(each)), key=len, default=None)
        if prefix is not None:
            count = counter.committed if counter.committed is not None else counter.attempted
            counts[prefixes[prefix]] += int(count or 0)
    for dataset in datasets:
        if dataset.table is not None and name == "rows":
            counts[dataset.name] = _table_rows(dataset.table)
    return counts


def _as_step(name: str) -> str:
    """Returns the name of a step as every runner has it; some keep letters and digits only.

    Example:
        >>> _as_step("Data/Read0/ReadShards"), _as_step("ref_AppliedPTransform_Data-Read0-Rea_4")
        ('Data-Read0-ReadShards', 'Data-Read0-Rea_4')
    """
    return re.sub(r"\W+", "-", name.removeprefix("ref_AppliedPTransform_"))


def _table_rows(table: Any) -> int:
    return len(next(iter(table.values()))) if isinstance(table, Mapping) else len(table)
