"""Identity: hashes of what an evaluation's statistics depend on.

Statistics are reused where they agree. A model is its files' content and its settings; data are
their files' content (beyond 256 MB: their paths, sizes and times of change) and how they are read.
What cannot be told apart for sure, such as an object in memory or a server, has no hash, and its
statistics are not reused.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from evaluator_component.api.datasets import Dataset
from evaluator_component.api.defaults import resampling_of
from evaluator_component.api.models import EvalSharedModel
from evaluator_component.evaluators.plan import Plan
from evaluator_component.inputs.files import is_remote
from evaluator_component.version import __version__
from evaluator_component.writers.statistics import canonical

__all__ = ["Identity", "identity_of"]

#: Data of at most this size are told by their content, which takes a fraction of a second.
MAX_HASHED_BYTES = 256 << 20

_BLOCK = 1 << 20
#: Attributes of a source that change neither what its examples are nor their ids.
_INDIFFERENT = (
    "batch_bytes",
    "batch_rows",
    "columns",
    "dataset",
    "keep_records",
    "pattern",
    "shard_bytes",
)


@dataclass(frozen=True)
class Identity:
    """What an evaluation's statistics depend on.

    Attributes:
        basis: hashes of what holds for all models and datasets, by what it is.
        models: hash of the content and of the settings of each model; "" where unknown.
        data: hash of each dataset; "" where unknown.
        unknown: why there is no hash, by model or dataset: ("model", name) or ("data", name).
    """

    basis: Mapping[str, str]
    models: Mapping[str, Mapping[str, str]]
    data: Mapping[str, str]
    unknown: Mapping[tuple[str, str], str] = field(default_factory=dict)


def identity_of(
    eval_config: Any,
    plan: Plan,
    datasets: Iterable[Dataset],
    models: Mapping[str, EvalSharedModel],
) -> Identity:
    """Computes the hashes of an evaluation.

    Args:
        eval_config: with defaults filled in.
        plan: has the slices.
        datasets: what is read.
        models: by the name of their model spec.
    """
    resampling = resampling_of(eval_config)
    drawn = None
    if resampling is not None:
        drawn = (resampling.method, resampling.count, resampling.seed, resampling.unit_key)
    derived = [_bytes(message) for message in eval_config.derived_columns]
    basis = {
        "version of evaluator_component": __version__,
        "slices": _hash(plan.slices),
        "derived columns": _hash(derived),
        "resamples": _hash(drawn),
        "treatment of values that are not finite": _hash(eval_config.options.non_finite),
    }
    unknown: dict[tuple[str, str], str] = {}
    by_model, by_dataset = {}, {}
    specs = {spec.name: spec for spec in eval_config.model_specs}
    for name, model in models.items():
        try:
            content, settings = _model_hash(model), _settings_hash(model, specs[name])
        except (TypeError, OSError) as error:
            content, settings = "", ""
            unknown["model", name] = str(error)
        by_model[name] = {"content": content, "settings": settings}
    for dataset in datasets:
        try:
            by_dataset[dataset.name] = _data_hash(dataset)
        except (TypeError, OSError) as error:
            by_dataset[dataset.name] = ""
            unknown["data", dataset.name] = str(error)
    return Identity(basis, by_model, by_dataset, unknown)


def _model_hash(model: EvalSharedModel) -> str:
    from evaluator_component.saved_model.loader import resolve_path

    path = model.model_path
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError("it is an object in memory")
    if model.loader is not None:
        raise TypeError("it has a loader of its own")
    path = os.fspath(path)
    if is_remote(path) or not os.path.exists(path):
        raise TypeError("it is not in the local file system")
    path = resolve_path(path, model.model_type)
    if os.path.isfile(path):
        return _hash_files([("", path)])
    found = [
        (os.path.relpath(os.path.join(folder, name), path), os.path.join(folder, name))
        for folder, _, names in os.walk(path)
        for name in names
    ]
    return _hash_files(sorted(found))


def _settings_hash(model: EvalSharedModel, spec: Any) -> str:
    settings = type(spec)()
    settings.CopyFrom(spec)
    settings.name, settings.is_baseline = "", False
    return _hash((_bytes(settings), model.model_type, model.options))


def _data_hash(dataset: Dataset) -> str:
    if dataset.table is not None:
        raise TypeError("they are a table in memory")
    told = []
    for plan in dataset.plans():
        how = {
            each.name: getattr(plan.source, each.name)
            for each in fields(plan.source)
            if each.name not in _INDIFFERENT
        }
        if any(is_remote(file.path) for file in plan.files):
            raise TypeError("they are not in the local file system")
        paths = [file.path for file in plan.files]
        if plan.size <= MAX_HASHED_BYTES:
            content: Any = _hash_files([(os.path.basename(path), path) for path in paths])
        else:
            content = [
                (os.path.abspath(file.path), file.size, os.stat(file.path).st_mtime_ns)
                for file in plan.files
            ]
        told.append((how, content))
    return _hash(told)


def _hash_files(files: Iterable[tuple[str, str]]) -> str:
    """Hashes the names and the content of files."""
    digest = hashlib.blake2b(digest_size=16)
    for name, path in files:
        digest.update(f"{name}\0{os.path.getsize(path)}\0".encode())
        with open(path, "rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def _hash(value: Any) -> str:
    return hashlib.blake2b(canonical(value).encode(), digest_size=16).hexdigest()


def _bytes(message: Any) -> bytes:
    serialized: bytes = message.SerializeToString(deterministic=True)
    return serialized
