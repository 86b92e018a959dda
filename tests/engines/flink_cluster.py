"""A Flink cluster on this machine: a job manager and task managers, each a process of its own.

The package `apache-flink-libraries` has the jars but neither scripts nor configuration, so that
the processes are started here, with the memory of each spelled out.

Synopsis::

    with FlinkCluster(Path(".venv-flink"), folder) as cluster:
        evaluate(..., pipeline_options=cluster.flags())
        cluster.vertices(cluster.jobs()[0])
"""

from __future__ import annotations

import json
import shutil
import urllib.request
from pathlib import Path
from typing import Any

import job_server
from processes import QUICK_JAVA, Process, free_port, wait_for, worker_flags

__all__ = ["FlinkCluster"]

_OPEN = ("lang", "lang.reflect", "net", "io", "nio", "text", "time", "util")
_OPEN += ("util.concurrent", "util.concurrent.atomic", "util.concurrent.locks")
_JAVA = [
    *QUICK_JAVA,
    "--add-exports=java.base/sun.net.util=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    *(f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in _OPEN),
]
_MEMORY = {
    "taskmanager.memory.network.min": "256mb",
    "taskmanager.memory.network.max": "256mb",
    "taskmanager.memory.managed.size": "256mb",
    "taskmanager.memory.task.heap.size": "384mb",
    "taskmanager.memory.task.off-heap.size": "64mb",
    "taskmanager.memory.framework.heap.size": "128mb",
    "taskmanager.memory.framework.off-heap.size": "128mb",
    "taskmanager.memory.jvm-metaspace.size": "256mb",
    "taskmanager.memory.jvm-overhead.min": "192mb",
    "taskmanager.memory.jvm-overhead.max": "192mb",
    "taskmanager.cpu.cores": "1.0",
}


class FlinkCluster:
    """A job manager and task managers, which start a Python worker each.

    Args:
        environment: where `make flink` has installed Flink.
        folder: for logs and configuration.
        task_managers: how many.
        slots: of each.

    Raises:
        job_server.Unavailable: Java, Flink or Beam's job server is not there.
    """

    def __init__(
        self, environment: Path, folder: Path, task_managers: int = 2, slots: int = 2
    ) -> None:
        if shutil.which("java") is None:
            raise job_server.Unavailable("Java is not installed")
        libraries = environment / job_server.ENGINES["flink"].libraries
        if not libraries.exists():
            raise job_server.Unavailable(f"no Flink in {environment}: run `make flink`")
        self.jar = job_server.find("flink", environment)
        self._classes = ":".join(str(jar) for jar in sorted(libraries.glob("*.jar")))
        self._folder, self._count, self._slots = folder, task_managers, slots
        self.rest = free_port()
        self.task_managers: list[Process] = []
        self._others: list[Process] = []

    def __enter__(self) -> FlinkCluster:
        self._configure()
        try:
            self._others.append(self._java("job-manager", _MANAGER, "--executionMode", "cluster"))
            for number in range(self._count):
                self.start_task_manager(number)
            wait_for("Flink", lambda: self._slots_total() == self._count * self._slots)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*self.task_managers, *self._others):
            process.stop()

    def start_task_manager(self, number: int) -> None:
        """Starts one more task manager."""
        settings = [part for item in _MEMORY.items() for part in ("-D", "=".join(item))]
        name = f"task-manager-{number}"
        settings += ["-D", f"taskmanager.resource-id={name}-{len(self.task_managers)}"]
        self.task_managers.append(self._java(name, _TASKS, *settings))

    def flags(self) -> list[str]:
        """Returns the Beam flags that run a pipeline on this cluster, a subtask on each host."""
        flags = [
            "--runner=FlinkRunner",
            f"--flink_master=127.0.0.1:{self.rest}",
            f"--flink_job_server_jar={self.jar}",
            f"--files_to_stage={self.jar}",
            f"--parallelism={self._count}",
            "--job_server_java_launcher=java",
            "--job_server_timeout=180",
        ]
        flags += [f"--job_server_jvm_properties={each}" for each in _JAVA]
        return [*flags, *worker_flags(self._folder)]

    def kill_task_manager(self) -> str:
        """Kills a task manager and its Python worker; returns its name."""
        victim = self.task_managers.pop()
        victim.kill()
        return victim.log.stem

    def jobs(self) -> list[dict[str, Any]]:
        """Returns the jobs, the newest first."""
        found: list[dict[str, Any]] = self._get("jobs/overview")["jobs"]
        return sorted(found, key=lambda job: -job["start-time"])

    def vertices(self, job: dict[str, Any]) -> list[dict[str, Any]]:
        """Returns the stages of a job: name, parallelism, records read and written."""
        found: list[dict[str, Any]] = self._get(f"jobs/{job['jid']}")["vertices"]
        return found

    def failures(self, job: dict[str, Any]) -> list[str]:
        """Returns what a job failed of and was taken up again after."""
        found = self._get(f"jobs/{job['jid']}/exceptions")["exceptionHistory"]["entries"]
        return [each["exceptionName"] for each in found]

    def subtasks(self, job: dict[str, Any], vertex: dict[str, Any]) -> list[dict[str, Any]]:
        """Returns the subtasks of a stage: state, task manager, records read and written."""
        found: list[dict[str, Any]] = self._get(f"jobs/{job['jid']}/vertices/{vertex['id']}")[
            "subtasks"
        ]
        return found

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.rest}/{path}", timeout=20) as reply:
            return json.load(reply)

    def _slots_total(self) -> int:
        for process in (*self._others, *self.task_managers):
            if not process.running():
                raise RuntimeError(f"a process of Flink ended:\n{process.log.read_text()[-2000:]}")
        try:
            return int(self._get("overview")["slots-total"])
        except OSError:
            return 0

    def _java(self, name: str, main: str, *arguments: str) -> Process:
        command = ["java", "-Xmx600m", "-XX:MaxDirectMemorySize=480m", *_JAVA]
        command.append(f"-Dlog4j.configurationFile={self._folder / 'log4j.properties'}")
        command += ["-cp", self._classes, main, "--configDir", str(self._folder), *arguments]
        return Process(command, self._folder / f"{name}.log")

    def _configure(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        text = _CONFIG.format(
            folder=self._folder,
            rest=self.rest,
            rpc=free_port(),
            blob=free_port(),
            slots=self._slots,
        )
        (self._folder / "config.yaml").write_text(text)
        (self._folder / "log4j.properties").write_text(_LOGGING)


_MANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
_TASKS = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
_LOGGING = """\
rootLogger.level = INFO
rootLogger.appenderRef.out.ref = out
appender.out.name = out
appender.out.type = CONSOLE
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{HH:mm:ss} %-5p %c{1} %m%n
"""
_CONFIG = """\
jobmanager:
  rpc: {{address: 127.0.0.1, port: {rpc}}}
  bind-host: 127.0.0.1
  memory: {{process: {{size: 1024m}}}}
taskmanager:
  host: 127.0.0.1
  bind-host: 127.0.0.1
  numberOfTaskSlots: {slots}
  load-balance: {{mode: SLOTS}}
  memory: {{process: {{size: 1696m}}}}
rest: {{address: 127.0.0.1, bind-address: 127.0.0.1, port: {rest}}}
# The default is a folder that outlives the process, and is checked byte by byte at the next start.
process: {{working-dir: {folder}}}
io: {{tmp: {{dirs: {folder}}}}}
blob: {{server: {{port: {blob}}}}}
heartbeat: {{interval: 3000, timeout: 120000}}
restart-strategy:
  type: fixed-delay
  fixed-delay: {{attempts: 5, delay: 2 s}}
"""
