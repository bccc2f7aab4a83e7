"""Feature maps of one image as a contact sheet: the deepest networks, variant below variant."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from degradation.figures.kind import INSIDE, Drawn, Kind
from degradation.figures.style import figure, looks
from degradation.records.columns import KEY


def draw(path: Path, drawn: Drawn) -> None:
    """A row a variant and channel, a column a layer, of the deepest networks."""
    depth = int(drawn.rows["depth"].max())
    rows = drawn.rows[(drawn.rows["depth"] == depth) & (drawn.rows["seed"] == drawn.rows["seed"].min())]
    variants, layers = looks(rows["variant"]), sorted(set(rows["layer"]))
    channels = sorted(set(rows["channel"]))
    with figure(path, 0.85 * len(layers) + 1.4, 0.85 * len(variants) * len(channels) + 1.2) as page:
        page.suptitle(f"{drawn.title}: one image\nthrough {depth} layers", fontsize=11)
        grid = page.subplots(len(variants) * len(channels), len(layers), squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for number, (variant, look) in enumerate(variants.items()):
            of_variant = rows[rows["variant"] == variant]
            block = grid[number * len(channels) : (number + 1) * len(channels)]
            for column, layer in enumerate(layers):
                maps(block[:, column], of_variant[of_variant["layer"] == layer])
                block[0, column].set_title("image" if layer == 0 else f"{layer}", fontsize=9, color=look.colour)
            middle = block[len(channels) // 2, 0]
            middle.text(-0.1, 0.5, variant, transform=middle.transAxes, rotation=90, ha="right", va="center",
                        color=look.colour, fontweight="bold", fontsize=10)  # fmt: skip
        page.supxlabel("weighted layer; black: its smallest activation, white: its largest", fontsize=9)


def maps(column: Iterable[Axes], of_layer: pd.DataFrame) -> None:
    """The channels of one network's layer, one below the other, on one scale.

    Args:
        column: to draw on; those without a channel stay empty.
        of_layer: rows of maps.csv.
    """
    limits = {"vmin": of_layer["activation"].min(), "vmax": of_layer["activation"].max()}
    for axes, (_, pixels) in zip(column, of_layer.groupby("channel"), strict=False):
        axes.imshow(pixels.pivot(index="row", columns="column", values="activation"), cmap="gray", **limits)


COLUMNS = [*KEY, "layer", "channel", "row", "column", "activation"]
WORDS = (
    "what the deepest trained networks make of one test image: feature maps of a few channels of the first layer and "
    "of each stage's middle and last block, a column a layer, variant below variant"
)
KINDS = [Kind("maps", WORDS, 10, "maps.csv", COLUMNS, draw, section=INSIDE)]
