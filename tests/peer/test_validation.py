"""The table of cases, judged by TensorFlow Model Analysis itself.

Every case states the peer's verdict where it differs from ours; this asks the peer's own functions
(`validate_metrics` per slice, `CombineValidations` over slices) on the same numbers.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import json_format

from evaluator_component.keys import CrossSliceKey
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.validation import validate

sys.path.insert(0, str(Path(__file__).parents[1] / "validation"))

from validation_cases import CASES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def peer():
    """The peer's modules; importing them takes long."""
    pytest.importorskip("tensorflow_model_analysis", reason="the peer is not installed")
    import tfx.components  # noqa: F401  (it restores names that the peer's package lost)
    from tensorflow_model_analysis.evaluators import metrics_validator
    from tensorflow_model_analysis.metrics import metric_types
    from tensorflow_model_analysis.proto import config_pb2
    from tensorflow_model_analysis.utils import config_util
    from tensorflow_model_analysis.writers import metrics_plots_and_validations_writer

    class Peer:
        validator, types, config = metrics_validator, metric_types, config_pb2
        writer, util = metrics_plots_and_validations_writer, config_util

    return Peer


def _config(case, peer):
    """The case's config without the fields that the peer does not know."""
    tree = json_format.MessageToDict(case.eval_config(), preserving_proto_field_name=True)
    config = peer.config.EvalConfig()
    json_format.ParseDict(tree, config, ignore_unknown_fields=True)
    return config


def _slices(case, table):
    """(slice key, metrics) as the peer's evaluator would hand them over."""
    least = case.eval_config().options.min_slice_size.value or 1
    for row, key in enumerate(table.slices):
        name = (key.baseline, key.comparison) if isinstance(key, CrossSliceKey) else key
        # The peer drops the metrics of small slices and keeps the slices.
        kept = not isinstance(key, CrossSliceKey) and table.examples[row] >= least
        yield name, row, kept or isinstance(key, CrossSliceKey)


def _ask(case, peer):
    config, table = _config(case, peer), case.table()
    combine = peer.writer.CombineValidations(config, rubber_stamp=case.rubber_stamp)
    accumulator = combine.create_accumulator()
    for name, row, kept in _slices(case, table):
        metrics = {}
        for key, column in table.columns.items() if kept else ():
            theirs = peer.types.MetricKey(
                name=key.name,
                model_name=key.model_name,
                example_weighted=key.example_weighted,
                is_diff=key.is_diff,
            )
            metrics[theirs] = float(column.value[row])
        found = peer.validator.validate_metrics((name, metrics), config)
        accumulator = combine.add_input(accumulator, found)
    return combine.extract_output(accumulator).validation_ok


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_peer_says_what_the_table_states(case, peer):
    expected = case.peer if case.peer != "same" else case.blessed is True
    assert _ask(case, peer) == expected


def test_the_peer_stops_the_pipeline_without_a_baseline_and_we_give_a_verdict(peer):
    case = next(case for case in CASES if case.name == "change better")
    with pytest.raises(RuntimeError, match="baseline is missing"):
        peer.util.update_eval_config_with_defaults(
            _config(case, peer), has_baseline=False, rubber_stamp=False
        )
    verdict = validate([case.table()], case.eval_config(), rubber_stamp=False, has_baseline=False)
    assert verdict.status == "NOT_BLESSED"


def test_an_array_valued_metric_crashes_the_peer_and_is_judged_by_its_worst_entry_here(peer):
    case = next(case for case in CASES if case.name == "value above the lower bound")
    key = peer.types.MetricKey(name="mean_label", example_weighted=False)
    with pytest.raises(TypeError):
        peer.validator.validate_metrics(((), {key: np.array([0.9, 0.95])}), _config(case, peer))
    table = case.table()
    columns = {case.keys()[0]: Column(np.array([[0.9, 0.95]]))}
    table = MetricsTable(table.slices, table.examples, table.weights, columns)
    verdict = validate([table], case.eval_config(), rubber_stamp=False, has_baseline=False)
    assert verdict.status == "BLESSED"
