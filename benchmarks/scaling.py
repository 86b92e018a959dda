"""What runs with many slices cost: measured, fitted by `cost_model`, checked, extrapolated.

Synthetic rows go through the real slice index, accumulator, split into shards, pickling, merging,
computing and writing, one step after the other; each step's CPU is measured.

Synopsis::

    python -m benchmarks.scaling            # a few minutes; prints the tables
    python -m benchmarks.scaling --write docs/scaling.md
"""

from __future__ import annotations

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.configs import METRICS
from benchmarks.cost_model import GATHERED, STEPS, Model, Run, Sizes
from benchmarks.data import SIZES
from benchmarks.measure import Meter, resident_mb
from benchmarks.report import insert, table

__all__ = ["measure", "rows_cost"]

_BATCH = 4096


def measure(sizes: Sizes, shards: int = 16) -> Run:
    """Runs every step on synthetic rows."""
    from evaluator_component.api.defaults import resampling_of
    from evaluator_component.config import prepare_config
    from evaluator_component.evaluators.accumulate import Accumulated, Accumulator
    from evaluator_component.evaluators.compute import compute
    from evaluator_component.evaluators.over_slices import assemble
    from evaluator_component.evaluators.planning import make_plan
    from evaluator_component.metrics import registry
    from evaluator_component.results import load_eval_result
    from evaluator_component.slicing import SliceIndex
    from evaluator_component.writers.store import write_results

    config = prepare_config(_config(sizes.replicates), tuple(registry.registered()))
    plan, resampling = make_plan(config), resampling_of(config)
    random = np.random.default_rng(sizes.slices)
    found: dict[str, float] = defaultdict(float)
    merged: dict[int, Accumulated] = {}
    began_mb = resident_mb()

    @contextmanager
    def timed(step: str) -> Iterator[None]:
        began = time.process_time()
        yield
        found[step] += time.process_time() - began

    for _ in range(sizes.bundles):
        index, accumulator = SliceIndex(plan.slices), Accumulator(plan, resampling)
        with Meter() as meter:
            for start in range(0, sizes.rows, _BATCH):
                batch = _rows(random, min(_BATCH, sizes.rows - start), sizes.slices)
                with timed("slice"):
                    count = len(batch["labels"])
                    batch["slice_keys"] = index.assign(batch["features"], count)
                with timed("accumulate"):
                    accumulator.add(batch)
            with timed("accumulate"):
                done = accumulator.finish()
        # What the first bundle frees, later ones use again.
        found.setdefault("bundle bytes", meter.peak_mb * 2**20 * sizes.bundles)
        with timed("ship"):
            sent = [(shard, pickle.dumps(part, 5)) for shard, part in done.split(shards)]
            parts = [(shard, pickle.loads(part)) for shard, part in sent]
        found["shuffle bytes"] += sum(len(part) for _, part in sent)
        del done, sent, accumulator, index
        with timed("merge"):
            for shard, part in parts:
                if shard in merged:
                    merged[shard].merge(part)
                else:
                    merged[shard] = part
    found["state bytes"] = sum(part.nbytes for part in merged.values())
    with timed("compute"):
        computed = [compute(plan, part, resampling).numbers(()) for part in merged.values()]
    merged.clear()
    with tempfile.TemporaryDirectory() as folder:
        with Meter(began_mb) as meter:
            with timed("gather"):
                result = assemble(plan, computed, resampling, "")
            with timed("write"):
                write_results(folder, [result], eval_config=config)
        found["gather bytes"] = meter.peak_mb * 2**20
        with timed("load"):
            load_eval_result(folder)
    return Run(sizes, dict(found))


def _config(replicates: int) -> str:
    metrics = " ".join(f'metrics {{ class_name: "{name}" }}' for name in METRICS)
    interval = (
        f"""options {{ compute_confidence_intervals {{ value: true }} confidence_intervals {{
        method: POISSON_BOOTSTRAP num_replicates {{ value: {replicates} }} }} }}"""
        if replicates
        else ""
    )
    return f"""model_specs {{ label_key: "label" prediction_key: "score" }} {interval}
    metrics_specs {{ {metrics} }} slicing_specs {{}} slicing_specs {{ feature_keys: "key" }}"""


def _rows(random: np.random.Generator, count: int, slices: int) -> dict[str, Any]:
    label = (random.random(count) < 0.3).astype(np.float64)
    return {
        "features": {"key": random.integers(0, slices, count)},
        "labels": label,
        "predictions": np.clip(random.beta(1.5, 3, count) + 0.1 * label, 0, 1),
        "example_ids": random.integers(0, 1 << 62, count).astype(np.uint64),
    }


#: The ten metrics of setting a, each run in a process of its own.
FIT = [Sizes(s, n, 2, r) for r in (0, 20) for s, n in ((1_000, 100_000), (10_000, 100_000))]
FIT += [Sizes(100_000, 300_000, 2), Sizes(30_000, 100_000, 2, 20), Sizes(2_000, 20_000, 16)]
CHECK = [
    Sizes(30_000, 200_000, 3),
    Sizes(5_000, 50_000, 16),
    Sizes(300_000, 400_000, 2),
    Sizes(20_000, 60_000, 3, 20),
]
#: 10 billion rows, a million a bundle, on 200 workers.
LARGE = [Sizes(1_000_000, 1_000_000, 10_000), Sizes(1_000_000, 1_000_000, 10_000, 20)]
WORKERS = 200
#: A worker sends states on when they take `MOST_BYTES`; keys and what merging takes come on top.
_RESIDENT = 3


def measured(sizes: Sizes) -> Run:
    """Runs `measure` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scaling", "--one", json.dumps(asdict(sizes))]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return Run(sizes, json.loads(output.splitlines()[-1]))


def rows_cost(sizes: tuple[str, str], check: str) -> dict[str, float]:
    """Measures what a row costs besides slices: flights, one model, overall (setting a)."""
    found = {}
    for size in (*sizes, check):
        command = [sys.executable, "-m", "benchmarks.worker", "us", "a", size, "--repeat=2"]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found[size] = json.loads(output.splitlines()[-1])
    small, large = (found[size] for size in sizes)
    per_row = (large["cpu"] - small["cpu"]) / (SIZES[sizes[1]] - SIZES[sizes[0]])
    predicted = small["cpu"] + per_row * (SIZES[check] - SIZES[sizes[0]])
    return {
        "row": per_row,
        "loaded": large["loaded_mb"] * 2**20,
        "predicted": predicted,
        "measured": found[check]["cpu"],
    }


def _costs_table(model: Model) -> str:
    rows = [
        (step, name, f"{cost * 1e6:.3g} us" if step in STEPS else f"{cost:.0f} bytes")
        for step, costs in model.costs.items()
        for name, cost in costs.items()
        if cost
    ]
    rows.insert(0, ("read, parse, predict", "rows", f"{model.row_cpu * 1e6:.3g} us"))
    return table(("step", "per", "cost"), rows)


def _check_table(model: Model, runs: list[Run]) -> str:
    rows = []
    for run in runs:
        sizes, predicted = run.sizes, model.predict(run.sizes)
        pairs = {
            "CPU s, all workers": [
                sum(each[step] for step in STEPS if step not in GATHERED)
                for each in (predicted, run.found)
            ],
            "CPU s, one worker": [
                sum(each[step] for step in GATHERED) for each in (predicted, run.found)
            ],
            "shuffle, MB": [each["shuffle bytes"] / 2**20 for each in (predicted, run.found)],
            "states, MB": [each["state bytes"] / 2**20 for each in (predicted, run.found)],
            "memory of a bundle, MB": [
                each["bundle bytes"] / sizes.bundles / 2**20 for each in (predicted, run.found)
            ],
            "memory of writing, MB": [
                each["gather bytes"] / 2**20 for each in (predicted, run.found)
            ],
        }
        what = f"{sizes.slices:,} slices, {sizes.bundles} x {sizes.rows:,} rows"
        what += f", {sizes.replicates} replicates" if sizes.replicates else ""
        for name, (expected, found) in pairs.items():
            rows.append((what, name, f"{expected:.3g}", f"{found:.3g}", f"{expected / found:.2f}"))
            what = ""
    return table(("run", "", "predicted", "measured", "ratio"), rows)


def _large_table(model: Model) -> str:
    from evaluator_component.evaluators.metrics_and_plots import MOST_BYTES
    from evaluator_component.evaluators.sharding import Size, shards_for

    columns = []
    for sizes in LARGE:
        found = model.predict(sizes)
        spread = sum(found[step] for step in STEPS if step not in GATHERED)
        reading = model.row_cpu * sizes.rows * sizes.bundles
        alone = found["gather"] + found["write"]
        size = Size(sizes.slices, found["state bytes"] / sizes.slices)
        shards = shards_for(size, WORKERS)
        fixed = model.costs["bundle bytes"]["bundles"]
        held = found["bundle bytes"] / sizes.bundles - fixed
        bundle = fixed + min(held, MOST_BYTES * _RESIDENT)
        shard = found["state bytes"] / shards
        columns.append(
            {
                "reading, parsing, predicting: CPU hours": f"{reading / 3600:.0f}",
                **{
                    f"{step}: CPU hours": f"{found[step] / 3600:.1f}"
                    for step in STEPS
                    if step not in GATHERED
                },
                "wall clock until merged, minutes": f"{(reading + spread) / WORKERS / 60:.0f}",
                "then on one worker, minutes": f"{alone / 60:.1f}",
                "then where the run was started, minutes": f"{found['load'] / 60:.1f}",
                "bytes shuffled, TB": f"{found['shuffle bytes'] / 1e12:.2f}",
                "states of all slices, GB": f"{found['state bytes'] / 1e9:.0f}",
                "shards": f"{shards}",
                "a worker's libraries and model, MB": f"{model.loaded / 2**20:.0f}",
                "plus a bundle and its states, MB": f"{bundle / 2**20:.0f}",
                "or a shard's states, MB": f"{shard / 2**20:.0f}",
                "or all numbers, on one worker, MB": f"{found['gather bytes'] / 2**20:.0f}",
            }
        )
    names = columns[0]
    rows = [(name, *(column[name] for column in columns)) for name in names]
    return table(("10 billion rows, 1 million slices", "no intervals", "20 replicates"), rows)


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", type=Path, help="document to put the tables into")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/out/scaling.json"))
    parser.add_argument("--refit", action="store_true", help="use the stored measurements")
    parser.add_argument("--one", type=json.loads, help="measure these sizes only")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(Sizes(**arguments.one)).found))
        return
    if not arguments.refit:
        found = {sizes: measured(sizes) for sizes in (*FIT, *CHECK)}
        stored = {
            "runs": [[asdict(sizes), run.found] for sizes, run in found.items()],
            "rows": rows_cost(("20k", "336k"), "100k"),
        }
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps(stored, indent=1))
    stored = json.loads(arguments.output.read_text())
    runs = {Sizes(**sizes): Run(Sizes(**sizes), found) for sizes, found in stored["runs"]}
    rows = stored["rows"]
    model = Model.fit([runs[sizes] for sizes in FIT], rows["row"], rows["loaded"])
    text = "\n\n".join(
        (
            "### Coefficients",
            _costs_table(model),
            "### At sizes that were not fitted",
            _check_table(model, [runs[sizes] for sizes in CHECK]),
            f"Reading, parsing and predicting 100,000 flights: {rows['predicted']:.2f} CPU s "
            f"predicted, {rows['measured']:.2f} measured.",
            f"### On {WORKERS} workers",
            _large_table(model),
        )
    )
    print(text)
    if arguments.write:
        insert(arguments.write, text + "\n")


if __name__ == "__main__":
    main()
