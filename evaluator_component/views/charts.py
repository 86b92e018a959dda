"""Single charts outside of the page: as Vega-Lite, SVG, PNG or PDF, without a browser.

The charting library is Vega-Lite (with Vega), for one reason above all: a chart is plain data, so
the same template is drawn by the library's JavaScript in the page and by `vl-convert` (Rust) into
an image on a machine without a browser. It runs without `eval` (its expressions are interpreted),
so the page can forbid every script but its own. ECharts draws as well and faster with a hundred
thousand points, but needs Node or a browser for an image, and its options hold functions, which
cannot be shared with Python. Slices beyond what a chart can show are the table's matter.

Images need the extra `images`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluator_component.errors import EvaluatorError, did_you_mean
from evaluator_component.views.specs import CATALOGUE, TEMPLATES, ChartInfo, fill
from evaluator_component.views.theme import DASHES, chart_config, colors

__all__ = ["IMAGE_FORMATS", "Chart", "grid", "plot_charts", "save_image", "series_tokens"]

IMAGE_FORMATS = (".svg", ".png", ".pdf", ".json")

#: A chart's own size, without axes: width and height in pixels.
SIZES = {"square": (300, 260), "plain": (340, 260), "wide": (130, 104)}


@dataclass(frozen=True)
class Chart:
    """One chart.

    Attributes:
        id: of its template, such as "roc".
        title: as shown above it.
        spec: the Vega-Lite specification, data and look included.
    """

    id: str
    title: str
    spec: Mapping[str, Any]

    def save(self, path: str | Path, *, scale: float = 2.0) -> Path:
        """Writes the chart as .svg, .png, .pdf or .json (its specification); returns the path.

        Args:
            path: where to; its ending names the format.
            scale: of a PNG, pixels of the image per pixel of the page.

        Raises:
            EvaluatorError: when the ending is none of these, or `vl-convert` is not installed.
        """
        return save_image(self.spec, path, scale=scale)


def plot_charts(
    plots: Sequence[Mapping[str, Any]],
    row: int,
    slice_label: str,
    models: Mapping[str, str],
    *,
    theme: str = "light",
    cut: float = 0.5,
) -> list[Chart]:
    """Returns every chart that a slice's plots can be drawn as, all models laid over each other.

    Args:
        plots: as `plot_data.plots_payload` returns them.
        row: of the slice.
        slice_label: the slice's name.
        models: role by model name; candidates first.
        theme: "light" or "dark".
        cut: the decision threshold to mark.
    """
    order = list(models)
    charts: list[Chart] = []
    for info in CATALOGUE:
        alike: dict[Any, list[Mapping[str, Any]]] = {}
        for plot in plots:
            if plot["kind"] == info.kind and str(row) in plot["rows"]:
                name = (plot["metric"], plot["output"], plot["sub"], plot["weighted"])
                alike.setdefault(name, []).append(plot)
        for same in alike.values():
            same.sort(key=lambda plot: order.index(plot["model"]) if plot["model"] in order else -1)
            groups = [[plot] for plot in same] if info.per_series else [same]
            charts += [
                _plot_chart(info, group, row, slice_label, models, theme, cut) for group in groups
            ]
    return charts


def _plot_chart(
    info: ChartInfo,
    plots: Sequence[Mapping[str, Any]],
    row: int,
    slice_label: str,
    models: Mapping[str, str],
    theme: str,
    cut: float,
) -> Chart:
    rows: list[dict[str, Any]] = []
    names, roles = [], []
    for plot in plots:
        name = plot["model"] or slice_label
        names.append(name)
        roles.append(models.get(plot["model"], ""))
        rows += [{**values, "series": name} for values in plot_rows(plot, row, cut)]
    width, height = SIZES[info.shape]
    tokens = {
        **colors(theme),
        **series_tokens(names, roles, theme),
        **matrix_tokens(rows, plots[0]["class_names"], width),
        "width": (width - 24) // 2 if info.id == "binary_confusion" and len(plots) > 1 else width,
        "height": height,
        "columns": 2,
        "cut": cut,
        "fillOpacity": 0.75 if len(plots) == 1 else 0.12,
    }
    if len(names) == 1:
        tokens["legend"] = None
    subtitle = _subtitle(plots[0], slice_label)
    if "confusion" in info.id:
        subtitle += " · rows: actual, columns: predicted"
    title = {"text": info.title, "subtitle": subtitle}
    return Chart(info.id, info.title, complete(info.id, tokens, {"rows": rows}, title, theme))


def _subtitle(plot: Mapping[str, Any], slice_label: str) -> str:
    return " · ".join(part for part in (slice_label, plot["output"], plot["sub"]) if part)


def plot_rows(plot: Mapping[str, Any], row: int, cut: float = 0.5) -> list[dict[str, Any]]:
    """Returns one slice's plot data as rows; classes by their names."""
    columns = dict(plot["rows"][str(row)])
    if "threshold" in columns and plot["kind"].startswith("multi_"):
        columns = _at_threshold(columns, cut)
    names = plot["class_names"]
    for part in ("actual", "predicted"):
        if part in columns:
            columns[part] = [class_label(value, names) for value in columns[part]]
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def _at_threshold(columns: Mapping[str, Sequence[Any]], cut: float) -> dict[str, list[Any]]:
    """The matrix at the threshold nearest to the decision threshold."""
    nearest = min(columns["threshold"], key=lambda threshold: abs(float(threshold) - cut))
    kept = [i for i, threshold in enumerate(columns["threshold"]) if threshold == nearest]
    return {name: [column[i] for i in kept] for name, column in columns.items()}


def class_label(value: Any, names: Sequence[str]) -> str:
    """Returns a class's name; its id where it has none.

    Example:
        >>> class_label(1, ["cat", "dog"]), class_label(-1, [])
        ('dog', 'none')
    """
    if isinstance(value, int) and 0 <= value < len(names):
        return names[value]
    return "none" if value == -1 else str(value)


def series_tokens(names: Sequence[str], roles: Sequence[str], theme: str) -> dict[str, Any]:
    """Returns the tokens that tell series apart: the baseline is grey and dashed."""
    palette = colors(theme)["series"]
    candidates = [name for name, role in zip(names, roles, strict=True) if role != "baseline"]
    shades, dashes = [], []
    for name, role in zip(names, roles, strict=True):
        if role == "baseline" and candidates:
            shades.append(colors(theme)["baseline"])
            dashes.append(DASHES[1])
        else:
            shades.append(palette[names.index(name) % len(palette)])
            dashes.append(DASHES[0])
    return {
        "names": list(names),
        "colors": shades,
        "dashes": dashes,
        "legend": {"symbolType": "stroke"},
    }


def matrix_tokens(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str], width: int
) -> dict[str, Any]:
    """Returns the tokens of confusion matrices: classes in order, and what fits into a cell."""
    actual = list(dict.fromkeys(str(row["actual"]) for row in rows if "actual" in row))
    predicted = list(dict.fromkeys(str(row["predicted"]) for row in rows if "predicted" in row))
    known = {name: place for place, name in enumerate(names)}
    found = dict.fromkeys(actual + [name for name in predicted if name != "none"])
    classes = sorted(found, key=lambda name: (known.get(name, len(known)), _natural(name)))
    cell = width / max(len(classes), 2)
    return {
        "classes": classes,
        "predictedClasses": classes + (["none"] if "none" in predicted else []),
        "labelAngle": 0 if max([len(name) for name in classes] or [0]) * 6 < cell else -45,
        "gap": 2 if cell > 20 else 0.5,
        "rise": -5 if cell >= 44 else 0,
        "shareOpacity": 1 if cell >= 38 else 0,
        "countOpacity": 1 if cell >= 44 else 0,
        "facetLabels": True,
    }


def _natural(name: str) -> tuple[int, float, str]:
    try:
        return (0, float(name), name)
    except ValueError:
        return (1, 0.0, name)


def complete(
    template: str,
    tokens: Mapping[str, Any],
    data: Mapping[str, Any],
    title: Any,
    theme: str,
) -> dict[str, Any]:
    """Returns a whole specification: a filled template with its data, title and look."""
    background = {"background": colors(theme)["surface"], "padding": 16}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "title": title,
        **fill(TEMPLATES[template], tokens),
        "datasets": dict(data),
        "config": {**chart_config(theme), **background},
    }


def grid(charts: Iterable[Chart], columns: int = 3) -> dict[str, Any]:
    """Returns one specification that shows several charts beside and under each other."""
    specs: list[Any] = []
    datasets: dict[str, Any] = {}
    config: Mapping[str, Any] = {}
    params: Sequence[Any] = ()
    for index, chart in enumerate(charts):
        shared = ("$schema", "config", "datasets", "params")
        spec = {name: part for name, part in chart.spec.items() if name not in shared}
        params = chart.spec.get("params", params)
        names = {name: f"{name}_{index}" for name in chart.spec["datasets"]}
        datasets.update({names[name]: rows for name, rows in chart.spec["datasets"].items()})
        specs.append(_renamed(spec, names))
        config = chart.spec["config"]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "params": params,
        "concat": specs,
        "columns": columns,
        "spacing": 40,
        "resolve": {"scale": {"color": "independent", "strokeDash": "independent"}},
        "datasets": datasets,
        "config": config,
    }


def _renamed(spec: Any, names: Mapping[str, str]) -> Any:
    if isinstance(spec, Mapping):
        return {
            key: {"name": names[part["name"]]}
            if key == "data" and part.get("name") in names
            else _renamed(part, names)
            for key, part in spec.items()
        }
    return [_renamed(part, names) for part in spec] if isinstance(spec, list) else spec


def save_image(spec: Mapping[str, Any], path: str | Path, *, scale: float = 2.0) -> Path:
    """Writes a Vega-Lite specification as an image; see `Chart.save`."""
    path, spec = Path(path), dict(spec)
    kind = path.suffix.lower()
    if kind not in IMAGE_FORMATS:
        raise EvaluatorError(
            f"cannot save a chart as {path.name!r} {did_you_mean(kind, IMAGE_FORMATS)}"
        )
    if kind == ".json":
        path.write_text(json.dumps(spec, indent=1, ensure_ascii=False), encoding="utf-8")
        return path
    try:
        import vl_convert
    except ImportError as error:
        raise EvaluatorError(
            "charts as images need vl-convert: pip install 'evaluator_component[images]'"
        ) from error
    versions = vl_convert.get_vegalite_versions()
    version = max(versions, key=lambda text: tuple(int(part) for part in text.split(".")))
    if kind == ".svg":
        path.write_text(vl_convert.vegalite_to_svg(spec, vl_version=version), encoding="utf-8")
    elif kind == ".png":
        path.write_bytes(vl_convert.vegalite_to_png(spec, vl_version=version, scale=scale))
    else:
        path.write_bytes(vl_convert.vegalite_to_pdf(spec, vl_version=version))
    return path
