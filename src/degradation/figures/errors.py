"""Error in percent against depth and against steps, for classification tasks."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from degradation.figures.layers import colours
from degradation.figures.style import COLOURS, MARKERS

DASHES = (0, (4, 2))
Published = Mapping[str, Mapping[int, float]]


def error_against_depth(axes: Axes, summary: pd.DataFrame, chance: float, published: Published | None = None) -> Axes:
    """Mean training (dashed) and test error (solid), one standard deviation of the test error as a band.

    Args:
        axes: to draw on.
        summary: one condition's rows of `degradation.analysis.statistics.summary`.
        chance: error of guessing, drawn as a level.
        published: test errors by variant and depth, drawn as stars.
    """
    for variant, rows in summary.groupby("variant", sort=True):
        rows = rows.sort_values("depth")
        colour, marker = COLOURS[str(variant)], MARKERS[str(variant)]
        mean, sd = rows["test_error_mean"], rows["test_error_sd"].fillna(0)
        axes.fill_between(rows["depth"], mean - sd, mean + sd, color=colour, alpha=0.18, lw=0)
        axes.plot(rows["depth"], mean, color=colour, marker=marker, ms=5, lw=2)
        axes.plot(rows["depth"], rows["train_error_mean"], color=colour, lw=1.4, ls=DASHES)
    for variant, values in (published or {}).items():
        axes.plot(list(values), list(values.values()), "*", ms=11, mfc="white", mec=COLOURS[variant], mew=1.3)
    axes.axhline(chance, color="0.4", lw=1, ls=":")
    axes.annotate("guessing", (0, chance), xycoords=("axes fraction", "data"), xytext=(6, 4),
                  textcoords="offset points", color="0.35", fontsize=9.5)  # fmt: skip
    axes.set_ylim(bottom=0)
    axes.set_ylabel("error after the last step (%)")
    _legend(axes, summary, published)
    return axes


def _legend(axes: Axes, summary: pd.DataFrame, published: Published | None) -> None:
    variants, n = sorted(set(summary["variant"])), summary["n"]
    seeds = f"{n.min()}" if n.min() == n.max() else f"{n.min()} to {n.max()}"
    handles = [
        *(Line2D([], [], color=COLOURS[name], marker=MARKERS[name], ms=5, lw=2, label=name) for name in variants),
        Line2D([], [], color="0.3", lw=2, label=f"test, mean of {seeds} seeds"),
        Line2D([], [], color="0.3", lw=1.4, ls=DASHES, label="training, mean"),
        Patch(color="0.3", alpha=0.18, lw=0, label="test, one standard deviation"),
    ]
    if published:
        handles.append(Line2D([], [], ls="", marker="*", ms=11, mfc="white", mec="0.3", label="test, published"))
    axes.legend(handles=handles, fontsize=9.5, loc="best")


def error_against_steps(axes: Axes, curves: pd.DataFrame, variant: str, depths: list[int]) -> Axes:
    """Training (dashed) and test error (solid) by step, mean over seeds, one colour a depth (He et al. 2015, Fig. 6).

    Args:
        axes: to draw on.
        curves: one condition's rows of curves.csv.
        variant, depths: which networks.
    """
    chosen = curves[curves["variant"] == variant]
    for depth, colour in zip(depths, colours(depths), strict=True):
        means = chosen[chosen["depth"] == depth].groupby("step")[["train_error", "test_error"]].mean()
        axes.plot(means.index, means["train_error"], color=colour, lw=1.2, ls=DASHES)
        axes.plot(means.index, means["test_error"], color=colour, lw=1.8)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("step")
    return axes
