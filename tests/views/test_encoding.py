"""Numbers and texts survive the way into the page."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator_component.views.encoding import dumps, jsonable, numbers, pack, unpack


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30))
def test_numbers_are_json_and_close_to_what_they_were(values: list[float]) -> None:
    back = json.loads(dumps(numbers(values)))
    for number, was in zip(back, values, strict=True):
        if math.isnan(was):
            assert number is None
        elif math.isinf(was):
            assert float(number) == was
        else:
            assert number == pytest.approx(was, rel=1e-6, abs=1e-300)


def test_whole_numbers_stay_exact() -> None:
    assert numbers([123_456_789_012.0, 3.0]) == [123_456_789_012, 3]


def test_rounding_leaves_short_texts() -> None:
    values = np.random.default_rng(0).uniform(size=1_000)
    assert len(dumps(numbers(values, digits=5))) < 1_000 * 9


def test_extreme_numbers_are_not_lost() -> None:
    extreme = [1.5e-310, 1.7e308, -2.5e-20]
    assert numbers(extreme, digits=3) == pytest.approx(extreme, rel=1e-9, abs=0)


def test_lone_surrogates_do_not_break_the_page() -> None:
    assert dumps({"a": "x\ud800"}).encode("utf-8") == b'{"a":"x?"}'


def test_everything_becomes_json() -> None:
    value = {
        "array": np.array([1.0, np.nan]),
        "scalar": np.float32(0.5),
        "bytes": b"\xff",
        "set": {1},
        ("tuple", 1): object,
    }
    told = json.loads(dumps(jsonable(value)))
    assert told["array"] == [1.0, None]
    assert told["scalar"] == 0.5
    assert told["bytes"] == "\N{REPLACEMENT CHARACTER}"


def test_long_texts_are_cut() -> None:
    assert jsonable("x" * 100, text_limit=10) == "x" * 9 + "…"


def test_packing_is_reproducible_and_reversible() -> None:
    text = "ä</script>" * 500
    assert pack(text) == pack(text)
    assert unpack(pack(text)) == text
    assert len(pack(text)) < len(text) / 20
