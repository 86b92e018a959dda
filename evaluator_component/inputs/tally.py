"""Tally: how much the readers of this process have read, for whoever shows progress.

Beam's counters can be asked for during a run on some runners only, and never in this process;
readers therefore count here as well.

Example:
    >>> before = TALLY.copy()
    >>> TALLY.add(rows=100, size=2048)
    >>> TALLY.since(before).rows
    100
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, fields, replace

__all__ = ["TALLY", "Tally"]

_LOCK = threading.Lock()


@dataclass
class Tally:
    """What was read.

    Attributes:
        rows: examples that could be used.
        size: bytes of files, as they are stored.
        bad_records: records that could not be used.
    """

    rows: int = 0
    size: int = 0
    bad_records: int = 0

    def add(self, rows: int = 0, size: int = 0, bad_records: int = 0) -> None:
        """Counts; from any thread."""
        with _LOCK:
            self.rows += rows
            self.size += size
            self.bad_records += bad_records

    def copy(self) -> Tally:
        """Returns what was read up to now."""
        with _LOCK:
            return replace(self)

    def since(self, earlier: Tally) -> Tally:
        """Returns what was read after a copy was made."""
        now = self.copy()
        names = [each.name for each in fields(self)]
        return Tally(**{name: getattr(now, name) - getattr(earlier, name) for name in names})


#: Of this process.
TALLY = Tally()
