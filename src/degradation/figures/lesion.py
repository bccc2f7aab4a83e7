"""The test error of networks whose blocks are deleted or swapped (Veit et al. 2016, 1605.06431, Figs. 3 and 5)."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from degradation.figures.hover import hover
from degradation.figures.kind import INSIDE, Drawn, Kind
from degradation.figures.scales import dots, level
from degradation.figures.style import figure, looks, spread, variant_handles
from degradation.records.columns import KEY

MOST_DEPTHS = 3
PLACES = {"one": "place", "random": "count", "swaps": "count"}  # what is on the x axis, by kind of lesion
LABELS = {"one": "block that is deleted", "random": "random blocks deleted", "swaps": "pairs of blocks swapped"}


def draw(path: Path, drawn: Drawn) -> None:
    """A row a depth: each block deleted, several deleted, pairs swapped."""
    depths, variants = spread(drawn.rows["depth"], MOST_DEPTHS), looks(drawn.rows["variant"])
    chance = float(drawn.networks["chance_error"].iloc[0])
    with figure(path, 10.5, 2.7 * len(depths) + 1.0) as page:
        page.suptitle(f"{drawn.title}: test error of networks without some of their blocks")
        grid = page.subplots(len(depths), len(PLACES), sharey=True, squeeze=False)
        for row, depth in zip(grid, depths, strict=True):
            of_depth = drawn.rows[drawn.rows["depth"] == depth]
            row[0].set_ylabel(f"{depth} layers\ntest error (%)")
            for axes, kind in zip(row, PLACES, strict=True):
                error_after(axes, of_depth, kind, list(variants))
                level(axes, chance, "guessing" if kind == "one" else "")
            mark_reshaping(row[0], of_depth)
        for axes, label in zip(grid[-1], LABELS.values(), strict=True):
            axes.set_xlabel(label)
        page.legend(handles=variant_handles(variants), loc="outside right center", fontsize=9.5)


def error_after(axes: Axes, lesion: pd.DataFrame, kind: str, variants: list[str]) -> Axes:
    """The mean over seeds and draws as a line, every seed's mean over draws as a dot; one line a variant.

    Args:
        axes: to draw on.
        lesion: one condition's and one depth's rows of lesion.csv.
        kind: of lesion.
        variants: of the whole figure.
    """
    chosen = lesion[lesion["lesion"] == kind]
    of_seed = chosen.groupby(["variant", "seed", PLACES[kind]])["test_error"].mean().reset_index()
    for variant, (colour, marker) in looks(variants).items():
        rows = of_seed[of_seed["variant"] == variant]
        means = rows.groupby(PLACES[kind])["test_error"].mean()
        (line,) = axes.plot(means.index, means, color=colour, marker=marker, ms=4, lw=1.5)
        hover(line, f"{LABELS[kind]}: {{x:g}}, {variant}: mean test error {{y:.1f}} %")
        words = f"{variant}, seed {{seed}}: {{y:.1f}} %"
        dots(axes, rows[PLACES[kind]], rows["test_error"], colour, rows["seed"], words)
    axes.set_ylim(0, 100)
    return axes


def mark_reshaping(axes: Axes, lesion: pd.DataFrame) -> None:
    """A grey band behind each block that changes shapes."""
    places = lesion[(lesion["lesion"] == "one") & (lesion["reshaping"] > 0)]["place"].unique()
    for place in places:
        axes.axvspan(place - 0.4, place + 0.4, color="0.9", lw=0, zorder=0)
    if len(places):
        axes.set_title("grey: blocks that change shapes", fontsize=9, color="0.35")


COLUMNS = [*KEY, "lesion", "count", "place", "reshaping", "order", "test_error"]
WORDS = (
    "the test error of trained networks with each block deleted, with more and more random blocks deleted, and with "
    "pairs of blocks swapped; a row a depth, a line a variant"
)
KINDS = [Kind("lesion", WORDS, 7, "lesion.csv", COLUMNS, draw, section=INSIDE)]
