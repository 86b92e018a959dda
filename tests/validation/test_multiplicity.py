"""Corrections for many tests, against hand calculation and simulation."""

from __future__ import annotations

import numpy as np
import pytest

from evaluator_component.validation.multiplicity import adjust, benjamini_hochberg, holm


def test_holm_by_hand():
    # Sorted: .005*4, .01*3, .03*2, .04*1, each at least the one before.
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])


def test_benjamini_hochberg_agrees_with_scipy():
    from scipy import stats

    p = np.random.default_rng(0).random(200) ** 2
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p))


@pytest.mark.parametrize("correct", [holm, benjamini_hochberg])
def test_nan_stays_nan_and_does_not_count(correct):
    np.testing.assert_allclose(correct([0.01, np.nan, 0.04]), [0.02, np.nan, 0.04])
    assert len(correct([])) == 0
    assert np.isnan(correct([np.nan])).all()


@pytest.mark.parametrize("correct", [holm, benjamini_hochberg])
def test_order_does_not_matter_and_nothing_exceeds_one(correct):
    rng = np.random.default_rng(1)
    p = rng.random(50)
    order = rng.permutation(50)
    np.testing.assert_array_equal(correct(p)[order], correct(p[order]))
    assert correct(p).max() <= 1
    assert (correct(p) >= p).all()


def test_holm_keeps_any_false_alarm_within_the_level():
    p = np.random.default_rng(2).random((4000, 30))
    alarms = np.mean([(holm(row) <= 0.05).any() for row in p])
    assert 0.04 < alarms < 0.06


def test_adjust_by_name():
    p = [0.01, 0.2]
    np.testing.assert_array_equal(adjust(p, "NONE"), p)
    np.testing.assert_array_equal(adjust(p, "HOLM"), holm(p))
    np.testing.assert_array_equal(adjust(p, "BENJAMINI_HOCHBERG"), benjamini_hochberg(p))
    with pytest.raises(ValueError, match="unknown correction"):
        adjust(p, "SIDAK")
