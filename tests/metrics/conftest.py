"""What every metric test uses: evaluating a metric on a batch, the way the engine does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evaluator_component.groups import Groups
from evaluator_component.metrics.base import Metric, State
from evaluator_component.metrics.state import States


def _evaluate(metric: Metric, batch: Any, groups: Groups | None = None) -> Any:
    """Returns the metric of every group of one batch (one group of all rows by default)."""
    size = len(batch) if batch.query_starts is None else batch.queries
    groups = Groups.everything(size) if groups is None else groups
    states = []
    for statistic in metric.statistics:
        if groups.replicates is not None:
            statistic = statistic.replicated()
        states.append(State(statistic.accumulate(batch, groups), groups.shape))
    return metric.result(*states)


def _merged(metric: Metric, parts: list[tuple[Any, Groups]], keys: list[Any]) -> Any:
    """Returns the metric of every key from batches accumulated apart and merged in this order."""
    replicates = parts[0][1].replicates
    tables = []
    for batch, groups in parts:
        states = States(None if replicates is None else replicates.count)
        for statistic in metric.statistics:
            used = statistic if replicates is None else statistic.replicated()
            arrays = {statistic: used.accumulate(batch, groups)}
            states.add(keys, arrays, {statistic: used.state})
        tables.append(states)
    total = tables[0]
    for table in tables[1:]:
        total.merge(table)
    order = total.rows(keys)
    assert (order == np.arange(len(keys))).all()
    return metric.result(*(total.table(statistic) for statistic in metric.statistics))


@pytest.fixture(scope="session")
def evaluate() -> Any:
    return _evaluate


@pytest.fixture(scope="session")
def merged() -> Any:
    return _merged
