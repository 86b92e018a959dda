"""Catalogue: importing this module registers every metric of the package."""

from evaluator_component.metrics import (
    counts,
    regression,
)

__all__ = ["counts", "regression"]
