"""The command: runs the contenders one after the other, checks the numbers, prints the ratios.

::

    python -m benchmarks.run            # everything: more than an hour, most of it the peer
    python -m benchmarks.run --quick    # under five minutes
    python -m benchmarks.run --settings b --sizes 20k --contenders us floor

Every measurement is a process of its own. Results are kept in `benchmarks/out/results.json`, one
for each (contender, setting, size, flags), so that a run can be made in pieces; `--write FILE`
puts the tables between the markers of a Markdown file.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.agreement import differences, disagreements, load_numbers
from benchmarks.configs import SETTINGS
from benchmarks.data import DATA, SIZES, records
from benchmarks.model import saved_model
from benchmarks.small import small_cases

__all__ = ["main"]

OUT = DATA.parent / "out"
RESULTS = OUT / "results.json"

TWO_PROCESSES = ("--direct_num_workers=2", "--direct_running_mode=multi_processing")
TWO_THREADS = ("--direct_num_workers=2", "--direct_running_mode=multi_threading")


@dataclass(frozen=True)
class Task:
    """One measurement."""

    contender: str
    setting: str
    size: str
    flags: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What its result is stored under."""
        return " ".join((self.contender, self.setting, self.size, *self.flags))


def all_tasks() -> Iterator[Task]:
    """Yields what a full run measures."""
    for setting in ("a", "b", "c_jk", "c_pb", "c_pb200", "d", "e"):
        for size in ("20k", "336k"):
            yield Task("us", setting, size)
            yield Task("floor", setting, size)
    for setting in ("a", "b", "c_jk", "e"):
        yield Task("us", setting, "2m")
        yield Task("floor", setting, "2m")
    for setting in ("one", "slices", "page"):
        yield Task("us", setting, "336k")
    for size in ("336k", "2m"):
        for flags in (TWO_PROCESSES, TWO_THREADS):
            yield Task("us", "b", size, flags)
    for setting in ("c_jk", "c_pb"):
        yield Task("us", setting, "100")
        yield Task("peer", setting, "100")
    for setting in ("a", "e", "b"):
        yield Task("peer", setting, "20k")
    yield Task("peer", "d", "20k")
    for setting in ("a", "e", "b"):
        yield Task("peer", setting, "336k")
    # 336k of setting d would take the peer more than an hour.
    yield Task("peer", "d", "100k")
    yield Task("us", "d", "100k")


def quick_tasks() -> Iterator[Task]:
    """Yields what `--quick` measures: the peer on few rows only."""
    for setting in ("a", "b", "c_jk", "c_pb", "d", "e"):
        yield Task("us", setting, "20k")
        yield Task("floor", setting, "20k")
    for setting, size in (("a", "5k"), ("b", "2k"), ("e", "2k")):
        yield Task("us", setting, size)
        yield Task("peer", setting, size)


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description="Us, the peer and the floor, side by side.")
    parser.add_argument("--quick", action="store_true", help="under five minutes")
    parser.add_argument("--settings", nargs="*", choices=sorted(SETTINGS))
    parser.add_argument("--sizes", nargs="*", choices=sorted(SIZES, key=SIZES.__getitem__))
    parser.add_argument("--contenders", nargs="*", choices=("us", "peer", "floor"))
    parser.add_argument(
        "--repeat", type=int, default=3, help="of us and the floor; the best counts"
    )
    parser.add_argument("--fresh", action="store_true", help="forget what was measured before")
    parser.add_argument("--report-only", action="store_true", help="measure nothing")
    parser.add_argument("--write", metavar="FILE", help="put the tables into a Markdown file")
    arguments = parser.parse_args()

    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    OUT.mkdir(exist_ok=True)
    tasks = list(quick_tasks() if arguments.quick else all_tasks())
    if arguments.settings and arguments.sizes and arguments.contenders:
        tasks = [
            Task(contender, setting, size)
            for setting in arguments.settings
            for size in arguments.sizes
            for contender in arguments.contenders
        ]
    results = {} if arguments.fresh else load_results()
    if not arguments.report_only:
        prepare(tasks)
        for number, task in enumerate(tasks, start=1):
            print(f"[{number}/{len(tasks)}] {task.key} ...", end=" ", flush=True)
            once = arguments.quick or task.contender == "peer" or task.flags
            repeat = 1 if once else arguments.repeat
            results[task.key] = measure(task, repeat)
            print(report.one_line(results[task.key]), flush=True)
            RESULTS.write_text(json.dumps(results, indent=1))
        results["small cases"] = small_cases()
        RESULTS.write_text(json.dumps(results, indent=1))

    apart = list(check(results))
    text = report.markdown(results, agree=not apart)
    print("\n" + text)
    if arguments.write:
        report.insert(Path(arguments.write), text)
    for line in apart:
        print(f"DIFFERENT NUMBERS: {line}", file=sys.stderr)
    sys.exit(1 if apart else 0)


def load_results() -> dict[str, Any]:
    """Returns what earlier runs have measured."""
    if not RESULTS.exists():
        return {}
    found: dict[str, Any] = json.loads(RESULTS.read_text())
    return found


def prepare(tasks: list[Task]) -> None:
    """Makes data and models in a process of their own, so that this one stays small."""
    if all((DATA / f"flights-{task.size}").exists() for task in tasks):
        if all((DATA / name).exists() for name in ("candidate", "baseline", "flights-100")):
            return
    sizes = sorted({"100", "8k", *(task.size for task in tasks)}, key=SIZES.__getitem__)
    code = f"from benchmarks.run import make; make({sizes!r})"
    subprocess.run([sys.executable, "-c", code], check=True, env=_quiet())


def make(sizes: list[str]) -> None:
    """Makes data and models."""
    for size in sizes:
        records(size)
    for name in ("candidate", "baseline"):
        saved_model(name)


def measure(task: Task, repeat: int) -> dict[str, Any]:
    """Runs one task in a new process; returns what it printed."""
    command = [sys.executable, "-m", "benchmarks.worker"]
    command += [task.contender, task.setting, task.size, f"--repeat={repeat}"]
    command += [f"--flag={flag}" for flag in task.flags]
    log = OUT / "worker.log"
    with open(log, "w") as errors:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=_quiet()
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"contender"')]
    if done.returncode or not lines:
        tail = "\n".join(log.read_text().splitlines()[-15:])
        raise SystemExit(f"{task.key} failed ({done.returncode}):\n{tail}")
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def _quiet() -> dict[str, str]:
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}


def check(results: dict[str, Any]) -> Iterator[str]:
    """Yields where two contenders differ, on the same setting and size, by more than allowed."""
    ours = {
        (found["setting"], found["size"]): found
        for key, found in results.items()
        if key.startswith("us ") and not found["flags"]
    }
    for key, found in results.items():
        case = (found.get("setting"), found.get("size"))
        if key.startswith(("peer ", "floor ")) and case in ours:
            paths = (ours[case]["numbers"], found["numbers"])
            if not all(map(os.path.exists, paths)):
                continue
            try:
                apart = differences(*map(load_numbers, paths))
            except ValueError as error:
                yield f"{key}: {error}"
                continue
            for line in disagreements(apart):
                yield f"{key}: {line}"


if __name__ == "__main__":
    main()
