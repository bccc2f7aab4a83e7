"""The conditions of an experiment's sweep overlaid: does a result hold at every learning rate, budget, span?"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from degradation.analysis import outcomes
from degradation.analysis.statistics import summary
from degradation.figures.hover import hover
from degradation.figures.kind import Overlaid, Overlay
from degradation.figures.scales import MOST_DOTS, dots, level, number_ticks, percent_axis, wide
from degradation.figures.style import Look, figure, handles_of, looks, ordered_looks
from degradation.records.columns import CONDITION

FEW_DEPTHS = 2  # of so many at most the swept key is the x axis, of more the depth
MOST_IN_A_ROW = 4  # panels
BEST: dict[str, Any] = {"marker": "o", "ms": 11, "mfc": "none", "mec": "0.15", "mew": 1.2, "ls": ""}


class Measure(NamedTuple):
    """What is drawn, and where a constant prediction stands."""

    statistic: str  # a column of the summary
    words: str
    level: str  # a column of networks.csv
    level_words: str


TRAINING_ERROR = Measure("train_error_mean", "training error after the last step", "chance_error", "guessing")
TEST_LOSS = Measure("test_loss_median", "test loss after the last step", "mean_test_loss", "predicting the mean")


def draw(path: Path, overlaid: Overlaid) -> None:
    """Against depth, a panel a variant and a line a condition; of one or two depths against the swept key."""
    rows, columns = _grid(len(_panels(overlaid)))
    with figure(path, 4.4 * columns + 1.9, 4.6 if rows == 1 else 3.8 * rows) as page:
        fill(page, overlaid)


def fill(page: Figure, overlaid: Overlaid) -> None:
    """The panels, in rows of at most `MOST_IN_A_ROW`, with title and legend."""
    panels, by_depth, variants = _panels(overlaid), _by_depth(overlaid), looks(overlaid.networks["variant"])
    rows, columns = _grid(len(panels))
    subject, axis = ("error" if overlaid.classification else "loss"), ("depth" if by_depth else overlaid.key)
    page.suptitle(f"{overlaid.title}: {subject} against {axis}")
    grid = page.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    shown, unused = grid.flat[: len(panels)], grid.flat[len(panels) :]
    for axes in unused:
        axes.remove()
    for axes, panel in zip(shown, panels, strict=True):
        if by_depth:
            against_depth(axes, overlaid, str(panel))
            axes.set_title(str(panel), color=variants[str(panel)].colour)
        else:
            against_value(axes, overlaid, int(panel))
            axes.set_title(f"{panel} layers")
    scale(shown[0], overlaid)
    for axes in shown[::columns]:
        axes.set_ylabel(shown[0].get_ylabel())
    for axes in shown[:-columns]:  # there are panels below them
        axes.set_xlabel("")
    for axes in shown[-columns:]:
        axes.tick_params(labelbottom=True)
    page.legend(handles=_handles(overlaid, by_depth), loc="outside right center", fontsize=9)


def _by_depth(overlaid: Overlaid) -> bool:
    return overlaid.networks["depth"].nunique() > FEW_DEPTHS


def _panels(overlaid: Overlaid) -> list[Any]:
    """Variants, or depths where there are few."""
    return list(looks(overlaid.networks["variant"])) if _by_depth(overlaid) else sorted(set(overlaid.networks["depth"]))


def _grid(panels: int) -> tuple[int, int]:
    """Rows and columns, as even as can be."""
    rows = -(-panels // MOST_IN_A_ROW)
    return rows, -(-panels // rows)


def against_depth(axes: Axes, overlaid: Overlaid, variant: str) -> Axes:
    """A line a condition, light to dark in their order; the best of them at each depth in a ring.

    Args:
        axes: to draw on.
        overlaid: what to draw.
        variant: which networks.
    """
    rows = overlaid.networks[overlaid.networks["variant"] == variant]
    lines = {}
    for name, look in condition_looks(overlaid).items():
        of_condition = rows[rows[CONDITION] == name]
        if len(of_condition):
            lines[name] = _line(axes, overlaid, of_condition, of_condition["depth"], look)
    best = pd.DataFrame(lines).min(axis=1)
    for line in lines.values():
        _ring(axes, line[line == best.reindex(line.index)])
    depths = sorted(set(overlaid.networks["depth"]))
    if len(depths) <= MOST_DOTS:
        number_ticks(axes, depths)
    axes.set_xlabel("depth (layers)")
    return axes


def against_value(axes: Axes, overlaid: Overlaid, depth: int) -> Axes:
    """A line a variant against the swept key, logarithmic where it reaches over a decade; each one's best in a ring.

    Args:
        axes: to draw on.
        overlaid: what to draw.
        depth: which networks.
    """
    places = positions(overlaid)
    rows = overlaid.networks[overlaid.networks["depth"] == depth]
    for variant, look in looks(overlaid.networks["variant"]).items():
        of_variant = rows[rows["variant"] == variant]
        if len(of_variant):
            line = _line(axes, overlaid, of_variant, of_variant[CONDITION].map(places), look)
            _ring(axes, line[line == line.min()])
    if wide(list(places.values())):
        axes.set_xscale("log")
    number_ticks(axes, places.values())
    axes.set_xticklabels([str(value) for value in overlaid.values.values()])
    axes.set_xlabel(overlaid.key)
    return axes


def scale(axes: Axes, overlaid: Overlaid) -> None:
    """The y axis, which all panels share, and the level of a constant prediction where a network comes near it."""
    measure, values = _measure(overlaid), _values(overlaid, overlaid.networks)
    constant = float(overlaid.networks[measure.level].iloc[0])
    panels = axes.figure.axes
    if overlaid.classification:
        near = values.max() > constant / 2
        percent_axis(axes, [*values, constant] if near else values, measure.words)
    else:
        near = True
        axes.set_yscale("log")
        axes.set_ylabel(measure.words)
    if near:
        for panel in panels:
            level(panel, constant, measure.level_words if panel is axes else "")


def positions(overlaid: Overlaid) -> dict[str, float]:
    """Where each condition stands on an x axis: at its value if all are numbers, else one after another."""
    values = overlaid.values
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values.values()):
        return {name: float(value) for name, value in values.items()}
    return {name: float(place) for place, name in enumerate(values)}


def condition_looks(overlaid: Overlaid) -> dict[str, Look]:
    """Colour and marker of each condition."""
    return dict(zip(overlaid.values, ordered_looks(len(overlaid.values)), strict=True))


def _measure(overlaid: Overlaid) -> Measure:
    return TRAINING_ERROR if overlaid.classification else TEST_LOSS


def _values(overlaid: Overlaid, networks: pd.DataFrame) -> pd.Series:
    """What each network counts as."""
    return outcomes.errors(networks, "train") if overlaid.classification else outcomes.losses(networks, "test")


def _line(axes: Axes, overlaid: Overlaid, networks: pd.DataFrame, x: pd.Series, look: Look) -> pd.Series:
    """Draw the mean error or median loss against x, and every seed where there are few; the line, without gaps."""
    column = _measure(overlaid).statistic
    places = networks.groupby(x)
    one = networks.iloc[0]
    said = ", ".join(part for part in (str(one["variant"]), str(one[CONDITION]), "at {x:g}") if part)
    line = pd.Series({place: float(summary(rows)[column].iloc[0]) for place, rows in places})
    if places.size().max() <= MOST_DOTS:
        dots(axes, x, _values(overlaid, networks), look.colour, networks["seed"], f"{said}, seed {{seed}}: {{y:.3g}}")
    drawn: dict[str, Any] = {"color": look.colour, "marker": look.marker, "ms": 5, "lw": 2, "clip_on": False}
    hover(axes.plot(line.index, line.replace(np.inf, np.nan), **drawn)[0], f"{said}: {{y:.3g}}")
    return line[np.isfinite(line)]


def _ring(axes: Axes, best: pd.Series) -> None:
    if len(best):
        axes.plot(best.index, best, clip_on=False, zorder=3, **BEST)


def _handles(overlaid: Overlaid, by_depth: bool) -> list[Line2D]:
    if by_depth:
        labels: dict[Any, Look] = {overlaid.values[name]: look for name, look in condition_looks(overlaid).items()}
        handles = [Line2D([], [], ls="", label=overlaid.key), *handles_of(labels)]
    else:
        handles = handles_of(looks(overlaid.networks["variant"]))
    statistic = "mean over seeds" if overlaid.classification else "median over seeds"
    handles.append(Line2D([], [], color="0.3", lw=2, label=statistic))
    if _fewest(overlaid.networks) <= MOST_DOTS:
        handles.append(Line2D([], [], color="0.3", ls="", marker=".", ms=6, mew=0, alpha=0.6, label="a seed"))
    best = "best at that depth" if by_depth else "each variant's best"
    return [*handles, Line2D([], [], label=best, **(BEST | {"ms": 8}))]


def _fewest(networks: pd.DataFrame) -> int:
    return int(networks.groupby([CONDITION, "variant", "depth"]).size().min())


WORDS = (
    "the conditions of the sweep overlaid: error or loss after training against depth, a line a condition, or against "
    "what was varied, a line a variant; the best is in a ring"
)
OVERLAYS = [Overlay("conditions", WORDS, draw)]
