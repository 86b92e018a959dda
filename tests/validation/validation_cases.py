"""The table of cases: inputs, the verdict derived by hand, and the peer's where it differs.

`peer` is what TensorFlow Model Analysis 0.52 says (`validation_ok`), where that is not what
`blessed` says. `tests/peer/test_validation.py` asks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evaluator_component.config import EvalConfig, parse_config
from evaluator_component.keys import CrossSliceKey, MetricKey
from evaluator_component.metrics_table import Column, MetricsTable

NAN, INF = float("nan"), float("inf")
OVERALL = ()
A, B, C = (("s", "a"),), (("s", "b"),), (("s", "c"),)
A_VS_B = CrossSliceKey(A, B)
#: The metric whose values are made up. Any would do.
CLASS, NAME = "MeanLabel", "mean_label"

ALL_SLICES = [{}, {"feature_keys": ["s"]}]


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes:
        name: what it is about.
        blessed: hand-derived: True, False, or None for INCONCLUSIVE.
        metric: more fields of the metric config (thresholds).
        candidate: the metric by slice.
        baseline: the metric by slice; None: no baseline.
        examples: by slice; 1,000 where not given.
        peer: what the peer says where it differs; "same" where it does not.
        config: more fields of the config.
        says: a part of the sentence that must be told.
    """

    name: str
    blessed: bool | None
    metric: Mapping[str, Any]
    candidate: Mapping[Any, Any]
    baseline: Mapping[Any, Any] | None = None
    examples: Mapping[Any, int] = field(default_factory=dict)
    peer: Any = "same"
    config: Mapping[str, Any] = field(default_factory=dict)
    rubber_stamp: bool = False
    says: str = ""

    def eval_config(self) -> EvalConfig:
        models = [{"name": "candidate"}, {"name": "baseline", "is_baseline": True}]
        return parse_config(
            {
                "model_specs": models if self.baseline is not None else [{}],
                "slicing_specs": ALL_SLICES,
                "metrics_specs": [
                    {
                        "metrics": [{"class_name": CLASS, **self.metric}],
                        "model_names": ["candidate", "baseline"] if self.baseline else [""],
                    }
                ],
                **self.config,
            }
        )

    def keys(self) -> tuple[MetricKey, MetricKey]:
        model = "candidate" if self.baseline is not None else ""
        return (
            MetricKey(NAME, model, example_weighted=False),
            MetricKey(NAME, "baseline", example_weighted=False),
        )

    def table(self) -> MetricsTable:
        slices = tuple(self.candidate)
        new, old = self.keys()
        columns = {new: Column(_array(self.candidate[key] for key in slices))}
        if self.baseline is not None:
            columns[old] = Column(_array(self.baseline.get(key, NAN) for key in slices))
            with np.errstate(invalid="ignore"):
                columns[new.diff()] = Column(columns[new].value - columns[old].value)
        count = np.array([self.examples.get(key, 1000) for key in slices])
        return MetricsTable(slices, count, count.astype(float), columns)


def _array(values: Any) -> np.ndarray:
    return np.array(list(values), dtype=np.float64)


def bounds(lower: float | None = None, upper: float | None = None, **more: Any) -> dict[str, Any]:
    given = {"lower_bound": lower, "upper_bound": upper}
    value = {name: bound for name, bound in given.items() if bound is not None}
    return {"threshold": {"value_threshold": value, **more}}


def change(direction: str, absolute: Any = None, relative: Any = None, **more: Any) -> dict:
    given = {"absolute": absolute, "relative": relative}
    bound = {name: number for name, number in given.items() if number is not None}
    word = {"up": "HIGHER_IS_BETTER", "down": "LOWER_IS_BETTER", "?": "UNKNOWN"}[direction]
    return {"threshold": {"change_threshold": {**bound, "direction": word}, **more}}


def on(threshold: Mapping[str, Any], *specs: Mapping[str, Any]) -> dict[str, Any]:
    return {"per_slice_thresholds": [{"slicing_specs": list(specs), **threshold}]}


def crossing(threshold: Mapping[str, Any], baseline: Any, *others: Any) -> dict[str, Any]:
    spec = {"baseline_spec": baseline, "slicing_specs": list(others)}
    return {"cross_slice_thresholds": [{"cross_slicing_specs": [spec], **threshold}]}


IS_A, IS_B = {"feature_values": {"s": "a"}}, {"feature_values": {"s": "b"}}
EACH_S = {"feature_keys": ["s"]}


def _values() -> list[Case]:
    """Value thresholds: (lower, upper), value -> blessed."""
    table = [
        ("above the lower bound", (0.8, None), 0.9, True),
        ("on the lower bound", (0.8, None), 0.8, True),
        ("below the lower bound", (0.8, None), 0.79, False),
        ("below the upper bound", (None, 0.2), 0.1, True),
        ("on the upper bound", (None, 0.2), 0.2, True),
        ("above the upper bound", (None, 0.2), 0.21, False),
        ("between the bounds", (-1.0, 1.0), 0.0, True),
        ("under both bounds", (-1.0, 1.0), -1.5, False),
        ("over both bounds", (-1.0, 1.0), 1.5, False),
        ("negative above a negative bound", (-0.5, None), -0.4, True),
        ("negative below a negative bound", (-0.5, None), -0.6, False),
        ("infinite above a lower bound", (0.8, None), INF, True),
        ("infinite above an upper bound", (None, 0.8), INF, False),
        ("minus infinity below a lower bound", (0.8, None), -INF, False),
        ("not a number against a lower bound", (0.8, None), NAN, False),
        ("not a number against an upper bound", (None, 0.8), NAN, False),
    ]
    cases = [
        Case(f"value {name}", blessed, bounds(*limits), {OVERALL: value})
        for name, limits, value, blessed in table
    ]
    rounding = 0.1 + 0.7  # 0.7999999999999999
    cases.append(
        Case(
            "value under the bound by rounding", True, bounds(0.8), {OVERALL: rounding}, peer=False
        )
    )
    strict = bounds(0.8, tolerance=0.0)
    cases.append(Case("rounding with tolerance 0", False, strict, {OVERALL: rounding}))
    loose = bounds(0.8, tolerance=0.1)
    cases.append(Case("a wide tolerance", True, loose, {OVERALL: 0.73}, peer=False))
    cases.append(Case("beyond a wide tolerance", False, loose, {OVERALL: 0.71}))
    return cases


def _changes() -> list[Case]:
    """Change thresholds: direction, absolute, relative, baseline -> candidate, blessed, peer."""
    same = "same"
    table = [
        # absolute
        ("better", "up", 0.0, None, 0.8, 0.9, True, same),
        ("equal, no loss allowed", "up", 0.0, None, 0.8, 0.8, True, same),
        ("worse, no loss allowed", "up", 0.0, None, 0.8, 0.79, False, same),
        ("worse within the margin", "up", -0.02, None, 0.8, 0.79, True, same),
        ("worse beyond the margin", "up", -0.02, None, 0.8, 0.77, False, same),
        ("a gain is asked for and reached", "up", 0.05, None, 0.8, 0.86, True, same),
        ("a gain is asked for and missed", "up", 0.05, None, 0.8, 0.84, False, same),
        ("lower and better", "down", 0.0, None, 0.8, 0.7, True, same),
        ("higher and worse", "down", 0.0, None, 0.8, 0.81, False, same),
        ("higher within the margin", "down", 0.02, None, 0.8, 0.81, True, same),
        ("higher beyond the margin", "down", 0.02, None, 0.8, 0.83, False, same),
        ("a fall is asked for and reached", "down", -0.05, None, 0.8, 0.74, True, same),
        ("a fall is asked for and missed", "down", -0.05, None, 0.8, 0.76, False, same),
        ("worse by rounding", "up", 0.0, None, 0.3, 0.1 + 0.2 - 1e-16, True, False),
        ("worse by a trillionth", "up", 0.0, None, 0.8, 0.8 - 1e-12, True, False),
        ("worse by a millionth", "up", 0.0, None, 0.8, 0.8 - 1e-6, False, same),
        ("on the margin but for rounding", "up", -0.1, None, 0.4, 0.3, True, False),
        # relative, positive baseline
        ("5 % of 0.8 allowed, 4 % lost", "up", None, -0.05, 0.8, 0.768, True, same),
        ("5 % of 0.8 allowed, 6 % lost", "up", None, -0.05, 0.8, 0.752, False, same),
        ("on the relative margin", "up", None, -0.5, 0.8, 0.4, True, same),
        ("a gain of 10 % asked for, 12 % reached", "up", None, 0.1, 0.5, 0.56, True, same),
        ("a gain of 10 % asked for, 8 % reached", "up", None, 0.1, 0.5, 0.54, False, same),
        ("5 % rise allowed, 4 % risen", "down", None, 0.05, 0.8, 0.832, True, same),
        ("5 % rise allowed, 6 % risen", "down", None, 0.05, 0.8, 0.848, False, same),
        # relative, negative baseline: divided by |baseline|
        ("negative baseline, worse", "up", None, -0.05, -0.2, -0.5, False, True),
        ("negative baseline, better", "up", None, -0.05, -0.5, 0.5, True, False),
        ("negative baseline, slightly better", "up", None, 0.0, -0.5, -0.4, True, False),
        ("negative baseline, within", "up", None, -0.05, -0.5, -0.52, True, same),
        ("negative baseline, beyond", "up", None, -0.05, -0.5, -0.53, False, True),
        ("negative baseline, unchanged", "up", None, 0.0, -0.5, -0.5, True, same),
        ("negative baseline, lower is better, fell", "down", None, 0.05, -0.5, -0.9, True, False),
        ("negative baseline, lower is better, rose", "down", None, 0.05, -0.5, -0.1, False, True),
        ("from negative to positive, lower is better", "down", None, 0.05, -0.5, 0.5, False, True),
        # relative, baseline zero: the change itself must be on the good side of 0
        ("baseline 0, unchanged", "up", None, -0.05, 0.0, 0.0, True, False),
        ("baseline 0, better", "up", None, -0.05, 0.0, 0.9, True, False),
        ("baseline 0, worse", "up", None, -0.05, 0.0, -0.1, False, same),
        ("baseline 0, lower is better, better", "down", None, 0.05, 0.0, -0.1, True, False),
        ("baseline 0, lower is better, worse", "down", None, 0.05, 0.0, 0.1, False, same),
        # both
        ("both hold", "up", -0.1, -0.1, 0.8, 0.79, True, same),
        ("absolute holds, relative does not", "up", -0.1, -0.01, 0.8, 0.75, False, same),
        ("relative holds, absolute does not", "up", -0.01, -0.1, 0.8, 0.75, False, same),
        # undefined
        ("candidate undefined", "up", -0.1, None, 0.8, NAN, False, same),
        ("baseline undefined", "up", -0.1, None, NAN, 0.8, False, same),
        ("both undefined", "up", None, -0.1, NAN, NAN, False, same),
        ("both infinite", "down", 0.1, None, INF, INF, False, same),
        ("infinite loss became finite", "down", 0.1, None, INF, 0.5, True, same),
        ("finite loss became infinite", "down", 0.1, None, 0.5, INF, False, same),
    ]
    return [
        Case(
            f"change {name}",
            blessed,
            change(direction, absolute, relative),
            {OVERALL: candidate},
            {OVERALL: baseline},
            peer=peer,
        )
        for name, direction, absolute, relative, baseline, candidate, blessed, peer in table
    ]


def _slices() -> list[Case]:
    good, bad_a = {OVERALL: 0.9, A: 0.9, B: 0.9}, {OVERALL: 0.9, A: 0.5, B: 0.9}
    floor = bounds(0.8)
    big = {"options": {"min_slice_size": 100}}
    few = {C: 7}
    with_small = {OVERALL: 0.9, A: 0.9, C: NAN}
    return [
        Case("all slices hold", True, floor, good),
        Case("one slice does not hold", False, floor, bad_a, says="mean_label on s=a is 0.5"),
        Case("a threshold for other slices", True, on(floor, IS_B), bad_a),
        Case("a threshold for this slice", False, on(floor, IS_A), bad_a),
        Case("a threshold for each value", False, on(floor, EACH_S), bad_a),
        Case("a threshold for the overall slice only", True, on(floor, {}), bad_a),
        Case("a slice that does not exist", False, on(floor, {"feature_values": {"s": "z"}}), good,
             says="no slice of the data is s=z"),
        Case("a missing slice ignored by policy", True,
             {**floor, **on(floor, {"feature_values": {"s": "z"}})}, good, peer=False,
             config={"decision": {"missing_slices": "IGNORE"}}),
        Case("a number as slice value", True, on(floor, {"feature_values": {"s": "7"}}),
             {OVERALL: 0.1, (("s", 7),): 0.9}),
        Case("only a warning fails", True, bounds(0.8, severity="WARN"), bad_a, peer=False),
        Case("a small slice with min_examples", True, bounds(0.8, min_examples=100),
             {OVERALL: 0.9, A: 0.1}, examples={A: 50}, peer=False),
        Case("no slice is large enough for min_examples", None, bounds(0.8, min_examples=10_000),
             {OVERALL: 0.9}, peer=True, says="nothing could be judged"),
        # The peer leaves the metrics of small slices away.
        Case("a small slice without metrics", True, floor, with_small, examples=few, peer=False,
             config=big),
        Case("a small slice without metrics, threshold for another", True, on(floor, IS_A),
             with_small, examples=few, peer=False, config=big),
        Case("a small slice without metrics, threshold for it", None,
             on(floor, {"feature_values": {"s": "c"}}), with_small, examples=few, peer=False,
             config=big),
        Case("an undefined slice", False, floor, {OVERALL: 0.9, A: NAN}, says="is not a number"),
        Case("an undefined slice ignored by policy", True, floor, {OVERALL: 0.9, A: NAN},
             peer=False, config={"decision": {"undefined_values": "IGNORE"}}),
        Case("a change on one slice", False, change("up", 0.0), bad_a, good,
             says="mean_label on s=a fell by 0.4 (0.9 to 0.5); it must not fall"),
    ]  # fmt: skip


def _cross_slices() -> list[Case]:
    values = {OVERALL: 0.8, A: 0.8, B: 0.7, A_VS_B: 0.1}
    near = bounds(None, 0.2)
    return [
        Case("a cross slice threshold that holds", True, crossing(near, IS_A, IS_B), values,
             peer=False),
        Case("a cross slice threshold that fails", False, crossing(bounds(None, 0.05), IS_A, IS_B),
             values, says="mean_label on s=a vs s=b is 0.1"),
        Case("a cross slice threshold against each slice", True, crossing(near, IS_A, EACH_S),
             values, peer=False),
        Case("a cross slice threshold for a pair that is not there", False,
             crossing(near, IS_B, IS_A), values, says="no slice of the data is s=b vs s=a"),
        Case("plain thresholds do not judge cross slices", True, bounds(0.6), values),
        Case("both kinds", False, {**bounds(0.75), **crossing(near, IS_A, IS_B)}, values),
        Case("a cross slice change that holds", True, crossing(change("down", 0.0), IS_A, IS_B),
             values, {OVERALL: 0.8, A: 0.8, B: 0.6, A_VS_B: 0.2}, peer=False),
    ]  # fmt: skip


def _circumstances() -> list[Case]:
    values = {OVERALL: 0.9, A: 0.9}
    return [
        Case("no thresholds", False, {}, values, says="has no thresholds"),
        Case("no thresholds, rubber stamp", True, {}, values, rubber_stamp=True),
        Case("no thresholds, excused", True, {}, values, peer=False,
             config={"decision": {"missing_thresholds": "IGNORE"}}),
        Case("value holds, rubber stamp", True, bounds(0.8), values, rubber_stamp=True),
        Case("value fails, rubber stamp", False, bounds(0.95), values, rubber_stamp=True),
        Case("change fails against a baseline, rubber stamp", False, change("up", 0.0),
             {OVERALL: 0.7}, {OVERALL: 0.8}, rubber_stamp=True),
        Case("force_bless", True, bounds(0.95), values, peer=False,
             config={"force_bless": {"reason": "hotfix 12"}}, says="hotfix 12"),
        Case("nothing evaluated", False, bounds(0.8), {}, says="no example was evaluated"),
        Case("nothing evaluated, rubber stamp", False, {}, {}, rubber_stamp=True, peer=True),
        Case("an unknown direction of a metric without one", False, change("?", 0.0),
             {OVERALL: 0.9}, {OVERALL: 0.8}, says="its direction is neither given nor known"),
    ]  # fmt: skip


CASES = [*_values(), *_changes(), *_slices(), *_cross_slices(), *_circumstances()]
