"""Slicing: which slices each example belongs to, as integer codes and not as copies of rows."""

from evaluator_component.slicing.codes import Vocabulary, matches
from evaluator_component.slicing.index import SliceIndex, SlicingSpec

__all__ = ["SliceIndex", "SlicingSpec", "Vocabulary", "matches"]
