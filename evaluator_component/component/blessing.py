"""Writes the blessing as TFX's Pusher and latest-blessed resolver read it, and the reasons.

A blessing is an empty-looking artifact: a file named BLESSED or NOT_BLESSED, and custom properties
that say which model it is about. TFX's own Evaluator leaves it blank when the config has no
threshold; ours always writes it, with the verdict's word, counts and reasons.

Vocabulary:
    blessed: 1 or 0; all that a Pusher looks at.
    verdict: BLESSED, NOT_BLESSED or INCONCLUSIVE; an inconclusive verdict blesses only where the
        config says so.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tfx.dsl.io import fileio

from evaluator_component.component.properties import set_properties

__all__ = ["Ruling", "write_blessing"]

BLESSED_FILE = "BLESSED"
NOT_BLESSED_FILE = "NOT_BLESSED"
#: MLMD's gRPC messages and Kubeflow's UI want short strings; the result folder has all reasons.
REASON_CHARACTERS = 2000


@dataclass(frozen=True)
class Ruling:
    """What validation decided, in the terms of a blessing.

    Attributes:
        blessed: whether a Pusher may push.
        verdict: BLESSED, NOT_BLESSED or INCONCLUSIVE.
        reasons: one sentence each, the gravest first.
        counts: how many checks passed, failed, ... by name.
        forced_because: why a model that did not pass was blessed all the same; "" if it was not.
        forced_by: who asked for that.
    """

    blessed: bool
    verdict: str
    reasons: Sequence[str] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    forced_because: str = ""
    forced_by: str = ""

    @property
    def reason(self) -> str:
        """The reasons, one a line, cut where they grow too long."""
        text = "\n".join(self.reasons)
        if len(text) <= REASON_CHARACTERS:
            return text
        return f"{text[: REASON_CHARACTERS - 1]}…"


def write_blessing(
    blessing: Any,
    ruling: Ruling,
    *,
    model: Any = None,
    baseline: Any = None,
    component_id: str | None = None,
) -> None:
    """Writes the file and the properties of a blessing.

    Args:
        blessing: the ModelBlessing artifact.
        ruling: what validation decided.
        model: the candidate's Model artifact, if there is one.
        baseline: the baseline's Model artifact, if there is one.
        component_id: the id that a resolver filters by; None where the runner names none.
    """
    name = BLESSED_FILE if ruling.blessed else NOT_BLESSED_FILE
    fileio.makedirs(blessing.uri)
    with fileio.open(os.path.join(blessing.uri, name), "w") as file:
        file.write("\n".join(ruling.reasons))
    properties: dict[str, Any] = {"blessed": int(ruling.blessed)}
    for role, artifact in (("current_model", model), ("baseline_model", baseline)):
        if artifact is not None:
            properties[role] = artifact.uri
            properties[f"{role}_id"] = artifact.id
    if component_id is not None:
        properties["component_id"] = component_id
    properties["verdict"] = ruling.verdict
    properties["reason"] = ruling.reason
    properties.update({f"checks_{key}": int(count) for key, count in ruling.counts.items()})
    if ruling.forced_because:
        properties["forced_because"] = ruling.forced_because
        properties["forced_by"] = ruling.forced_by
    set_properties(blessing, properties)
