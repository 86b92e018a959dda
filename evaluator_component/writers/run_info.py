"""`run.json`: what a run was: versions, models, data, rows, seconds. Written last.

A folder without it is half-written.

Example:
    >>> info = RunInfo(name="nightly", rows_read={"eval": 1000}, seconds=2.5)
    >>> RunInfo.from_json(info.to_json(), "run.json") == info
    True
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from google.protobuf.message import Message

from evaluator_component.errors import ResultError
from evaluator_component.version import __version__
from evaluator_component.writers.eval_run import config_hash, config_to_dict
from evaluator_component.writers.folder import RUN_FILE, Folder

__all__ = ["SCHEMA_VERSION", "RunInfo", "read_run_info", "write_run_info"]

#: Version of the result folder. Readers refuse a later one; they must be able to read earlier ones.
SCHEMA_VERSION = 1

_PACKAGES = ("apache-beam", "numpy", "protobuf", "pyarrow", "tensorflow", "tfx", "tfx-bsl")


@dataclass(frozen=True)
class RunInfo:
    """What a run was.

    Attributes:
        name: names the run in tables and time series; the folder's name where it is empty.
        schema_version: of the result folder.
        package_version: of this package.
        started: ISO 8601, UTC.
        seconds: wall-clock time.
        stage_seconds: the same for each stage ("read", "evaluate", ...).
        eval_config: the whole config as JSON-able values, defaults filled in.
        config_hash: equal for equal configs.
        models: where each model came from, by model name ("" for the only one).
        model_hashes: content hash of each model, where known.
        data: where the data came from, by dataset ("" for the only one): JSON-able values, such
            as {"location": "...", "file_format": "...", "files": 3}.
        rows_read: examples read, by dataset.
        bad_records: records skipped because they could not be read, by dataset.
        counters: other numbers that were counted.
        packages: versions of the packages that matter.
        python: version of Python.
        runner: Beam runner, or "in-process".
        notes: what the reader should know.
        details: anything else, JSON-able.
    """

    name: str = ""
    schema_version: int = SCHEMA_VERSION
    package_version: str = __version__
    started: str = ""
    seconds: float | None = None
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    eval_config: Mapping[str, Any] = field(default_factory=dict)
    config_hash: str = ""
    models: Mapping[str, str] = field(default_factory=dict)
    model_hashes: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rows_read: Mapping[str, int] = field(default_factory=dict)
    bad_records: Mapping[str, int] = field(default_factory=dict)
    counters: Mapping[str, float] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    python: str = ""
    runner: str = ""
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def create(cls, config: Message | None = None, **fields: Any) -> RunInfo:
        """Returns the info of a run that starts now: time, versions and config filled in.

        Args:
            config: the eval config.
            **fields: other attributes.
        """
        now = datetime.datetime.now(datetime.timezone.utc)
        known = {
            "started": now.isoformat(timespec="seconds"),
            "eval_config": config_to_dict(config),
            "config_hash": config_hash(config),
            "packages": _installed(),
            "python": platform.python_version(),
        }
        return cls(**{**known, **fields})

    def with_(self, **fields: Any) -> RunInfo:
        """Returns a copy with some attributes replaced."""
        return dataclasses.replace(self, **fields)

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON-able values by attribute name."""
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        """Returns the content of `run.json`."""
        return json.dumps(self.to_dict(), indent=1, default=_plain) + "\n"

    @classmethod
    def from_json(cls, content: bytes | str, path: str) -> RunInfo:
        """Returns the info that a `run.json` holds; attributes it does not have keep defaults.

        Raises:
            ResultError: it is no such file, or one of a later version of this package.
        """
        try:
            values = json.loads(content)
            version = int(values["schema_version"])
        except (ValueError, KeyError, TypeError) as error:
            raise ResultError(f"{path}: not a description of a run ({error})") from error
        if version > SCHEMA_VERSION:
            raise ResultError(
                f"{path}: results of version {version}, written by evaluator_component "
                f"{values.get('package_version', '?')}; this is {__version__}, which reads up to "
                f"version {SCHEMA_VERSION}: upgrade evaluator_component"
            )
        names = {attribute.name for attribute in dataclasses.fields(cls)}
        known = {name: value for name, value in values.items() if name in names}
        known["notes"] = tuple(known.get("notes", ()))
        return cls(**known)


def _plain(value: Any) -> Any:
    """Makes JSON of what a caller put in: NumPy numbers, paths, protos' containers."""
    if hasattr(value, "item"):
        return value.item()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def _installed() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def write_run_info(output_path: str, info: RunInfo) -> str:
    """Writes `run.json`, which makes the folder complete, and returns its path.

    Raises:
        ResultError: it cannot be written.
    """
    folder = Folder(output_path)
    folder.write(RUN_FILE, info.to_json())
    return folder.join(RUN_FILE)


def read_run_info(output_path: str) -> RunInfo:
    """Reads `run.json`.

    Raises:
        ResultError: there is none, or it is of a later version.
    """
    folder = Folder(output_path)
    return RunInfo.from_json(folder.read(RUN_FILE), folder.join(RUN_FILE))
