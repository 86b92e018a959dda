"""Registry: finds metric classes by name, and makes metrics from a name and JSON arguments.

Example:
    >>> create("MeanSquaredError", config='"name": "mse"').config()
    {'name': 'mse'}
"""

from __future__ import annotations

import dataclasses
import importlib
import json
from typing import Any, TypeVar

from evaluator_component.errors import ConfigError, did_you_mean
from evaluator_component.metrics.base import Metric

__all__ = ["create", "find", "parse_arguments", "register", "registered"]

_METRICS: dict[str, type[Metric]] = {}
C = TypeVar("C", bound=type[Metric])


def register(metric: C) -> C:
    """Registers a metric class under its name, so that a config can ask for it."""
    known = _METRICS.get(metric.__name__)
    if known is not None and known.__module__ != metric.__module__:
        raise ConfigError(
            f"metric {metric.__name__!r} of {metric.__module__} is registered by {known.__module__}"
        )
    _METRICS[metric.__name__] = metric
    return metric


def registered() -> dict[str, type[Metric]]:
    """Returns all registered metric classes by name."""
    importlib.import_module("evaluator_component.metrics.catalogue")
    return dict(_METRICS)


def find(class_name: str, module: str = "") -> type[Metric]:
    """Returns the metric class of a name.

    Args:
        class_name: such as "AUC".
        module: where to import it from; "" for the registered ones.

    Raises:
        ConfigError: when there is no such class.
    """
    if not module or module.startswith("tensorflow_model_analysis"):
        classes = registered()
        if class_name not in classes:
            hint = did_you_mean(class_name, classes)
            raise ConfigError(f"unknown metric {class_name!r} {hint}")
        return classes[class_name]
    try:
        found = getattr(importlib.import_module(module), class_name)
    except ImportError as error:
        raise ConfigError(
            f"cannot import module {module!r} of metric {class_name!r}: {error}"
        ) from error
    except AttributeError as error:
        names = [name for name in dir(importlib.import_module(module)) if name[0] != "_"]
        hint = did_you_mean(class_name, names)
        raise ConfigError(f"module {module!r} has no {class_name!r} {hint}") from error
    if not (isinstance(found, type) and issubclass(found, Metric)):
        raise ConfigError(f"{module}.{class_name} is not a Metric")
    return found


def parse_arguments(config: str) -> dict[str, Any]:
    """Reads the JSON arguments of a metric; the outer braces are optional.

    Raises:
        ConfigError: when it is no JSON object.
    """
    text = config.strip()
    if not text:
        return {}
    if not text.startswith("{"):
        text = "{" + text + "}"
    try:
        arguments = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"arguments are not JSON: {error} in {config!r}") from error
    return dict(arguments)


def create(class_name: str, module: str = "", config: str = "") -> Metric:
    """Makes a metric.

    Args:
        class_name: name of a registered class, or of a class in `module`.
        module: import path; "" for registered classes.
        config: JSON arguments.

    Raises:
        ConfigError: unknown class or argument, or a value that the metric refuses.
    """
    metric = find(class_name, module)
    arguments = parse_arguments(config)
    known = [argument.name for argument in dataclasses.fields(metric) if argument.init]
    for name in arguments:
        if name not in known:
            raise ConfigError(f"{class_name} has no argument {name!r} {did_you_mean(name, known)}")
    try:
        return metric(**{name: _hashable(value) for name, value in arguments.items()})
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{class_name}: {error}") from error


def _hashable(value: Any) -> Any:
    """Lists become tuples: metrics are frozen values that compare equal and hash."""
    return tuple(_hashable(item) for item in value) if isinstance(value, list) else value
