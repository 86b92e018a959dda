"""The small cases: importing, help, and 8,000 rows from the start of a process to the verdict."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Any

from benchmarks.configs import SETTINGS
from benchmarks.data import DATA, records
from benchmarks.measure import cpu_seconds
from benchmarks.model import saved_model

__all__ = ["small_cases"]


def small_cases() -> dict[str, Any]:
    """Returns CPU seconds of each case, all of the process counted; the best of three."""
    folder = DATA.parent / "out" / "small"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = folder / "eval.textproto"
    config.write_text(SETTINGS["b"].eval_config())
    module = [sys.executable, "-m", "evaluator_component"]
    run = [*module, "evaluate", "--config", str(config), "--data", records("8k")]
    run += ["--model", saved_model("candidate"), "--output", str(folder / "result")]
    return {
        "python": _best([sys.executable, "-c", "pass"]),
        "import": _best([sys.executable, "-c", "import evaluator_component"]),
        "help": _best([*module, "--help"]),
        "libraries": _best([sys.executable, "-c", "import tensorflow, apache_beam"]),
        "8,000 rows": _best(run),
    }


def _best(command: list[str], times: int = 3) -> float:
    spent = []
    for _ in range(times):
        before = cpu_seconds()
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        spent.append(cpu_seconds() - before)
        if done.returncode not in (0, 1):
            raise SystemExit(f"{' '.join(command)}:\n{done.stdout.decode()[-2000:]}")
    return round(min(spent), 3)
