"""Scales on which everything can be read, levels, and seeds as dots."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from degradation.figures.hover import hover

MOST_DOTS = 8  # seeds a depth and variant: where there are more, a band shows their spread
NEAR_ZERO, FAR = 2.0, 20.0  # percent: errors on both sides of these need a scale that shows both
LINEAR_TO = 1.0  # percent
TICKS = (0, 1, 2, 5, 10, 20, 50, 100)


def percent_axis(axes: Axes, values: Iterable[float], label: str) -> None:
    """An axis of errors that ends where they end: linear, or logarithmic above 1 % where some are near zero only.

    Args:
        axes: the y axis of which.
        values: everything that is drawn.
        label: of the axis, without its unit.
    """
    finite = [value for value in values if np.isfinite(value)]
    lowest, highest = min(finite), max(finite)
    unit = " (%)"
    if lowest <= NEAR_ZERO and highest >= FAR:
        axes.set_yscale("symlog", linthresh=LINEAR_TO, linscale=0.6)
        ticks = [tick for tick in TICKS if tick <= highest]
        axes.set_yticks(ticks, [str(tick) for tick in ticks])
        axes.yaxis.set_minor_locator(NullLocator())
        unit = f"\n(%, linear below {LINEAR_TO:g})"
    axes.set_ylim(0, min(100.0, 1.04 * highest) or 1.0)
    axes.set_ylabel(f"{label}{unit}")


def level(axes: Axes, value: float, words: str) -> None:
    """A value to compare with, as a dotted line."""
    axes.axhline(value, color="0.4", lw=1, ls=":")
    axes.annotate(words, (0, value), xycoords=("axes fraction", "data"), xytext=(6, -4), va="top",
                  textcoords="offset points", color="0.35", fontsize=9.5)  # fmt: skip


def dots(axes: Axes, x: pd.Series, y: pd.Series, colour: str, seeds: pd.Series, words: str) -> None:
    """A dot a seed, behind the lines.

    Args:
        axes: to draw on.
        x, y, seeds: one a network.
        colour: of all.
        words: what a browser says of a dot, with {x}, {y} and {seed}.
    """
    finite = np.isfinite(y.to_numpy(dtype=float))
    if finite.any():  # an empty line that is not clipped upsets the layout
        points = list(zip(x[finite], y[finite], seeds[finite], strict=True))
        look: dict[str, Any] = {"color": colour, "ms": 6, "mew": 0, "alpha": 0.45, "clip_on": False, "zorder": 1.5}
        (line,) = axes.plot(x[finite].to_numpy(), y[finite].to_numpy(), ".", **look)
        hover(line, [words.format(x=place, y=value, seed=seed) for place, value, seed in points])


def number_ticks(axes: Axes, values: Iterable[float]) -> None:
    """An x axis with ticks at the values alone."""
    places = list(values)
    axes.set_xticks(places, [f"{value:g}" for value in places])
    axes.xaxis.set_minor_locator(NullLocator())


def wide(values: Sequence[float]) -> bool:
    """Whether positive values reach over a decade."""
    return min(values) > 0 and max(values) >= 10 * min(values)
