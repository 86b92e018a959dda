"""Runs pipelines on this machine, by TFX's local runner; clears up after runs that were killed.

A run that is killed leaves a step "running" in the metadata store for good: TFX's runner gives
every run a new name, and never looks at it again. Here every run holds a lock on a file beside a
SQLite store, which the system lets go when the run dies in whatever way. A run that finds no other
holding it knows that what is said to be running is not, and marks it as failed.

Synopsis::

    run_locally(create_pipeline(..., metadata=sqlite_metadata_connection_config("demo/m.sqlite")))
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from evaluator_component.component.unfinished import mark_as_failed

__all__ = ["run_locally"]


def run_locally(pipeline: Any) -> None:
    """Runs a TFX pipeline to its end.

    Args:
        pipeline: with a metadata connection. Where that is a SQLite file, all runs on it should be
            started by this function.
    """
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    with _known_to_others(pipeline):
        LocalDagRunner().run(pipeline)


@contextlib.contextmanager
def _known_to_others(pipeline: Any) -> Iterator[None]:
    """Lets other runs on the same store see that this one is at work, and marks those that died."""
    path = pipeline.metadata_connection_config.sqlite.filename_uri
    try:
        import fcntl
    except ImportError:
        # There are no such locks on Windows.
        path = ""
    if not path:
        yield
        return
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(f"{path}.lock", "a", encoding="utf-8") as lock:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.exists(path):
                mark_as_failed(path, pipeline.pipeline_info.pipeline_name)
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield
