"""Progress: how a long run gets on: rows, rows per second, time left, bad records.

On a terminal it is one line that is drawn over again, and a last line that stays. Without a
terminal nothing is printed; every half minute a line is logged instead. The time left follows from
the bytes read, because files do not tell how many rows they hold.

Readers in this process count in `inputs.tally`. Other runners are asked for Beam's counters while
they run; one that cannot tell gets the last line only.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from evaluator_component.api.datasets import Dataset
from evaluator_component.inputs.files import expand
from evaluator_component.inputs.tally import TALLY, Tally

__all__ = ["Progress", "describe"]

_log = logging.getLogger("evaluator_component")

#: Seconds between two looks: at the terminal, at Beam's counters, at the log.
_DRAWN_EVERY = 0.5
_ASKED_EVERY = 5.0
_LOGGED_EVERY = 30.0


class Progress:
    """Shows how far a run is, from a thread of its own, as long as the `with` block lasts.

    Args:
        datasets: what is read.
        wanted: whether to show anything at all.
    """

    def __init__(self, datasets: Iterable[Dataset], wanted: bool = True) -> None:
        self._wanted = wanted
        self._total = _size_of(datasets) if wanted else 0
        self._result: Any = None
        self._asked = (0.0, Tally())
        self._stop = threading.Event()

    def watch(self, result: Any) -> None:
        """Asks a running pipeline for its counters, where readers are not in this process."""
        self._result = result

    def __enter__(self) -> Progress:
        if self._wanted:
            self._before, self._began = TALLY.copy(), time.perf_counter()
            self._thread = threading.Thread(target=self._show, name="progress", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._wanted:
            return
        self._stop.set()
        self._thread.join()
        if kind is None:
            self._asked = (0.0, Tally())
            line = describe(self._counts(), time.perf_counter() - self._began)
            if _on_terminal():
                print(line, file=sys.stderr)
            else:
                _log.info(line)

    def _show(self) -> None:
        if not _on_terminal():
            while not self._stop.wait(_LOGGED_EVERY):
                counts, left = self._now()
                _log.info(describe(counts, time.perf_counter() - self._began, left))
            return
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar

        columns = (BarColumn(bar_width=24), TextColumn("{task.description}"))
        console = Console(file=sys.stderr)
        with Bar(*columns, console=console, auto_refresh=False, transient=True) as bar:
            task = bar.add_task("starting", total=self._total or None)
            while not self._stop.wait(_DRAWN_EVERY):
                counts, left = self._now()
                told = describe(counts, time.perf_counter() - self._began, left)
                bar.update(task, completed=counts.size, description=told, refresh=True)

    def _now(self) -> tuple[Tally, float | None]:
        """Returns what was read, and the seconds left; None where they are not known."""
        counts = self._counts()
        if not counts.size or not self._total:
            return counts, None
        spent = time.perf_counter() - self._began
        return counts, max(0.0, spent * (self._total / counts.size - 1))

    def _counts(self) -> Tally:
        here = TALLY.since(self._before)
        if here.rows or self._result is None:
            return here
        asked, counts = self._asked
        now = time.perf_counter()
        if not asked or now - asked > _ASKED_EVERY:
            counts = _counters(self._result) or counts
            self._asked = (now, counts)
        return counts


def describe(counts: Tally, seconds: float, left: float | None = None) -> str:
    """Returns progress as one line.

    Args:
        counts: what was read up to now.
        seconds: since the beginning.
        left: seconds that it will take; 0 when everything is read; None: not known, or over.

    Example:
        >>> describe(Tally(rows=336_776, bad_records=2), 4.0, 65)
        '336,776 rows, 84,194 rows/s, 2 bad records, 1:05 left'
    """
    parts = [f"{counts.rows:,} rows"]
    if seconds > 0:
        parts.append(f"{counts.rows / seconds:,.0f} rows/s")
    if counts.bad_records:
        plural = "s" if counts.bad_records > 1 else ""
        parts.append(f"{counts.bad_records:,} bad record{plural}")
    if left is not None:
        parts.append(f"{_clock(max(1.0, left))} left" if left else "finishing")
    return ", ".join(parts)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _on_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _size_of(datasets: Iterable[Dataset]) -> int:
    """Bytes of the files of all datasets."""
    sources = [source for dataset in datasets for source in dataset.sources]
    return sum(file.size for source in sources for file in expand(source.patterns))


def _counters(result: Any) -> Tally | None:
    """Reads the readers' counters of a pipeline; None where its runner cannot tell now."""
    from apache_beam.metrics import MetricsFilter

    from evaluator_component.inputs.read import COUNTERS

    try:
        found = result.metrics().query(MetricsFilter().with_namespace(COUNTERS))["counters"]
    except Exception:  # every runner has errors of its own, and none of them matters here
        return None
    sums = {"rows": 0, "bytes": 0, "bad_records": 0}
    for each in found:
        value = each.committed if each.committed is not None else each.attempted
        if each.key.metric.name in sums:
            sums[each.key.metric.name] += int(value or 0)
    return Tally(sums["rows"], sums["bytes"], sums["bad_records"])
