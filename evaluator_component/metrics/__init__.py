"""Metrics: statistics over columns and groups, and formulas over statistics.

Every registered metric is a name of this package: `metrics.AUC(num_thresholds=1000)`. To write one,
see `metrics.base`; to find out which there are, `registered()`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["register", "registered"]


def __getattr__(name: str) -> Any:
    if name in __all__ or name[:1].isupper():
        registry = import_module(f"{__name__}.registry")
        if name in __all__:
            return getattr(registry, name)
        if name in registry.registered():
            return registry.registered()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
