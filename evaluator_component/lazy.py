"""Lazy names: a package whose public names are imported when they are first used (PEP 562).

It keeps `import evaluator_component` light: Beam, TensorFlow and TFX are imported by those who use
what needs them.

Synopsis, in a package's `__init__.py`::

    __getattr__, __dir__ = lazy_names(__name__, {"Evaluator": "base"})
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["lazy_names"]


def lazy_names(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Returns `__getattr__` and `__dir__` for a package.

    Args:
        package: its name.
        homes: the module, relative to the package, that each name lives in; a name that is a
            module itself lives in "" .
    """

    def getattribute(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = homes[name]
        if not home:
            return importlib.import_module(f"{package}.{name}")
        return getattr(importlib.import_module(f"{package}.{home}"), name)

    def directory() -> list[str]:
        return sorted(homes)

    return getattribute, directory
