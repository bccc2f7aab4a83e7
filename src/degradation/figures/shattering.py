"""The gradient of the output by the input, drawn, and how much of it neighbouring inputs share, against depth."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from degradation.analysis.shattering import COLUMNS, shattering
from degradation.figures.hover import hover
from degradation.figures.kind import Drawn, Kind, initial
from degradation.figures.scales import dots, level, number_ticks
from degradation.figures.style import figure, looks, spread, variant_handles
from degradation.records.columns import KEY

MOST_DEPTHS = 5
MOMENTS = {"init": "at initialisation", "final": "after training"}


def draw_gradients(path: Path, drawn: Drawn) -> None:
    """One row per variant, one column per depth: the first seed, over its own standard deviation."""
    variants = looks(drawn.rows["variant"])
    depths = spread(drawn.rows["depth"], MOST_DEPTHS)
    with figure(path, 2.1 * len(depths) + 0.4, 1.7 * len(variants) + 0.8) as page:
        page.suptitle(f"{drawn.title}: gradient by the input at initialisation")
        grid = page.subplots(len(variants), len(depths), sharex=True, sharey=True, squeeze=False)
        for row, (variant, look) in zip(grid, variants.items(), strict=True):
            row[0].set_ylabel(f"{variant}\n(over its sd)", color=look.colour)
            for axes, depth in zip(row, depths, strict=True):
                gradient_against_input(axes, drawn.rows, variant, depth)
        for axes, depth in zip(grid[0], depths, strict=True):
            axes.set_title(f"depth {depth}")
        for axes in grid[-1]:
            axes.set_xlabel("x")


def gradient_against_input(axes: Axes, rows: pd.DataFrame, variant: str, depth: int) -> Axes:
    """The first seed's gradient, its mean taken away, over its standard deviation; a flat line where it has none.

    Args:
        axes: to draw on.
        rows: one condition's and one moment's rows of input_gradients.csv.
        variant, depth: which network.
    """
    chosen = rows[(rows["variant"] == variant) & (rows["depth"] == depth)]
    line = chosen[chosen["seed"] == chosen["seed"].min()].sort_values("x")
    centred = line["gradient"] - line["gradient"].mean()
    axes.plot(line["x"], centred / (centred.std(ddof=0) or 1), color=looks(rows["variant"])[variant].colour, lw=0.9)
    axes.set_ylim(-4, 4)
    return axes


def draw_shattering(path: Path, drawn: Drawn) -> None:
    """A panel a moment."""
    with figure(path, 9, 4) as page:
        page.suptitle(f"{drawn.title}: do neighbouring inputs share a gradient?")
        panels = page.subplots(1, len(MOMENTS), sharey=True)
        for axes, (moment, words) in zip(panels, MOMENTS.items(), strict=True):
            autocorrelation_against_depth(axes, drawn.rows[drawn.rows["moment"] == moment])
            axes.set_title(words)
        panels[0].set_ylabel("autocorrelation of the gradient,\nneighbouring inputs")
        panels[0].legend(handles=variant_handles(drawn.rows["variant"]), fontsize=9.5)


def autocorrelation_against_depth(axes: Axes, rows: pd.DataFrame) -> Axes:
    """Mean over seeds, and every seed.

    Args:
        axes: to draw on.
        rows: one condition's and one moment's rows of input_gradients.csv.
    """
    found = shattering(rows, ["variant", "depth", "seed"]).reset_index()
    for variant, (colour, marker) in looks(found["variant"]).items():
        own = found[found["variant"] == variant]
        dots(axes, own["depth"], own["autocorrelation"], colour, own["seed"],
             f"depth {{x:g}}, {variant}, seed {{seed}}: {{y:.2f}}")  # fmt: skip
        mean = own.groupby("depth")["autocorrelation"].mean()
        (line,) = axes.plot(mean.index, mean, color=colour, marker=marker, ms=5, lw=2, clip_on=False)
        hover(line, f"depth {{x:g}}, {variant}: mean {{y:.2f}}")
    level(axes, 0, "white noise")
    number_ticks(axes, np.unique(found["depth"]))
    axes.set_ylim(top=1)
    axes.set_xlabel("depth (layers)")
    return axes


GRADIENTS = (
    "the gradient of the output by the input at initialisation, a row of panels a variant, a column a depth: brown "
    "noise where neighbouring inputs share it, white noise where they do not"
)
SHARED = (
    "the autocorrelation of the gradient between neighbouring inputs against depth, at initialisation and after "
    "training, a line a variant"
)
KINDS = [
    Kind("input_gradients", GRADIENTS, 6, "input_gradients.csv", [*KEY, *COLUMNS], draw_gradients, initial),
    Kind("shattering", SHARED, 7, "input_gradients.csv", [*KEY, *COLUMNS], draw_shattering, in_overview="always"),
]
