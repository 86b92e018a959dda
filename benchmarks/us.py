"""This library: `evaluate` through Beam, results written and read back."""

from __future__ import annotations

from typing import Any

from benchmarks.agreement import Numbers, numbers_of
from benchmarks.configs import Setting
from benchmarks.measure import Stopwatch
from benchmarks.model import saved_model

__all__ = ["Us"]


class Us:
    """Runs this library.

    Args:
        setting: what to evaluate.
        flags: of Beam; the library's default runner where there are none.
    """

    def __init__(self, setting: Setting, flags: tuple[str, ...] = ()) -> None:
        import apache_beam  # noqa: F401
        import tensorflow  # noqa: F401

        import evaluator_component  # noqa: F401
        from evaluator_component.saved_model import load_model

        self.setting, self.flags = setting, list(flags)
        self.loading = Stopwatch()
        self.models = {name: saved_model(name) for name in setting.models}
        for path in self.models.values():
            load_model(path)

    def run(self, data: str, output: str) -> Any:
        """Evaluates; returns the result."""
        from evaluator_component.api import evaluate

        models = self.models if self.setting.baseline else self.models["candidate"]
        config = self.setting.eval_config()
        outcome = evaluate(
            config, data, models, output, pipeline_options=self.flags, report=self.setting.page
        )
        return outcome.result

    def numbers(self, result: Any) -> Numbers:
        """Returns the numbers found."""
        return numbers_of(result)
