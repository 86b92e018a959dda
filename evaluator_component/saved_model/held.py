"""What a function holds on to: layers, tables and variables that a SavedModel has to keep.

TensorFlow saves what is an attribute of the module that is saved. What a function uses otherwise
(from the function around it, from its own module, from an object that it is a method of, in dicts
and lists of these) it does not find, and fails in the middle of saving. Here it is found.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from types import FunctionType, MethodType, ModuleType
from typing import Any

from evaluator_component.errors import ModelError

__all__ = ["held_by", "untracked"]


def held_by(*things: Any) -> list[Any]:
    """Returns the trackable objects that functions use, each once."""
    import tensorflow as tf

    trackable = tf.__internal__.tracking.Trackable
    found: list[Any] = []
    seen: set[int] = set()
    waiting = list(things)
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or thing is None:
            continue
        seen.add(id(thing))
        if isinstance(thing, trackable):
            found.append(thing)
        else:
            waiting.extend(_inside(thing))
    return found


def _inside(thing: Any) -> Iterator[Any]:
    """Yields what a function, container or plain object refers to."""
    if isinstance(thing, MethodType):
        yield from (thing.__func__, thing.__self__)
    elif isinstance(thing, functools.partial):
        yield from (thing.func, *thing.args, *thing.keywords.values())
    elif isinstance(thing, FunctionType):
        yield from _used_by(thing)
    elif isinstance(thing, Mapping):
        yield from thing.values()
    elif isinstance(thing, (list, tuple, set, frozenset)):
        yield from thing
    elif hasattr(thing, "__dict__") and not isinstance(thing, type) and _is_users(type(thing)):
        yield from vars(thing).values()
        if callable(thing):
            yield type(thing).__call__


def _used_by(function: FunctionType) -> Iterator[Any]:
    yield getattr(function, "__wrapped__", None)
    yield from (cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell))
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    if _is_users(function):
        names = function.__code__.co_names
        for used in (function.__globals__[name] for name in names if name in function.__globals__):
            if isinstance(used, ModuleType):
                yield from (vars(used)[name] for name in names if name in vars(used))
            else:
                yield used


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - raises where a name was not assigned yet
    except ValueError:
        return False
    return True


def _is_users(thing: Any) -> bool:
    """Tells user code from libraries, which hold a great deal that is of no concern."""
    library = (thing.__module__ or "").partition(".")[0]
    return library not in {"builtins", "keras", "tf_keras", "numpy", "tensorflow"}


def untracked(error: BaseException, what: Iterable[str]) -> ModelError | None:
    """Returns a readable error for TensorFlow's about something that it could not save.

    Args:
        error: what saving raised.
        what: the functions that may be at fault.
    """
    text = str(error)
    if "untracked" not in text:
        return None
    named = re.search(r"Trackable referencing this tensor = (.+)", text)
    resource = named.group(1) if named else "a variable or table"
    return ModelError(
        f"{' or '.join(what)} uses {resource}, which cannot be found and so not be saved: make it "
        "an attribute of the model, or a variable that the function itself refers to"
    )
