"""The peer: TensorFlow Model Analysis, through Beam, results written and read back."""

from __future__ import annotations

from typing import Any

from benchmarks.agreement import Numbers, numbers_of
from benchmarks.configs import Setting
from benchmarks.measure import Stopwatch
from benchmarks.model import saved_model

__all__ = ["Peer"]

RUNNER = "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"

#: Time spent loading models; the workers run in this process.
LOADING = Stopwatch()


class Peer:
    """Runs the peer on the runner that is our default, not on the one that is Beam's."""

    def __init__(self, setting: Setting, flags: tuple[str, ...] = ()) -> None:
        import tfx.components  # noqa: F401, I001  (the order in which its users import them)
        import tensorflow_model_analysis  # noqa: F401

        self.setting, self.flags = setting, list(flags) or [RUNNER]
        self.loading = LOADING
        self.paths = {name: saved_model(name) for name in setting.models}

    def run(self, data: str, output: str) -> Any:
        """Evaluates; returns the result."""
        import tensorflow_model_analysis as tfma
        from apache_beam.options.pipeline_options import PipelineOptions
        from google.protobuf import text_format
        from tensorflow_model_analysis.proto import config_pb2

        config = text_format.Parse(self.setting.eval_config(peer=True), config_pb2.EvalConfig())
        models = [
            _timed(tfma.default_eval_shared_model(path, model_name=name, eval_config=config))
            if self.setting.baseline
            else _timed(tfma.default_eval_shared_model(path, eval_config=config))
            for name, path in self.paths.items()
        ]
        return tfma.run_model_analysis(
            eval_shared_model=models if self.setting.baseline else models[0],
            eval_config=config,
            data_location=data,
            output_path=output,
            pipeline_options=PipelineOptions(self.flags),
        )

    def numbers(self, result: Any) -> Numbers:
        """Returns the numbers found."""
        return numbers_of(result)


def _timed(shared: Any) -> Any:
    """Returns the model, its loading timed."""
    load = shared.model_loader.construct_fn

    def construct() -> Any:
        with LOADING:
            return load()

    return shared._replace(
        model_loader=type(shared.model_loader)(construct, shared.model_loader.tags)
    )
