"""A model of what a large run costs: costs per unit of *drivers*, which follow from its sizes.

Vocabulary:
    bundle: rows that one worker accumulates before it sends its states.
    touched: slices that occur in a bundle, summed over bundles. Slices are taken to be equally
        large, which is the worst case.
    cells: (slice, score cell) pairs that occur in a bundle, summed over bundles.
    step: "slice", "accumulate", "ship", "merge", "compute" run on all workers; "gather" and
        "write" on one; "load" in the process that started the run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from evaluator_component.evaluators.accumulate import CHUNK_ROWS

__all__ = ["DRIVERS", "GATHERED", "STEPS", "Model", "Run", "Sizes"]

GATHERED = ("gather", "write", "load")
STEPS = ("slice", "accumulate", "ship", "merge", "compute", *GATHERED)

#: Distinct cells of a score histogram, if they were equally likely; see `_drawn`.
_CELLS = {False: 16_000, True: 170}


def _drawn(kinds: float, draws: float) -> float:
    """Expected number of different kinds among some draws, all kinds being equally likely."""
    return float(-kinds * np.expm1(draws * np.log1p(-1.0 / kinds))) if kinds > 1 else 1.0


@dataclass(frozen=True)
class Sizes:
    """What a run is like.

    Attributes:
        slices: of one slicing spec; the overall slice comes on top.
        rows: in a bundle.
        bundles: how many.
        replicates: of the bootstrap; 0 for no intervals.
    """

    slices: int
    rows: int
    bundles: int
    replicates: int = 0

    def drivers(self) -> dict[str, float]:
        """Returns what costs are proportional to."""
        total = self.rows * self.bundles
        found = {
            "rows": total,
            "rows of a chunk": self.bundles * min(self.rows, CHUNK_ROWS),
            "touched": self.bundles * _drawn(self.slices, self.rows),
            "cells": self.bundles * _drawn(self.slices * _CELLS[False], self.rows),
            "slices": _drawn(self.slices, total),
            "merged cells": _drawn(self.slices * _CELLS[False], total),
        }
        if self.replicates:
            coarse = self.slices * _CELLS[True]
            found["touched cells of resamples"] = self.bundles * _drawn(coarse, self.rows)
            found["cells of resamples"] = _drawn(coarse, total)
        for name in ("rows", "touched", "slices"):
            found[f"{name} x replicates"] = found[name] * self.replicates
        for name in ("touched cells of resamples", "cells of resamples"):
            found[name] = found.get(name, 0.0) * self.replicates
        # Sparse states merge pairwise: every cell as often as bundles can be halved.
        found["cells x halvings"] = found["cells"] * max(1.0, math.log2(self.bundles))
        found["slices with intervals"] = found["slices"] if self.replicates else 0.0
        return {**found, "bundles": self.bundles, "one": 1.0}


#: Drivers of each step's CPU seconds, and of the sizes.
DRIVERS = {
    "slice": ("rows", "touched"),
    "accumulate": ("rows", "touched", "rows x replicates", "touched x replicates"),
    "ship": ("touched", "cells", "touched x replicates", "touched cells of resamples"),
    "merge": ("touched", "cells x halvings", "touched x replicates", "touched cells of resamples"),
    "compute": ("slices", "merged cells", "slices x replicates", "cells of resamples"),
    "gather": ("slices", "slices with intervals"),
    "write": ("slices", "slices with intervals"),
    "load": ("slices", "slices with intervals"),
    "shuffle bytes": ("touched", "cells", "touched x replicates", "touched cells of resamples"),
    "state bytes": ("slices", "merged cells", "slices x replicates", "cells of resamples"),
    "bundle bytes": ("bundles", "rows of a chunk", "touched", "touched x replicates"),
    "gather bytes": ("one", "slices", "slices with intervals"),
}


@dataclass
class Run:
    """What was measured.

    Attributes:
        sizes: of the run.
        found: CPU seconds by step; bytes that travelled and of merged states; the most resident
            memory of a bundle, times the number of bundles; that of gathering and writing.
    """

    sizes: Sizes
    found: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """Costs per unit of each driver, by step.

    Attributes:
        costs: by step and driver.
        row_cpu: CPU seconds to read, parse and predict a row.
        loaded: resident bytes of a worker with its libraries and models loaded.
    """

    costs: dict[str, dict[str, float]]
    row_cpu: float = 0.0
    loaded: float = 0.0

    @classmethod
    def fit(cls, runs: list[Run], row_cpu: float = 0.0, loaded: float = 0.0) -> Model:
        """Fits costs, none of them negative, to runs; relative errors count."""
        from scipy.optimize import nnls

        costs = {}
        for step, names in DRIVERS.items():
            target = np.array([run.found[step] for run in runs])
            drivers = [run.sizes.drivers() for run in runs]
            matrix = np.array([[each[name] for name in names] for each in drivers])
            seen = target > 0  # a small run may need no memory beyond what an earlier one left
            found, _ = nnls(matrix[seen] / target[seen, None], np.ones(seen.sum()))
            costs[step] = dict(zip(names, found.tolist(), strict=True))
        return cls(costs, row_cpu, loaded)

    def predict(self, sizes: Sizes) -> dict[str, float]:
        """Returns the cost of each step."""
        drivers = sizes.drivers()
        return {
            step: sum(cost * drivers[name] for name, cost in costs.items())
            for step, costs in self.costs.items()
        }
