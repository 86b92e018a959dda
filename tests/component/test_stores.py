"""Metadata stores in database servers: real servers, real pipelines."""

from __future__ import annotations

import pytest
import servers
from layouts import LAYOUTS, put_evaluation
from steps import Steps, config_with

from evaluator_component.component.history import history
from evaluator_component.component.stores import open_store

pytestmark = pytest.mark.slow

CHANGE = {"change_threshold": {"direction": "HIGHER_IS_BETTER", "absolute": -1.0}}


@pytest.fixture(params=[servers.postgresql, servers.mysql], ids=lambda serve: serve.__name__)
def url(request):
    with request.param() as found:
        yield found


def test_a_pipeline_keeps_its_history_in_a_database_server(url, tmp_path):
    if url.startswith("postgresql"):
        open_store(url, read_only=False)
        servers.let_values_be_long(url)
    steps = Steps(tmp_path, store=url)
    first = steps.run(1.0, baseline="resolve", eval_config=config_with(**CHANGE))
    second = steps.run(2.0, baseline="resolve", eval_config=config_with(**CHANGE))
    assert [found.run for found in history(url)] == [first.run, second.run]
    assert (first.verdict, second.verdict) == ("BLESSED", "BLESSED")
    assert second.inputs["baseline_model"][0].id == first.inputs["model"][0].id
    assert second.lineage["reused"] == "statistics of the baseline"
    assert second.metrics["baseline/auc"] == first.metrics["auc"]
    assert set(second.by_slice) == {"group=a", "group=b", "group=c"}
    assert second.outputs["roc"][0].properties["confidenceMetrics"]
    assert steps.pushed == 2


def test_the_layouts_of_all_orchestrators_are_read_from_it(url):
    store = open_store(url, read_only=False)
    for number, layout in enumerate(LAYOUTS):
        put_evaluation(store, layout, f"run-{number}", auc=0.7, blessed=True)
    found = history(url, pipeline="flights")
    assert [each.run for each in found] == ["run-0", "run-1", "run-2"]
    assert {each.metrics["auc"] for each in found} == {0.7}
