"""Executes a staged pipeline with shipped packages and those of the container, nothing else.

    python -I -S dataflow_job.py SHIPPED CONTAINER PIPELINE METRICS

Python's options keep the folder of this file, the user's packages and editable installations from
the import path.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["main"]


def main(pipeline: str, metrics: str) -> None:
    """Runs the pipeline; writes its counters as the service reports them."""
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.portability.api import beam_runner_api_pb2
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    proto = beam_runner_api_pb2.Pipeline.FromString(Path(pipeline).read_bytes())
    for environment in proto.components.environments.values():
        environment.urn = "beam:env:embedded_python:v1"
        environment.payload = b""
    result = FnApiRunner().run_via_runner_api(proto, PipelineOptions([]))
    result.wait_until_finish()
    ids = {each.unique_name: name for name, each in proto.components.transforms.items()}
    counters = result.metrics().query()["counters"]
    found = [metric for each in counters for metric in _as_metrics(each, ids)]
    Path(metrics).write_text(json.dumps(found))


def _as_metrics(counter: Any, ids: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yields a counter twice, as the service does: as counted so far, and as final."""
    step, name = counter.key.step, counter.key.metric
    context = {"step": ids.get(step, step), "namespace": name.namespace}
    for state in ({"tentative": "true"}, {}):
        named = {"origin": "user", "name": name.name, "context": {**context, **state}}
        yield {"name": named, "scalar": counter.committed}


if __name__ == "__main__":
    sys.path += sys.argv[1:3]
    main(*sys.argv[3:])
