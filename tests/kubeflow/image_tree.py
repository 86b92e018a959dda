"""The files that the image of the pods holds beside its packages, without Docker."""

from __future__ import annotations

import fnmatch
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "kubeflow"
#: Made by `make kubeflow` from the lock that the image is made from.
ENVIRONMENT = ROOT / ".venv-kubeflow" / "bin" / "python"


def image_python() -> str:
    """Returns the Python that has the image's packages; this one where that was not made."""
    if ENVIRONMENT.exists():
        return str(ENVIRONMENT)
    print("the steps run in the tests' own environment: `make kubeflow` makes that of the image")
    return sys.executable


def instructions() -> list[tuple[str, str]]:
    """Returns the Dockerfile's instructions and their arguments."""
    text = re.sub(r"^#.*\n", "", (FOLDER / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if line.strip()]


def is_sent(path: str) -> bool:
    """Tells whether a path of the checkout is sent to where the image is built."""
    sent = True
    for pattern in (FOLDER / "Dockerfile.dockerignore").read_text().splitlines():
        if not pattern or pattern.startswith("#"):
            continue
        named = pattern.removeprefix("!").removeprefix("**/")
        everywhere = "**/" in pattern
        parts = path.split("/")
        ends = range(1, len(parts) + 1)
        found = any(
            fnmatch.fnmatch(parts[end - 1] if everywhere else "/".join(parts[:end]), named)
            for end in ends
        )
        if found:
            sent = pattern.startswith("!")
    return sent


def copied() -> list[str]:
    """Returns what the Dockerfile copies from the checkout."""
    copies = [rest for word, rest in instructions() if word == "COPY" and "--from" not in rest]
    return [source for rest in copies for source in rest.split()[:-1]]


def write_app(folder: Path) -> Path:
    """Copies the package and the pipelines as the image has them; returns the folder."""

    def ignored(at: str, names: list[str]) -> list[str]:
        below = Path(at).relative_to(ROOT)
        return [name for name in names if not is_sent((below / name).as_posix())]

    for name in ("evaluator_component", "pipelines"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    return folder
