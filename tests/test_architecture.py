"""The shape of the package: folders import only from folders to their left."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "evaluator_component"

#: In the order of the data flow; a folder imports only from those before it.
ORDER = (
    "config",
    "inputs",
    "saved_model",
    "slicing",
    "extractors",
    "metrics",
    "confidence",
    "evaluators",
    "validation",
    "writers",
    "results",
    "views",
    "api",
    "component",
    "cli",
)
#: Modules that lie left of all folders.
ROOTS = {
    "batch",
    "cells",
    "coders",
    "errors",
    "groups",
    "keys",
    "lazy",
    "metrics_table",
    "protos",
    "quiet",
    "resamples",
    "version",
}
#: The one look to the right: a result shows itself in a notebook by the views.
EXCEPTIONS = {("results/eval_result.py", "evaluator_component.views")}
#: TFMA's names for folders; nobody inside imports them.
FACADES = {"slicer", "view", "__init__", "__main__"}
#: Folders whose numbers need NumPy and Arrow only.
PURE = ("slicing", "metrics", "confidence", "validation")
HEAVY = ("apache_beam", "tensorflow", "tfx", "keras", "tf_keras", "google.protobuf")


def modules() -> Iterator[tuple[Path, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).parts
        if parts[0] != "protos":
            yield path, parts[0].removesuffix(".py")


def imports_of(path: Path) -> Iterator[tuple[str, int, bool]]:
    """Yields (module, line, whether it is imported when the file is)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = {
        id(node)
        for scope in ast.walk(tree)
        if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(scope)
    }
    typing_only = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for node in ast.walk(branch)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, id(node) not in inner
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno, id(node) not in inner


def test_folders_import_only_from_folders_to_their_left() -> None:
    wrong = []
    for path, home in modules():
        if home in FACADES:
            continue
        for module, line, _ in imports_of(path):
            if not module.startswith("evaluator_component."):
                continue
            target = module.split(".")[1]
            if target in ROOTS or target == home:
                continue
            if (path.relative_to(PACKAGE).as_posix(), module) in EXCEPTIONS:
                continue
            if home in ROOTS or target not in ORDER or ORDER.index(target) > ORDER.index(home):
                wrong.append(f"{path.relative_to(PACKAGE)}:{line} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_every_folder_has_its_place_in_the_order() -> None:
    folders = {p.name for p in PACKAGE.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert folders == {*ORDER, "protos"}


@pytest.mark.parametrize("folder", PURE)
def test_pure_folders_need_neither_beam_nor_tensorflow_nor_protos(folder: str) -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)}:{line} imports {module}"
        for path, home in modules()
        if home == folder
        for module, line, _ in imports_of(path)
        if module.startswith(HEAVY) or module.startswith("evaluator_component.protos")
    ]
    assert not wrong, "\n".join(wrong)


def test_nothing_imports_the_library_that_we_replace() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path, _ in modules()
        for module, line, _ in imports_of(path)
        if module.startswith("tensorflow_model_analysis")
    ]
    assert not wrong, "\n".join(wrong)


def test_workers_do_not_import_tfx() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)}:{line} imports {module}"
        for path, home in modules()
        if home != "component"
        for module, line, at_import in imports_of(path)
        if (module == "tfx" or module.startswith("tfx.")) and at_import
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_is_a_drawer() -> None:
    drawers = {"util", "utils", "common", "helper", "helpers", "misc", "lib"}
    assert not [str(path) for path, _ in modules() if path.stem in drawers]
