"""The catalogue of metrics as a table: class, name in results, what it is, arguments."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

__all__ = ["catalogue_rows", "markdown_table"]

_BETTER = {1: "higher", -1: "lower", 0: ""}


def catalogue_rows() -> Iterator[tuple[str, str, str, str]]:
    """Yields (class, what it is, which values are better, arguments) of every metric, by name."""
    from evaluator_component.metrics import registry

    for name, metric in sorted(registry.registered().items(), key=lambda item: item[0].lower()):
        about = (metric.__doc__ or "").strip().splitlines()[0].strip()
        better = getattr(metric, "direction", 0)
        arguments = [field.name for field in dataclasses.fields(metric) if field.name != "name"]
        yield (
            name,
            about,
            _BETTER.get(better, "") if isinstance(better, int) else "",
            ", ".join(arguments),
        )


def markdown_table() -> str:
    """Returns the catalogue as a Markdown table, as `docs/metrics.md` has it."""
    lines = ["| metric | what it is | better | arguments |", "|---|---|---|---|"]
    for name, about, better, arguments in catalogue_rows():
        told = about.replace("|", "\\|")
        listed = ", ".join(f"`{argument}`" for argument in arguments.split(", ") if argument)
        lines.append(f"| `{name}` | {told} | {better} | {listed} |")
    return "\n".join(lines) + "\n"
