"""Datasets: whatever a caller gives as data, as named sources to read or tables in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from evaluator_component.errors import InputError
from evaluator_component.inputs import Plan, Source, make_plan

__all__ = ["Dataset", "datasets_of"]


@dataclass(frozen=True)
class Dataset:
    """One dataset: files to read, or a table in memory.

    Attributes:
        name: "" where there is one only.
        sources: what to read; several where files are of several formats.
        table: rows in memory; None where there are sources.
    """

    name: str
    sources: tuple[Source, ...] = ()
    table: Any = None
    _plans: dict[tuple[str, ...] | None, list[Plan]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def plans(self, columns: tuple[str, ...] | None = None) -> list[Plan]:
        """Looks up the files of the sources, once, and how to read some of their columns."""
        if columns not in self._plans:
            sources = self.sources
            if columns is not None:
                sources = tuple(replace(source, columns=columns) for source in sources)
            self._plans[columns] = [make_plan(source) for source in sources]
        return self._plans[columns]

    def describe(self) -> dict[str, Any]:
        """Returns what `run.json` tells of the data."""
        if self.table is not None:
            return {"location": "table in memory", "file_format": "memory"}
        patterns = [pattern for source in self.sources for pattern in source.patterns]
        return {
            "location": patterns[0] if len(patterns) == 1 else ", ".join(patterns),
            "file_format": self.sources[0].format,
        }


def datasets_of(data: Any, schema: bytes | None = None) -> tuple[Dataset, ...]:
    """Takes a path, sources, tables, or several of these, as datasets.

    Args:
        data: see `evaluate`.
        schema: for sources that have none.

    Raises:
        InputError: when it is none of these, or two datasets have one name.
    """
    if isinstance(data, Mapping) and not _is_table(data):
        return tuple(
            replace(each, name=str(name))
            for name, value in data.items()
            for each in datasets_of(value, schema)
        )
    if isinstance(data, (list, tuple)) and data and all(isinstance(s, Source) for s in data):
        by_name: dict[str, list[Source]] = {}
        for source in data:
            by_name.setdefault(source.dataset, []).append(_with_schema(source, schema))
        return tuple(Dataset(name, tuple(sources)) for name, sources in by_name.items())
    if isinstance(data, Source):
        return (Dataset(data.dataset, (_with_schema(data, schema),)),)
    if isinstance(data, str) or hasattr(data, "__fspath__"):
        return (Dataset("", (Source(str(data), schema=schema),)),)
    if isinstance(data, Sequence) and data and all(isinstance(each, str) for each in data):
        return (Dataset("", (Source(tuple(data), schema=schema),)),)
    if _is_table(data):
        return (Dataset("", table=data),)
    raise InputError(
        f"data: got {type(data).__name__}; a path, a Source, a DataFrame, an Arrow table, or a "
        f"list or dict of these is needed"
    )


def _with_schema(source: Source, schema: bytes | None) -> Source:
    return source if source.schema or schema is None else replace(source, schema=schema)


def _is_table(data: Any) -> bool:
    """Whether it has columns: a DataFrame, an Arrow table or batch, or a dict of arrays."""
    if isinstance(data, Mapping):
        return bool(data) and not any(
            isinstance(value, (str, Source)) or hasattr(value, "columns") for value in data.values()
        )
    return hasattr(data, "columns")
