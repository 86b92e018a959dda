"""Starts a Beam worker in the environment at hand, for engines that call a command to get one.

Beam's containers begin with a program that asks the engine what to run and then starts the Python
worker. This is that program for machines where the library is installed and there are no
containers. It fetches no artifacts: what the job needs must be installed beside the library.

Synopsis::

    --environment_type=PROCESS
    --environment_config={"command": "/opt/venv/bin/evaluator-component-worker"}
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Asks the engine for the job's options, and runs a worker until the job ends."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--id", required=True, help="of the worker")
    for name in ("provision", "logging", "artifact", "control"):
        parser.add_argument(f"--{name}_endpoint", default="")
    parsed, _ = parser.parse_known_args(arguments)
    os.environ.update(_environment(parsed))

    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main(sys.argv)


def _environment(parsed: argparse.Namespace) -> dict[str, str]:
    """Returns the variables that tell a Beam worker what to do."""
    import grpc
    from apache_beam.portability.api import (
        beam_provision_api_pb2,
        beam_provision_api_pb2_grpc,
        endpoints_pb2,
    )
    from google.protobuf import json_format, text_format

    with grpc.insecure_channel(parsed.provision_endpoint) as channel:
        service = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
        request = beam_provision_api_pb2.GetProvisionInfoRequest()
        info = service.GetProvisionInfo(request, metadata=[("worker_id", parsed.id)]).info

    def address(name: str) -> str:
        found = getattr(info, f"{name}_endpoint").url or getattr(parsed, f"{name}_endpoint")
        return text_format.MessageToString(endpoints_pb2.ApiServiceDescriptor(url=found))

    return {
        "WORKER_ID": parsed.id,
        "LOGGING_API_SERVICE_DESCRIPTOR": address("logging"),
        "CONTROL_API_SERVICE_DESCRIPTOR": address("control"),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
        "PIPELINE_OPTIONS": json_format.MessageToJson(info.pipeline_options),
    }


if __name__ == "__main__":
    main()
