"""What networks of a few depths have learned of the sine."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from degradation.figures.kind import Drawn, Kind
from degradation.figures.style import figure, looks, spread
from degradation.records.columns import KEY

MOST_DEPTHS = 5


def fitted_functions(axes: Axes, predictions: pd.DataFrame, variant: str, depth: int) -> Axes:
    """One line a seed over the sine (grey).

    Args:
        axes: to draw on.
        predictions: one condition's rows of predictions.csv.
        variant, depth: which networks.
    """
    chosen = predictions[(predictions["variant"] == variant) & (predictions["depth"] == depth)]
    x = predictions["x"].drop_duplicates().sort_values()
    axes.plot(x, np.sin(x), color="0.75", lw=4, solid_capstyle="round")
    colour = looks(predictions["variant"])[variant].colour
    for seed in sorted(set(chosen["seed"])):
        line = chosen[chosen["seed"] == seed]
        axes.plot(line["x"], line["prediction"], color=colour, lw=1.2, alpha=0.85)
    axes.set_ylim(-1.6, 1.6)
    axes.set_yticks([-1, 0, 1])
    return axes


def draw(path: Path, drawn: Drawn) -> None:
    """One row per variant, one column per depth."""
    variants = looks(drawn.rows["variant"])
    depths = spread(drawn.rows["depth"], MOST_DEPTHS)
    with figure(path, 2.1 * len(depths) + 0.4, 1.7 * len(variants) + 0.8) as page:
        page.suptitle(f"{drawn.title}: fitted functions")
        grid = page.subplots(len(variants), len(depths), sharex=True, sharey=True, squeeze=False)
        for row, (variant, look) in zip(grid, variants.items(), strict=True):
            row[0].set_ylabel(variant, color=look.colour, fontweight="bold")
            for axes, depth in zip(row, depths, strict=True):
                fitted_functions(axes, drawn.rows, variant, depth)
        for axes, depth in zip(grid[0], depths, strict=True):
            axes.set_title(f"depth {depth}")
        for axes in grid[-1]:
            axes.set_xlabel("x")


WORDS = "the functions that networks of a few depths have learned, a line a seed, over the sine"
KINDS = [Kind("functions", WORDS, 3, "predictions.csv", [*KEY, "x", "prediction"], draw)]
