"""Error in percent against steps, for classification tasks (He et al. 2015, Fig. 6)."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from degradation.figures.kind import Drawn, Kind
from degradation.figures.style import DASHES, depth_colours, depth_legend, figure, looks
from degradation.records.columns import CURVES


def draw(path: Path, drawn: Drawn) -> None:
    """A panel a variant."""
    variants, depths = looks(drawn.rows["variant"]), sorted(set(drawn.rows["depth"]))
    with figure(path, 4.2 * len(variants) + 0.8, 4.2) as page:
        (row,) = page.subplots(1, len(variants), sharex=True, sharey=True, squeeze=False)
        for axes, (variant, look) in zip(row, variants.items(), strict=True):
            error_against_steps(axes, drawn.rows, variant, depths)
            axes.set_title(variant, color=look.colour)
        row[0].set_ylabel("error (%): training dashed, test solid")
        depth_legend(page, depths)


def error_against_steps(axes: Axes, curves: pd.DataFrame, variant: str, depths: list[int]) -> Axes:
    """Training (dashed) and test error (solid) by step, mean over seeds, one colour a depth (He et al. 2015, Fig. 6).

    Args:
        axes: to draw on.
        curves: one condition's rows of curves.csv.
        variant, depths: which networks.
    """
    chosen = curves[curves["variant"] == variant]
    for depth, colour in zip(depths, depth_colours(depths), strict=True):
        means = chosen[chosen["depth"] == depth].groupby("step")[["train_error", "test_error"]].mean()
        axes.plot(means.index, means["train_error"], color=colour, lw=1.2, ls=DASHES)
        axes.plot(means.index, means["test_error"], color=colour, lw=1.8)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("step")
    return axes


def of_classifications(curves: pd.DataFrame, classification: bool) -> pd.DataFrame:
    return curves if classification else curves.iloc[:0]


KINDS = [Kind("steps", "error against steps", 2, "curves.csv", CURVES, draw, of_classifications, in_overview=True)]
