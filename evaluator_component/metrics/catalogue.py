"""Catalogue: importing this module registers every metric of the package."""

from evaluator_component.metrics import (
    correlation,
    counts,
    gaps,
    regression,
)

__all__ = ["correlation", "counts", "gaps", "regression"]
