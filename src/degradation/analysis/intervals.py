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


def mean_interval(values: np.ndarray) -> Interval:
    """The mean's interval by Student's t.

    A percentile bootstrap of 3 values covers 73 %, and for 10 and 16 normal values the BCa bootstrap covered 90 to 92 %
    where t covered 93 to 97 %; so t is used throughout.

    Raises:
        ValueError: there are no values, or one is not finite.
    """
    n = len(values)
    if n == 0 or not np.isfinite(values).all():
        raise ValueError("an interval needs finite values.")
    mean = float(np.mean(values))
    if n == 1:
        return Interval(mean, -np.inf, np.inf, n)
    if np.ptp(values) == 0:
        return Interval(mean, mean, mean, n)
    low, high = stats.t.interval(CONFIDENCE, n - 1, loc=mean, scale=stats.sem(values))
    return Interval(mean, float(low), float(high), n)


def power_within(margin: float, sd: float, n: int) -> float:
    """How often the interval of n normal values with mean zero and standard deviation `sd` lies within +-`margin`.

    That is the chance that n seeds confirm a printed value which is exactly ours. Mean and sample deviation are
    independent, so it is the normal chance given the deviation, integrated over the chi distribution. n is at least 2.
    """
    df, sem = n - 1, sd / np.sqrt(n)
    t = stats.t.ppf((1 + CONFIDENCE) / 2, df)

    def at(chi: float) -> float:
        room = margin - t * sem * chi / np.sqrt(df)
        return float(stats.chi.pdf(chi, df) * (2 * stats.norm.cdf(room / sem) - 1))

    return float(integrate.quad(at, 0, margin * np.sqrt(df) / (t * sem))[0])


def trend_p_value(table: np.ndarray) -> float:
    """The p value of Page's test that values rise from column to column: (seeds, depths), at least two and three.

    Seeds are the blocks, because the networks of a seed share data order and initial tensors across depths.
    """
    return float(stats.page_trend_test(table).pvalue)
