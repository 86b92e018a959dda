"""Reuse: the baseline's statistics from an earlier run instead of predicting again.

Every run leaves its merged states and a manifest in its result folder: `statistics-*.npz` and
`statistics.json`. A later run with the same baseline takes the baseline's states from there where
model, data and everything else that they depend on agree. Which examples are in a resample depends
on the examples alone, so intervals of differences stay paired.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evaluator_component.api.defaults import resampling_of
from evaluator_component.api.identity import Identity
from evaluator_component.errors import ResultError
from evaluator_component.evaluators.plan import Plan
from evaluator_component.protos import eval_config_pb2
from evaluator_component.writers.folder import (
    RUN_FILE,
    STATISTICS,
    STATISTICS_FILE,
    Folder,
    shard_name,
)
from evaluator_component.writers.statistics import (
    ReadStatistics,
    StoredStatistics,
    load_statistics,
)

if TYPE_CHECKING:
    from evaluator_component.api.job import Job

__all__ = ["Manifest", "Reuse", "find_statistics", "read_manifest", "write_manifest"]

VERSION = 1


class _Unfit(Exception):
    """Why statistics cannot be reused."""


@dataclass(frozen=True)
class Reuse:
    """What came of a wish to reuse a baseline's statistics.

    Attributes:
        folder: the earlier run's result folder.
        baseline: name of the baseline.
        reason: why its statistics were not reused; "" where they were.
        found_as: name of the model in the earlier run.
        files: file by dataset.
    """

    folder: str
    baseline: str
    reason: str = ""
    found_as: str = ""
    files: Mapping[str, str] | None = None

    @property
    def note(self) -> str:
        """What the reader of the result should know."""
        of = f"statistics of the baseline {self.baseline!r}" if self.baseline else "statistics"
        if self.reason:
            return f"{of} were not reused from {self.folder}: {self.reason}"
        return f"{of} were reused from {self.folder}: it did not predict again"

    def to_dict(self) -> dict[str, Any]:
        """Returns what `run.json` tells."""
        return {
            "folder": self.folder,
            "baseline": self.baseline,
            "reused": not self.reason,
            "reason": self.reason,
        }

    def read(self, dataset: str, plan: Plan, resampled: bool) -> Any:
        """Returns the transform that reads the baseline's states of a dataset."""
        assert self.files is not None
        models = {self.baseline: self.found_as}
        return ReadStatistics(self.folder, self.files[dataset], plan, models, resampled)


@dataclass(frozen=True)
class Manifest:
    """What `statistics.json` tells.

    Attributes:
        identity: what the statistics depend on.
        files: file by dataset.
    """

    identity: Identity
    files: Mapping[str, str]


def write_manifest(output_path: str, identity: Identity) -> None:
    """Writes `statistics.json` beside the statistics; nothing where there are none."""
    folder = Folder(output_path)
    names = list(identity.data)
    files = {
        name: shard_name(STATISTICS, number, len(names), "npz") for number, name in enumerate(names)
    }
    if not set(files.values()) <= set(folder.names()):
        return
    content = {
        "version": VERSION,
        "basis": identity.basis,
        "models": identity.models,
        "data": {name: {"hash": identity.data[name], "file": file} for name, file in files.items()},
    }
    folder.write(STATISTICS_FILE, json.dumps(content, indent=1) + "\n")


def read_manifest(output_path: str) -> Manifest:
    """Reads `statistics.json`.

    Raises:
        ResultError: the folder has no statistics, is half-written, or of a later version.
    """
    folder = Folder(output_path)
    names = folder.names()
    if RUN_FILE not in names:
        raise ResultError(f"{output_path} holds no result, or a half-written one")
    if STATISTICS_FILE not in names:
        raise ResultError(f"{output_path} holds no statistics")
    try:
        told = json.loads(folder.read(STATISTICS_FILE))
        if told["version"] > VERSION:
            raise ResultError(f"{output_path}: statistics of a later version of this package")
        return Manifest(
            Identity(
                told["basis"],
                told["models"],
                {name: each["hash"] for name, each in told["data"].items()},
            ),
            {name: each["file"] for name, each in told["data"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ResultError(f"{folder.join(STATISTICS_FILE)}: damaged ({error!r})") from error


def find_statistics(job: Job, folder: str, identity: Identity) -> Reuse:
    """Finds out whether the statistics of a job's baseline can be taken from an earlier run."""
    folder = os.fspath(folder)
    specs = [spec.name for spec in job.eval_config.model_specs if spec.is_baseline]
    baseline = specs[0] if specs else ""
    try:
        if not specs:
            raise _Unfit("there is no baseline")
        _check_job(job, baseline)
        earlier = read_manifest(folder)
        _check_basis(identity, earlier.identity)
        files = _files(identity, earlier)
        stored = [load_statistics(folder, file) for file in files.values()]
        found_as = _model(job, baseline, identity, earlier.identity, stored)
    except (_Unfit, ResultError) as problem:
        return Reuse(folder, baseline, reason=str(problem))
    return Reuse(folder, baseline, found_as=found_as, files=files)


def _check_job(job: Job, baseline: str) -> None:
    """Something in the evaluation needs the baseline's predictions themselves."""
    if job.obstacle:
        raise _Unfit(job.obstacle)
    if baseline not in job.models:
        raise _Unfit("its predictions are a column of the data")
    if job.eval_config.options.non_finite == eval_config_pb2.Options.EXCLUDE:
        raise _Unfit("which examples are left out (non_finite: EXCLUDE) depends on all predictions")
    if job.search is not None and job.search.baseline_model == baseline:
        raise _Unfit("the search for weak slices compares predictions of each example")
    for each in job.plan.accumulations:
        if each.view.baseline_model == baseline:
            users = ", ".join(job.plan.users(each))
            raise _Unfit(f"{users} compares predictions of each example")


def _check_basis(now: Identity, earlier: Identity) -> None:
    for what, value in now.basis.items():
        if earlier.basis.get(what) != value:
            raise _Unfit(f"{what}: not the same as in the earlier run")


def _files(now: Identity, earlier: Manifest) -> dict[str, str]:
    """Finds the file of each dataset."""
    by_hash = {value: earlier.files[name] for name, value in earlier.identity.data.items() if value}
    files = {}
    for name, value in now.data.items():
        data = f"the data {name!r}" if name else "the data"
        if not value:
            raise _Unfit(f"{data} cannot be told from others: {now.unknown['data', name]}")
        if value not in by_hash:
            raise _Unfit(f"{data} are not those of the earlier run")
        files[name] = by_hash[value]
    return files


def _model(
    job: Job,
    baseline: str,
    now: Identity,
    earlier: Identity,
    stored: Sequence[StoredStatistics],
) -> str:
    """Finds the model of the earlier run that is the baseline, and has all statistics."""
    wanted = now.models[baseline]
    if not wanted["content"]:
        raise _Unfit(f"the model cannot be told from others: {now.unknown['model', baseline]}")
    models = earlier.models
    same = [name for name in models if models[name]["content"] == wanted["content"]]
    if not same:
        raise _Unfit("the earlier run did not evaluate this model")
    same = [name for name in same if models[name]["settings"] == wanted["settings"]]
    if not same:
        raise _Unfit("the model spec is not the same as in the earlier run")
    resampled = resampling_of(job.eval_config) is not None
    for each in stored:
        if each.omitted_bytes:
            size = each.omitted_bytes / 2**20
            raise _Unfit(
                f"the earlier run's statistics were too large to be stored ({size:.0f} MB)"
            )
    reasons = []
    for name in same:
        missing = [
            each for file in stored for each in file.missing(job.plan, {baseline: name}, resampled)
        ]
        if not missing:
            return name
        users = dict.fromkeys(user for each in missing for user in job.plan.users(each))
        reasons.append(f"the earlier run did not keep what {', '.join([*users][:4])} needs")
    raise _Unfit(reasons[0])
