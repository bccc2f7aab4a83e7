"""Relative error against steps where a network is to give back its input."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from degradation.analysis.metrics import LEARNED_IDENTITY
from degradation.figures.hover import hover
from degradation.figures.kind import Drawn, Kind
from degradation.figures.scales import level
from degradation.figures.style import depth_looks, figure, legend_beside, looks
from degradation.records.columns import CURVES, KEY


def draw(path: Path, drawn: Drawn) -> None:
    """A panel a variant."""
    rows = relative(drawn.rows, drawn.networks)
    variants, depths = looks(rows["variant"]), sorted(set(rows["depth"]))
    with figure(path, 4.2 * len(variants) + 1.4, 4.2) as page:
        page.suptitle(f"{drawn.title}: error during training")
        (panels,) = page.subplots(1, len(variants), sharex=True, sharey=True, squeeze=False)
        for axes, (variant, look) in zip(panels, variants.items(), strict=True):
            error_against_steps(axes, rows, variant, depths)
            axes.set_title(variant, color=look.colour)
        panels[0].set_ylabel("training loss over that of predicting the mean")
        legend_beside(page, depths)


def relative(curves: pd.DataFrame, networks: pd.DataFrame) -> pd.DataFrame:
    """The curves with a column `share`, the training loss over that of predicting the mean."""
    found = curves.merge(networks[[*KEY, "mean_train_loss"]], on=KEY)
    return found.assign(share=found["train_loss"] / found["mean_train_loss"])


def error_against_steps(axes: Axes, rows: pd.DataFrame, variant: str, depths: list[int]) -> Axes:
    """Medians over seeds, one colour a depth, each seed thin behind; the level of having learned it.

    Args:
        axes: to draw on.
        rows: of `relative`.
        variant, depths: which networks.
    """
    for depth, (colour, marker) in depth_looks(depths).items():
        own = rows[(rows["variant"] == variant) & (rows["depth"] == depth)]
        for _, seed in own.groupby("seed"):
            axes.plot(seed["step"], seed["share"], color=colour, lw=0.5, alpha=0.35, zorder=1.5)
        median = own.groupby("step")["share"].median()
        (line,) = axes.plot(median.index, median, color=colour, lw=1.6, marker=marker, ms=3, markevery=0.08)
        hover(line, f"step {{x:g}}, depth {depth}, {variant}: median {{y:.2g}}")
    axes.set_yscale("log")
    level(axes, LEARNED_IDENTITY, "learned")
    axes.set_xlabel("step")
    return axes


WORDS = "training loss over that of predicting the mean against steps, a panel a variant, a line a depth"
KINDS = [
    Kind(
        "identity",
        WORDS,
        2,
        "curves.csv",
        CURVES,
        draw,
        in_overview="always",
        fits=lambda networks: bool((networks["task"] == "identity").all()),
    )
]
