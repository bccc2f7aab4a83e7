"""What networks of a few depths have learned of the sine."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from degradation.figures.style import COLOURS

MOST_SEEDS = 16  # more would cover each other


def fitted_functions(axes: Axes, predictions: pd.DataFrame, variant: str, depth: int) -> Axes:
    """One line a seed, of the first sixteen, over the sine (grey).

    Args:
        axes: to draw on.
        predictions: one condition's rows of predictions.csv.
        variant, depth: which networks.
    """
    chosen = predictions[(predictions["variant"] == variant) & (predictions["depth"] == depth)]
    x = predictions["x"].drop_duplicates().sort_values()
    axes.plot(x, np.sin(x), color="0.75", lw=4, solid_capstyle="round")
    for seed in sorted(set(chosen["seed"]))[:MOST_SEEDS]:
        line = chosen[chosen["seed"] == seed]
        axes.plot(line["x"], line["prediction"], color=COLOURS[variant], lw=1.2, alpha=0.85)
    axes.set_ylim(-1.6, 1.6)
    axes.set_yticks([-1, 0, 1])
    return axes


def depths_to_show(depths: list[int], most: int = 5) -> list[int]:
    """At most `most` of the depths, evenly spread from the shallowest to the deepest."""
    depths = sorted(depths)
    if len(depths) <= most:
        return depths
    return [depths[round(place * (len(depths) - 1) / (most - 1))] for place in range(most)]
