"""Runs one contender on one setting, once, in this process; prints what it took as JSON.

`python -m benchmarks.worker us b 20k [--flag=--runner=... ...]`

Imports, loading of models, and one small evaluation (100 rows) come before the clock starts. The
small one is of the setting itself, but of setting a for the peer, which needs minutes otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time

from benchmarks.agreement import save_numbers
from benchmarks.configs import SETTINGS, Setting
from benchmarks.data import DATA, SIZES, records
from benchmarks.measure import Meter, cpu_seconds, resident_mb

__all__ = ["main"]


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("contender", choices=("us", "peer", "floor"))
    parser.add_argument("setting", choices=sorted(SETTINGS))
    parser.add_argument("size", choices=sorted(SIZES))
    parser.add_argument("--threads", type=int, default=1, help="of TensorFlow")
    parser.add_argument("--repeat", type=int, default=1, help="the fastest run counts")
    parser.add_argument("--output", default=str(DATA.parent / "out"))
    parser.add_argument("--flag", action="append", default=[], help="of Beam")
    arguments = parser.parse_args()
    setting = SETTINGS[arguments.setting]
    data, little = records(arguments.size), records("100")
    name = f"{arguments.contender}-{setting.name}-{arguments.size}"
    folder = os.path.join(arguments.output, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)

    _limit_threads(arguments.threads)
    contender = make(arguments.contender, setting, tuple(arguments.flag))
    imports = cpu_seconds()
    loaded_mb = resident_mb()
    if arguments.contender == "peer":
        make("peer", SETTINGS["a"], tuple(arguments.flag)).run(little, f"{folder}/warm-up")
    else:
        contender.run(little, f"{folder}/warm-up")

    runs = []
    for number in range(arguments.repeat):
        meter = Meter(loaded_mb, without=contender.loading)
        with meter:
            result = contender.run(data, f"{folder}/{number}")
        runs.append(meter.measurement(SIZES[arguments.size]))
    best = min(runs, key=lambda run: run.cpu)
    save_numbers(contender.numbers(result), f"{folder}/numbers.npz")
    facts = {
        "contender": arguments.contender,
        "setting": setting.name,
        "size": arguments.size,
        "flags": arguments.flag,
        **best.as_dict(),
        "import_cpu": round(imports, 2),
        "numbers": f"{folder}/numbers.npz",
        "load": round(os.getloadavg()[0], 1),
        "at": time.strftime("%Y-%m-%d %H:%M"),
    }
    print(json.dumps(facts))
    sys.stdout.flush()


def make(name: str, setting: Setting, flags: tuple[str, ...] = ()) -> object:
    """Makes a contender."""
    if name == "us":
        from benchmarks.us import Us

        return Us(setting, flags)
    if name == "peer":
        from benchmarks.peer import Peer

        return Peer(setting, flags)
    from benchmarks.floor import Floor

    return Floor(setting)


def _limit_threads(count: int) -> None:
    import tensorflow as tf

    if count:
        tf.config.threading.set_intra_op_parallelism_threads(count)
        tf.config.threading.set_inter_op_parallelism_threads(count)


if __name__ == "__main__":
    main()
