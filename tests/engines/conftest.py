"""The engines, each started once, and the results of the cases on this machine to compare with."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.extend([str(Path(__file__).parent), str(Path(__file__).parent.parent.parent)])
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cases
import engines
import job_server


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the records and the models of the cases."""
    folder = tmp_path_factory.mktemp("files")
    cases.write_files(folder)
    return folder


@pytest.fixture(scope="session")
def local(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[cases.Case], Any]:
    """A function that returns the result of a case in this process."""
    return functools.cache(
        lambda case: case.evaluate(files, tmp_path_factory.mktemp("local") / "out", [])
    )


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], engines.Engine]]:
    """A function that starts an engine and ends the one before; skips where it is not there."""
    running: dict[str, engines.Engine] = {}
    with ExitStack() as stack:

        def begin(name: str) -> engines.Engine:
            if name not in running:
                stack.close()
                running.clear()
                try:
                    engine = engines.ENGINES[name](tmp_path_factory.mktemp(name))
                except job_server.Unavailable as error:
                    if name in os.environ.get("REQUIRED_ENGINES", "").split():
                        pytest.fail(f"{name}: {error}")
                    pytest.skip(f"{name}: {error}")
                running[name] = stack.enter_context(engine)
            return running[name]

        yield begin
