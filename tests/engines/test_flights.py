"""The flights evaluation on clusters: side by side, and through the loss of a machine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from cases import Flights, assert_same
from engines import Engine
from flink_cluster import FlinkCluster
from processes import wait_for

from evaluator_component.results import load_eval_result

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Flights:
    return Flights(tmp_path_factory.mktemp("flights"))


@pytest.fixture(scope="module")
def expected(flights: Flights, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The result of a process of its own, as workers are: other tests may have set up TensorFlow
    here in ways that change the last bits of predictions."""
    output = tmp_path_factory.mktemp("local") / "out"
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(_evaluate, flights, output).result()
    return load_eval_result(str(output))


def _evaluate(flights: Flights, output: Path) -> None:
    flights.evaluate(output, [])


def test_flights_on_flink_run_side_by_side_and_survive_the_loss_of_a_task_manager(
    start: Callable[[str], Engine], flights: Flights, expected: Any, tmp_path: Path
) -> None:
    cluster = start("flink")
    assert isinstance(cluster, FlinkCluster)
    hosts: list[set[str]] = []

    def half_way() -> bool:
        vertices = cluster.vertices(cluster.jobs()[0]) if cluster.jobs() else []
        done = [each["name"] for each in vertices if each["status"] == "FINISHED"]
        return any("Shards" in name for name in done)

    def kill() -> None:
        wait_for("a job half-way", half_way)
        subtasks = cluster.subtasks(*_stage(cluster))
        hosts.append({each["taskmanager-id"] for each in subtasks})
        cluster.kill_task_manager()

    killer = threading.Thread(target=kill)
    killer.start()
    found = flights.evaluate(tmp_path / "out", cluster.flags())
    killer.join()
    assert_same(found, expected)
    job, stage = _stage(cluster)
    assert job["state"] == "FINISHED"
    assert cluster.failures(job)
    # One stage reads, predicts and evaluates: two subtasks, on two hosts as long as there are two.
    subtasks = cluster.subtasks(job, stage)
    assert stage["parallelism"] == len(subtasks) == 2
    assert [len(each) for each in hosts] == [2]
    # What a subtask is given are files, or parts of large ones.
    given = [each["metrics"]["read-records"] for each in subtasks]
    assert min(given) > 0
    assert sum(given) == len(flights.months)


def test_flights_on_spark_are_the_same(
    start: Callable[[str], Engine], flights: Flights, expected: Any, tmp_path: Path
) -> None:
    assert_same(flights.evaluate(tmp_path / "out", start("spark").flags()), expected)


def _stage(cluster: FlinkCluster) -> tuple[dict[str, Any], dict[str, Any]]:
    job = cluster.jobs()[0]
    (stage,) = [each for each in cluster.vertices(job) if "ExtractPredictions" in each["name"]]
    return job, stage
