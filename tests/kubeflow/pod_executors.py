"""Executors for the tests of the entry point."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tfx.dsl.components.base import base_beam_executor, base_executor

from evaluator_component.component.blessing import Ruling, write_blessing
from evaluator_component.errors import ConfigError


class Greeter(base_executor.BaseExecutor):
    """Writes a file and a property."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: Any) -> None:
        (made,) = output_dict["made"]
        Path(made.uri).mkdir()
        Path(made.uri, "said").write_text(exec_properties["greeting"])
        words = [exec_properties["greeting"]] * exec_properties["times"]
        made.set_string_custom_property("greeting", " ".join(words))


class Careless(base_executor.BaseExecutor):
    """Sets properties of all kinds."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: Any) -> None:
        (made,) = output_dict["made"]
        made.set_float_custom_property("good", 0.5)
        made.set_float_custom_property("lift", float("nan"))
        made.set_float_custom_property("ratio", float("inf"))
        made.mlmd_artifact.custom_properties["done"].bool_value = True
        made.set_string_custom_property("place", os.path.join(made.uri, "part"))
        nested = made.mlmd_artifact.custom_properties["nested"].struct_value
        nested.update({"a": [1.0, float("nan")], "b": {"c": float("-inf")}})


class Refusing(base_executor.BaseExecutor):
    """Fails because of what the user asked for."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: Any) -> None:
        raise ConfigError("no metric is called 'Acu'")


class Telling(base_beam_executor.BaseBeamExecutor):
    """Tells what kind of place it was given."""

    def __init__(self, context: Any = None) -> None:
        # The base would pack TFX for a runner that is never reached.
        base_executor.BaseExecutor.__init__(self, context)

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: Any) -> None:
        (made,) = output_dict["made"]
        scheme, found, _ = made.uri.partition("://")
        below = made.uri.partition("/mlpipeline")[0]
        opened = f"a URI of {scheme}" if found else f"a path below {below}"
        made.set_string_custom_property("opened", opened)


class Blessing(base_executor.BaseExecutor):
    """Blesses its model."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: Any) -> None:
        (model,) = input_dict["model"]
        write_blessing(output_dict["blessing"][0], Ruling(True, "BLESSED"), model=model)
