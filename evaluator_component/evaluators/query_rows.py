"""Query rows: sorts a chunk by query, and turns groups of rows into groups of queries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.extractors.base import Extracts, row_count, take_rows
from evaluator_component.groups import Groups, Membership
from evaluator_component.inputs.example_ids import row_ids

__all__ = ["sort_by_query"]

Array = npt.NDArray[Any]


def sort_by_query(chunk: Extracts, key: str) -> tuple[Extracts, Array, Array]:
    """Brings the rows of each query together.

    Rows of one query are ordered by example id, so that ties between scores do not depend on the
    order in which rows arrive.

    Returns:
        (sorted extracts with groups of queries, first row of each query and the number of rows,
        id of each query).
    """
    rows = row_count(chunk)
    queries = row_ids({key: chunk["features"][key]}, rows)
    order = np.lexsort((chunk["example_ids"], queries))
    queries = queries[order]
    first = np.ones(rows, dtype=bool)
    first[1:] = queries[1:] != queries[:-1]
    starts = np.flatnonzero(first)
    chunk = take_rows(chunk, order)
    chunk["slice_keys"] = _of_queries(chunk["slice_keys"], np.cumsum(first) - 1, len(starts))
    return chunk, np.append(starts, rows), queries[starts]


def _of_queries(groups: Groups, query_of_row: Array, queries: int) -> Groups:
    """Groups of rows as groups of queries: each query once per slice."""
    memberships = []
    for each in groups.memberships:
        rows = np.arange(groups.size) if each.rows is None else each.rows
        pairs = np.unique(query_of_row[rows] * groups.count + each.ids)
        memberships.append(Membership(pairs % groups.count, pairs // groups.count))
    return replace(groups, memberships=tuple(memberships), size=queries)
