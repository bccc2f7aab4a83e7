"""The signal and the gradient layer by layer."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from degradation.figures.kind import Drawn, Kind
from degradation.figures.style import depth_colours, depth_legend, figure, looks
from degradation.records.columns import KEY

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
    for depth, colour in zip(depths, depth_colours(depths), strict=True):
        if depth in medians.index.get_level_values("depth"):
            line = medians.loc[depth]
            axes.plot(line.index, line, color=colour, lw=1.6, marker="o" if len(line) < 3 else None, ms=3)
    axes.set_yscale("log")
    return axes


def initial(layers: pd.DataFrame, classification: bool) -> pd.DataFrame:
    return layers[layers["moment"] == "init"]


def responses(layers: pd.DataFrame, classification: bool) -> pd.DataFrame:
    """After training, of layers with a response: the head has none, and tables of earlier versions have none at all."""
    return layers[(layers["moment"] == "final") & classification].dropna(subset="response_sd")


def draw_initial(path: Path, drawn: Drawn) -> None:
    _draw(path, drawn, INITIAL_LABELS, "at initialisation")


def draw_responses(path: Path, drawn: Drawn) -> None:
    """He et al. 2015, Fig. 7."""
    _draw(path, drawn, RESPONSE_LABEL, "after training")


def _draw(path: Path, drawn: Drawn, labels: dict[str, str], moment: str) -> None:
    """One row of panels per quantity, one column per variant, one line per depth."""
    variants, depths = looks(drawn.rows["variant"]), sorted(set(drawn.rows["depth"]))
    with figure(path, 4.2 * len(variants) + 0.8, 2.5 * len(labels) + 0.8) as page:
        grid = page.subplots(len(labels), len(variants), sharex=True, sharey="row", squeeze=False)
        for row, (quantity, label) in zip(grid, labels.items(), strict=True):
            row[0].set_ylabel(label)
            for axes, variant in zip(row, variants, strict=True):
                by_layer(axes, drawn.rows, quantity, variant, depths)
        for axes, (variant, look) in zip(grid[0], variants.items(), strict=True):
            axes.set_title(f"{variant}, {moment}", color=look.colour)
        for axes in grid[-1]:
            axes.set_xlabel("weighted layer")
        depth_legend(page, depths)


COLUMNS = [*KEY, "moment", "layer", "output_sd", "gradient_norm", "response_sd"]
KINDS = [
    Kind("layers", "signal and gradient by layer", 4, "layers.csv", COLUMNS, draw_initial, initial),
    Kind("responses", "responses by layer", 5, "layers.csv", COLUMNS, draw_responses, responses, in_overview=True),
]
