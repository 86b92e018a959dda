"""What led to a verdict, as properties of the evaluation: data, config, code and what was reused.

The store links an evaluation to its model, baseline, examples and schema by itself. It does not
know which spans and splits of the examples were read, which config was meant after all defaults,
which code computed it, and what was not computed but taken from an earlier evaluation; those are
recorded here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evaluator_component.component.request import Request
from evaluator_component.version import __version__

__all__ = ["lineage_record"]

#: Properties of an Examples artifact that say which data it is.
DATA_PROPERTIES = ("span", "version", "input_fingerprint")


def lineage_record(
    request: Request, properties: Mapping[str, Any], reuse: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Returns data, config and code of an evaluation as plain values.

    Args:
        request: what was asked for.
        properties: of the execution.
        reuse: what `run.json` tells of an earlier evaluation; None where there was none.
    """
    record: dict[str, Any] = {
        "config_hash": request.config_hash,
        "code_version": properties.get("code_version") or __version__,
        "splits": ", ".join(request.splits),
        "module": properties.get("module_path") or "",
    }
    if reuse is not None:
        what = "the whole result" if reuse.get("copied") else "statistics of the baseline"
        record["earlier_evaluation"] = reuse["folder"]
        record["reused"] = what if reuse["reused"] else "nothing"
        if reuse["reason"]:
            record["not_reused_because"] = reuse["reason"]
    for name in DATA_PROPERTIES:
        values = [_value(artifact, name) for artifact in request.examples]
        if any(values):
            record[f"examples_{name}"] = " | ".join(values)
    return record


def _value(artifact: Any, name: str) -> str:
    """Returns a property as text: ExampleGen keeps it as a custom one, others as a declared one."""
    custom = artifact.get_string_custom_property(name) or artifact.get_int_custom_property(name)
    if custom:
        return str(custom)
    return str(getattr(artifact, name)) if name in artifact.artifact_type.properties else ""
