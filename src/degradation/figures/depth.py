"""Error in percent, or loss, against depth: the figure of every experiment."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from degradation.analysis import outcomes
from degradation.figures.hover import hover
from degradation.figures.kind import Drawn, Kind, Published
from degradation.figures.scales import MOST_DOTS, dots, level, number_ticks, percent_axis
from degradation.figures.style import DASHES, figure, looks, variant_handles
from degradation.records.columns import NETWORKS

TRAINING: dict[str, Any] = {"ls": DASHES, "lw": 1.4, "ms": 3.5, "mfc": "white"}  # small and hollow
MOST_INSIDE = 4  # variants whose legend is drawn among the lines
MOST_TICKS = 8  # a tick a depth where there are no more


def draw(path: Path, drawn: Drawn) -> None:
    """Error or loss above, the shares of networks that failed below."""
    first = drawn.networks.iloc[0]
    with figure(path, 8 if _fits_inside(drawn.summary) else 10, 5.6) as page:
        top, bottom = page.subplots(2, 1, sharex=True, height_ratios=(8, 1))
        if drawn.classification:
            error_against_depth(top, drawn.summary, float(first["chance_error"]), drawn.published)
            every_seed(top, drawn.networks, outcomes.errors(drawn.networks, "test"))
        else:
            loss_against_depth(top, drawn.summary, float(first["mean_test_loss"]))
            every_seed(top, drawn.networks, outcomes.losses(drawn.networks, "test"))
        quantity = "error" if drawn.classification else "loss"
        top.set_title(f"{drawn.title}: {quantity} against depth")
        shares_against_depth(bottom, drawn.summary)


def _fits_inside(summary: pd.DataFrame) -> bool:
    """Whether there is room for the legend among the lines."""
    return summary["variant"].nunique() <= MOST_INSIDE


def _legend(axes: Axes, summary: pd.DataFrame, others: list[Any]) -> None:
    where = {"loc": "best"} if _fits_inside(summary) else {"loc": "upper left", "bbox_to_anchor": (1, 1)}
    axes.legend(handles=[*variant_handles(summary["variant"]), *others], fontsize=9.5, **where)


def loss_against_depth(axes: Axes, summary: pd.DataFrame, mean_loss: float) -> Axes:
    """Median training (dashed) and test loss (solid), log scale; the test loss's quartiles as a band of many seeds.

    Args:
        axes: to draw on.
        summary: one condition's rows of `degradation.analysis.statistics.summary`.
        mean_loss: test loss of predicting the mean of the training targets, drawn as a level.
    """
    for variant, (colour, marker) in looks(summary["variant"]).items():
        rows = summary[summary["variant"] == variant].sort_values("depth").replace(np.inf, np.nan)
        _band(axes, rows, "test_loss", colour)
        (line,) = axes.plot(rows["depth"], rows["test_loss_median"], color=colour, marker=marker, ms=5, lw=2)
        hover(line, f"depth {{x:g}}, {variant}: median test loss {{y:.2g}}")
        (line,) = axes.plot(rows["depth"], rows["train_loss_median"], color=colour, marker=marker, **TRAINING)
        hover(line, f"depth {{x:g}}, {variant}: median training loss {{y:.2g}}")
    level(axes, mean_loss, "predicting the mean")
    axes.set_yscale("log")
    axes.set_ylabel("mean squared error after the last step")
    handles = _handles(summary, "median")
    if summary["share_diverged"].any():
        handles.append(Patch(fill=False, ec="0.3", hatch="////", lw=0, label="diverged (below)"))
    _legend(axes, summary, handles)
    return axes


def error_against_depth(axes: Axes, summary: pd.DataFrame, chance: float, published: Published | None = None) -> Axes:
    """Mean training (dashed) and test error (solid); the test error's quartiles as a band of many seeds.

    Args:
        axes: to draw on.
        summary: one condition's rows of `degradation.analysis.statistics.summary`.
        chance: error of guessing, drawn as a level where some networks come near it.
        published: test errors by variant and depth, drawn as stars.
    """
    stars = published or {}
    every = looks([*summary["variant"], *stars])
    for variant in looks(summary["variant"]):
        colour, marker = every[variant]
        rows = summary[summary["variant"] == variant].sort_values("depth")
        _band(axes, rows, "test_error", colour)
        means: dict[str, Any] = {"color": colour, "marker": marker, "ms": 5, "lw": 2, "clip_on": False}
        hover(
            axes.plot(rows["depth"], rows["test_error_mean"], **means)[0],
            f"depth {{x:g}}, {variant}: mean test error {{y:.2f}} %",
        )
        means |= TRAINING
        hover(
            axes.plot(rows["depth"], rows["train_error_mean"], **means)[0],
            f"depth {{x:g}}, {variant}: mean training error {{y:.2f}} %",
        )
    for variant, values in stars.items():
        drawn_in = every[variant].colour
        axes.plot(list(values), list(values.values()), "*", ms=11, mfc="white", mec=drawn_in, mew=1.3)
    drawn = [*summary["test_error_mean"], *summary["train_error_mean"]]
    drawn += [value for values in stars.values() for value in values.values()]
    if max(drawn) > chance / 2:
        level(axes, chance, "guessing")
        drawn.append(chance)
    percent_axis(axes, drawn, "error after the last step")
    handles = _handles(summary, "mean")
    if published:
        handles.append(Line2D([], [], ls="", marker="*", ms=11, mfc="white", mec="0.3", label="test, published"))
    _legend(axes, summary, handles)
    return axes


def every_seed(axes: Axes, networks: pd.DataFrame, values: pd.Series) -> Axes:
    """A dot a seed at depths and variants that have few; the axis is made longer where a dot lies beyond.

    Args:
        axes: to draw on.
        networks: one condition's rows of networks.csv.
        values: what each counts as.
    """
    said = "{y:.2f} %" if outcomes.is_classification(networks) else "{y:.2g}"
    for variant, (colour, _) in looks(networks["variant"]).items():
        rows = networks[networks["variant"] == variant]
        few = rows[rows.groupby("depth")["seed"].transform("size") <= MOST_DOTS]
        words = f"depth {{x:g}}, {variant}, seed {{seed}}: {said}"
        dots(axes, few["depth"], values[few.index], colour, few["seed"], words)
    highest = values.replace(np.inf, np.nan).max()
    if highest > axes.get_ylim()[1]:
        axes.set_ylim(top=highest)
    return axes


def _band(axes: Axes, rows: pd.DataFrame, measured: str, colour: str) -> None:
    """The middle half of the seeds, where there are too many for dots."""
    many = rows["n"] > MOST_DOTS
    if many.any():
        q1, q3 = rows[f"{measured}_q1"].where(many), rows[f"{measured}_q3"].where(many)
        axes.fill_between(rows["depth"], q1, q3, color=colour, alpha=0.18, lw=0)


def _handles(summary: pd.DataFrame, statistic: str) -> list[Any]:
    """Legend entries of the lines and of what shows the spread."""
    found: list[Any] = [
        Line2D([], [], color="0.3", lw=2, label=f"test, {statistic} of {seeds(summary)}"),
        Line2D([], [], color="0.3", marker="o", **TRAINING, label=f"training, {statistic}"),
    ]
    if summary["n"].min() <= MOST_DOTS:
        found.append(Line2D([], [], color="0.3", ls="", marker=".", ms=6, mew=0, alpha=0.6, label="test, every seed"))
    if summary["n"].max() > MOST_DOTS:
        found.append(Patch(color="0.3", alpha=0.18, lw=0, label="test, middle half of the seeds"))
    return found


def seeds(summary: pd.DataFrame) -> str:
    """How many, in words."""
    fewest, most = summary["n"].min(), summary["n"].max()
    several = f"{most} seeds" if fewest == most else f"{fewest} to {most} seeds"
    return "1 seed" if most == 1 else several


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
    if not summary[["share_stuck", "share_diverged"]].any(axis=None):
        axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", va="center", color="0.35", fontsize=9.5)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 1], ["0", "all"])
    axes.set_ylabel("stuck or\ndiverged", fontsize=9.5)
    axes.set_xlabel("depth (layers)")
    if len(depths) <= MOST_TICKS:
        number_ticks(axes, depths)
    return axes


WORDS = (
    "error or loss after training against depth, a line a variant, test solid and training dashed; below it the shares "
    "of networks that are stuck or diverged"
)
KINDS = [Kind("depth", WORDS, 1, "networks.csv", NETWORKS, draw, in_overview="always")]
