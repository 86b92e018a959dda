"""What each step's pod gets on Kubeflow: processor, memory, accelerators, volumes, nodes.

TFX's compiler has no argument for these. Processor, memory and accelerators are part of a compiled
pipeline; volumes, nodes and tolerations go into a second YAML document, which only Kubernetes
reads.

Synopsis::

    steps = read_resources("kubeflow/steps.yaml")
    compile_for_kubeflow(pipeline, "flights.yaml", image=..., resources=steps)

A file of resources::

    default: {cpu: "1", memory: 3Gi}
    Trainer:
      memory: 8Gi
      accelerator: nvidia.com/gpu
      tolerations: [{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}]
    Pusher:
      volumes: {/serving: flights-serving}
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from evaluator_component.errors import ConfigError, Problems, did_you_mean

__all__ = ["DEFAULT", "Resources", "container_resources", "pod_config", "read_resources"]

#: In a file of resources, what all steps get that are not named or do not say otherwise.
DEFAULT = "default"
QUANTITY = re.compile(r"\d+(\.\d+)?(m|[KMGTPE]i?|k)?")
TOLERATION_KEYS = ("key", "operator", "value", "effect", "tolerationSeconds")


@dataclass(frozen=True)
class Resources:
    """What a step's pod gets, in Kubernetes' units.

    Attributes:
        cpu: limit, such as "2" or "500m".
        memory: limit, such as "4Gi".
        cpu_request: what is set aside; the limit where it is "".
        memory_request: likewise.
        accelerator: resource name of an accelerator, such as "nvidia.com/gpu".
        accelerators: how many of them; 1 where an accelerator is named.
        environment: environment variables.
        volumes: name of a persistent volume claim by the path where it is mounted.
        node_labels: labels that the pod's node must have.
        tolerations: taints of nodes that do not keep the pod away, in Kubernetes' keys.
    """

    cpu: str = ""
    memory: str = ""
    cpu_request: str = ""
    memory_request: str = ""
    accelerator: str = ""
    accelerators: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, str] = field(default_factory=dict)
    node_labels: Mapping[str, str] = field(default_factory=dict)
    tolerations: Sequence[Mapping[str, Any]] = ()

    def or_else(self, default: Resources) -> Resources:
        """Returns these resources, with the default's wherever nothing is said here.

        Example:
            >>> Resources(cpu="4").or_else(Resources(cpu="1", memory="2Gi")).memory
            '2Gi'
        """
        missing = {
            name: getattr(default, name) for name, value in asdict(self).items() if not value
        }
        return replace(self, **missing)


def read_resources(path: str | os.PathLike[str]) -> dict[str, Resources]:
    """Returns what a YAML file gives to each step, by node id.

    Raises:
        ConfigError: the file is not there or says what nothing understands; all at once.
    """
    import yaml

    path = Path(path)
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"cannot read resources from {str(path)!r}: {error}") from error
    problems = Problems()
    known = [part.name for part in fields(Resources)]
    resources = {}
    if not isinstance(found, Mapping):
        raise ConfigError(f"{str(path)!r} must hold a mapping of node ids to resources")
    for node_id, said in found.items():
        if not isinstance(said, Mapping):
            problems.add(str(node_id), f"must be a mapping, got {said!r}")
            continue
        unknown = [name for name in said if name not in known]
        for name in unknown:
            problems.add(f"{node_id}.{name}", "no such resource", did_you_mean(str(name), known))
        given = {name: value for name, value in said.items() if name in known}
        numbers = {"cpu", "cpu_request", "memory", "memory_request"} & given.keys()
        # YAML reads `cpu: 2` as a number; Kubernetes' quantities are text.
        given |= {name: str(given[name]) for name in numbers}
        resources[str(node_id)] = Resources(**given)
    for node_id, wanted in resources.items():
        _check(node_id, wanted, problems)
    problems.raise_if_any(of=f"in {str(path)!r}")
    return resources


def _check(node_id: str, wanted: Resources, problems: Problems) -> None:
    for name in ("cpu", "cpu_request", "memory", "memory_request"):
        value = getattr(wanted, name)
        if value and not QUANTITY.fullmatch(value):
            problems.add(f"{node_id}.{name}", f"{value!r} is no quantity such as 2, 500m or 4Gi")
    for name in wanted.volumes:
        if not name.startswith("/"):
            problems.add(f"{node_id}.volumes", f"{name!r}: a mount path begins with '/'")
    for number, toleration in enumerate(wanted.tolerations):
        for name in toleration:
            if name not in TOLERATION_KEYS:
                where = f"{node_id}.tolerations[{number}].{name}"
                problems.add(where, "no such key", did_you_mean(name, TOLERATION_KEYS))


def container_resources(wanted: Resources) -> dict[str, Any]:
    """Returns the part of a compiled pipeline that is a container's resources.

    Example:
        >>> container_resources(Resources(cpu="2", cpu_request="500m"))
        {'resourceCpuLimit': '2', 'resourceCpuRequest': '500m'}
    """
    named = {
        "resourceCpuLimit": wanted.cpu,
        "resourceCpuRequest": wanted.cpu_request or wanted.cpu,
        "resourceMemoryLimit": wanted.memory,
        "resourceMemoryRequest": wanted.memory_request or wanted.memory,
    }
    spec: dict[str, Any] = {name: value for name, value in named.items() if value}
    if wanted.accelerator:
        spec["accelerator"] = {
            "resourceType": wanted.accelerator,
            "resourceCount": str(wanted.accelerators or 1),
        }
    return spec


def pod_config(wanted: Resources) -> dict[str, Any]:
    """Returns what Kubernetes alone is told of a step; empty where there is nothing to tell.

    Example:
        >>> pod_config(Resources(node_labels={"pool": "gpu"}))
        {'nodeSelector': {'labels': {'pool': 'gpu'}}}
    """
    config: dict[str, Any] = {}
    if wanted.volumes:
        config["pvcMount"] = [
            # Newer releases have another field for the name, but only this one all of them read.
            {"mountPath": path, "constant": claim}
            for path, claim in wanted.volumes.items()
        ]
    if wanted.node_labels:
        config["nodeSelector"] = {"labels": dict(wanted.node_labels)}
    if wanted.tolerations:
        config["tolerations"] = [dict(toleration) for toleration in wanted.tolerations]
    return config
