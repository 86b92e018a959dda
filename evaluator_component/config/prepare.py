"""A config from its source to its use: read, checked, with defaults."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from evaluator_component.config.check import check_config
from evaluator_component.config.defaults import with_defaults
from evaluator_component.config.parse import ConfigSource, parse_config
from evaluator_component.errors import Problems
from evaluator_component.protos import eval_config_pb2

__all__ = ["prepare_config"]


def prepare_config(
    source: ConfigSource,
    metric_names: Collection[str] | None = None,
    *,
    metric_arguments: Mapping[str, Collection[str]] | None = None,
    metric_directions: Mapping[str, int] | None = None,
    comparison_metrics: Collection[str] = (),
    has_baseline: bool | None = None,
    rubber_stamp: bool = False,
    split_names: Collection[str] | None = None,
) -> eval_config_pb2.EvalConfig:
    """Reads a config, checks it and fills in its defaults.

    Args:
        source: as for `parse_config`.
        metric_names: as for `check_config`, like the next two.
        metric_arguments: names of settings by class name.
        metric_directions: +1, -1 or 0 by class name.
        comparison_metrics: as for `with_defaults`.
        has_baseline: whether a baseline model was given; None: what the model specs say.
        rubber_stamp: bless without comparison where there is no baseline.
        split_names: the splits that the data has.

    Raises:
        ConfigError: with every problem of the config.

    Example:
        >>> config = prepare_config({"metrics_specs": [{"metrics": [{"class_name": "AUC"}]}]})
        >>> config.metrics_specs[0].example_weights.unweighted
        True
    """
    config = parse_config(source)
    problems = Problems()
    check_config(
        config,
        problems,
        metric_names,
        metric_arguments=metric_arguments,
        metric_directions=metric_directions,
        has_baseline=has_baseline,
        rubber_stamp=rubber_stamp,
        split_names=split_names,
    )
    problems.raise_if_any()
    return with_defaults(
        config,
        has_baseline=has_baseline,
        rubber_stamp=rubber_stamp,
        comparison_metrics=comparison_metrics,
    )
