"""Paths by length and the gradient that they carry (Veit et al. 2016, 1605.06431, Fig. 6)."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from degradation.figures.hover import hover
from degradation.figures.kind import INSIDE, Drawn, Kind
from degradation.figures.style import DASHES, figure, looks, spread, variant_handles
from degradation.records.columns import KEY

MOST_DEPTHS = 3


def draw(path: Path, drawn: Drawn) -> None:
    """A row a depth: shares of paths and of gradient by length, and the gradient of a path."""
    depths, variants = spread(drawn.rows["depth"], MOST_DEPTHS), looks(drawn.rows["variant"])
    with figure(path, 9.5, 2.7 * len(depths) + 1.0) as page:
        page.suptitle(f"{drawn.title}: paths through the trained networks")
        grid = page.subplots(len(depths), 2, squeeze=False)
        for row, depth in zip(grid, depths, strict=True):
            of_depth = drawn.rows[drawn.rows["depth"] == depth]
            shares(row[0], of_depth)
            norms(row[1], of_depth)
            row[0].set_ylabel(f"{depth} layers\nshare (%)")
            row[1].set_ylabel("gradient norm of a path")
        for axes in grid[-1]:
            axes.set_xlabel("blocks that the path goes through")
        styles = [Line2D([], [], color="0.3", label="gradient"), Line2D([], [], color="0.3", ls=DASHES, label="paths")]
        page.legend(handles=[*variant_handles(variants), *styles], loc="outside right center", fontsize=9.5)


def shares(axes: Axes, paths: pd.DataFrame) -> Axes:
    """Percent of all paths (dashed) and of the gradient that they carry (mean over seeds) by length.

    Args:
        axes: to draw on.
        paths: one condition's and one depth's rows of paths.csv.
    """
    for variant, (colour, marker) in looks(paths["variant"]).items():
        means = paths[paths["variant"] == variant].groupby("length")[["path_share", "gradient_share"]].mean()
        percent = 100 * means
        (line,) = axes.plot(percent.index, percent["gradient_share"], color=colour, marker=marker, ms=4, lw=1.5)
        hover(line, f"{{x:g}} blocks, {variant}: {{y:.2g}} % of the gradient")
        axes.plot(percent.index, percent["path_share"], color=colour, ls=DASHES, lw=1.3)
    axes.set_ylim(bottom=0)
    return axes


def norms(axes: Axes, paths: pd.DataFrame) -> Axes:
    """The gradient's norm along a path by its length, a line a seed, log scale; arguments as of `shares`."""
    for variant, (colour, _) in looks(paths["variant"]).items():
        for _, rows in paths[paths["variant"] == variant].groupby("seed"):
            line = rows.sort_values("length")
            axes.plot(line["length"], line["gradient_norm"].where(line["gradient_norm"] > 0), color=colour, lw=1.3)
    axes.set_yscale("log")
    return axes


COLUMNS = [*KEY, "length", "path_share", "gradient_norm", "gradient_share"]
WORDS = (
    "the share of all paths through residual networks by the number of blocks that they go through, the share of the "
    "gradient that these paths carry, and the gradient's norm along a path, a row a depth"
)
KINDS = [Kind("paths", WORDS, 9, "paths.csv", COLUMNS, draw, section=INSIDE)]
