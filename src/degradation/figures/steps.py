"""Error in percent against steps, for classification tasks (He et al. 2015, Fig. 6)."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from degradation.config import Recipe
from degradation.config.variants import Settings
from degradation.figures.hover import hover
from degradation.figures.kind import Drawn, Kind, of_classifications
from degradation.figures.style import DASHES, depth_looks, figure, legend_beside, looks
from degradation.records.columns import CURVES

SPLITS = {"batch_error": DASHES, "test_error": "-"}  # training and test, and their lines
SAID = {"batch_error": "running training", "test_error": "test"}
ZOOMS = (10, 20)  # percent; the paper's Fig. 6 shows 0 to 20
FITTING = 2  # lines of every variant that must end within a zoom
DROP, WARM = ":", "-."  # lines of the learning rate's drops and of the end of the warm-up


def draw(path: Path, drawn: Drawn) -> None:
    """A panel a variant; a second row shows low errors, where every variant has some."""
    variants, depths = looks(drawn.rows["variant"]), sorted(set(drawn.rows["depth"]))
    zoom = zoom_to(drawn.rows)
    rows = 1 if zoom is None else 2
    with figure(path, 4.4 * len(variants) + 1.6, 3.4 * rows + 0.8) as page:
        page.suptitle(f"{drawn.title}: error during training")
        grid = page.subplots(rows, len(variants), sharex=True, sharey="row", squeeze=False)
        for row, highest in zip(grid, [None, zoom], strict=False):
            for axes, variant in zip(row, variants, strict=True):
                error_against_steps(axes, drawn.rows, variant, depths)
                axes.set_ylim(0, highest)
                axes.set_xlabel("")
                mark_rate(axes, drawn.settings.get(variant), depths)
            row[0].set_ylabel("error (%), training running" if highest is None else f"the same, below {highest} %")
        for axes, (variant, look) in zip(grid[0], variants.items(), strict=True):
            axes.set_title(variant, color=look.colour)
        for axes in grid[-1]:
            axes.set_xlabel("step")
        legend_beside(page, depths, _handles(drawn.settings, depths))


def error_against_steps(axes: Axes, curves: pd.DataFrame, variant: str, depths: list[int]) -> Axes:
    """Training (dashed) and test error (solid) by step, one colour a depth: medians over seeds, each seed thin behind.

    The training error is the running one, on the batches since the point before: in eval mode the error of the first
    steps measures statistics of batch normalisation that lag behind. A diverged network is worse than all others, so
    there is no median where half of them are.

    Args:
        axes: to draw on.
        curves: one condition's rows of curves.csv.
        variant, depths: which networks.
    """
    chosen = curves[curves["variant"] == variant]
    for depth, (colour, marker) in depth_looks(depths).items():
        rows = chosen[chosen["depth"] == depth]
        for split, dashes in SPLITS.items():
            for _, seed in rows.groupby("seed"):
                axes.plot(seed["step"], seed[split], color=colour, lw=0.5, ls=dashes, alpha=0.35, zorder=1.5)
            median = medians(rows, split)
            (line,) = axes.plot(median.index, median, color=colour, lw=1.6, ls=dashes, marker=marker, ms=3.5)
            hover(line, f"step {{x:g}}, depth {depth}, {variant}: median {SAID[split]} error {{y:.1f}} %")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("step")
    return axes


def medians(curves: pd.DataFrame, split: str) -> pd.Series:
    """Over seeds at each step; missing where half of them or more are."""
    found = curves[split].fillna(np.inf).groupby(curves["step"]).median()
    return found.replace(np.inf, np.nan)


def zoom_to(curves: pd.DataFrame) -> int | None:
    """The smallest window from 0 in which two lines of every variant end, training and test; None if there is none."""
    last = curves[curves["step"] == curves["step"].max()].fillna(dict.fromkeys(SPLITS, np.inf))
    needed = []
    for _, rows in last.groupby("variant"):
        ends = rows.groupby("depth")[list(SPLITS)].median().max(axis=1).sort_values()
        needed.append(ends.iloc[min(FITTING, len(ends)) - 1])
    return next((zoom for zoom in ZOOMS if max(needed) < zoom), None)


def mark_rate(axes: Axes, settings: Settings | None, depths: list[int]) -> None:
    """Thin vertical lines where the learning rate drops and where the warm-up ends."""
    if settings is not None:
        for step in settings.recipe.milestones:
            axes.axvline(step, color="0.4", lw=0.9, ls=DROP, zorder=1)
        if warms_up(settings.recipe, depths):
            axes.axvline(settings.recipe.warmup_steps, color="0.4", lw=0.9, ls=WARM, zorder=1)


def warms_up(recipe: Recipe, depths: list[int]) -> bool:
    """Whether some depth warms up for a number of steps that the recipe fixes."""
    fixed = recipe.warmup_steps > 0 and recipe.warmup_until_error is None
    return fixed and max(depths) >= recipe.warmup_min_depth


def _handles(settings: Mapping[str, Settings], depths: list[int]) -> list[Line2D]:
    """Legend entries of what is not a depth."""
    recipes = [found.recipe for found in settings.values()]
    handles = [
        Line2D([], [], color="0.3", lw=1.6, label="test, median"),
        Line2D([], [], color="0.3", lw=1.6, ls=DASHES, label="training, median:\nrunning error\non the batches"),
        Line2D([], [], color="0.3", lw=0.5, label="a seed"),
    ]
    if any(recipe.milestones for recipe in recipes):
        handles.append(Line2D([], [], color="0.4", lw=0.9, ls=DROP, label="learning rate drops"))
    if any(warms_up(recipe, depths) for recipe in recipes):
        handles.append(Line2D([], [], color="0.4", lw=0.9, ls=WARM, label="warm-up ends"))
    return handles


WORDS = "training and test error against steps, a panel a variant, a line a depth"
KINDS = [Kind("steps", WORDS, 2, "curves.csv", CURVES, draw, of_classifications, in_overview="headlines")]
