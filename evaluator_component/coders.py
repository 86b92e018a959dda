"""How large elements travel between workers, and a type that tells Beam so.

Beam estimates the size of a sample of all elements by encoding them, which for batches of thousands
of rows and for tables of states takes as long as computing them. This coder answers from the sizes
of the arrays.

Synopsis::

    batches = large(batches | beam.ParDo(...))
    states = large(batches | beam.ParDo(...), keyed=True)    # (int, large element)
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any

import apache_beam as beam
from apache_beam.typehints import typehints

__all__ = ["LargeCoder", "large"]


class LargeCoder(beam.coders.Coder):  # type: ignore[misc]
    """Pickles elements; knows about how large they are without doing so."""

    def encode(self, value: Any) -> bytes:
        """Returns an element as bytes."""
        return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)

    def decode(self, encoded: bytes) -> Any:
        """Returns the element."""
        return pickle.loads(encoded)

    def estimate_size(self, value: Any) -> int:
        """Returns the bytes of an element (`nbytes`), or of what a dict or tuple consists of.

        Example:
            >>> import numpy as np
            >>> LargeCoder().estimate_size({"labels": np.zeros(2), "features": {"x": np.ones(3)}})
            40
        """
        if hasattr(value, "nbytes"):
            return int(value.nbytes)
        if isinstance(value, Mapping):
            return sum(map(self.estimate_size, value.values()))
        if isinstance(value, tuple):
            return sum(map(self.estimate_size, value))
        return 0

    def is_deterministic(self) -> bool:
        """Large elements are never keys."""
        return False


class _Large(typehints.AnyTypeConstraint):  # type: ignore[misc]
    """As good as any type where Beam checks types, but with a coder of its own."""


_LARGE = _Large()
beam.coders.registry.register_coder(_Large, LargeCoder)


def large(collection: beam.PCollection, keyed: bool = False) -> beam.PCollection:
    """Declares that the elements of a PCollection are large; returns it.

    Args:
        collection: the PCollection.
        keyed: its elements are pairs of an integer and a large element.
    """
    collection.element_type = typehints.Tuple[int, _LARGE] if keyed else _LARGE
    return collection
