"""Repeats: an evaluation that was done before is copied, not computed again.

Nothing at all may differ from the earlier run: version, config, models, data (told by content, see
`evaluator_component.api.identity`). The code of metrics and writers of your own is the one thing
that is not compared; a caller that has some compares it, as the pipeline step does.
"""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

from evaluator_component.api.evaluation import Outcome
from evaluator_component.api.reuse import read_manifest
from evaluator_component.config import hash_of
from evaluator_component.errors import ResultError
from evaluator_component.writers import clear_results, read_run_info, write_run_info
from evaluator_component.writers.folder import RUN_FILE

if TYPE_CHECKING:
    from evaluator_component.api.job import Job

__all__ = ["is_repeat", "repeat"]


def is_repeat(job: Job, folder: str) -> bool:
    """Tells whether an earlier run's result folder holds what a job would compute."""
    if job.obstacle or "://" in folder:
        return False
    try:
        earlier = read_manifest(folder).identity
        run = read_run_info(folder)
    except ResultError:
        return False
    now = job.identity()
    return (
        not now.unknown
        and (now.basis, now.models, now.data) == (earlier.basis, earlier.models, earlier.data)
        and hash_of(job.eval_config) == run.config_hash
    )


def repeat(job: Job, folder: str, output_path: str) -> Outcome:
    """Copies an earlier run's result folder, and notes in it where it came from.

    Args:
        job: what was asked for.
        folder: the earlier result, of which `is_repeat` is true.
        output_path: a local folder.

    Returns:
        What evaluating again would have come to.
    """
    from evaluator_component.results import load_eval_result
    from evaluator_component.views import report_of

    started = time.perf_counter()
    earlier = read_run_info(folder)
    clear_results(output_path)
    # As everywhere, the file that makes a result folder a whole one is written last.
    shutil.copytree(
        folder, output_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns(RUN_FILE)
    )
    note = f"model, data and config are those of {folder}: its result was copied"
    told = {"folder": os.fspath(folder), "copied": True, "reused": True, "reason": ""}
    write_run_info(
        output_path,
        earlier.with_(
            name=job.name,
            notes=(*earlier.notes, note),
            details={**earlier.details, "reuse": told},
            seconds=round(time.perf_counter() - started, 3),
        ),
    )
    loaded = load_eval_result(output_path)
    keeps_rows = bool(job.eval_config.worst_examples.num_examples)
    report_of(loaded, examples=keeps_rows).save(f"{output_path}/report.html")
    return Outcome(output_path, loaded, (*earlier.notes, note))
