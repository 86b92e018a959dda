"""Loads the user's module and its hooks.

A hook is a function of a known name at the top level of the module. Each names the arguments it
wants among those on offer; one that asks for something else, or a name that is nearly that of a
hook, is an error before any work starts. Names that begin with an underscore are the module's own.

Hooks::

    def extractors(defaults, eval_config, schema, models): return [*defaults, mine]
    def evaluators(defaults, eval_config, schema, models): return [*defaults, mine]
    def writers(defaults, eval_config, output_path): return [*defaults, mine]
    def metrics(): return [MyMetric]                      # classes the eval config may name
    def load_model(path, name, model_spec): return predict

TFX's names `custom_extractors` and `custom_eval_shared_model` are taken for `extractors` and
`load_model`; an argument `eval_saved_model_path`, `model_name` or `tensor_adapter_config` in them
is served as well.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from evaluator_component.component.wheel import content_hash, write_wheel
from evaluator_component.errors import ConfigError, Problems, did_you_mean

__all__ = ["HOOKS", "UserModule", "load_user_module", "pack_module", "unpack_module_path"]

#: The arguments on offer, by hook.
HOOKS: Mapping[str, tuple[str, ...]] = {
    "extractors": ("defaults", "eval_config", "schema", "models"),
    "evaluators": ("defaults", "eval_config", "schema", "models"),
    "writers": ("defaults", "eval_config", "output_path"),
    "metrics": ("eval_config",),
    "load_model": ("path", "name", "model_spec", "eval_config"),
}
#: TFX's name of a hook -> ours, and TFX's names of arguments -> ours.
TFX_HOOKS = {"custom_extractors": "extractors", "custom_eval_shared_model": "load_model"}
TFX_ARGUMENTS = {
    "eval_saved_model_path": "path",
    "model_name": "name",
    "eval_shared_model": "models",
    "tensor_adapter_config": "schema",
}
#: How alike a name must be to a hook's to be taken for a slip of the pen.
ALIKE = 0.85


@dataclass(frozen=True)
class UserModule:
    """The hooks of a user's module, ready to be called by name.

    Attributes:
        name: the module's name; "" where the user gave none.
        hooks: our name of a hook -> the function.
        packages: wheels that remote workers need to import the module.
    """

    name: str = ""
    hooks: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    packages: tuple[str, ...] = ()

    def call(self, hook: str, otherwise: Any = None, **offered: Any) -> Any:
        """Calls a hook with those of the offered arguments that it names.

        Args:
            hook: our name of the hook.
            otherwise: what to return when the module has no such hook.
            offered: the arguments on offer.
        """
        function = self.hooks.get(hook)
        if function is None:
            return otherwise
        by_name = {**offered, **{tfx: offered.get(our) for tfx, our in TFX_ARGUMENTS.items()}}
        parameters = inspect.signature(function).parameters.values()
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            return function(**by_name)
        return function(**{p.name: by_name[p.name] for p in parameters if p.name in by_name})


def load_user_module(module_file: str | None, module_path: str | None) -> UserModule:
    """Imports the user's module and checks its hooks.

    Args:
        module_file: path of a Python file.
        module_path: import path of a module, or `module@wheel` as a packed module is stored.

    Raises:
        ConfigError: the module cannot be imported, has no hook, or one of its hooks is misspelt
            or asks for an argument that is not on offer.
    """
    if module_path:
        name, wheel = unpack_module_path(module_path)
        module, packages = _import_by_name(name, wheel), (wheel,) if wheel else ()
    elif module_file:
        module, packages = _import_file(Path(module_file)), ()
    else:
        return UserModule()
    return UserModule(module.__name__, _checked_hooks(module), packages)


def pack_module(module_file: Path, into: Path) -> str:
    """Packs a module and the Python files beside it; returns `module@wheel`.

    The wheel's name carries a hash of the content, so it changes exactly when the code does.

    Raises:
        ConfigError: the file does not exist or is no Python file.
    """
    if not module_file.is_file():
        folder = module_file.parent
        names = [path.name for path in folder.glob("*.py")] if folder.is_dir() else []
        hint = did_you_mean(module_file.name, names)
        raise ConfigError(f"module_file: no such file {str(module_file)!r} {hint}")
    if module_file.suffix != ".py":
        raise ConfigError(f"module_file: {str(module_file)!r} is not a .py file")
    files = {path.name: path for path in module_file.parent.glob("*.py")}
    wheel = write_wheel(files, name=f"user_code_{content_hash(files)}", into=into)
    return f"{module_file.stem}@{wheel}"


def unpack_module_path(module_path: str) -> tuple[str, str]:
    """Returns module name and wheel ("" if there is none) of a stored module path."""
    name, _, wheel = module_path.partition("@")
    return name, wheel


def _import_by_name(name: str, wheel: str) -> ModuleType:
    try:
        if not wheel:
            return importlib.import_module(name)
        local = _local_copy(wheel)
        _put_first_on_path(local)
        # A module of this name from another wheel must not be taken for it.
        stale = sys.modules.get(name)
        if stale is not None and local not in str(getattr(stale, "__file__", "")):
            del sys.modules[name]
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(f"module_path: cannot import {name!r}: {error}") from error
    except Exception as error:
        raise ConfigError(f"module_path: {name!r} fails when it is imported: {error!r}") from error


def _local_copy(wheel: str) -> str:
    if "://" not in wheel:
        return wheel
    from tfx.utils import io_utils

    return str(io_utils.ensure_local(wheel))


def _put_first_on_path(entry: str) -> None:
    if entry in sys.path:
        sys.path.remove(entry)
    sys.path.insert(0, entry)
    importlib.invalidate_caches()


def _import_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise ConfigError(f"module_file: cannot read {str(path)!r}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        _put_first_on_path(str(path.parent))
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[path.stem]
        raise ConfigError(
            f"module_file: {str(path)!r} fails when it is imported: {error!r}"
        ) from error
    return module


def _checked_hooks(module: ModuleType) -> dict[str, Callable[..., Any]]:
    own = {
        name: value
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and name[0] != "_"
    }
    known = {**{name: name for name in HOOKS}, **TFX_HOOKS}
    problems = Problems()
    hooks: dict[str, Callable[..., Any]] = {}
    for name, function in own.items():
        if name not in known:
            if get_close_matches(name, known, n=1, cutoff=ALIKE):
                problems.add(name, "is not a hook", did_you_mean(name, known))
            continue
        if known[name] in hooks:
            problems.add(name, f"and {hooks[known[name]].__name__!r} are the same hook; give one")
        hooks[known[name]] = function
        _check_arguments(name, function, HOOKS[known[name]], problems)
    if not own.keys() & known.keys() and not problems:
        problems.add("", f"it defines no hook {did_you_mean('', HOOKS)}")
    problems.raise_if_any(of=f"in the user module {module.__name__!r}")
    return hooks


def _check_arguments(
    name: str, function: Callable[..., Any], offered: tuple[str, ...], problems: Problems
) -> None:
    accepted = {*offered, *(tfx for tfx, our in TFX_ARGUMENTS.items() if our in offered)}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        if parameter.name not in accepted and parameter.default is parameter.empty:
            hint = did_you_mean(parameter.name, offered)
            problems.add(name, f"asks for an unknown argument {parameter.name!r}", hint)
