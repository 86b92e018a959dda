"""The engines that the conformance suite runs on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from dataflow_service import DataflowService, source_distribution
from flink_cluster import FlinkCluster
from processes import Process, free_port, wait_for
from spark_cluster import SparkCluster

__all__ = ["ENGINES", "Engine"]

ROOT = Path(__file__).parent.parent.parent


class Engine(Protocol):
    """Something that runs pipelines, to be used in a `with` block."""

    def __enter__(self) -> Engine: ...

    def __exit__(self, *exc: object) -> None: ...

    def flags(self) -> list[str]:
        """Returns the Beam flags that run a pipeline on it."""
        ...


class Direct:
    """Beam's own runner, in one of its modes."""

    def __init__(self, mode: str, workers: int) -> None:
        self._mode, self._workers = mode, workers

    def __enter__(self) -> Direct:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def flags(self) -> list[str]:
        """Returns the Beam flags."""
        return [
            "--runner=FnApiRunner",
            f"--direct_running_mode={self._mode}",
            f"--direct_num_workers={self._workers}",
        ]


class JobService:
    """Beam's local job service: pipelines go through protos and gRPC, workers call back."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()

    def __enter__(self) -> JobService:
        module = "apache_beam.runners.portability.local_job_service_main"
        command = [sys.executable, "-m", module, f"--port={self._port}"]
        command.append(f"--staging_dir={self._folder / 'staging'}")
        self._process = Process(command, self._folder / "job-service.log")
        wait_for("the job service", self._listens)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def _listens(self) -> bool:
        import socket

        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def flags(self) -> list[str]:
        """Returns the Beam flags."""
        return [
            "--runner=PortableRunner",
            f"--job_endpoint=localhost:{self._port}",
            "--environment_type=LOOPBACK",
        ]


ENGINES: dict[str, Callable[[Path], Any]] = {
    "threads": lambda folder: Direct("multi_threading", 2),
    "processes": lambda folder: Direct("multi_processing", 2),
    "job service": JobService,
    "dataflow": lambda folder: DataflowService(folder, [source_distribution(folder)]),
    "flink": lambda folder: FlinkCluster(ROOT / ".venv-flink", folder),
    "spark": lambda folder: SparkCluster(ROOT / ".venv-spark", folder),
}
