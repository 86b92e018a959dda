"""A pipeline of steps that take no time: a writer, a judge, and a pusher behind a condition.

TFX reads the annotations of these functions, so they must not be put off into text.
"""

import os
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.experimental.conditionals import conditional
from tfx.orchestration import metadata
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.pipeline import Pipeline
from tfx.types.standard_artifacts import Model, ModelBlessing, PushedModel


@component
def Writer(model: OutputArtifact[Model], word: Parameter[str]) -> None:
    """Writes a word; dies in the middle where the file FAULT says so."""
    target = Path(model.uri) / "model.txt"
    fault = Path(os.environ.get("FAULT_FILE", "/nonexistent"))
    if fault.exists():
        kind = fault.read_text()
        fault.unlink()
        target.write_text("half")
        if kind == "kill":
            os.kill(os.getpid(), 9)
        raise ValueError("a fault, as asked for")
    assert not list(Path(model.uri).iterdir()), "the output folder is not empty"
    target.write_text(word)


@component
def Judge(
    model: InputArtifact[Model], blessing: OutputArtifact[ModelBlessing], best: Parameter[str]
) -> None:
    """Blesses the best word."""
    blessed = (Path(model.uri) / "model.txt").read_text() == best
    blessing.set_int_custom_property("blessed", int(blessed))


@component
def Push(model: InputArtifact[Model], pushed: OutputArtifact[PushedModel]) -> None:
    """Copies the word."""
    (Path(pushed.uri) / "pushed.txt").write_text((Path(model.uri) / "model.txt").read_text())


def make(root: Path, best: str = "good") -> Pipeline:
    """Returns the pipeline; the word is a runtime parameter."""
    writer = Writer(word=RuntimeParameter("word", str, "good"))
    judge = Judge(model=writer.outputs["model"], best=best)
    blessed = judge.outputs["blessing"].future()[0].custom_property("blessed") == 1
    with conditional.Cond(blessed):
        push = Push(model=writer.outputs["model"])
    return Pipeline(
        pipeline_name="small",
        pipeline_root=str(root / "pipeline"),
        components=[writer, judge, push],
        metadata_connection_config=metadata.sqlite_metadata_connection_config(
            str(root / "metadata.sqlite")
        ),
        enable_cache=False,
    )
