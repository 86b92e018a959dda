"""SliceKeyExtractor: adds the groups (one per slice) that each example belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import apache_beam as beam

from evaluator_component.config import CrossSliceSpec, SliceSpec
from evaluator_component.extractors.base import Extractor, Extracts, row_count
from evaluator_component.slicing import SliceIndex

__all__ = ["SLICE_KEY_EXTRACTOR_STAGE_NAME", "SliceKeyExtractor", "slice_specs"]

SLICE_KEY_EXTRACTOR_STAGE_NAME = "ExtractSliceKeys"


def slice_specs(eval_config: Any) -> tuple[SliceSpec, ...]:
    """Returns every slicing spec that a config needs, those of its comparisons included.

    A config without slicing specs means the overall slice.
    """
    specs = [SliceSpec.from_proto(spec) for spec in eval_config.slicing_specs] or [SliceSpec()]
    for message in eval_config.cross_slicing_specs:
        cross = CrossSliceSpec.from_proto(message)
        specs.extend((cross.baseline, *cross.comparisons))
    return tuple(dict.fromkeys(specs))


def SliceKeyExtractor(
    eval_config: Any = None, slice_spec: Sequence[SliceSpec] | None = None
) -> Extractor:
    """Makes the extractor of slice keys.

    Args:
        eval_config: its slicing specs say which slices there are.
        slice_spec: overrides them.
    """
    specs = tuple(slice_spec) if slice_spec is not None else slice_specs(eval_config)
    return Extractor(SLICE_KEY_EXTRACTOR_STAGE_NAME, beam.ParDo(_ExtractSliceKeys(specs)))


class _ExtractSliceKeys(beam.DoFn):  # type: ignore[misc]
    """Keeps one index per bundle: group ids line up over the batches of a bundle."""

    def __init__(self, specs: tuple[SliceSpec, ...]) -> None:
        self._specs = specs
        self._index: SliceIndex | None = None

    def start_bundle(self) -> None:
        self._index = SliceIndex(self._specs)

    def process(self, extracts: Extracts) -> Iterable[Extracts]:
        assert self._index is not None
        features = {**extracts.get("features", {}), **_shared(extracts)}
        groups = self._index.assign(features, row_count(extracts))
        yield {**extracts, "slice_keys": groups}


def _shared(extracts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Transformed features that are not told apart by model."""
    transformed = extracts.get("transformed_features") or {}
    return {name: c for name, c in transformed.items() if not isinstance(c, Mapping)}
