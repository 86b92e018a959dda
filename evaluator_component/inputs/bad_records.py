"""Records that cannot be used: counted, sampled with their place, and limited.

Vocabulary:
    BadRecord: one of them: file, offset, kind and reason.
    BadRecords: how many there were, and a sample of them; adds up over files and workers.
    offset: where in the file: a byte of the (decompressed) file for records and text, a row number
        for Parquet and Arrow files.

Example:
    >>> bad = BadRecords(limit=2)
    >>> bad.add("rows.tfrecord", 1024, "corrupt", "the checksum of its data is wrong")
    >>> bad.check()
    >>> print(bad.samples[0])
    rows.tfrecord at 1024: corrupt: the checksum of its data is wrong
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from evaluator_component.errors import InputError

__all__ = ["BadRecord", "BadRecords", "write_dead_letters"]

#: How many bad records one collector remembers in full.
SAMPLES = 100
#: How many places an error message names.
NAMED = 5


@dataclass(frozen=True)
class BadRecord:
    """One record that could not be used.

    Attributes:
        file: its path.
        offset: its place in the file (see the module's vocabulary).
        kind: "truncated", "corrupt", "unparsable", "type", "utf8" or "model".
        reason: a sentence.
    """

    file: str
    offset: int
    kind: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file} at {self.offset}: {self.kind}: {self.reason}"


@dataclass
class BadRecords:
    """Counts bad records, keeps a sample, and stops the run when there are too many.

    Attributes:
        limit: how many are tolerated; None for any number.
        count: how many there were.
        samples: the first of them.
    """

    limit: int | None = 0
    count: int = 0
    samples: list[BadRecord] = field(default_factory=list)

    def add(self, file: str, offset: int, kind: str, reason: str, count: int = 1) -> None:
        """Notes a bad record, or `count` of them that share a place and a reason."""
        self.count += count
        if len(self.samples) < SAMPLES:
            self.samples.append(BadRecord(file, int(offset), kind, reason))

    def merge(self, other: BadRecords) -> None:
        """Adds the records of another collector to this one."""
        self.count += other.count
        self.samples.extend(other.samples[: max(0, SAMPLES - len(self.samples))])

    def check(self) -> None:
        """Stops when the limit is passed.

        Raises:
            InputError: naming the first places.
        """
        if self.limit is None or self.count <= self.limit:
            return
        places = "\n".join(f"  {record}" for record in self.samples[:NAMED])
        rest = f"\n  and {self.count - NAMED} more" if self.count > NAMED else ""
        plural = "s" if self.count > 1 else ""
        raise InputError(
            f"{self.count} bad record{plural}, max_bad_records is {self.limit}:\n{places}{rest}"
        )


def write_dead_letters(records: Iterable[BadRecord], path: str) -> None:
    """Writes bad records as JSON lines: file, offset, kind, reason.

    Args:
        records: the records, such as `BadRecords.samples`.
        path: where to write, local or remote.
    """
    lines = "".join(json.dumps(asdict(record), sort_keys=True) + "\n" for record in records)
    from evaluator_component.inputs.files import is_remote

    if is_remote(path):
        from apache_beam.io.filesystems import FileSystems

        with FileSystems.create(path, mime_type="application/json") as stream:
            stream.write(lines.encode())
    else:
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(lines)
