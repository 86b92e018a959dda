"""What a page says about a run itself: its models with their roles, data, versions, config.

It reads the content of `run.json`; unknown entries are shown by their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from evaluator_component.views.encoding import jsonable
from evaluator_component.views.run import BASELINE, Run, is_baseline, listed_models

__all__ = ["class_names", "run_facts", "total", "version_of"]

#: Names of folders that models lie in, whichever model it is.
_COMMON_FOLDERS = {"eval_model_dir", "model", "saved_model", "serving_model_dir"}
#: Entries that have a place of their own in the page, or that are no news to a reader.
_PLACED = {
    "baselines",
    "bad_records",
    "class_names",
    "config_hash",
    "data",
    "details",
    "eval_config",
    "model_hashes",
    "models",
    "name",
    "notes",
    "package_version",
    "packages",
    "rows",
    "rows_read",
    "schema_version",
    "seconds",
    "stage_seconds",
    "started",
    "time",
    "versions",
}


def run_facts(run: Run) -> dict[str, Any]:
    """Returns the facts about a run as JSON.

    Keys: name, time, models (each with name, role and, where known, version and location; those
    that were not evaluated are `unmeasured`), data (dataset, place and what else is known), rows,
    bad_records, seconds, versions, config, config_hash, notes, class_names, others (pairs of name
    and text).
    """
    about = jsonable(dict(run.metadata), text_limit=20_000)
    versions = {
        "evaluator_component": about.get("package_version"),
        **(about.get("packages") or {}),
    }
    versions.update(about.get("versions") or {})
    rows = about.get("rows_read") if about.get("rows_read") is not None else about.get("rows")
    others = {k: v for k, v in about.items() if k not in _PLACED}
    others.update(about.get("counters") or {})
    others.pop("counters", None)
    return {
        "name": run.name,
        "time": jsonable(run.time),
        "models": _models(run),
        "data": _data(about.get("data")),
        "rows": total(rows),
        "bad_records": total(about.get("bad_records")),
        "seconds": about.get("seconds"),
        "versions": {name: str(version) for name, version in versions.items() if version},
        "config": about.get("eval_config") or None,
        "config_hash": str(about.get("config_hash") or ""),
        "notes": [str(note) for note in about.get("notes") or ()],
        "class_names": class_names(about),
        "others": [[str(name), _text(value)] for name, value in others.items() if _text(value)],
    }


def _models(run: Run) -> list[dict[str, Any]]:
    hashes = run.metadata.get("model_hashes") or {}
    known = {
        str(model["name"]): {
            **model,
            "hash": hashes.get(model["name"]),
            "version": str(model.get("version") or version_of(_location(model))),
            "location": _location(model),
        }
        for model in listed_models(run.metadata)
    }
    roles = run.roles()
    if len(roles) == 1 and len(known) == 1:
        # One model, one set of metrics: they belong together whatever they are called.
        known = dict(zip(roles, known.values(), strict=True))
    models = [{**known.pop(name, {}), "name": name, "role": role} for name, role in roles.items()]
    if len({model.get("version") for model in models}) < len(models):
        # The same last word of two places tells nothing.
        models = [{**model, "version": ""} for model in models]
    for model in known.values():
        named = is_baseline(model) or model["name"] in (run.metadata.get("baselines") or ())
        models.append({**model, "role": BASELINE if named else "model", "unmeasured": True})
    told: list[dict[str, Any]] = jsonable(models, text_limit=500)
    return told


def version_of(location: str | None) -> str:
    """Returns what models are commonly told apart by: the last telling part of their place.

    Example:
        >>> version_of("/serving/flights/18/"), version_of("/tfx/Trainer/model/6/Format-Serving")
        ('18', '6')
    """
    parts = [part for part in (location or "").split("/") if part]
    while parts and (parts[-1].startswith("Format-") or parts[-1] in _COMMON_FOLDERS):
        parts.pop()
    name = parts[-1] if len(parts) > 1 else ""
    return name if len(name) <= 24 else ""


def _location(model: Mapping[str, Any]) -> str | None:
    places = [str(model[name]) for name in ("location", "path", "uri") if model.get(name)]
    # Runs over a column of predictions know no model: "<unknown>" is no news.
    return next((place for place in places if not place.startswith("<")), None)


def _data(data: Any) -> list[list[str]]:
    if not data:
        return []
    if isinstance(data, str):
        return [["", data, ""]]
    named = data.items() if isinstance(data, Mapping) else [("", place) for place in data]
    return [[str(name), *_place(place)] for name, place in named]


def _place(place: Any) -> tuple[str, str]:
    """Where data are, and what else is known of them."""
    if isinstance(place, Mapping):
        rest = [f"{k} {v}" for k, v in place.items() if k != "location" and _text(v)]
        return str(place.get("location") or ""), ", ".join(rest).replace("_", " ")
    return (", ".join(map(str, place)) if isinstance(place, list) else str(place)), ""


def total(number: Any) -> Any:
    """Returns a number, or the sum of a mapping's numbers; None where there is none.

    Example:
        >>> total({"train": 2, "eval": 3})
        5
    """
    if isinstance(number, Mapping):
        return sum(part for part in number.values() if isinstance(part, int | float)) or None
    return number if isinstance(number, int | float) else None


def _text(value: Any) -> str:
    """A value in one short line; "" where it is empty or long."""
    if value in (None, "", 0) or value == {} or value == []:
        return ""
    if isinstance(value, Mapping):
        value = ", ".join(f"{name} {part}" for name, part in value.items())
    text = str(value)
    return text if len(text) <= 160 else ""


def class_names(about: Mapping[str, Any]) -> dict[str, list[str]]:
    """Returns the names of classes by output ("" for the only one), from the run or its config.

    Example:
        >>> class_names({"eval_config": {"model_specs": [{"class_names": ["cat", "dog"]}]}})
        {'': ['cat', 'dog']}
    """
    given = about.get("class_names")
    if given:
        return dict(given) if isinstance(given, Mapping) else {"": list(given)}
    specs: Iterable[Any] = (about.get("eval_config") or {}).get("model_specs") or ()
    names: dict[str, list[str]] = {}
    for spec in specs:
        if spec.get("class_names"):
            names.setdefault("", list(spec["class_names"]))
        for output, listed in (spec.get("output_class_names") or {}).items():
            names.setdefault(str(output), list(listed.get("values") or ()))
    return names
