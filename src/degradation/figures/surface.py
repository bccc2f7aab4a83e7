"""The training loss around trained weights (Li et al. 2018, 1712.09913, Fig. 5), at equal levels for all networks."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.contour import QuadContourSet

from degradation.figures.kind import INSIDE, Drawn, Kind
from degradation.figures.scales import level
from degradation.figures.style import figure, looks, spread, variant_handles
from degradation.records.columns import KEY

MOST_DEPTHS = 3
LOWEST, HIGHEST = 1e-3, 1e3  # losses beyond are drawn as these
LEVELS = np.geomspace(LOWEST, HIGHEST, 25)  # four a decade, in every figure alike


def draw(path: Path, drawn: Drawn) -> None:
    """A row a depth: the square of the first seed, a panel a variant, and the line y = 0 of every seed."""
    depths, variants = spread(drawn.rows["depth"], MOST_DEPTHS), looks(drawn.rows["variant"])
    guessing = float(drawn.networks["mean_train_loss"].iloc[0])
    with figure(path, 3.2 * (len(variants) + 1) + 1.2, 3.0 * len(depths) + 0.8) as page:
        page.suptitle(f"{drawn.title}: training loss around the trained weights")
        grid = page.subplots(len(depths), len(variants) + 1, squeeze=False)
        for row, depth in zip(grid, depths, strict=True):
            of_depth = drawn.rows[drawn.rows["depth"] == depth]
            for axes, (variant, look) in zip(row, variants.items(), strict=False):
                of_variant = of_depth[of_depth["variant"] == variant]
                axes.set_title(f"{variant}, {depth} layers", color=look.colour)
                if len(of_variant):
                    filled = square(axes, of_variant[of_variant["seed"] == of_variant["seed"].min()], guessing)
            line(row[-1], of_depth, list(variants))
            level(row[-1], guessing, "guessing")
            row[0].set_ylabel("second direction")
        for axes in grid[-1]:
            axes.set_xlabel("first direction")
        page.supxlabel("one unit: every filter moves by its own norm", fontsize=9)
        bar = page.colorbar(filled, ax=grid[:, :-1], location="left", shrink=0.8)
        bar.set_label("training loss; dashed: guessing")
        bar.set_ticks([10.0**power for power in range(-3, 4)])
        page.legend(handles=variant_handles(variants), loc="outside right center", fontsize=9.5)


def square(axes: Axes, surface: pd.DataFrame, guessing: float) -> QuadContourSet:
    """Contours of one network's loss, the loss of guessing dashed, the trained weights a cross; returns the contours.

    Args:
        axes: to draw on.
        surface: the network's rows of surface.csv.
        guessing: loss of predicting the mean.
    """
    table = surface.pivot(index="y", columns="x", values="train_loss")
    loss = table.clip(LOWEST, HIGHEST).fillna(HIGHEST).to_numpy()
    filled = axes.contourf(table.columns, table.index, loss, levels=LEVELS, norm=LogNorm(), cmap="viridis_r")
    if loss.min() < guessing < loss.max():
        axes.contour(table.columns, table.index, loss, levels=[guessing], colors="white", linestyles="--")
    axes.plot(0, 0, "+", color="black", ms=8)
    axes.set_aspect("equal")
    return filled


def line(axes: Axes, surface: pd.DataFrame, variants: list[str]) -> Axes:
    """The loss along the first direction, a line a seed.

    Args:
        axes: to draw on.
        surface: one condition's and one depth's rows of surface.csv.
        variants: of the whole figure.
    """
    along = surface[surface["y"] == 0].sort_values("x")
    for variant, (colour, _) in looks(variants).items():
        for _, rows in along[along["variant"] == variant].groupby("seed"):
            axes.plot(rows["x"], rows["train_loss"].clip(LOWEST, HIGHEST), color=colour, lw=1.3)
    axes.set_yscale("log")
    axes.set_ylim(LOWEST, HIGHEST)
    axes.set_title("second direction 0, every seed", fontsize=10)
    return axes


COLUMNS = [*KEY, "x", "y", "train_loss", "train_error"]
WORDS = (
    "the training loss on a square of two random, filter-normalised directions around the trained weights, at equal "
    "levels for all networks, and along the first direction, a line a seed"
)
KINDS = [Kind("surface", WORDS, 8, "surface.csv", COLUMNS, draw, section=INSIDE)]
