"""95 % intervals of a mean, and a trend over depths, for few seeds."""

from typing import NamedTuple

import numpy as np
from scipy import integrate, stats

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """A mean of n values and the ends of its 95 % interval; the ends are infinite for a single value."""

    mean: float
    low: float
    high: float
    n: int

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2

    @property
    def standard_error(self) -> float:
        """Of the mean, as the interval has it; infinite for a single value."""
        return self.half_width / _t(self.n) if self.n > 1 else np.inf

    def p_above(self, value: float) -> float:
        """One-sided p of the mean being above a value: below 0.025 exactly where the whole interval is."""
        if self.standard_error == 0:
            return 0.0 if self.mean > value else 1.0
        return float(stats.t.sf((self.mean - value) / self.standard_error, self.n - 1)) if self.n > 1 else 0.5

    def p_below(self, value: float) -> float:
        """One-sided p of the mean being below a value."""
        return Interval(-self.mean, -self.high, -self.low, self.n).p_above(-value)

    def seeds_to_decide(self, margin: float) -> int:
        """The fewest values with this standard deviation and mean whose interval leaves a margin out.

        The mean must not be the margin.
        """
        distance, sd = abs(self.mean - margin), self.standard_error * np.sqrt(self.n)
        too_few, enough = self.n, 2 * self.n
        while _half_width(sd, enough) >= distance:
            too_few, enough = enough, 2 * enough
        while enough - too_few > 1:
            middle = (too_few + enough) // 2
            too_few, enough = (middle, enough) if _half_width(sd, middle) >= distance else (too_few, middle)
        return enough


def _t(n: int) -> float:
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1))


def _half_width(sd: float, n: int) -> float:
    return float(_t(n) * sd / np.sqrt(n))


def mean_interval(values: np.ndarray, resolution: float = 0.0) -> Interval:
    """The mean's interval by Student's t.

    A percentile bootstrap of 3 values covers 73 %, and for 10 and 16 normal values the BCa bootstrap covered 90 to 92 %
    where t covered 93 to 97 %; so t is used throughout.

    Args:
        resolution: the smallest difference that the values can show. The interval reaches at least as far to each side:
            three errors of exactly zero are known to one image, not exactly.

    Raises:
        ValueError: there are no values, or one is not finite.
    """
    n = len(values)
    if n == 0 or not np.isfinite(values).all():
        raise ValueError("an interval needs finite values.")
    mean = float(np.mean(values))
    if n == 1:
        return Interval(mean, -np.inf, np.inf, n)
    half = max(_half_width(float(np.std(values, ddof=1)), n) if np.ptp(values) else 0.0, resolution)
    return Interval(mean, mean - half, mean + half, n)


def power_within(margin: float, sd: float, n: int) -> float:
    """How often the interval of n normal values with mean zero and standard deviation `sd` lies within +-`margin`.

    That is the chance that n seeds confirm a printed value which is exactly ours. Mean and sample deviation are
    independent, so it is the normal chance given the deviation, integrated over the chi distribution. n is at least 2.
    """
    df, sem = n - 1, sd / np.sqrt(n)
    t = _t(n)

    def at(chi: float) -> float:
        room = margin - t * sem * chi / np.sqrt(df)
        return float(stats.chi.pdf(chi, df) * (2 * stats.norm.cdf(room / sem) - 1))

    return float(integrate.quad(at, 0, margin * np.sqrt(df) / (t * sem))[0])


def trend_p_value(table: np.ndarray) -> float:
    """The p value of Page's test that values rise from column to column: (seeds, depths), at least two and three.

    Seeds are the blocks, because the networks of a seed share data order and initial tensors across depths.
    """
    return float(stats.page_trend_test(table).pvalue)
