"""Benchmarks: this library, TFMA (the peer) and bare NumPy (the floor), side by side.

Modules, in the order in which they build on each other:
    data: flights of 2013 as TFRecords, in several sizes.
    model: two small Keras models on them, a candidate and a baseline.
    configs: what is evaluated (a to e), as eval configs that both libraries take.
    measure: CPU and wall seconds, peak memory.
    us, peer, floor: the contenders; `worker` runs one of them once, in a process of its own.
    agreement: whether two contenders found the same numbers.
    report: the tables.
    run: the command; `python -m benchmarks.run --quick`.
    cost_model, scaling: what runs with many slices cost; `python -m benchmarks.scaling`.
"""
