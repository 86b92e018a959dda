"""Every threshold of a config, wherever it stands, with its place and what it is for.

Thresholds stand at a metric, at slices of a metric and at comparisons of slices; those of metrics
that are part of the model stand at the metrics spec, by name. `each_threshold` walks them all.

Example:
    >>> from evaluator_component.config.parse import parse_config
    >>> config = parse_config('''
    ...     metrics_specs { metrics { class_name: "AUC"
    ...       threshold { value_threshold { lower_bound { value: 0.8 } } } } }
    ... ''')
    >>> for placed in each_threshold(config):
    ...     print(placed.where, placed.metric)
    metrics_specs[0].metrics[0].threshold AUC
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from evaluator_component.config.specs import CrossSliceSpec, SliceSpec
from evaluator_component.protos import eval_config_pb2

__all__ = ["PlacedThreshold", "each_threshold", "has_change_threshold"]


@dataclass(frozen=True)
class PlacedThreshold:
    """A threshold and what it is for.

    Attributes:
        threshold: the message itself, not a copy.
        where: its place, such as `metrics_specs[1].metrics[0].threshold`.
        spec_index: index of the metrics spec.
        metric_index: index of the metric in it; None for a metric that is part of the model.
        metric: class name of the metric, or the name of a metric that is part of the model.
        slices: the slices it is for; None for all slices.
        cross_slices: the comparisons it is for; None where it is for slices.
    """

    threshold: eval_config_pb2.MetricThreshold
    where: str
    spec_index: int
    metric_index: int | None
    metric: str
    slices: tuple[SliceSpec, ...] | None = None
    cross_slices: tuple[CrossSliceSpec, ...] | None = None

    @property
    def name(self) -> str:
        """The threshold's own name, or its place where it has none."""
        return self.threshold.name or self.where

    @property
    def has_change(self) -> bool:
        """Whether the threshold compares with a baseline."""
        return bool(self.threshold.HasField("change_threshold"))


def each_threshold(config: eval_config_pb2.EvalConfig) -> Iterator[PlacedThreshold]:
    """Yields every threshold of a config in the order of the config (maps by name)."""
    for spec_index, spec in enumerate(config.metrics_specs):
        at_spec = f"metrics_specs[{spec_index}]"
        for metric_index, metric in enumerate(spec.metrics):
            at = f"{at_spec}.metrics[{metric_index}]"
            place = (spec_index, metric_index, metric.class_name)
            if metric.HasField("threshold"):
                yield PlacedThreshold(metric.threshold, f"{at}.threshold", *place)
            yield from _per_slice(metric.per_slice_thresholds, f"{at}.per_slice_thresholds", *place)
            yield from _cross_slice(
                metric.cross_slice_thresholds, f"{at}.cross_slice_thresholds", *place
            )
        for name in sorted(spec.thresholds):
            at = f"{at_spec}.thresholds[{name!r}]"
            yield PlacedThreshold(spec.thresholds[name], at, spec_index, None, name)
        for name in sorted(spec.per_slice_thresholds):
            at = f"{at_spec}.per_slice_thresholds[{name!r}].thresholds"
            many = spec.per_slice_thresholds[name].thresholds
            yield from _per_slice(many, at, spec_index, None, name)
        for name in sorted(spec.cross_slice_thresholds):
            at = f"{at_spec}.cross_slice_thresholds[{name!r}].thresholds"
            crossing = spec.cross_slice_thresholds[name].thresholds
            yield from _cross_slice(crossing, at, spec_index, None, name)


def _per_slice(
    many: Iterable[eval_config_pb2.PerSliceMetricThreshold],
    at: str,
    spec_index: int,
    metric_index: int | None,
    metric: str,
) -> Iterator[PlacedThreshold]:
    for i, one in enumerate(many):
        specs = tuple(SliceSpec.from_proto(spec) for spec in one.slicing_specs)
        where = f"{at}[{i}].threshold"
        yield PlacedThreshold(one.threshold, where, spec_index, metric_index, metric, specs)


def _cross_slice(
    many: Iterable[eval_config_pb2.CrossSliceMetricThreshold],
    at: str,
    spec_index: int,
    metric_index: int | None,
    metric: str,
) -> Iterator[PlacedThreshold]:
    for i, one in enumerate(many):
        specs = tuple(CrossSliceSpec.from_proto(spec) for spec in one.cross_slicing_specs)
        where = f"{at}[{i}].threshold"
        yield PlacedThreshold(
            one.threshold, where, spec_index, metric_index, metric, cross_slices=specs
        )


def has_change_threshold(config: eval_config_pb2.EvalConfig) -> bool:
    """Tells whether any threshold of the config compares with a baseline."""
    return any(placed.has_change for placed in each_threshold(config))
