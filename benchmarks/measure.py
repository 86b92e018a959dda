"""Measuring one piece of work in this process: CPU, wall clock, peak memory.

Synopsis::

    with Meter() as meter:
        work()
    meter.cpu, meter.wall, meter.peak_mb
"""

from __future__ import annotations

import resource
import time
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Measurement", "Meter", "Stopwatch", "cpu_seconds", "resident_mb"]


def cpu_seconds() -> float:
    """Returns user and system seconds of this process and of its children that have ended."""
    spent = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        spent += usage.ru_utime + usage.ru_stime
    return spent


def resident_mb(peak: bool = False) -> float:
    """Returns the resident memory of this process, or its peak since `forget_peak`."""
    wanted = "VmHWM:" if peak else "VmRSS:"
    with open("/proc/self/status") as lines:
        for line in lines:
            if line.startswith(wanted):
                return int(line.split()[1]) / 1024
    raise OSError(f"no {wanted} in /proc/self/status")


def forget_peak() -> None:
    """Makes the kernel take the present resident memory for the peak."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


@dataclass(frozen=True)
class Measurement:
    """What one run took.

    Attributes:
        cpu: CPU seconds of the evaluation, without imports and loading of models.
        wall: wall clock seconds, likewise.
        loaded_mb: resident memory before: libraries and models loaded.
        peak_mb: the most resident memory during the run, beyond `loaded_mb`.
        rows: how many rows were evaluated.
    """

    cpu: float
    wall: float
    loaded_mb: float
    peak_mb: float
    rows: int = 0

    @property
    def rows_per_second(self) -> float:
        """Rows per CPU second."""
        return self.rows / self.cpu

    def as_dict(self) -> dict[str, Any]:
        """Returns the attributes, rounded."""
        return {name: round(value, 3) for name, value in asdict(self).items()}


class Stopwatch:
    """Adds up what is to be left out of a measurement, such as the loading of models."""

    def __init__(self) -> None:
        self.cpu = self.wall = 0.0
        self._depth = 0

    def __enter__(self) -> Stopwatch:
        self._depth += 1
        if self._depth == 1:
            self._began = cpu_seconds(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self.cpu += cpu_seconds() - self._began[0]
            self.wall += time.perf_counter() - self._began[1]


class Meter:
    """Measures the work inside a `with` block.

    Args:
        loaded_mb: resident memory to count from; that at the beginning where it is None.
        without: time to leave out.
    """

    def __init__(self, loaded_mb: float | None = None, without: Stopwatch | None = None) -> None:
        self._loaded_mb = resident_mb() if loaded_mb is None else loaded_mb
        self._without = without or Stopwatch()

    def __enter__(self) -> Meter:
        forget_peak()
        self._out = self._without.cpu, self._without.wall
        self._began = cpu_seconds(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.perf_counter() - self._began[1] - (self._without.wall - self._out[1])
        self.cpu = cpu_seconds() - self._began[0] - (self._without.cpu - self._out[0])
        self.peak_mb = resident_mb(peak=True) - self._loaded_mb

    def measurement(self, rows: int = 0) -> Measurement:
        """Returns what was measured."""
        return Measurement(self.cpu, self.wall, self._loaded_mb, self.peak_mb, rows)
