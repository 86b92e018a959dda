"""The cost model of large runs: its drivers, and that real states are as large as it says."""

from __future__ import annotations

import itertools

import pytest

from benchmarks.cost_model import DRIVERS, Model, Run, Sizes
from benchmarks.scaling import measure


def test_drivers_are_the_expected_counts() -> None:
    few = Sizes(slices=10, rows=10_000, bundles=4).drivers()
    assert few["touched"] == pytest.approx(40)
    assert few["slices"] == pytest.approx(10)
    assert few["rows x replicates"] == 0
    many = Sizes(slices=1_000_000, rows=1000, bundles=4, replicates=20).drivers()
    assert many["touched"] == pytest.approx(4000, rel=1e-3)
    assert many["cells"] == pytest.approx(4000, rel=1e-3)
    assert many["touched x replicates"] == pytest.approx(80_000, rel=1e-3)


def test_a_fit_finds_the_costs_that_made_the_runs() -> None:
    sizes = itertools.product((10, 5000), (500, 9000), (2, 5), (0, 9))
    costs = Model.fit([made(Sizes(*each)) for each in sizes]).costs
    assert costs["slice"] == {"rows": pytest.approx(2.0), "touched": pytest.approx(3.0)}
    unseen = Sizes(700, 3000, 3)
    predicted = Model(costs).predict(unseen)
    assert predicted["slice"] == pytest.approx(made(unseen).found["slice"])


def made(sizes: Sizes) -> Run:
    """A run whose steps cost 2 per unit of the first driver and 3 of the second."""
    drivers = sizes.drivers()
    found = {
        step: sum(cost * drivers[name] for cost, name in zip((2, 3), names, strict=False))
        for step, names in DRIVERS.items()
    }
    return Run(sizes, found)


@pytest.mark.slow
def test_bytes_are_predicted_at_a_size_that_was_not_fitted() -> None:
    fitted = [Sizes(50, 4000, 2), Sizes(2000, 4000, 2), Sizes(500, 2000, 4)]
    model = Model.fit([measure(sizes, shards=4) for sizes in fitted])
    unseen = Sizes(1000, 3000, 3)
    found, predicted = measure(unseen, shards=4).found, model.predict(unseen)
    for what in ("shuffle bytes", "state bytes"):
        assert predicted[what] == pytest.approx(found[what], rel=0.25), what
