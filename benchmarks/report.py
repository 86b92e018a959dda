"""The tables: what was measured, as Markdown.

A ratio is printed with the goal that it is held against.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.configs import SETTINGS
from benchmarks.data import SIZES

__all__ = ["insert", "markdown", "one_line", "table"]

Results = dict[str, Any]

_BEGIN, _END = "<!-- tables: begin -->", "<!-- tables: end -->"

#: Goals: times less CPU than the peer, times the CPU of the floor.
_PEER_GOALS = {
    ("a", "20k"): 15,
    ("a", "336k"): 90,
    ("b", "20k"): 40,
    ("b", "336k"): 350,
    ("c_jk", "100"): 100,
    ("c_pb", "100"): 100,
    ("d", "20k"): 75,
    ("d", "336k"): 500,
    ("e", "20k"): 60,
    ("e", "336k"): 200,
}
_FLOOR_GOALS = {"a": 1.5, "b": 1.5, "c_jk": 1.5, "c_pb": 1.5, "d": 1.5, "e": 2.0}


def one_line(found: dict[str, Any]) -> str:
    """Returns a measurement in a few words."""
    rate = found["rows"] / found["cpu"]
    return (
        f"{found['cpu']:.2f} s CPU, {found['wall']:.2f} s, {rate:,.0f} rows/s, "
        f"+{found['peak_mb']:.0f} MB (load {found['load']})"
    )


def markdown(results: Results, agree: bool) -> str:
    """Returns all tables."""
    parts = [
        "The numbers of all contenders agree."
        if agree
        else "**The numbers of the contenders differ; see the messages.**",
        "### CPU seconds, side by side",
        table(
            ("setting", "rows", "peer", "floor", "ours", "rows/s", "peer/ours", "ours/floor"),
            _side_by_side(results),
        ),
        "### Growth with rows",
        table(
            ("setting", "rows", "CPU s", "wall s", "rows per CPU s", "peak memory, MB"),
            _growth(results),
        ),
        "### Growth with metrics and slices, 336,776 rows",
        table(("setting", "what", "CPU s", "peak memory, MB"), _settings(results)),
        "### Workers",
        table(("rows", "mode", "CPU s", "wall s"), _modes(results)),
    ]
    if "small cases" in results:
        parts += ["### Small cases", table(("case", "CPU s", "goal"), _small(results))]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    """Returns a Markdown table."""
    lines = [f"| {' | '.join(map(str, row))} |" for row in rows]
    if not lines:
        return "(not measured)"
    return "\n".join([f"| {' | '.join(head)} |", "|" + "---|" * len(head), *lines])


def _get(results: Results, contender: str, setting: str, size: str) -> Any:
    return results.get(f"{contender} {setting} {size}")


def _side_by_side(results: Results) -> Iterator[tuple[Any, ...]]:
    for setting in SETTINGS:
        for size in SIZES:
            ours = _get(results, "us", setting, size)
            floor = _get(results, "floor", setting, size)
            peer, note = _peer(results, setting, size)
            if ours is None or (peer is None and floor is None):
                continue
            yield (
                setting,
                f"{SIZES[size]:,}",
                "" if peer is None else f"{peer:,.1f}{note}",
                "" if floor is None else f"{floor['cpu']:.2f}",
                f"{ours['cpu']:.2f}",
                f"{ours['rows'] / ours['cpu']:,.0f}",
                _peer_ratio(peer, ours, setting, size),
                _floor_ratio(ours, floor, setting, size),
            )


def _peer(results: Results, setting: str, size: str) -> tuple[float | None, str]:
    """Returns the peer's CPU seconds; estimated by a straight line where it has two sizes."""
    found = _get(results, "peer", setting, size)
    if found is not None:
        return found["cpu"], ""
    known = [_get(results, "peer", setting, each) for each in ("20k", "100k")]
    if size != "336k" or None in known:
        return None, ""
    slope = (known[1]["cpu"] - known[0]["cpu"]) / (known[1]["rows"] - known[0]["rows"])
    return known[1]["cpu"] + slope * (SIZES[size] - known[1]["rows"]), " (from 100,000 rows)"


def _peer_ratio(peer: float | None, ours: dict[str, Any], setting: str, size: str) -> str:
    if peer is None:
        return ""
    ratio = peer / ours["cpu"]
    goal = _PEER_GOALS.get((setting, size))
    return f"{ratio:,.0f}" + (
        f" (goal {goal}{'' if ratio >= goal else ': missed'})" if goal else ""
    )


def _floor_ratio(ours: dict[str, Any], floor: Any, setting: str, size: str) -> str:
    if floor is None:
        return ""
    ratio = ours["cpu"] / floor["cpu"]
    goal = _FLOOR_GOALS.get(setting) if size == "336k" else None
    return f"{ratio:.2f}" + (f" (goal {goal}{'' if ratio <= goal else ': missed'})" if goal else "")


def _growth(results: Results) -> Iterator[tuple[Any, ...]]:
    for setting in ("a", "b", "c_jk", "e"):
        for size in ("20k", "336k", "2m"):
            found = _get(results, "us", setting, size)
            if found is not None:
                yield (
                    setting,
                    f"{found['rows']:,}",
                    f"{found['cpu']:.2f}",
                    f"{found['wall']:.2f}",
                    f"{found['rows'] / found['cpu']:,.0f}",
                    f"{found['loaded_mb']:.0f} + {found['peak_mb']:.0f}",
                )


def _settings(results: Results) -> Iterator[tuple[Any, ...]]:
    for setting in ("one", "a", "slices", "b", "page", "c_jk", "c_pb", "c_pb200", "d", "e"):
        found = _get(results, "us", setting, "336k")
        if found is not None:
            title = SETTINGS[setting].title
            yield setting, title, f"{found['cpu']:.2f}", f"+{found['peak_mb']:.0f}"


def _modes(results: Results) -> Iterator[tuple[Any, ...]]:
    for size in ("336k", "2m"):
        for key, found in results.items():
            if key.startswith(f"us b {size}"):
                mode = found["flags"][-1].partition("=")[2] if found["flags"] else "in_memory"
                yield f"{found['rows']:,}", mode, f"{found['cpu']:.2f}", f"{found['wall']:.2f}"


def _small(results: Results) -> Iterator[tuple[Any, ...]]:
    found = results["small cases"]
    yield "`import evaluator_component`", f"{found['import']:.2f}", "0.3"
    yield "`evaluator-component --help`", f"{found['help']:.2f}", "0.5"
    beyond = found["8,000 rows"] - found["libraries"]
    yield (
        "8,000 rows to the verdict, beyond importing TensorFlow and Beam",
        f"{beyond:.2f}",
        "3",
    )


def insert(path: Path, text: str) -> None:
    """Puts text between the markers of a file."""
    before, begin, rest = path.read_text().partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise SystemExit(f"{path} has no markers {_BEGIN} and {_END}")
    path.write_text(f"{before}{begin}\n\n{text}\n{end}{after}")
