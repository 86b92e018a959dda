"""Simulates gates: how often they stop a good model, and how often they let a bad one through.

Two models are drawn 1,000 times on 50 slices of 200 to 50,000 examples. Both are right on 85 % of
the examples; on 10 % only one of them is. The gates are this package's own code (`judge`, `settle`)
on the jackknife's or the bootstrap's replicates, which are drawn exactly, bucket by bucket.

    python -m benchmarks.gate_simulation            prints the tables
    python -m benchmarks.gate_simulation --write    also puts them into docs/validation.md

A second simulation plants weak slices and looks for them.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from evaluator_component.keys import sorted_slice_key
from evaluator_component.metrics_table import Column
from evaluator_component.validation.judgement import Judgement, judge, settle
from evaluator_component.validation.policy import Policy
from evaluator_component.validation.quantities import ABSOLUTE_CHANGE, change_quantity
from evaluator_component.validation.weak_slices import SliceSums, find_weak_slices

SLICES = 50
SIZES = (200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
CHANGES = (0.01, 0.02, 0.05)
ACCURACY, DISAGREE = 0.85, 0.10
JACKKNIFE, BOOTSTRAP = ("jackknife", 20), ("poisson_bootstrap", 200)
DOCS = Path(__file__).parents[1] / "docs" / "validation.md"
PASSED, FAILED, INCONCLUSIVE = 1, 2, 3


@dataclass(frozen=True)
class Gate:
    """A way to judge a change of accuracy.

    Attributes:
        name: as in the table.
        margin: the change that is allowed.
        level: of the test; None compares numbers, as the peer does.
        correction: over slices.
        resampling: method and number of replicates.
        min_examples: smaller slices are not judged.
    """

    name: str
    margin: float = 0.0
    level: float | None = 0.95
    correction: str = "NONE"
    resampling: tuple[str, int] = JACKKNIFE
    min_examples: int = 0

    @property
    def policy(self) -> Policy:
        """The gate's policy."""
        return Policy(correction=self.correction)


GATES = (
    Gate("numbers compared, no loss allowed (TFMA)", level=None),
    Gate("numbers compared, 2 points allowed (TFMA)", margin=-0.02, level=None),
    Gate("test at 95 %, no loss allowed, uncorrected"),
    Gate("test at 95 %, no loss allowed, Holm, jackknife 20", correction="HOLM"),
    Gate(
        "test at 95 %, no loss allowed, Holm, bootstrap 200",
        correction="HOLM",
        resampling=BOOTSTRAP,
    ),
    Gate("test at 95 %, no loss allowed, Benjamini-Hochberg", correction="BENJAMINI_HOCHBERG"),
    Gate("test at 95 %, 2 points allowed, Holm", margin=-0.02, correction="HOLM"),
    Gate(
        "the same, slices of 5,000 examples or more",
        margin=-0.02,
        correction="HOLM",
        min_examples=5000,
    ),
)
POINT, TESTED, RESAMPLED, MARGIN = GATES[0], GATES[3], GATES[4], GATES[6]


def draw(
    rng: np.random.Generator, sizes: np.ndarray, worse: float, resampling: tuple[str, int]
) -> Column:
    """Draws changes of accuracy and their replicates; one row per entry of `sizes`.

    Args:
        rng: the source of chance.
        sizes: (rows,), examples per slice.
        worse: by how much the candidate's accuracy is lower in truth.
        resampling: method and number of replicates.
    """
    method, count = resampling
    wins, losses = DISAGREE / 2 - worse / 2, DISAGREE / 2 + worse / 2
    chances = [wins, losses, 1 - wins - losses]
    if method == "jackknife":
        in_bucket = rng.multinomial(sizes, np.full(count, 1 / count))
        won, lost, _ = np.moveaxis(rng.multinomial(in_bucket, chances), -1, 0)
        net, total = (won - lost).sum(1), sizes
        replicates = (net[:, None] - (won - lost)) / (total[:, None] - in_bucket)
    else:
        drawn = rng.multinomial(sizes, chances)
        net, total = drawn[:, 0] - drawn[:, 1], sizes
        won, lost, rest = rng.poisson(drawn.T[:, :, None], (3, len(sizes), count))
        replicates = (won - lost) / (won + lost + rest)
    return Column(net / total, replicates=replicates, resampling=method)


def judged(column: Column, sizes: np.ndarray, gate: Gate) -> Judgement:
    """Judges every row; nothing is corrected yet."""
    quantity = change_quantity(column, ABSOLUTE_CHANGE, gate.margin, 1)
    rows = np.arange(len(sizes))
    return judge(
        quantity,
        rows,
        sizes,
        tolerance=1e-9,
        level=gate.level,
        min_examples=gate.min_examples,
        policy=gate.policy,
    )


def rows_of(judgement: Judgement, rows: np.ndarray) -> Judgement:
    """Returns some rows of a judgement."""
    arrays = {
        field.name: getattr(judgement, field.name)[rows]
        for field in fields(Judgement)
        if field.name not in ("check", "bound", "side")
    }
    return replace(judgement, **arrays)


def outcomes(judgement: Judgement, redraws: int, gate: Gate) -> np.ndarray:
    """Returns the outcome of every slice of every redraw: (redraws, slices)."""
    slices = len(judgement) // redraws
    settled = []
    for redraw in range(redraws):
        rows = np.arange(redraw * slices, (redraw + 1) * slices)
        (one,) = settle([rows_of(judgement, rows)], gate.level, gate.policy)
        settled.append(one.outcome)
    return np.stack(settled)


def equal_models(rng: np.random.Generator, redraws: int) -> Iterator[tuple[str, float, float]]:
    """Yields (gate, blocked, inconclusive) for two models that are equally good."""
    sizes = np.tile(np.resize(SIZES, SLICES), redraws)
    for gate in GATES:
        column = draw(rng, sizes, 0.0, gate.resampling)
        found = outcomes(judged(column, sizes, gate), redraws, gate)
        blocked = (found == FAILED).any(1)
        unsure = ~blocked & (found == INCONCLUSIVE).any(1)
        yield gate.name, blocked.mean(), unsure.mean()


def one_bad_slice(
    rng: np.random.Generator, redraws: int
) -> Iterator[tuple[int, float, dict[str, float]]]:
    """Yields (size, loss, shares) where the candidate is worse on one slice of 50.

    Shares: how often that slice fails (with a test: among 50, corrected), and how often it passes a
    test with a margin of 2 points (a pass needs no correction).
    """
    others = np.tile(np.resize(SIZES, SLICES - 1), redraws)
    background = {
        gate: judged(draw(rng, others, 0.0, gate.resampling), others, gate)
        for gate in (TESTED, RESAMPLED)
    }
    for size, worse in itertools.product(SIZES, CHANGES):
        sizes = np.full(redraws, size)
        drawn = draw(rng, sizes, worse, JACKKNIFE)
        shares = {"point": (drawn.value < 0).mean(), "margin": (drawn.value < -0.02).mean()}
        for name, gate in (("jackknife", TESTED), ("bootstrap", RESAMPLED)):
            column = drawn if gate is TESTED else draw(rng, sizes, worse, gate.resampling)
            bad = judged(column, sizes, gate)
            found = []
            for redraw in range(redraws):
                rows = np.arange(redraw * (SLICES - 1), (redraw + 1) * (SLICES - 1))
                family = [rows_of(bad, np.array([redraw])), rows_of(background[gate], rows)]
                found.append(settle(family, gate.level, gate.policy)[0].outcome[0])
            shares[name] = np.mean(np.array(found) == FAILED)
        proof = outcomes(judged(drawn, sizes, MARGIN), redraws, MARGIN)
        shares["passes"] = (proof == PASSED).mean()
        yield size, worse, shares


#: Features of the second simulation, with their numbers of values.
FEATURES = {"carrier": 12, "hour": 6, "origin": 3, "day": 4}


def sums_of_cells(count: np.ndarray, errors: np.ndarray, depth: int = 2) -> SliceSums:
    """Returns sums over all slices of up to `depth` features from counts per cell of all."""
    names = list(FEATURES)
    keys, counts, totals = [()], [count.sum()], [errors.sum()]
    for size in range(1, depth + 1):
        for kept in itertools.combinations(range(len(names)), size):
            away = tuple(axis for axis in range(len(names)) if axis not in kept)
            keys += [
                sorted_slice_key(
                    (names[axis], value) for axis, value in zip(kept, cell, strict=True)
                )
                for cell in np.ndindex(*(count.shape[axis] for axis in kept))
            ]
            counts += count.sum(axis=away).ravel().tolist()
            totals += errors.sum(axis=away).ravel().tolist()
    # The loss is 0 or 1, so that it is its own square.
    return SliceSums(keys, counts, totals, totals)


def weak_slices(
    rng: np.random.Generator, redraws: int, examples: int = 100_000
) -> Iterator[tuple[str, float, float, float, float]]:
    """Yields (planted, excess, recall, false discovery rate, share of redraws with any)."""
    shape = tuple(FEATURES.values())
    planted = {
        "one value (8,300 examples)": [{"carrier": 3}],
        "a cross (1,400 examples)": [{"carrier": 3, "hour": 4}],
        "three crosses (1,400 each)": [
            {"carrier": 1, "hour": 4},
            {"carrier": 5, "hour": 0},
            {"carrier": 7, "hour": 2},
        ],
    }
    scenes = [("nothing", [], 0.0)]
    scenes += [(name, s, e) for name, s in planted.items() for e in (0.02, 0.05, 0.1)]
    for name, slices, excess in scenes:
        rate = np.full(shape, 0.1)
        for conditions in slices:
            rate[tuple(conditions.get(feature, slice(None)) for feature in FEATURES)] += excess
        wanted = {sorted_slice_key(each.items()) for each in slices}
        hits, wrong_runs, wrong_shares = 0, 0, 0.0
        for _ in range(redraws):
            cells = np.full(rate.size, 1 / rate.size)
            count = rng.multinomial(examples, cells).reshape(shape)
            found = find_weak_slices(sums_of_cells(count, rng.binomial(count, rate)))
            keys = {each.slice_key for each in found}
            hits += len(keys & wanted)
            wrong_runs += bool(keys - wanted)
            wrong_shares += len(keys - wanted) / max(len(keys), 1)
        recall = hits / (redraws * len(wanted)) if wanted else float("nan")
        yield name, excess, recall, wrong_shares / redraws, wrong_runs / redraws


def tables(redraws: int) -> str:
    """Runs everything; returns the tables as Markdown."""
    rng = np.random.default_rng(2013)
    lines = [
        f"Two equal models, {redraws:,} re-draws, {SLICES} slices of {SIZES[0]} to {SIZES[-1]:,} "
        "examples:",
        "",
        "| gate | stops the model | cannot tell |",
        "|---|---|---|",
    ]
    for name, blocked, unsure in equal_models(rng, redraws):
        told = "" if "compared" in name else f"{unsure:.1%}"
        lines.append(f"| {name} | {blocked:.1%} | {told} |")
    lines += [
        "",
        "The candidate is worse on one slice: how often that slice fails (left to right: numbers "
        "compared without and with 2 points allowed; test at 95 %, Holm over 50 slices, jackknife "
        "20 and bootstrap 200), and how often it *passes* a test with a margin of 2 points:",
        "",
        "| worse by | examples | TFMA, 0 | TFMA, 2 points | jackknife | bootstrap | passes |",
        "|---|---|---|---|---|---|---|",
    ]
    found = sorted(one_bad_slice(rng, redraws), key=lambda each: (each[1], each[0]))
    for size, worse, shares in found:
        numbers = " | ".join(f"{share:.1%}" for share in shares.values())
        lines.append(f"| {100 * worse:g} | {size:,} | {numbers} |")
    lines += [
        "",
        f"Weak slices, {redraws // 5} re-draws of 100,000 examples, error rate 10 %, "
        "crosses of up to two of four features (235 candidates), alpha 5 %:",
        "",
        "| planted | more errors | found | false discovery rate | re-draws with a false one |",
        "|---|---|---|---|---|",
    ]
    for name, excess, recall, false, runs in weak_slices(rng, redraws // 5):
        more = f"{100 * excess:g} points" if excess else ""
        hit = f"{recall:.1%}" if recall == recall else ""
        lines.append(f"| {name} | {more} | {hit} | {false:.1%} | {runs:.1%} |")
    return "\n".join(lines) + "\n"


def put_into_docs(text: str) -> None:
    """Replaces what stands between the markers of docs/validation.md."""
    start, end = "<!-- simulation -->\n", "<!-- /simulation -->"
    before, rest = DOCS.read_text().split(start)
    after = rest.split(end)[1]
    DOCS.write_text(before + start + text + end + after)


def main() -> None:
    """Runs the simulation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--redraws", type=int, default=1000)
    parser.add_argument("--write", action="store_true", help="put the tables into the docs")
    arguments = parser.parse_args()
    began = time.perf_counter()
    text = tables(arguments.redraws)
    print(text)
    print(f"{time.perf_counter() - began:.0f} s")
    if arguments.write:
        put_into_docs(text)


if __name__ == "__main__":
    main()
