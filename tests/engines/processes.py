"""Processes that a test starts, and makes sure to end: their whole group, by its id."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["QUICK_JAVA", "Process", "free_port", "wait_for", "worker_flags"]

#: Java processes that live for a minute are done sooner with the quick compiler alone.
QUICK_JAVA = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")


def free_port() -> int:
    """Returns a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_for(what: str, ready: Callable[[], bool], seconds: float = 180.0) -> None:
    """Waits until something is so.

    Raises:
        TimeoutError: it is not so after that many seconds.
    """
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:.0f} seconds")
        time.sleep(0.3)


def worker_flags(folder: Path) -> list[str]:
    """Returns the Beam flags that let an engine start Python workers as processes of this machine.

    A pool of workers (environment type EXTERNAL) would not do: there must be one for each host,
    because workers of different hosts have the same names.

    Args:
        folder: for the program that starts a worker.
    """
    command = folder / "worker"
    module = "evaluator_component.api.boot"
    log = folder / "workers.log"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@" >>"{log}" 2>&1\n')
    command.chmod(0o755)
    config = json.dumps({"command": str(command)})
    return [
        "--environment_type=PROCESS",
        f"--environment_config={config}",
        # Without it every stage starts a worker of its own, which imports Beam again.
        "--environment_cache_millis=60000",
    ]


class Process:
    """A process in a session of its own, its output in a log file."""

    def __init__(
        self, command: Sequence[str], log: Path, environment: dict[str, str] | None = None
    ) -> None:
        self.log = log
        with open(log, "wb") as out:
            self._popen = subprocess.Popen(
                list(command),
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, **(environment or {})},
            )

    @property
    def pid(self) -> int:
        """Id of the process, and of its group."""
        return self._popen.pid

    def running(self) -> bool:
        """Tells whether it still runs."""
        return self._popen.poll() is None

    def kill(self) -> None:
        """Ends it and its children at once, as a crash of the machine would."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._popen.wait()

    def stop(self) -> None:
        """Ends it: politely, then not."""
        try:
            os.killpg(self.pid, signal.SIGTERM)
            self._popen.wait(timeout=10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
        self.kill()
