"""The flights pipeline, the same for every orchestrator.

    ImportExampleGen -> Trainer -> [latest blessed model] -> Evaluator -> Pusher

What differs between orchestrators is where the baseline comes from: a resolver that looks it up
while the pipeline runs, or the URI of a model that was looked up when the run was submitted. The
baseline's own evaluation, from which its statistics are taken, is found by the Evaluator itself in
the first case and looked up together with the model in the second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["EVAL_CONFIG", "RESOLVE", "baseline_node", "create_pipeline"]

EVAL_CONFIG = Path(__file__).with_name("eval_config.yaml")
#: Resolve the latest blessed model while the pipeline runs.
RESOLVE = "resolve"


def create_pipeline(
    *,
    name: str,
    root: str,
    data: str,
    serving: str,
    training: Mapping[str, Any] | None = None,
    eval_config: Any = EVAL_CONFIG,
    baseline: Any = RESOLVE,
    earlier_evaluation: str | None = None,
    metadata: Any = None,
    beam_pipeline_args: Sequence[str] = (),
    enable_cache: bool = True,
) -> Any:
    """Returns the TFX pipeline.

    Args:
        name: the pipeline's name; runs of one name share baselines.
        root: folder or bucket for everything the pipeline makes.
        data: folder with `train/` and `eval/` TFRecords of `pipelines.flights.data`.
        serving: folder that blessed models are pushed to.
        training: fields of `pipelines.flights.trainer.Settings`.
        eval_config: what to evaluate, in any form that the Evaluator takes.
        baseline: RESOLVE; the URI of a Model artifact (text or a runtime parameter); or None.
        earlier_evaluation: URI of the baseline's own evaluation, where the orchestrator lets no
            step look it up.
        metadata: an MLMD connection config; None where the orchestrator brings its own store.
        beam_pipeline_args: passed to every step that runs Beam.
        enable_cache: reuse the outputs of steps whose inputs and parameters did not change.
    """
    from tfx.components.example_gen.import_example_gen.component import ImportExampleGen
    from tfx.components.pusher.component import Pusher
    from tfx.components.trainer.component import Trainer
    from tfx.orchestration.pipeline import Pipeline
    from tfx.proto import example_gen_pb2, pusher_pb2, trainer_pb2

    from evaluator_component.component import Evaluator

    splits = [
        example_gen_pb2.Input.Split(name=split, pattern=f"{split}/*") for split in ("train", "eval")
    ]
    example_gen = ImportExampleGen(
        input_base=data, input_config=example_gen_pb2.Input(splits=splits)
    )
    trainer = Trainer(
        run_fn="pipelines.flights.trainer.run_fn",
        examples=example_gen.outputs["examples"],
        train_args=trainer_pb2.TrainArgs(splits=["train"]),
        eval_args=trainer_pb2.EvalArgs(splits=["eval"]),
        custom_config=dict(training or {}),
    )
    compared = baseline_node(baseline)
    earlier = _imported("earlier_evaluation", earlier_evaluation, "ModelEvaluation")
    evaluator = Evaluator(
        examples=example_gen.outputs["examples"],
        model=trainer.outputs["model"],
        baseline_model=_model_of(compared),
        earlier_evaluation=earlier.outputs["result"] if earlier is not None else None,
        eval_config=eval_config,
    )
    pusher = Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=serving)
        ),
    )
    nodes = [example_gen, trainer, compared, earlier, evaluator, pusher]
    return Pipeline(
        pipeline_name=name,
        pipeline_root=root,
        components=[node for node in nodes if node is not None],
        metadata_connection_config=metadata,
        beam_pipeline_args=list(beam_pipeline_args),
        enable_cache=enable_cache,
    )


def baseline_node(baseline: Any) -> Any:
    """Returns the node that gives the baseline, or None; see `create_pipeline`."""
    if baseline == RESOLVE:
        from tfx.dsl.components.common.resolver import Resolver
        from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import (
            LatestBlessedModelStrategy,
        )
        from tfx.types import standard_artifacts
        from tfx.types.channel import Channel

        return Resolver(
            strategy_class=LatestBlessedModelStrategy,
            model=Channel(type=standard_artifacts.Model),
            model_blessing=Channel(type=standard_artifacts.ModelBlessing),
        ).with_id("latest_blessed_model")
    return _imported("baseline", baseline, "Model")


def _imported(node_id: str, uri: Any, artifact_type: str) -> Any:
    """Returns the node that hands an artifact of another run in; None without a URI."""
    from tfx.dsl.components.common.importer import Importer
    from tfx.types import standard_artifacts

    if uri is None:
        return None
    kind = getattr(standard_artifacts, artifact_type)
    return Importer(source_uri=uri, artifact_type=kind).with_id(node_id)


def _model_of(node: Any) -> Any:
    if node is None:
        return None
    return node.outputs["model" if "model" in node.outputs else "result"]
