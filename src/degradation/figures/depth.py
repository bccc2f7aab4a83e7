"""Loss against depth."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from degradation.figures.style import COLOURS, MARKERS


def loss_against_depth(axes: Axes, summary: pd.DataFrame, mean_loss: float) -> Axes:
    """Median training (dashed) and test loss (solid) with the test loss's quartile band, log scale.

    Args:
        axes: to draw on.
        summary: one condition's rows of `degradation.analysis.statistics.summary`.
        mean_loss: test loss of predicting the mean of the training targets, drawn as a level.
    """
    for variant, rows in summary.groupby("variant", sort=True):
        rows = rows.sort_values("depth").replace(np.inf, np.nan)
        colour, marker = COLOURS[str(variant)], MARKERS[str(variant)]
        axes.fill_between(rows["depth"], rows["test_loss_q1"], rows["test_loss_q3"], color=colour, alpha=0.18, lw=0)
        axes.plot(rows["depth"], rows["test_loss_median"], color=colour, marker=marker, ms=5, lw=2)
        axes.plot(rows["depth"], rows["train_loss_median"], color=colour, lw=1.4, ls=(0, (4, 2)))
    axes.axhline(mean_loss, color="0.4", lw=1, ls=":")
    axes.annotate("predicting the mean", (0, mean_loss), xycoords=("axes fraction", "data"), xytext=(6, 4),
                  textcoords="offset points", color="0.35", fontsize=9.5)  # fmt: skip
    axes.set_yscale("log")
    axes.set_ylabel("mean squared error after the last step")
    _legend(axes, summary)
    return axes


def _legend(axes: Axes, summary: pd.DataFrame) -> None:
    variants, diverged = sorted(set(summary["variant"])), summary["share_diverged"].any()
    fewest, most = summary["n"].min(), summary["n"].max()
    seeds = f"{most}" if fewest == most else f"{fewest} to {most}"
    handles = [
        *(Line2D([], [], color=COLOURS[name], marker=MARKERS[name], ms=5, lw=2, label=name) for name in variants),
        Line2D([], [], color="0.3", lw=2, label=f"test, median of {seeds} seeds"),
        Line2D([], [], color="0.3", lw=1.4, ls=(0, (4, 2)), label="training, median"),
        Patch(color="0.3", alpha=0.18, lw=0, label="test, middle half of the seeds"),
    ]
    if diverged:
        handles.append(Patch(fill=False, ec="0.3", hatch="////", lw=0, label="diverged (below)"))
    axes.legend(handles=handles, fontsize=9.5, loc="best")


def shares_against_depth(axes: Axes, summary: pd.DataFrame) -> Axes:
    """Shares of networks that are stuck (filled) or diverged (hatched), stacked bars side by side per variant."""
    depths = np.sort(summary["depth"].unique())
    gap = float(np.diff(depths).min()) if len(depths) > 1 else 1.0
    width = 0.35 * gap
    for side, (variant, rows) in zip((-0.5, 0.5), summary.groupby("variant", sort=True), strict=False):
        colour, place = COLOURS[str(variant)], rows["depth"] + side * width
        axes.bar(place, rows["share_stuck"], width, color=colour)
        axes.bar(place, rows["share_diverged"], width, bottom=rows["share_stuck"], fill=False, ec=colour, hatch="////")
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 1], ["0", "all"])
    axes.set_ylabel("stuck or\ndiverged", fontsize=9.5)
    axes.set_xlabel("depth (layers)")
    return axes
