"""Thresholds of a config as plain values: what each one is for and what it asks.

Thresholds stand at a metric (all slices), at slices of a metric, and at comparisons of slices;
those of metrics that are part of the model stand at the metrics spec, by name.

Vocabulary:
    value bounds: lower and upper bound of the metric itself, inclusive.
    change bounds: of candidate minus baseline, absolute or relative to |baseline|.
    place: path of the threshold in the config; it names a threshold that has no name.

Example:
    >>> from evaluator_component.config import at_least, config
    >>> written = config(metrics=["MeanLabel"], thresholds={"MeanLabel": at_least(0.8)})
    >>> threshold, = read_thresholds(written)
    >>> threshold.name, threshold.lower_bound, threshold.upper_bound
    ('metrics_specs[0].metrics[0].threshold', 0.8, None)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from evaluator_component.validation.metric_sets import (
    MetricSlot,
    metric_slots,
    model_metric_slots,
)
from evaluator_component.validation.policy import Policy
from evaluator_component.validation.reading import enum_name, has, integer, number, text
from evaluator_component.validation.slice_sets import CrossSliceSet, SliceSet

__all__ = ["BLOCK", "WARN", "Threshold", "read_thresholds"]

BLOCK = "BLOCK"
WARN = "WARN"

#: By number of MetricDirection.
_DIRECTIONS = {0: 0, 1: -1, 2: 1}


@dataclass(frozen=True)
class Threshold:
    """What some metrics must satisfy on some slices.

    Attributes:
        place: where it stands in the config.
        name: its own name, or its place.
        metric: name of the metric (or class of the metrics) it is for.
        slots: the metric keys it is for.
        slices: the slices it is for; all slices (and no comparisons of slices) when empty.
        datasets: names of the datasets it is for; all when empty.
        lower_bound: of the value; None for none. The other bounds likewise.
        upper_bound: of the value.
        absolute: bound of the change.
        relative: bound of the change divided by |baseline|.
        direction: of the change: +1 higher is better, -1 lower is better, 0 not said.
        message: what the user wants readers to be told when it is missed.
        severity: "BLOCK" or "WARN".
        min_examples: slices with fewer examples are not judged.
        tolerance: a miss by this share of the numbers compared is rounding.
        confidence_level: of the test; None to compare numbers.
        source: the config's own message.
    """

    place: str
    name: str
    metric: str
    slots: tuple[MetricSlot, ...]
    slices: tuple[SliceSet | CrossSliceSet, ...] = ()
    datasets: tuple[str, ...] = ()
    lower_bound: float | None = None
    upper_bound: float | None = None
    absolute: float | None = None
    relative: float | None = None
    direction: int = 0
    message: str = ""
    severity: str = BLOCK
    min_examples: int = 0
    tolerance: float = 1e-9
    confidence_level: float | None = None
    has_value: bool = True
    has_change: bool = False
    source: Any = field(default=None, compare=False, repr=False)

    def applies_to(self, dataset: str) -> bool:
        """Tells whether the threshold is for a dataset."""
        return not self.datasets or dataset in self.datasets


def read_thresholds(eval_config: Any) -> tuple[Threshold, ...]:
    """Reads all thresholds of a config, in the order of the config.

    Args:
        eval_config: an EvalConfig message, with defaults filled in.
    """
    policy = Policy.read(eval_config)
    found: list[Threshold] = []
    for spec_index, spec in enumerate(eval_config.metrics_specs):
        datasets = tuple(str(name) for name in getattr(spec, "dataset_names", ()))
        for place, metric, slots, slices, message in _placed(eval_config, spec, spec_index):
            found.append(_read(place, metric, slots, slices, datasets, message, policy))
    return tuple(found)


_Placed = tuple[str, str, tuple[MetricSlot, ...], tuple[SliceSet | CrossSliceSet, ...], Any]


def _placed(eval_config: Any, spec: Any, spec_index: int) -> Iterator[_Placed]:
    at_spec = f"metrics_specs[{spec_index}]"
    for index, metric in enumerate(spec.metrics):
        at = f"{at_spec}.metrics[{index}]"
        parts = (metric.per_slice_thresholds, metric.cross_slice_thresholds)
        if not (has(metric, "threshold") or any(parts)):
            continue
        slots = metric_slots(eval_config, spec, metric)
        name = slots[0].name if len(slots) == 1 else str(metric.class_name)
        if has(metric, "threshold"):
            yield f"{at}.threshold", name, slots, (), metric.threshold
        yield from _on_slices(f"{at}.per_slice_thresholds", name, slots, parts[0])
        yield from _on_slices(f"{at}.cross_slice_thresholds", name, slots, parts[1])
    for name in sorted(spec.thresholds):
        slots = model_metric_slots(eval_config, spec, name)
        yield f"{at_spec}.thresholds[{name!r}]", name, slots, (), spec.thresholds[name]
    maps: tuple[tuple[str, Mapping[str, Any]], ...] = (
        ("per_slice_thresholds", spec.per_slice_thresholds),
        ("cross_slice_thresholds", spec.cross_slice_thresholds),
    )
    for part, by_name in maps:
        for name in sorted(by_name):
            slots = model_metric_slots(eval_config, spec, name)
            at = f"{at_spec}.{part}[{name!r}].thresholds"
            yield from _on_slices(at, name, slots, by_name[name].thresholds)


def _on_slices(at: str, name: str, slots: tuple[MetricSlot, ...], many: Any) -> Iterator[_Placed]:
    for index, one in enumerate(many):
        sets: tuple[SliceSet | CrossSliceSet, ...]
        if hasattr(one, "cross_slicing_specs"):
            sets = tuple(CrossSliceSet.read(spec) for spec in one.cross_slicing_specs)
        else:
            sets = tuple(SliceSet.read(spec) for spec in one.slicing_specs)
        if sets:
            yield f"{at}[{index}].threshold", name, slots, sets, one.threshold


def _read(
    place: str,
    metric: str,
    slots: tuple[MetricSlot, ...],
    slices: tuple[SliceSet | CrossSliceSet, ...],
    spec_datasets: tuple[str, ...],
    message: Any,
    policy: Policy,
) -> Threshold:
    own = tuple(str(name) for name in getattr(message, "dataset_names", ()))
    both = tuple(name for name in own if not spec_datasets or name in spec_datasets)
    value, change = message.value_threshold, message.change_threshold
    tolerance, level = number(message, "tolerance"), number(message, "confidence_level")
    return Threshold(
        place=place,
        name=text(message, "name") or place,
        metric=metric,
        slots=slots,
        slices=slices,
        datasets=both or own or spec_datasets,
        lower_bound=number(value, "lower_bound"),
        upper_bound=number(value, "upper_bound"),
        absolute=number(change, "absolute"),
        relative=number(change, "relative"),
        direction=_DIRECTIONS.get(int(change.direction), 0),
        message=text(message, "message"),
        severity=enum_name(message, "severity", (BLOCK, WARN)),
        min_examples=integer(message, "min_examples") or 0,
        tolerance=policy.tolerance if tolerance is None else tolerance,
        confidence_level=policy.confidence_level if level is None else level,
        has_value=has(message, "value_threshold"),
        has_change=has(message, "change_threshold"),
        source=message,
    )
