"""TFRecord framing: bytes of a file -> records, with every checksum verified.

A record lies in the file as: its length (8 bytes), a masked CRC32C of the length (4), the data, a
masked CRC32C of the data (4). Records are cut out of large blocks; checksums are computed by the
C implementation of `google_crc32c` and compared for a block at once.

Vocabulary:
    Records: some consecutive records of a file, with their checksums and offsets.
    part: a range of bytes of an uncompressed file; a record belongs to the part it starts in.

Example:
    >>> import io
    >>> data = frame(b"first") + frame(b"second")
    >>> for records in read_records(io.BytesIO(data), "f", "none", BadRecords()):
    ...     print(records.data, records.offsets.tolist())
    [b'first', b'second'] [0, 21]
"""

from __future__ import annotations

import functools
import logging
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np
import numpy.typing as npt

from evaluator_component.errors import InputError
from evaluator_component.inputs.bad_records import BadRecords
from evaluator_component.inputs.files import BLOCK, blocks

__all__ = ["Records", "find_record", "frame", "is_tfrecord", "mask", "read_records"]

_log = logging.getLogger(__name__)

_HEADER = struct.Struct("<QI")
_FOOTER = 4
_MASK_DELTA = 0xA282EAD8


@dataclass(frozen=True)
class Records:
    """Consecutive records of a file.

    Attributes:
        data: the records.
        checksums: uint32 (n,), the CRC32C of each.
        offsets: int64 (n,), where in the decompressed file each begins.
    """

    data: list[bytes]
    checksums: npt.NDArray[np.uint32]
    offsets: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.data)


def mask(checksum: int) -> int:
    """Returns a CRC32C as TFRecord files store it: rotated by 15 bits, plus a constant.

    Example:
        >>> hex(mask(0))
        '0xa282ead8'
    """
    return (((checksum >> 15) | (checksum << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def frame(record: bytes) -> bytes:
    """Returns a record as it lies in a TFRecord file."""
    from google_crc32c import value

    length = struct.pack("<Q", len(record))
    return b"".join(
        (
            length,
            struct.pack("<I", mask(value(length))),
            record,
            struct.pack("<I", mask(value(record))),
        )
    )


def is_tfrecord(head: bytes) -> bool:
    """Tells whether the first bytes of a (decompressed) file are the header of a record."""
    from google_crc32c import value

    if len(head) < _HEADER.size:
        return False
    return _HEADER.unpack_from(head)[1] == mask(value(head[:8]))


def find_record(data: bytes, start: int = 0) -> int:
    """Returns the offset of the first record header at or after `start`; -1 if there is none.

    A header is recognised by the checksum of the length, and by that of the data as far as the
    data is at hand.
    """
    from google_crc32c import value

    raw = np.frombuffer(data, np.uint8)
    last = len(raw) - _HEADER.size
    if last < start:
        return -1
    high = [raw[start + byte : last + 1 + byte] == 0 for byte in (5, 6, 7)]  # lengths < 2**40
    for offset in np.flatnonzero(high[0] & high[1] & high[2]) + start:
        at = int(offset)
        length, stored = _HEADER.unpack_from(data, at)
        if stored != mask(value(data[at : at + 8])):
            continue
        end = at + _HEADER.size + length
        if end + _FOOTER > len(data):
            return at
        checksum = struct.unpack_from("<I", data, end)[0]
        if checksum == mask(value(data[at + _HEADER.size : end])):
            return at
    return -1


def read_records(
    stream: IO[bytes],
    file: str,
    compression: str,
    bad: BadRecords,
    *,
    start: int = 0,
    end: int | None = None,
    block: int = BLOCK,
) -> Iterator[Records]:
    """Yields the records of a file, or of a part of it, a block at a time.

    A record whose data is damaged is left out and noted in `bad`. After a damaged header the next
    intact record is looked for. A file that breaks off ends with a note.

    Args:
        stream: the open file, not decompressed.
        file: its name, for messages.
        compression: see `inputs.files.blocks`.
        bad: where records that cannot be used are noted.
        start: first byte of the part; only where `compression` is "none".
        end: last byte of the part, exclusive; None for the end of the file.
        block: about how many decompressed bytes to work on at a time.

    Raises:
        InputError: the file is not a TFRecord file, or too many records are bad.
    """
    _warn_if_slow()
    part = _Part(file, bad, start, end)
    if start:
        stream.seek(start)
    try:
        for piece in blocks(stream, compression, block):
            records = part.add(piece)
            if len(records):
                yield records
            bad.check()
            if part.done:
                part.check_end()
                return
    except (EOFError, ValueError) as error:
        bad.add(
            file,
            part.base,
            "truncated" if isinstance(error, EOFError) else "corrupt",
            f"{error}; whatever follows is lost",
        )
        bad.check()
        return
    part.finish()
    bad.check()


@functools.cache
def _warn_if_slow() -> None:
    import google_crc32c

    if google_crc32c.implementation == "python":
        _log.warning(
            "google-crc32c has no compiled implementation here: verifying checksums will take most "
            "of the time (a wheel of google-crc32c for this platform has one)"
        )


class _Part:
    """Cuts the blocks of one part of a file into records."""

    def __init__(self, file: str, bad: BadRecords, start: int, end: int | None) -> None:
        self.file = file
        self.bad = bad
        self.end = end
        self.base = start  # where `rest` begins in the file
        self.rest = b""
        self.searching = start > 0
        self.lost_from: int | None = None
        self.done = False
        self.last = b""
        self.headers: dict[bytes, int] = {}  # intact headers -> length of the data

    def add(self, block: bytes) -> Records:
        """Returns the whole records that are at hand after another block."""
        data = self.rest + block if self.rest else block
        found: list[bytes] = []
        runs: list[tuple[int, int]] = []
        at = 0
        while True:
            if self.searching:
                at = self._search(data, at)
                if self.searching or self.done:
                    break
            runs.append((at, len(found)))
            at, intact = self._cut(data, at, found)
            if intact:
                break
            if self.base + at == 0:
                raise InputError(
                    f"{self.file!r} is not a TFRecord file: it begins with {data[:16]!r}; "
                    "give its format or compression"
                )
            self.lost_from = self.base + at
            self.searching = True
            at += 1
        records = self._verified(data, found, runs)
        self.rest = data[at:]
        self.base += at
        return records

    def _search(self, data: bytes, at: int) -> int:
        """Looks for the next header; leaves `searching` set when it is not there yet."""
        position = find_record(data, at)
        if position < 0:
            at = max(at, len(data) - _HEADER.size + 1)
            self.done = self.end is not None and self.base + at >= self.end
            return at
        if self.lost_from is not None:
            self._note_lost(self.base + position)
        if self.end is not None and self.base + position >= self.end:
            self.done = True
        self.searching = False
        return position

    def _note_lost(self, until: int) -> None:
        self.bad.add(
            self.file,
            self.lost_from,
            "corrupt",
            f"the checksum of a record's length is wrong; bytes up to {until} were skipped",
        )
        self.lost_from = None

    def _cut(self, data: bytes, at: int, found: list[bytes]) -> tuple[int, bool]:
        """Cuts records from `at` on; returns where it stopped, and False at a damaged header."""
        header = _HEADER.size
        limit = len(data) if self.end is None else self.end - self.base
        # This loop runs once a record: few lengths are frequent, so a look-up replaces the check.
        last, most = min(limit, len(data) - header + 1), len(data) - _FOOTER
        lengths, append = self.headers, found.append
        while at < last:
            length = lengths.get(data[at : at + header])
            if length is None:
                length = self._length(data[at : at + header])
                if length is None:
                    return at, False
            stop = at + header + length
            if stop > most:
                return at, True
            append(data[at + header : stop])
            at = stop + _FOOTER
        self.done = self.end is not None and at >= limit
        return at, True

    def _length(self, header: bytes) -> int | None:
        """Returns the length that a header tells; None when its checksum is wrong."""
        from google_crc32c import value

        length, stored = _HEADER.unpack(header)
        if stored != mask(value(header[:8])):
            return None
        self.headers[header] = length
        return int(length)

    def _verified(self, data: bytes, found: list[bytes], runs: list[tuple[int, int]]) -> Records:
        """Compares checksums; leaves damaged records out.

        Args:
            data: what the records were cut out of.
            found: the records.
            runs: (where in `data` it begins, number of its first record) of each row of records
                that lie one behind the other.
        """
        from google_crc32c import value

        count = len(found)
        if not count:
            return Records([], np.zeros(0, np.uint32), np.zeros(0, np.int64))
        checksums = np.fromiter(map(value, found), np.uint32, count)
        lengths = np.fromiter(map(len, found), np.int64, count)
        total = np.cumsum(lengths + _HEADER.size + _FOOTER)
        at = total - _FOOTER
        stops = [first for _, first in runs[1:]] + [count]
        for (begin, first), stop in zip(runs, stops, strict=True):
            at[first:stop] += begin - (total[first - 1] if first else 0)
        raw = np.frombuffer(data, np.uint8)
        stored = raw[at[:, None] + np.arange(_FOOTER)].view("<u4")[:, 0]
        masked = ((checksums >> 15) | (checksums << 17)) + np.uint32(_MASK_DELTA)
        offsets = at - lengths - _HEADER.size + self.base
        self.last = found[-1]
        wrong = np.flatnonzero(masked != stored)
        if not len(wrong):
            return Records(found, checksums, offsets)
        for row in wrong:
            self.bad.add(
                self.file, offsets[row], "corrupt", "the checksum of the record's data is wrong"
            )
        right = np.flatnonzero(masked == stored)
        return Records([found[row] for row in right], checksums[right], offsets[right])

    def check_end(self) -> None:
        """Makes sure that the next part, which searches for its first record, finds the same one.

        A record that holds a whole TFRecord file inside could lead it astray.
        """
        if self.end is None or self.base <= self.end or not self.last:
            return
        inside = self.base - _FOOTER - self.end  # bytes of the last record after the border
        if inside > 0 and find_record(self.last[-inside:]) >= 0:
            raise InputError(
                f"{self.file!r} cannot be read in parts, because the record before byte "
                f"{self.base} holds TFRecord data itself: set shard_bytes=0"
            )

    def finish(self) -> None:
        """Notes what is left at the end of the file."""
        if self.lost_from is not None:
            self._note_lost(self.base + len(self.rest))
        elif self.rest and not self.searching:
            self.bad.add(
                self.file,
                self.base,
                "truncated",
                f"the file ends inside a record ({len(self.rest)} bytes of it are left)",
            )
