"""The simulation uses the gate's own code, and what the docs show runs."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np

from evaluator_component.config import no_worse
from evaluator_component.config.parse import parse_config
from evaluator_component.keys import MetricKey
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.validation import validate
from evaluator_component.validation.judgement import OUTCOMES

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks import gate_simulation as simulation  # noqa: E402


def test_the_simulated_gate_decides_as_validate_does():
    rng = np.random.default_rng(0)
    sizes = np.tile(np.resize(simulation.SIZES, 50), 4)
    for gate in (simulation.TESTED, simulation.RESAMPLED, simulation.MARGIN, simulation.POINT):
        column = simulation.draw(rng, sizes, 0.015, gate.resampling)
        found = simulation.outcomes(simulation.judged(column, sizes, gate), 4, gate)
        threshold = no_worse(-gate.margin)
        if gate.level:
            threshold.confidence_level.value = gate.level
        config = parse_config(
            {
                "model_specs": [{"name": "candidate"}, {"name": "baseline", "is_baseline": True}],
                "metrics_specs": [
                    {"metrics": [{"class_name": "MeanLabel", "threshold": threshold}]}
                ],
                "decision": {"correction": gate.correction},
            }
        )
        new, old = MetricKey("mean_label", "candidate"), MetricKey("mean_label", "baseline")
        for redraw in range(4):
            rows = np.arange(redraw * 50, redraw * 50 + 50)
            change = column.take(rows)
            columns = {
                new: Column(change.value + 0.85),
                old: Column(np.full(50, 0.85)),
                new.diff(): change,
            }
            slices = tuple((("s", i),) for i in range(50))
            table = MetricsTable(slices, sizes[rows], sizes[rows].astype(float), columns)
            verdict = validate([table], config, rubber_stamp=False, has_baseline=True)
            by_slice = {each.slice_key[0][1]: each.outcome for each in verdict.decisions}
            assert [by_slice[i] for i in range(50)] == [OUTCOMES[o] for o in found[redraw]]


def test_a_good_model_is_stopped_no_more_often_than_the_level_says():
    found = {name: blocked for name, blocked, _ in _equal_models()}
    compared, uncorrected = simulation.POINT.name, simulation.GATES[2].name
    assert found[compared] > 0.99
    assert found[uncorrected] > 0.4
    for gate in simulation.GATES[3:]:
        assert found[gate.name] <= 0.1  # 5 % nominal; 150 re-draws


def _equal_models():
    return simulation.equal_models(np.random.default_rng(1), 150)


def test_the_code_in_the_docs_runs():
    text = (ROOT / "docs" / "validation.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "docs/validation.md", "exec"), {})
    assert "<!-- simulation -->\n<!-- /simulation -->" not in text
