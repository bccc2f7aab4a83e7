"""The signal and the gradient layer by layer, at the outputs of blocks."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from degradation.config.variants import Settings
from degradation.figures.kind import Drawn, Kind, initial
from degradation.figures.style import depth_looks, figure, legend_beside, looks
from degradation.records.columns import KEY

INITIAL_LABELS = {
    "output_sd": "output sd over inputs",
    "gradient_norm": "gradient norm of the weight",
}
RESPONSE_LABEL = {"response_sd": "response sd, after BN"}
LEAST = 1e-12  # smaller medians, zero in float32 included, are left out
LEFT_OUT = f"\n(below {LEAST:.0e} left out)"
FLOAT32_STEP = 2.0**-23  # float32's distance from 1 to the next number: smaller spreads of such values are rounding


def by_layer(axes: Axes, layers: pd.DataFrame, quantity: str, variant: str, depths: list[int]) -> Axes:
    """Median over seeds of `output_sd`, `gradient_norm` or `response_sd` layer by layer, one line a depth.

    On a log scale; the paper's responses are on a linear one, but in plain networks that fail ours reach 38,000.
    Nothing is drawn where the median is below 1e-12.

    Args:
        axes: to draw on.
        layers: one condition's and one moment's rows of layers.csv.
        quantity: the column.
        variant, depths: which networks.
    """
    of_variant = medians(layers, quantity).xs(variant, level="variant")
    for depth, (colour, marker) in depth_looks(depths).items():
        if depth in of_variant.index.get_level_values("depth"):
            line = of_variant.loc[depth]
            axes.plot(line.index, line.where(line >= LEAST), color=colour, lw=1.4, marker=marker, ms=3)
    axes.set_yscale("log")
    return axes


def medians(layers: pd.DataFrame, quantity: str) -> pd.Series:
    """Over seeds, by variant, depth and layer."""
    return layers.groupby(["variant", "depth", "layer"])[quantity].median()


def block_outputs(layers: pd.DataFrame, settings: Mapping[str, Settings]) -> pd.DataFrame:
    """The rows of the stem and of each block's last layer, after which a shortcut has been added.

    Args:
        layers: rows of layers.csv.
        settings: by variant.
    """
    blocks = layers["variant"].map({name: found.network.block_layers for name, found in settings.items()})
    return layers[(layers["layer"] - 1) % blocks == 0]


def floors(quantity: str, settings: Settings | None) -> dict[float, str]:
    """Levels below which a quantity has no effect or no meaning, with their words."""
    if quantity == "output_sd":
        return {FLOAT32_STEP: f"float32's rounding at 1: {FLOAT32_STEP:.1e}"}
    if quantity == "gradient_norm" and settings is not None and settings.recipe.optimizer == "adam":
        return {settings.recipe.eps: f"Adam's epsilon: {settings.recipe.eps:.0e}"}
    return {}


def mark_floors(axes: Axes, marked: dict[float, str]) -> None:
    """A thin line with its words at each level that the axis reaches."""
    lowest, highest = axes.get_ylim()
    for value, words in marked.items():
        if lowest <= value <= highest:
            axes.axhline(value, color="0.4", lw=0.8, ls=":")
            axes.annotate(words, (1, value), xycoords=("axes fraction", "data"), xytext=(-2, 2), ha="right",
                          textcoords="offset points", color="0.35", fontsize=8.5, zorder=4,
                          bbox={"fc": "white", "alpha": 0.7, "lw": 0, "pad": 0.5})  # fmt: skip


def responses(layers: pd.DataFrame, classification: bool) -> pd.DataFrame:
    """After training, of layers with a response: the head has none, and tables of earlier versions have none at all."""
    return layers[(layers["moment"] == "final") & classification].dropna(subset="response_sd")


def draw_initial(path: Path, drawn: Drawn) -> None:
    _draw(path, drawn, INITIAL_LABELS, "signal and gradient at initialisation")


def draw_responses(path: Path, drawn: Drawn) -> None:
    """He et al. 2015, Fig. 7."""
    _draw(path, drawn, RESPONSE_LABEL, "responses after training")


def _draw(path: Path, drawn: Drawn, labels: dict[str, str], subject: str) -> None:
    """One row of panels per quantity, one column per variant, one line per depth."""
    variants, depths = looks(drawn.rows["variant"]), sorted(set(drawn.rows["depth"]))
    rows, place = drawn.rows, "weighted layer"
    if drawn.settings:
        rows, place = block_outputs(rows, drawn.settings), "weighted layer: the first, and each block's last"
    with figure(path, 4.2 * len(variants) + 0.8, 2.5 * len(labels) + 1.1) as page:
        page.suptitle(f"{drawn.title}: {subject}")
        grid = page.subplots(len(labels), len(variants), sharex=True, sharey="row", squeeze=False)
        for row, (quantity, label) in zip(grid, labels.items(), strict=True):
            row[0].set_ylabel(label + (LEFT_OUT if (medians(rows, quantity) < LEAST).any() else ""))
            for axes, variant in zip(row, variants, strict=True):
                by_layer(axes, rows, quantity, variant, depths)
            for axes, variant in zip(row, variants, strict=True):  # when the row's limits are known
                mark_floors(axes, floors(quantity, drawn.settings.get(variant)))
        for axes, (variant, look) in zip(grid[0], variants.items(), strict=True):
            axes.set_title(variant, color=look.colour)
        page.supxlabel(place, fontsize=11)
        legend_beside(page, depths)


COLUMNS = [*KEY, "moment", "layer", "output_sd", "gradient_norm", "response_sd"]
INITIAL_WORDS = (
    "at initialisation, the signal's spread over inputs and the gradient's norm at the outputs of blocks, from the "
    "first layer to the last, a panel a variant, a line a depth"
)
RESPONSE_WORDS = (
    "after training, the standard deviation of the responses at the outputs of blocks, from the first layer to the "
    "last, a panel a variant, a line a depth"
)
KINDS = [
    Kind("layers", INITIAL_WORDS, 4, "layers.csv", COLUMNS, draw_initial, initial),
    Kind("responses", RESPONSE_WORDS, 5, "layers.csv", COLUMNS, draw_responses, responses, in_overview="headlines"),
]
