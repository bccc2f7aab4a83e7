"""Error in percent, or loss, against depth: the figure of every experiment."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from degradation.figures.kind import Drawn, Kind, Published
from degradation.figures.style import DASHES, figure, looks, variant_handles
from degradation.records.columns import NETWORKS


def draw(path: Path, drawn: Drawn) -> None:
    """Error or loss above, the shares of networks that failed below."""
    first = drawn.networks.iloc[0]
    with figure(path, 8, 5.6) as page:
        top, bottom = page.subplots(2, 1, sharex=True, height_ratios=(8, 1))
        if drawn.classification:
            error_against_depth(top, drawn.summary, float(first["chance_error"]), drawn.published)
        else:
            loss_against_depth(top, drawn.summary, float(first["mean_test_loss"]))
        top.set_title(drawn.title)
        shares_against_depth(bottom, drawn.summary)


def loss_against_depth(axes: Axes, summary: pd.DataFrame, mean_loss: float) -> Axes:
    """Median training (dashed) and test loss (solid) with the test loss's quartile band, log scale.

    Args:
        axes: to draw on.
        summary: one condition's rows of `degradation.analysis.statistics.summary`.
        mean_loss: test loss of predicting the mean of the training targets, drawn as a level.
    """
    for variant, (colour, marker) in looks(summary["variant"]).items():
        rows = summary[summary["variant"] == variant].sort_values("depth").replace(np.inf, np.nan)
        axes.fill_between(rows["depth"], rows["test_loss_q1"], rows["test_loss_q3"], color=colour, alpha=0.18, lw=0)
        axes.plot(rows["depth"], rows["test_loss_median"], color=colour, marker=marker, ms=5, lw=2)
        axes.plot(rows["depth"], rows["train_loss_median"], color=colour, lw=1.4, ls=DASHES)
    axes.axhline(mean_loss, color="0.4", lw=1, ls=":")
    axes.annotate("predicting the mean", (0, mean_loss), xycoords=("axes fraction", "data"), xytext=(6, 4),
                  textcoords="offset points", color="0.35", fontsize=9.5)  # fmt: skip
    axes.set_yscale("log")
    axes.set_ylabel("mean squared error after the last step")
    handles = [
        Line2D([], [], color="0.3", lw=2, label=f"test, median of {seeds(summary)} seeds"),
        Line2D([], [], color="0.3", lw=1.4, ls=DASHES, label="training, median"),
        Patch(color="0.3", alpha=0.18, lw=0, label="test, middle half of the seeds"),
    ]
    if summary["share_diverged"].any():
        handles.append(Patch(fill=False, ec="0.3", hatch="////", lw=0, label="diverged (below)"))
    axes.legend(handles=[*variant_handles(summary["variant"]), *handles], fontsize=9.5, loc="best")
    return axes


def error_against_depth(axes: Axes, summary: pd.DataFrame, chance: float, published: Published | None = None) -> Axes:
    """Mean training (dashed) and test error (solid), one standard deviation of the test error as a band.

    Args:
        axes: to draw on.
        summary: one condition's rows of `degradation.analysis.statistics.summary`.
        chance: error of guessing, drawn as a level.
        published: test errors by variant and depth, drawn as stars.
    """
    for variant, (colour, marker) in looks(summary["variant"]).items():
        rows = summary[summary["variant"] == variant].sort_values("depth")
        mean, sd = rows["test_error_mean"], rows["test_error_sd"].fillna(0)
        axes.fill_between(rows["depth"], mean - sd, mean + sd, color=colour, alpha=0.18, lw=0)
        axes.plot(rows["depth"], mean, color=colour, marker=marker, ms=5, lw=2)
        axes.plot(rows["depth"], rows["train_error_mean"], color=colour, lw=1.4, ls=DASHES)
    for variant, values in (published or {}).items():
        colour = looks([variant])[variant].colour
        axes.plot(list(values), list(values.values()), "*", ms=11, mfc="white", mec=colour, mew=1.3)
    axes.axhline(chance, color="0.4", lw=1, ls=":")
    axes.annotate("guessing", (0, chance), xycoords=("axes fraction", "data"), xytext=(6, 4),
                  textcoords="offset points", color="0.35", fontsize=9.5)  # fmt: skip
    axes.set_ylim(bottom=0)
    axes.set_ylabel("error after the last step (%)")
    handles = [
        Line2D([], [], color="0.3", lw=2, label=f"test, mean of {seeds(summary)} seeds"),
        Line2D([], [], color="0.3", lw=1.4, ls=DASHES, label="training, mean"),
        Patch(color="0.3", alpha=0.18, lw=0, label="test, one standard deviation"),
    ]
    if published:
        handles.append(Line2D([], [], ls="", marker="*", ms=11, mfc="white", mec="0.3", label="test, published"))
    axes.legend(handles=[*variant_handles(summary["variant"]), *handles], fontsize=9.5, loc="best")
    return axes


def seeds(summary: pd.DataFrame) -> str:
    """How many, in words."""
    fewest, most = summary["n"].min(), summary["n"].max()
    return f"{most}" if fewest == most else f"{fewest} to {most}"


def shares_against_depth(axes: Axes, summary: pd.DataFrame) -> Axes:
    """Shares of networks that are stuck (filled) or diverged (hatched), stacked bars side by side per variant."""
    depths = np.sort(summary["depth"].unique())
    gap = float(np.diff(depths).min()) if len(depths) > 1 else 1.0
    drawn = looks(summary["variant"])
    width = 0.7 * gap / max(2, len(drawn))
    for number, (variant, (colour, _)) in enumerate(drawn.items()):
        rows = summary[summary["variant"] == variant]
        place = rows["depth"] + (number - (len(drawn) - 1) / 2) * width
        axes.bar(place, rows["share_stuck"], width, color=colour)
        axes.bar(place, rows["share_diverged"], width, bottom=rows["share_stuck"], fill=False, ec=colour, hatch="////")
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 1], ["0", "all"])
    axes.set_ylabel("stuck or\ndiverged", fontsize=9.5)
    axes.set_xlabel("depth (layers)")
    return axes


KINDS = [Kind("depth", "error or loss against depth", 1, "networks.csv", NETWORKS, draw, in_overview=True)]
