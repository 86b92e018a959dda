"""Decisions under uncertainty: tests, intervals, corrections, policies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evaluator_component.confidence.interval import moments, with_intervals
from evaluator_component.config import parse_config
from evaluator_component.keys import MetricKey
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.validation import validate
from evaluator_component.validation.evidence import examples_needed, weigh

NEW, OLD = MetricKey("mean_label", "candidate"), MetricKey("mean_label", "baseline")


def _weigh(lead, error, degrees=19, skewness=0.0, examples=1000, level=0.95, **more):
    def array(value):
        return np.atleast_1d(np.asarray(value, dtype=float))

    return weigh(
        array(lead),
        array(error) + 0 * array(lead),
        array(degrees) + 0 * array(lead),
        array(skewness) + 0 * array(lead),
        examples=array(examples) + 0 * array(lead),
        level=level,
        **more,
    )


def _table(change, errors, sizes, *, method="poisson_bootstrap", count=200, baseline=0.8, seed=0):
    """Slices 0.. with the given changes, and resamples of the given standard errors."""
    rng = np.random.default_rng(seed)
    change, errors = np.asarray(change, float), np.asarray(errors, float)
    noise = rng.standard_normal((len(change), count))
    noise = (noise - noise.mean(1, keepdims=True)) / noise.std(1, ddof=1, keepdims=True)
    if method == "jackknife":
        noise /= count - 1
        noise *= np.sqrt(count)
    draws = change[:, None] + noise * errors[:, None]
    before = np.full(len(change), baseline)
    same = {"resampling": method}
    still = np.full(draws.shape, baseline)
    return MetricsTable(
        tuple((("s", i),) for i in range(len(change))),
        np.asarray(sizes),
        np.asarray(sizes, float),
        {
            NEW: Column(before + change, replicates=draws + baseline, **same),
            OLD: Column(before, replicates=still, **same),
            NEW.diff(): Column(change, replicates=draws, **same),
        },
    )


def _config(bound, level=0.95, relative=False, correction="NONE", inconclusive="BLOCK", **more):
    change = {"relative" if relative else "absolute": bound, "direction": "HIGHER_IS_BETTER"}
    threshold = {"change_threshold": change, **more}
    if level:
        threshold["confidence_level"] = level
    return parse_config(
        {
            "model_specs": [{"name": "candidate"}, {"name": "baseline", "is_baseline": True}],
            "metrics_specs": [{"metrics": [{"class_name": "MeanLabel", "threshold": threshold}]}],
            "decision": {"correction": correction, "inconclusive": inconclusive},
        }
    )


def _judge(table, config):
    return validate([table], config, rubber_stamp=False, has_baseline=True)


# -------------------------------------------------------------------------------------- the test


def test_without_skewness_it_is_the_t_test():
    found = _weigh([0.03, -0.03, 0.0], 0.015, degrees=19)
    expected = 2 * stats.t.sf([2.0, 2.0, 0.0], 19)
    np.testing.assert_allclose(found.p_value, expected)
    half = stats.t.ppf(0.975, 19) * 0.015
    np.testing.assert_allclose(found.lower, [0.03 - half, -0.03 - half, -half])
    np.testing.assert_allclose(found.harm, [1.0, expected[1], 1.0])


@pytest.mark.parametrize("skewness", [-0.9, -0.3, 0.0, 1e-9, 0.4, 1.0])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
def test_the_interval_holds_zero_exactly_where_the_test_does_not_reject(skewness, level):
    lead = np.linspace(-0.2, 0.2, 801)
    found = _weigh(lead, 0.03, skewness=skewness, level=level)
    rejected = found.p_value <= 1 - level
    np.testing.assert_array_equal(rejected, (found.lower > 0) | (found.upper < 0))


def test_skewness_makes_a_pass_harder_on_the_side_of_the_long_tail():
    plain = _weigh(0.02, 0.01)
    skewed = _weigh(0.02, 0.01, skewness=-0.5)
    assert skewed.p_value[0] > plain.p_value[0]
    assert skewed.lower[0] < plain.lower[0]


@pytest.mark.parametrize("skewness", [-0.5, -0.2, 0.2, 0.5])
def test_skewness_does_not_hide_overwhelming_evidence(skewness):
    found = _weigh([-0.3, 0.3], 0.01, degrees=199, skewness=skewness)
    assert (found.p_value < 1e-9).all()


@pytest.mark.parametrize("expected", [2.0, 3.5, 6.0, 15.0, 60.0])
def test_rare_failures_do_not_pass_more_often_than_the_level_says(expected):
    """Errors of the candidate alone, at a rate that is exactly the margin."""
    rng = np.random.default_rng(int(expected * 10))
    n, repeats, level = 500, 4000, 0.9
    errors = rng.random((repeats, 20, n // 20)) < expected / n
    buckets = errors.sum(2).astype(float)
    total = buckets.sum(1, keepdims=True)
    left_out = -(total - buckets) / (n - n // 20)
    found = moments(left_out, np.full(repeats, n), method="jackknife")
    lead = expected / n - total[:, 0] / n
    evidence = _weigh(
        lead,
        found.standard_error,
        degrees=found.degrees_of_freedom,
        skewness=found.skewness,
        examples=n,
        level=level,
    )
    passed = (lead > 0) & (evidence.p_value <= 1 - level)
    assert passed.mean() <= 1 - level
    if expected > 30:
        assert passed.mean() <= (1 - level) / 2 + 0.02


def test_no_variation_gives_the_room_that_so_few_examples_leave():
    found = _weigh([0.05, 0.05, 0.0], 0.0, examples=[20, 400, 400])
    # Without an event in n examples, a rate above 1 - 0.025^(1/n) would have shown one.
    room = 1 - 0.025 ** (1 / np.array([20, 400, 400]))
    np.testing.assert_allclose(found.upper - found.lead, room)
    np.testing.assert_allclose(found.p_value, [2 * 0.95**20, 2 * 0.95**400, 1.0])
    np.testing.assert_array_equal(found.lower > 0, [False, True, False])


def test_an_unknown_standard_error_gives_no_p_value():
    found = _weigh(0.05, np.nan)
    assert np.isnan(found.p_value[0])
    assert np.isnan(found.lower[0])


def test_examples_needed_would_decide_in_four_of_five_redraws():
    lead, error, n = 0.004, 0.01, 1000
    needed = examples_needed(
        np.array([lead]), np.array([error]), examples=np.array([n]), level=0.95
    )[0]
    rng = np.random.default_rng(3)
    error_then = error * np.sqrt(n / needed)
    drawn = rng.normal(lead, error_then, 20_000)
    assert (drawn / error_then > 1.96).mean() == pytest.approx(0.8, abs=0.01)


def test_more_tests_need_more_examples_for_a_failure_and_not_for_a_pass():
    lead, error, n = np.array([-0.01, 0.01]), np.array([0.01, 0.01]), np.array([100, 100])
    one = examples_needed(lead, error, examples=n, level=0.95)
    many = examples_needed(lead, error, examples=n, level=0.95, tests=50)
    assert many[0] > one[0]
    assert many[1] == one[1]


# -------------------------------------------------------------------------------------- the gate


@pytest.mark.parametrize("method", ["poisson_bootstrap", "jackknife"])
@pytest.mark.parametrize("relative", [False, True])
def test_a_test_passes_fails_or_cannot_tell(method, relative):
    table = _table([0.0, -0.05, -0.02], [0.004] * 3, [5000] * 3, method=method, count=20)
    verdict = _judge(table, _config(-0.025 if relative else -0.02, relative=relative))
    by_slice = {each.slice_key[0][1]: each for each in verdict.decisions}
    assert [by_slice[i].outcome for i in range(3)] == ["PASSED", "FAILED", "INCONCLUSIVE"]
    assert verdict.status == "NOT_BLESSED"
    for decision in by_slice.values():
        assert decision.confidence_level == 0.95
        inside = decision.lower <= decision.bound <= decision.upper
        assert inside == (decision.outcome == "INCONCLUSIVE")
    assert "95 % interval" in by_slice[0].sentence


def test_numbers_are_compared_where_no_level_is_given():
    table = _table([-0.001], [0.05], [100])
    assert _judge(table, _config(0.0, level=None)).status == "NOT_BLESSED"
    verdict = _judge(table, _config(0.0))
    assert verdict.status == "INCONCLUSIVE"
    assert not verdict.validation_ok
    assert verdict.summary.startswith("INCONCLUSIVE: 1 of 1 check could not be decided, none fail")


def test_the_level_of_the_decision_options_is_the_default():
    table = _table([-0.001], [0.05], [100])
    config = _config(0.0, level=None)
    config.decision.confidence_level.value = 0.9
    verdict = _judge(table, config)
    assert verdict.status == "INCONCLUSIVE"
    assert verdict.decisions[0].confidence_level == 0.9


def test_an_inconclusive_verdict_tells_how_many_examples_would_do():
    verdict = _judge(_table([-0.005], [0.01], [1000]), _config(-0.02))
    decision = verdict.decisions[0]
    needed = 1000 * ((1.95996 + 0.84162) * 0.01 / 0.015) ** 2
    assert decision.num_examples_needed == pytest.approx(needed, rel=0.02)
    assert f"about {decision.num_examples_needed:,} would decide" in decision.sentence


def test_what_inconclusive_does_is_a_policy():
    table = _table([-0.005, 0.03], [0.01, 0.001], [1000, 1000])
    assert _judge(table, _config(0.0, inconclusive="BLOCK")).status == "INCONCLUSIVE"
    blessed = _judge(table, _config(0.0, inconclusive="BLESS"))
    assert blessed.status == "BLESSED"
    assert "could not be decided, which decision.inconclusive lets pass" in blessed.summary
    assert _judge(table, _config(0.0, inconclusive="POINT_ESTIMATE")).status == "NOT_BLESSED"
    lucky = _judge(table, _config(-0.01, inconclusive="POINT_ESTIMATE"))
    assert lucky.status == "BLESSED"
    assert "leave unsure" in lucky.decisions[0].sentence + lucky.decisions[1].sentence


def test_a_failure_outweighs_what_is_inconclusive():
    table = _table([-0.005, -0.3], [0.01, 0.001], [1000, 1000])
    assert _judge(table, _config(0.0)).status == "NOT_BLESSED"


def test_an_inconclusive_warning_does_not_hold_the_model_back():
    table = _table([-0.005], [0.01], [1000])
    assert _judge(table, _config(0.0, severity="WARN")).status == "BLESSED"


@pytest.mark.parametrize("correction", ["HOLM", "BENJAMINI_HOCHBERG"])
def test_one_of_many_slices_that_looks_worse_by_chance_is_not_a_failure(correction):
    # p is about 0.02 on one slice of 40; the others did not move.
    change = np.zeros(40)
    change[7] = -0.0235
    table = _table(change, [0.01] * 40, [3000] * 40)
    plain = _judge(table, _config(0.0))
    assert plain.status == "NOT_BLESSED"
    corrected = _judge(table, _config(0.0, correction=correction))
    assert corrected.status == "INCONCLUSIVE"
    decision = next(each for each in corrected.decisions if each.slice_key == (("s", 7),))
    assert decision.p_value < 0.05 < decision.adjusted_p_value
    assert "corrected for 40 tests" in decision.sentence
    change[7] = -0.06
    table = _table(change, [0.01] * 40, [3000] * 40)
    assert _judge(table, _config(0.0, correction=correction)).status == "NOT_BLESSED"


def test_a_pass_needs_no_correction():
    table = _table(np.full(40, 0.0), [0.008] * 40, [3000] * 40)
    verdict = _judge(table, _config(-0.02, correction="HOLM"))
    assert verdict.status == "BLESSED"
    assert all(each.adjusted_p_value == each.p_value for each in verdict.decisions)


def test_two_models_that_agree_everywhere_pass_without_a_test():
    table = _table([0.0, 0.0], [0.0, 0.0], [5, 5000])
    verdict = _judge(table, _config(0.0))
    assert verdict.status == "BLESSED"
    assert "the models agree everywhere" in verdict.decisions[0].sentence


def test_a_small_slice_on_which_no_example_tells_them_apart_is_inconclusive():
    table = _table([0.0, -0.001], [0.0, 0.002], [30, 5000])
    verdict = _judge(table, _config(-0.02))
    by_size = {each.num_examples: each for each in verdict.decisions}
    assert by_size[30].outcome == "INCONCLUSIVE"
    assert by_size[30].num_examples_needed == pytest.approx(np.log(0.025) / np.log(0.98), abs=1)
    assert by_size[5000].outcome == "PASSED"


def test_a_slice_of_one_example_has_no_interval_and_is_inconclusive():
    table = _table([0.5, 0.001], [0.01, 0.0001], [1, 5000])
    verdict = _judge(table, _config(0.0))
    assert verdict.status == "INCONCLUSIVE"
    assert "undecided, no interval from 1 example" in verdict.summary


def test_a_metric_without_resamples_is_compared_as_a_number():
    table = _table([-0.01], [0.01], [1000])
    columns = {key: Column(column.value) for key, column in table.columns.items()}
    table = MetricsTable(table.slices, table.examples, table.weights, columns)
    assert _judge(table, _config(0.0)).status == "NOT_BLESSED"
    assert _judge(table, _config(-0.02)).status == "BLESSED"


def test_loaded_results_without_resamples_are_tested_by_their_standard_error():
    table = with_intervals(_table([-0.005], [0.01], [1000]), method="poisson_bootstrap")
    full = _judge(table, _config(-0.02))
    bare = {
        key: Column(
            column.value,
            standard_error=column.standard_error,
            lower=column.lower,
            upper=column.upper,
            degrees_of_freedom=column.degrees_of_freedom,
            confidence_level=0.95,
        )
        for key, column in table.columns.items()
    }
    table = MetricsTable(table.slices, table.examples, table.weights, bare)
    loaded = _judge(table, _config(-0.02))
    assert loaded.status == full.status == "INCONCLUSIVE"
    assert loaded.decisions[0].p_value == pytest.approx(full.decisions[0].p_value, rel=0.05)


def test_value_thresholds_are_tested_too():
    table = _table([0.1, 0.0, -0.1], [0.01, 0.01, 0.01], [1000] * 3)
    config = _config(0.0)
    threshold = config.metrics_specs[0].metrics[0].threshold
    threshold.ClearField("change_threshold")
    threshold.value_threshold.lower_bound.value = 0.79
    verdict = _judge(table, config)
    outcomes = {each.slice_key[0][1]: each.outcome for each in verdict.decisions}
    assert outcomes == {0: "PASSED", 1: "INCONCLUSIVE", 2: "FAILED"}


def test_the_relative_test_is_steady_where_the_baseline_is_about_zero():
    """The lead of a relative bound needs no division: change - bound * |baseline|."""
    table = _table([0.05, -0.05], [0.01, 0.01], [1000, 1000], baseline=0.0)
    verdict = _judge(table, _config(-0.1, relative=True))
    outcomes = {each.slice_key[0][1]: each.outcome for each in verdict.decisions}
    assert outcomes == {0: "PASSED", 1: "FAILED"}


def test_a_vector_metric_is_tested_at_its_worst_entry_with_its_number_of_entries():
    wide = _table([0.0, 0.0], [0.01] * 2, [3000] * 2)
    bad = _table([0.0, -0.0235], [0.01] * 2, [3000] * 2, seed=1)
    columns = {}
    for key in wide.columns:
        parts = [table.columns[key] for table in (wide, bad, wide)]
        columns[key] = Column(
            np.stack([part.value for part in parts], axis=1),
            replicates=np.stack([part.replicates for part in parts], axis=2),
            resampling="poisson_bootstrap",
            labels=("low", "mid", "high"),
        )
    table = MetricsTable(wide.slices, wide.examples, wide.weights, columns)
    verdict = _judge(table, _config(0.0))
    decision = next(each for each in verdict.decisions if each.slice_key == (("s", 1),))
    assert decision.part == "mid"
    assert decision.p_value == pytest.approx(0.02, abs=0.005)
    assert decision.adjusted_p_value == pytest.approx(3 * decision.p_value)
    assert decision.outcome == "INCONCLUSIVE"
