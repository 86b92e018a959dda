"""Metrics: statistics over columns and groups, and formulas over statistics.

Every registered metric is a name of this package: `metrics.AUC(num_thresholds=1000)`. To write one,
see `metrics.base`; to find out which there are, `registered()`.
"""

from __future__ import annotations

from typing import Any

__all__ = ["register", "registered"]


def __getattr__(name: str) -> Any:
    from evaluator_component.metrics import registry

    if name in __all__:
        return getattr(registry, name)
    if not name.startswith("_") and name[:1].isupper() and name in registry.registered():
        return registry.registered()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
