"""Inference: what a config leaves out and a model tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["fill_from_models"]


def fill_from_models(eval_config: Any, models: Mapping[str, Any]) -> list[str]:
    """Fills in labels, weights and class names that eval SavedModels tell.

    Args:
        eval_config: changed in place.
        models: loaded models by the name of their model spec.

    Returns:
        What was filled in, in words.
    """
    notes = []
    for spec in eval_config.model_specs:
        metadata = getattr(models.get(spec.name), "metadata", None)
        if metadata is None:
            continue
        which = f"model {spec.name!r}: " if spec.name else ""
        outputs = list(metadata.outputs)
        if not (spec.label_key or spec.label_keys):
            keys = {each.name: each.label_key for each in outputs if each.label_key}
            if _fill(spec, "label_key", keys):
                notes.append(f"{which}label {_named(keys)} (from the eval SavedModel)")
        if not (spec.example_weight_key or spec.example_weight_keys):
            keys = {e.name: e.example_weight_key for e in outputs if e.example_weight_key}
            if _fill(spec, "example_weight_key", keys):
                notes.append(f"{which}example weight {_named(keys)} (from the eval SavedModel)")
        if not (spec.class_names or spec.output_class_names):
            for each in outputs:
                names = list(each.label_vocabulary) or list(each.class_names)
                if not names:
                    continue
                if each.name and len(outputs) > 1:
                    spec.output_class_names[each.name].values.extend(names)
                else:
                    spec.class_names.extend(names)
                notes.append(f"{which}class names {', '.join(names[:5])}")
    return notes


def _fill(spec: Any, field: str, keys: Mapping[str, str]) -> bool:
    """Sets `field`, or `fields` by output name where there are several."""
    if not keys:
        return False
    if len(keys) == 1:
        setattr(spec, field, next(iter(keys.values())))
    else:
        getattr(spec, f"{field}s").update(keys)
    return True


def _named(keys: Mapping[str, str]) -> str:
    if len(keys) == 1:
        return repr(next(iter(keys.values())))
    return ", ".join(f"{output}: {key!r}" for output, key in keys.items())
