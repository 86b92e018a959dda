"""What a Dataflow job needs to be shipped, and what happens when that is missing or stale."""

from __future__ import annotations

from pathlib import Path

import pytest
from apache_beam.runners.dataflow.dataflow_runner import DataflowRuntimeException
from cases import CASES
from dataflow_service import DataflowService, source_distribution

from evaluator_component.errors import EvaluatorError
from evaluator_component.version import __version__

pytestmark = pytest.mark.slow


def test_a_package_that_was_not_shipped_is_missing(files: Path, tmp_path: Path) -> None:
    missing = "No module named 'evaluator_component'"
    with DataflowService(tmp_path) as service:
        with pytest.raises(DataflowRuntimeException, match=missing):
            CASES[0].evaluate(files, tmp_path / "out", service.flags())


def test_workers_with_another_version_refuse_to_compute(files: Path, tmp_path: Path) -> None:
    stale = source_distribution(tmp_path, "0.0.1")
    with DataflowService(tmp_path, [stale]) as service, pytest.raises(EvaluatorError) as failed:
        CASES[0].evaluate(files, tmp_path / "out", service.flags())
    message = str(failed.value)
    assert f"evaluator_component {__version__}, the worker 0.0.1" in message
    assert not (tmp_path / "out" / "run.json").exists()
