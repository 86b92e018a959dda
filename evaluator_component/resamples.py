"""Resamples of rows: the jackknife's parts and the bootstrap's multiplicities.

Which resample a row is in follows from the row's own 64-bit id, so that it does not depend on how
the data are cut into batches, files and workers.

Example:
    >>> Partition.of_ids(np.arange(6, dtype=np.uint64), 3).part
    array([0, 1, 1, 2, 2, 2])
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["BLOCK", "Partition", "Poisson", "uniform"]

Array = npt.NDArray[Any]

#: Rows times replicates that are resampled at once: bounds the memory of a resampled sum.
BLOCK = 1 << 21


@dataclass(frozen=True)
class Partition:
    """Splits the rows into `count` parts; part r is replicate r (the jackknife's buckets).

    Attributes:
        part: int64 (rows,), in [0, count).
        count: number of parts.
    """

    part: Array
    count: int

    @classmethod
    def of_ids(cls, ids: Array, count: int, seed: int = 0) -> Partition:
        """Puts rows into parts by their 64-bit ids, all parts being equally likely."""
        bits = _mix(ids ^ _mix(np.uint64(seed * 0x10001)))
        return cls((bits % np.uint64(count)).astype(np.int64), count)

    def take(self, rows: Array) -> Partition:
        """Returns the parts of the given rows."""
        return Partition(self.part[rows], self.count)


@dataclass(frozen=True)
class Poisson:
    """Repeats each row a Poisson(1) number of times per replicate (the bootstrap's resamples).

    The draw is a function of the row's own 64-bit id, so that it does not depend on how the data
    are cut into batches, files and workers.

    Attributes:
        ids: uint64 (rows,).
        count: number of replicates.
        seed: changes all draws.
    """

    ids: Array
    count: int
    seed: int = 0

    def take(self, rows: Array) -> Poisson:
        """Returns the draws of the given rows."""
        return Poisson(self.ids[rows], self.count, self.seed)

    def weights(self, start: int, stop: int) -> Array:
        """Returns the multiplicities of rows start..stop as float64 (rows, replicates)."""
        ids = self.ids[start:stop]
        words = -(-self.count // 4)
        drawn = np.empty((len(ids), words), dtype=np.uint64)
        with np.errstate(over="ignore"):
            for word in range(words):
                drawn[:, word] = _mix(ids ^ _mix(np.uint64(self.seed * 0x10001 + word + 1)))
        return _POISSON[drawn.view(np.uint16)[:, : self.count]]

    def drawn(self, start: int, stop: int) -> Array:
        """Like `weights`, kept for the other statistics that ask for the same rows."""
        if (start, stop) not in self._drawn:
            if len(self._drawn) * (stop - start) * self.count > 8 * BLOCK:
                self._drawn.clear()
            self._drawn[start, stop] = self.weights(start, stop)
        return self._drawn[start, stop]

    @cached_property
    def _drawn(self) -> dict[tuple[int, int], Array]:
        return {}


def uniform(ids: Array, seed: int = 0) -> Array:
    """Returns a number in (0, 1) for each 64-bit id: always the same for an id and a seed.

    Example:
        >>> uniform(np.arange(3, dtype=np.uint64)).round(3)
        array([0.652, 0.034, 0.843])
    """
    bits = _mix(np.asarray(ids, dtype=np.uint64) ^ _mix(np.uint64(seed % (1 << 64))))
    return ((bits >> np.uint64(12)).astype(np.float64) + 0.5) / (1 << 52)


def _mix(bits: Any) -> Any:
    """Scrambles 64-bit integers (the finaliser of SplitMix64, Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        bits = np.asarray(bits, dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return bits ^ (bits >> np.uint64(31))


def _poisson_table() -> Array:
    """Quantiles of Poisson(1) at the 65,536 values of 16 bits."""
    probability = np.cumsum(np.exp(-1.0) / np.cumprod([1.0, *range(1, 12)]))
    uniform = (np.arange(1 << 16) + 0.5) / (1 << 16)
    return np.searchsorted(probability, uniform).astype(np.float64)


_POISSON = _poisson_table()
