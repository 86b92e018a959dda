"""Sharding: over how many tables slices are spread, so that no worker merges or holds them all.

The number must be known before anything runs, but slices are only known afterwards. A sample of
rows tells how many there will be about; a sample that shows a new slice with most of its rows only
tells that they are many. Too many shards cost little: a bundle sends no more tables than it has
slices. `docs/scaling.md` has the measurements behind the constants.

Vocabulary:
    shard: the slices whose keys have one hash; merged and computed on one worker at a time.

Example:
    >>> shards_for(Size(slices=72, slice_bytes=2000), workers=50)
    1
    >>> shards_for(Size(slices=1_000_000, slice_bytes=2000), workers=50)
    200
    >>> shards_for(Size(slices=1_000_000, slice_bytes=2000), workers=1)
    1
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluator_component.confidence.resampling import Resampling
from evaluator_component.evaluators.accumulate import Accumulator
from evaluator_component.evaluators.plan import Plan
from evaluator_component.extractors.base import Extracts

__all__ = ["Size", "expected_distinct", "shards_for", "size_of"]

#: A shard is to have at most so many slices: merging and computing them takes seconds.
SLICES = 5_000
#: And states of so many bytes, about.
BYTES = 64 << 20
#: More shards than this for each worker make nothing faster.
PER_WORKER = 4


@dataclass(frozen=True)
class Size:
    """How large merged states will be, as a sample of rows tells.

    Attributes:
        slices: the number of slices; infinite where the sample shows no end of them.
        slice_bytes: bytes of the states of a slice; more rows may make sparse ones larger.
    """

    slices: float
    slice_bytes: float


def expected_distinct(sample: Any) -> float:
    """Estimates how many different values there are, from some of them.

    The bias-corrected estimate of Chao (1984): d + f1 (f1 - 1) / (2 (f2 + 1)), where d values were
    seen, f1 of them once and f2 of them twice. Infinite where most values were seen once only.

    Example:
        >>> expected_distinct([1, 1, 2, 2, 3, 3, 3])
        3.0
        >>> expected_distinct(range(100))
        inf
    """
    _, counts = np.unique(np.asarray(sample), return_counts=True)
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    if once > counts.sum() / 2 and len(counts) > 1:
        return math.inf
    return len(counts) + once * (once - 1) / (2 * (twice + 1))


def size_of(plan: Plan, resampling: Resampling | None, sample: Extracts) -> Size:
    """Returns how large merged states will be.

    Args:
        plan: what is accumulated.
        resampling: how intervals are computed; None for no intervals.
        sample: some rows after all extractors.
    """
    accumulator = Accumulator(plan, resampling)
    accumulator.add(sample)
    done = accumulator.finish()
    memberships = [each.ids for each in sample["slice_keys"].memberships if len(each.ids)]
    return Size(sum(map(expected_distinct, memberships)), done.nbytes / max(1, len(done.plain)))


def shards_for(size: Size, workers: int) -> int:
    """Returns the number of shards.

    Args:
        size: how large merged states will be.
        workers: how many workers there are, about.
    """
    if workers <= 1:
        return 1
    most = PER_WORKER * workers
    wanted = max(size.slices / SLICES, size.slices * size.slice_bytes / BYTES)
    return most if wanted >= most else max(1, math.ceil(wanted))
