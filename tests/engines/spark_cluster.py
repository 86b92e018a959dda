"""A Spark cluster on this machine: a master and two workers, each a process of its own.

Synopsis::

    with SparkCluster(Path(".venv-spark"), folder) as cluster:
        evaluate(..., pipeline_options=cluster.flags())
"""

from __future__ import annotations

import json
import shutil
import urllib.request
from pathlib import Path
from typing import Any

import job_server
from processes import QUICK_JAVA, Process, free_port, wait_for, worker_flags

__all__ = ["SparkCluster"]

_OPEN = ("lang", "lang.invoke", "lang.reflect", "net", "io", "nio", "util")
_OPEN += ("util.concurrent", "util.concurrent.atomic")
_JAVA = [
    *QUICK_JAVA,
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/sun.security.action=ALL-UNNAMED",
    "--add-opens=java.base/sun.util.calendar=ALL-UNNAMED",
    *(f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in _OPEN),
]


class SparkCluster:
    """A master and workers, which start a Python worker each.

    Args:
        environment: where `make spark` has installed Spark.
        folder: for logs and scratch files.
        workers: how many Spark workers, of one core each.

    Raises:
        job_server.Unavailable: Java, Spark or Beam's job server is not there.
    """

    def __init__(self, environment: Path, folder: Path, workers: int = 2) -> None:
        if shutil.which("java") is None:
            raise job_server.Unavailable("Java is not installed")
        libraries = environment / job_server.ENGINES["spark"].libraries
        if not libraries.exists():
            raise job_server.Unavailable(f"no Spark in {environment}: run `make spark`")
        self.jar = job_server.find("spark", environment)
        self._classes, self._folder, self._count = f"{libraries}/*", folder, workers
        self.port, self.web = free_port(), free_port()
        self.workers: list[Process] = []
        self._others: list[Process] = []

    def __enter__(self) -> SparkCluster:
        try:
            master = ["--host=127.0.0.1", f"--port={self.port}", f"--webui-port={self.web}"]
            self._others.append(self._java("master", "master.Master", *_pairs(master)))
            for number in range(self._count):
                settings = ["--host=127.0.0.1", "--cores=1", "--memory=1g"]
                settings += [f"--webui-port={free_port()}", f"--work-dir={self._folder}/work"]
                self.workers.append(
                    self._java(
                        f"worker-{number}",
                        "worker.Worker",
                        *_pairs(settings),
                        f"spark://127.0.0.1:{self.port}",
                    )
                )
            wait_for("Spark", lambda: self._alive() == self._count)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*self.workers, *self._others):
            process.stop()

    def flags(self) -> list[str]:
        """Returns the Beam flags that run a pipeline on this cluster."""
        flags = [
            "--runner=SparkRunner",
            f"--spark_master_url=spark://127.0.0.1:{self.port}",
            f"--spark_job_server_jar={self.jar}",
            # Spark's own jars, which the job server was started with, need not be sent around.
            f"--files_to_stage={self.jar}",
            "--job_server_java_launcher=java",
            "--job_server_timeout=180",
        ]
        settings = [
            *_JAVA,
            "-Dspark.driver.host=127.0.0.1",
            "-Dspark.driver.bindAddress=127.0.0.1",
            "-Dspark.executor.memory=800m",
            f"-Dspark.executor.extraClassPath={self.jar}",
            f"-Dspark.executor.extraJavaOptions={' '.join(_JAVA)}",
            f"-Dspark.default.parallelism={self._count}",
        ]
        flags += [f"--job_server_jvm_properties={each}" for each in settings]
        return [*flags, *worker_flags(self._folder)]

    def overview(self) -> dict[str, Any]:
        """Returns what the master tells of workers and applications."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.web}/json/", timeout=20) as reply:
            found: dict[str, Any] = json.load(reply)
        return found

    def _alive(self) -> int:
        for process in (*self._others, *self.workers):
            if not process.running():
                raise RuntimeError(f"a process of Spark ended:\n{process.log.read_text()[-2000:]}")
        try:
            return int(self.overview()["aliveworkers"])
        except OSError:
            return 0

    def _java(self, name: str, main: str, *arguments: str) -> Process:
        command = ["java", "-Xmx512m", *_JAVA, "-cp", self._classes]
        command += [f"org.apache.spark.deploy.{main}", *arguments]
        home = str(Path(self._classes).parent.parent)
        return Process(
            command,
            self._folder / f"{name}.log",
            {"SPARK_HOME": home, "SPARK_SCALA_VERSION": "2.12"},
        )


def _pairs(options: list[str]) -> list[str]:
    return [part for option in options for part in option.split("=", 1)]
