"""Training error of many variants side by side: a row a variant, a panel a depth, every seed a dot."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from degradation.analysis import outcomes
from degradation.figures.hover import hover
from degradation.figures.kind import Drawn, Kind, of_classifications
from degradation.figures.scales import LINEAR_TO, TICKS
from degradation.figures.style import LOOKS, figure, spread
from degradation.records.columns import NETWORKS, SIZES

PLAIN, SHORTCUT = LOOKS[0].colour, LOOKS[1].colour
MOST_DEPTHS = 3
FEWEST = 5  # variants; of fewer the lines of the figure against depth tell as much
ROW_INCHES = 0.24
SEED: dict[str, Any] = {"marker": ".", "ls": "", "ms": 7, "mew": 0, "alpha": 0.55}
LOST: dict[str, Any] = {"marker": "x", "ls": "", "ms": 5, "mew": 1.2, "alpha": 0.55}


def draw(path: Path, drawn: Drawn) -> None:
    """One experiment's variants."""
    draw_rows(path, drawn.networks, f"{drawn.title}: training error of each variant")


def draw_rows(path: Path, networks: pd.DataFrame, title: str) -> None:
    """The figure, written to a path without suffix.

    Args:
        path: without suffix.
        networks: rows of networks.csv of a classification.
        title: in words.
    """
    depths = spread(networks["depth"], MOST_DEPTHS)
    order = worst_last(networks, depths)
    with figure(path, 3.0 + 3.0 * len(depths), 1.5 + ROW_INCHES * len(order)) as page:
        page.suptitle(title)
        (row,) = page.subplots(1, len(depths), sharey=True, squeeze=False)
        for axes, depth in zip(row, depths, strict=True):
            error_of_variants(axes, networks[networks["depth"] == depth], order)
            axes.set_title(f"{depth} layers")
        sizes_beside(row[-1], networks, order)
        chance = float(networks["chance_error"].iloc[0])
        row[0].axvline(chance, color="0.4", lw=1, ls=":", label="guessing")
        for axes in row[1:]:
            axes.axvline(chance, color="0.4", lw=1, ls=":")
        page.legend(handles=_handles(), loc="outside lower center", ncols=3, fontsize=9)


def worst_last(networks: pd.DataFrame, depths: Sequence[int]) -> list[str]:
    """The variants by their mean training error at the greatest depth, where equal at the next smaller ones."""
    errors = outcomes.errors(networks, "train")
    means = errors.groupby([networks["variant"], networks["depth"]]).mean().unstack()
    return list(means.reindex(columns=list(depths)[::-1]).sort_values(list(depths)[::-1]).index)


def error_of_variants(axes: Axes, networks: pd.DataFrame, order: Sequence[str]) -> Axes:
    """A dot a seed, a bar at the mean; variants without shortcuts in another colour.

    Args:
        axes: to draw on.
        networks: rows of networks.csv of one depth.
        order: the variants from top to bottom.
    """
    errors = outcomes.errors(networks, "train")
    for place, variant in enumerate(order):
        rows = networks[networks["variant"] == variant]
        if rows.empty:
            continue
        found = errors[rows.index]
        colour = PLAIN if (rows["shortcut"] == "none").all() else SHORTCUT
        lost = outcomes.diverged(rows)
        for look, where, words in ((SEED, ~lost, ""), (LOST, lost, " (diverged)")):
            if where.any():
                values, seeds = found[where], rows["seed"][where]
                (line,) = axes.plot(values, [place] * len(values), color=colour, clip_on=False, **look)
                said = [f"{variant}, seed {seed}{words}: {{x:.2f}} %" for seed in seeds]
                hover(line, [text.format(x=value) for text, value in zip(said, values, strict=True)])
        (mean,) = axes.plot([found.mean()], [place], "|", color=colour, ms=11, mew=2.2, clip_on=False)
        hover(mean, f"{variant}, mean of {len(found)}: {found.mean():.2f} %")
    axes.set_xscale("symlog", linthresh=LINEAR_TO, linscale=0.6)
    axes.set_xticks(TICKS, [str(tick) for tick in TICKS])
    axes.minorticks_off()
    axes.set_xlim(0, 100)
    axes.set_xlabel(f"training error (%, linear below {LINEAR_TO:g})", fontsize=9.5)
    axes.set_yticks(range(len(order)), order, fontsize=9)
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.grid(axis="y", color="0.92", lw=0.6)
    axes.set_axisbelow(True)
    return axes


def sizes_beside(axes: Axes, networks: pd.DataFrame, order: Sequence[str]) -> None:
    """Parameters and multiply-adds of each variant's deepest network, right of its row."""
    words: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "fontsize": 8.5, "color": "0.35"}
    deepest = networks.sort_values("depth").groupby("variant").last()
    for place, variant in enumerate(order):
        weights, products = (_short(float(deepest.loc[variant, size])) for size in SIZES)
        axes.text(1.04, place, f"{weights}, {products}", va="center", **words)
    axes.text(1.04, -0.75, "parameters,\nmultiply-adds", va="bottom", **words)


def _short(number: float) -> str:
    """Three figures: 411k, 3.84M."""
    for factor, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= factor:
            return f"{number / factor:.3g}{unit}"
    return f"{number:.3g}"


def _handles() -> list[Line2D]:
    return [
        Line2D([], [], color=PLAIN, lw=3, label="no shortcuts"),
        Line2D([], [], color=SHORTCUT, lw=3, label="shortcuts of any kind"),
        Line2D([], [], color="0.3", label="a seed", **SEED),
        Line2D([], [], color="0.3", label="a seed that diverged", **LOST),
        Line2D([], [], color="0.3", ls="", marker="|", ms=11, mew=2.2, label="mean over seeds"),
        Line2D([], [], color="0.4", lw=1, ls=":", label="guessing"),
    ]


WORDS = (
    "training error of each variant, a row a variant and a panel a depth, every seed a dot, the best at the "
    "greatest depth on top"
)
KINDS = [
    Kind(
        "variants",
        WORDS,
        1,
        "networks.csv",
        NETWORKS,
        draw,
        of_classifications,
        in_overview="always",
        fits=lambda networks: networks["variant"].nunique() >= FEWEST,
    )
]
