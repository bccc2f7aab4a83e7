"""The signal and the gradient layer by layer."""

from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes

INITIAL_LABELS = {
    "output_sd": "output sd over inputs",
    "gradient_norm": "gradient norm of the weight",
}
RESPONSE_LABEL = {"response_sd": "response sd, after BN"}
TINY = 1e-12  # what is smaller, zero in float32 included, is drawn at the lower edge


def by_layer(axes: Axes, layers: pd.DataFrame, quantity: str, variant: str, depths: list[int]) -> Axes:
    """Median over seeds of `output_sd`, `gradient_norm` or `response_sd` in every weighted layer, one line a depth.

    On a log scale; the paper's responses are on a linear one, but in plain networks that fail ours reach 38,000.

    Args:
        axes: to draw on.
        layers: one condition's and one moment's rows of layers.csv.
        quantity: the column.
        variant, depths: which networks.
    """
    medians = layers[layers["variant"] == variant].groupby(["depth", "layer"])[quantity].median().clip(lower=TINY)
    for depth, colour in zip(depths, colours(depths), strict=True):
        if depth in medians.index.get_level_values("depth"):
            line = medians.loc[depth]
            axes.plot(line.index, line, color=colour, lw=1.6, marker="o" if len(line) < 3 else None, ms=3)
    axes.set_yscale("log")
    return axes


def colours(depths: list[int]) -> list[Any]:
    """One colour a depth, light to dark."""
    scale = mpl.colormaps["viridis_r"]
    return [scale(0.1 + 0.9 * place / max(1, len(depths) - 1)) for place in range(len(depths))]
