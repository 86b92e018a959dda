"""Throw-away database servers on this machine, for metadata stores that are not files."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

#: Debian keeps PostgreSQL's programs out of the PATH, and those of MariaDB out of a user's.
FOLDERS = (*Path("/usr/lib/postgresql").glob("*/bin"), Path("/usr/sbin"), Path("/usr/local/sbin"))
#: Database servers refuse to run as root.
USER = "nobody" if os.getuid() == 0 else None


def program(*names: str) -> str:
    """Returns the path of the first program that is there; skips the test where none is."""
    path = os.pathsep.join((os.environ["PATH"], *map(str, FOLDERS)))
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return found
    pytest.skip(f"{names[0]} is not installed")


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """Yields the URL of a database in a cluster of its own."""
    make, serve = program("initdb"), program("postgres")
    with _folder() as folder:
        data, port = str(folder / "data"), _free_port()
        _run(make, "-D", data, "-U", "mlmd", "--auth=trust", "--no-sync")
        options = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": folder,
            "fsync": "off",
        }
        settings = [part for item in options.items() for part in ("-c", "{}={}".format(*item))]
        with _server([serve, "-D", data, *settings], port, folder):
            yield f"postgresql://mlmd@127.0.0.1:{port}/mlmd"


def let_values_be_long(url: str) -> None:
    """Runs the statement of docs/pipelines.md on a store in PostgreSQL."""
    page = Path(__file__).parent.parent.parent / "docs" / "pipelines.md"
    (statement,) = re.findall(r"```sql\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    _run(program("psql"), url, "--set=ON_ERROR_STOP=1", f"--command={statement}")


@contextlib.contextmanager
def mysql() -> Iterator[str]:
    """Yields the URL of a database in a MariaDB of its own."""
    make, serve = program("mariadb-install-db"), program("mariadbd")
    with _folder() as folder:
        data, port = folder / "data", _free_port()
        where = [f"--basedir={Path(make).parent.parent}", f"--datadir={data}"]
        _run(make, "--no-defaults", *where, "--auth-root-authentication-method=normal")
        options = {"bind-address": "127.0.0.1", "port": port, "socket": folder / "socket"}
        settings = ["--{}={}".format(*item) for item in options.items()]
        with _server([serve, "--no-defaults", *where, *settings], port, folder):
            yield f"mysql://root@127.0.0.1:{port}/mlmd"


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        if USER is not None:
            shutil.chown(folder, USER)
        yield Path(folder)


def _run(*command: str) -> None:
    done = subprocess.run(command, user=USER, cwd="/", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@contextlib.contextmanager
def _server(command: Sequence[str], port: int, folder: Path) -> Iterator[None]:
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, user=USER, cwd="/", stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while not _answers(port):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
