"""Running a pipeline: which Beam runner by default, and errors as users should see them."""

from __future__ import annotations

import gc
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from evaluator_component import errors
from evaluator_component.errors import EvaluatorError

__all__ = [
    "DEFAULT_RUNNER",
    "collecting_new_garbage_only",
    "has_one_worker",
    "no_traces_of_own_errors",
    "options_of",
    "own_error",
    "workers_of",
]

#: Named, because Beam's "DirectRunner" first tries to download a binary of another runner.
DEFAULT_RUNNER = "FnApiRunner"

#: Taken for the number of workers of a cluster that options do not tell.
_WORKERS = 32


def options_of(pipeline_options: Any = None) -> Any:
    """Returns Beam options with a runner that is there.

    Args:
        pipeline_options: `PipelineOptions`, a list of flags, or None.
    """
    from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

    if pipeline_options is None:
        pipeline_options = []
    if isinstance(pipeline_options, Sequence) and not isinstance(pipeline_options, str):
        pipeline_options = PipelineOptions(list(pipeline_options))
    standard = pipeline_options.view_as(StandardOptions)
    if standard.runner in (None, "DirectRunner"):
        standard.runner = DEFAULT_RUNNER
    return pipeline_options


def has_one_worker(options: Any) -> bool:
    """Tells whether a pipeline with these options runs in this process alone."""
    from apache_beam.options.pipeline_options import DirectOptions, StandardOptions

    direct = options.view_as(DirectOptions)
    return (
        options.view_as(StandardOptions).runner == DEFAULT_RUNNER
        and direct.direct_num_workers == 1
        and direct.direct_running_mode == "in_memory"
    )


def workers_of(options: Any) -> int:
    """Returns how many workers a pipeline with these options has, about.

    Example:
        >>> workers_of(options_of()), workers_of(options_of(["--runner=FlinkRunner"]))
        (1, 32)
        >>> workers_of(options_of(["--runner=DataflowRunner", "--max_num_workers=200"]))
        200
    """
    import os

    from apache_beam.options.pipeline_options import StandardOptions

    told = options.get_all_options(retain_unknown_options=True)
    if options.view_as(StandardOptions).runner == DEFAULT_RUNNER:
        return int(told["direct_num_workers"] or os.cpu_count() or 1)
    for name in ("max_num_workers", "num_workers", "parallelism"):
        try:
            count = int(told.get(name) or 0)
        except (TypeError, ValueError):
            continue
        if count > 0:
            return count
    return _WORKERS


@contextmanager
def collecting_new_garbage_only() -> Iterator[None]:
    """Spares what is imported by now the walks of the garbage collector.

    A pipeline makes enough objects to set off full collections; each would walk through all of
    TensorFlow, which takes a quarter of a second.
    """
    frozen_by_caller = gc.get_freeze_count()
    if not frozen_by_caller:
        gc.freeze()
    try:
        yield
    finally:
        if not frozen_by_caller:
            gc.unfreeze()


@contextmanager
def no_traces_of_own_errors() -> Iterator[None]:
    """Keeps Beam from logging a stack trace of an error that is about to be raised in one line."""

    def foreign(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return error is None or own_error(error) is None

    logger = logging.getLogger("apache_beam.runners.common")
    logger.addFilter(foreign)
    try:
        yield
    finally:
        logger.removeFilter(foreign)


def own_error(error: BaseException) -> EvaluatorError | None:
    """Finds the error that this package raised inside a Beam worker.

    Runners hand on what a worker raised as the error itself, as its cause, or as a traceback in
    the text of another error.

    Returns:
        The error with its own message; None when something else failed.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, EvaluatorError):
            return type(seen)(_without_stage(str(seen)))
        seen = seen.__cause__ or seen.__context__
    found = re.findall(
        r"^evaluator_component\.errors\.(\w+): (.*?)(?=\n\n|\n\S|\Z)",
        str(error),
        re.DOTALL | re.MULTILINE,
    )
    for name, message in reversed(found):
        kind = getattr(errors, name, None)
        if isinstance(kind, type) and issubclass(kind, EvaluatorError):
            return kind(_without_stage(message))
    return None


def _without_stage(message: str) -> str:
    return re.sub(r"\s*\[while running '[^']*'\]", "", message).strip()
