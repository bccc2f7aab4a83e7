"""Intervals and trends: closed forms, and coverage by simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from degradation.analysis.intervals import Interval, mean_interval, power_within, trend_p_value
from degradation.analysis.sources import TABLE_MARGIN, TABLE_SD


def test_students_t_in_closed_form():
    # mean 2, sd 1, n = 3, and t(0.975, 2) = 4.302653
    interval = mean_interval(np.array([1.0, 2.0, 3.0]))
    half = 4.302652729911275 / math.sqrt(3)
    assert interval == pytest.approx((2, 2 - half, 2 + half, 3))
    assert interval.half_width == pytest.approx(half)


def test_one_value_and_equal_values():
    assert mean_interval(np.array([5.0])) == Interval(5, -math.inf, math.inf, 1)
    assert mean_interval(np.array([0.0, 0.0, 0.0])) == Interval(0, 0, 0, 3)
    assert mean_interval(np.array([5.0]), 0.2) == Interval(5, -math.inf, math.inf, 1)


def test_a_resolution_is_the_least_half_width():
    assert mean_interval(np.array([7.0, 7.0, 7.0]), 0.25) == Interval(7, 6.75, 7.25, 3)
    rounded = np.array([2.2 - 2.0, 2.4 - 2.2, 0.2])  # equal but for rounding
    assert mean_interval(rounded, 0.2).half_width == pytest.approx(0.2)
    wide = np.array([1.0, 2.0, 3.0])
    assert mean_interval(wide, 2.4) == mean_interval(wide)
    assert mean_interval(wide, 2.5) == Interval(2, -0.5, 4.5, 3)


@pytest.mark.parametrize("n", [2, 3, 8])
def test_p_values_against_scipys_test(n):
    values = np.random.default_rng(n).normal(3, 2, n)
    interval = mean_interval(values)
    assert interval.standard_error == pytest.approx(stats.sem(values))
    for value in (0.0, 2.5, 4.0):
        above, below = (stats.ttest_1samp(values, value, alternative=side).pvalue for side in ("greater", "less"))
        assert (interval.p_above(value), interval.p_below(value)) == pytest.approx((above, below))


def test_p_values_without_spread_and_of_one_value():
    equal = Interval(2, 2, 2, 3)
    assert [equal.p_above(value) for value in (1.0, 2.0, 3.0)] == [0, 1, 1]
    assert [equal.p_below(value) for value in (1.0, 2.0, 3.0)] == [1, 1, 0]
    one = mean_interval(np.array([5.0]))
    assert (one.p_above(0), one.p_below(0), one.standard_error) == (0.5, 0.5, math.inf)


@pytest.mark.parametrize(("mean", "margin"), [(2.0, 1.5), (2.0, 2.9), (2.0, 2.01), (-7.0, -6.0)])
def test_the_seeds_that_would_decide(mean, margin):
    values = mean + np.array([-1.0, 0.0, 1.0])  # sd 1
    needed = mean_interval(values).seeds_to_decide(margin)
    half_widths = [stats.t.ppf(0.975, n - 1) / math.sqrt(n) for n in (needed - 1, needed)]
    assert half_widths[0] >= abs(mean - margin) > half_widths[1]


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [1.0, math.inf]])
def test_what_is_not_finite_is_refused(values):
    with pytest.raises(ValueError, match="an interval needs finite values"):
        mean_interval(np.array(values))


@pytest.mark.parametrize("n", [3, 5, 16])
def test_coverage_of_normal_samples(n):
    rng = np.random.default_rng(n)
    covered = sum(
        interval.low < 7 < interval.high for interval in (mean_interval(rng.normal(7, 2, n)) for _ in range(2000))
    )
    # 2000 draws at 95 %: the count's sd is 9.7; four of them either way
    assert abs(covered - 1900) < 40


@pytest.mark.parametrize(("n", "percent"), [(3, 23.4), (5, 66.7), (8, 96.9)])
def test_the_power_of_the_tables_claims(n, percent):
    """Within 0.6 points of a printed error, seeds spreading by 0.35."""
    assert 100 * power_within(TABLE_MARGIN, TABLE_SD, n) == pytest.approx(percent, abs=0.1)
    values = np.random.default_rng(n).normal(0, TABLE_SD, (4000, n))
    low, high = stats.t.interval(0.95, n - 1, loc=values.mean(1), scale=stats.sem(values, axis=1))
    found = np.sum((low > -TABLE_MARGIN) & (high < TABLE_MARGIN))
    share = percent / 100
    assert abs(found - 4000 * share) < 4 * math.sqrt(4000 * share * (1 - share))


def test_page_of_a_perfect_order_is_exact():
    # Under the null each of three seeds has one of 3! equally likely orders: (1/6)^3.
    assert trend_p_value(np.array([[1.0, 2, 3], [0, 5, 6], [2, 2.5, 9]])) == pytest.approx(1 / 216)
    assert trend_p_value(np.array([[3.0, 2, 1]] * 3)) == pytest.approx(1)


def test_page_holds_its_level():
    rng = np.random.default_rng(0)
    found = sum(trend_p_value(rng.normal(size=(3, 4))) < 0.05 for _ in range(400))
    assert found <= stats.binom.ppf(0.9999, 400, 0.05)
