"""The signal at initialisation and the loss after training against depth and gain, with mean-field depth scales."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from degradation.analysis import outcomes
from degradation.analysis.mean_field import TRAINABLE, adam_depth, depth_scale, growth
from degradation.analysis.metrics import METRICS, Tables
from degradation.config.variants import Settings
from degradation.figures.kind import Overlaid, Overlay
from degradation.figures.style import figure, looks
from degradation.records.columns import CONDITION, KEY

GAIN = "network.gain"
EXTREME = 4.0  # decades at which colours end
SIGNAL, LOSS = "initial signal, last layer over first", "training loss over the mean's"
SCALES: dict[str, Any] = {"color": "white", "lw": 1.8, "ls": "--"}
ADAM: dict[str, Any] = {"color": "white", "lw": 1.8, "ls": "-"}
LEGEND = [f"{TRAINABLE:g} depth scales\n(mean field)", "gradient below\nAdam's epsilon\n(mean field)"]


def draw(path: Path, overlaid: Overlaid) -> None:
    """A column of panels a variant; the signal above, the loss below."""
    maps = {SIGNAL: ("cividis", -EXTREME, EXTREME, signal_map(overlaid)),
            LOSS: ("viridis_r", -EXTREME, 0.0, loss_map(overlaid))}  # fmt: skip
    variants = looks(overlaid.networks["variant"])
    settings = next(iter(overlaid.settings.values()), {})  # of any condition: they differ in the gain alone
    with figure(path, 3.4 * len(variants) + 2.6, 5.8) as page:
        page.suptitle(f"{overlaid.title}: signal and loss against depth and gain")
        grid = page.subplots(2, len(variants), sharex=True, sharey=True, squeeze=False)
        for row, (label, (colours, lowest, highest, values)) in zip(grid, maps.items(), strict=True):
            for axes, variant in zip(row, variants, strict=True):
                mesh = heat_map(axes, values[variant], colours, lowest, highest)
                if variant in settings:
                    mark_scales(axes, settings[variant])
            row[0].set_ylabel("gain")
            bar = page.colorbar(mesh, ax=row.tolist(), extend="both")
            bar.set_label(f"{label}\n(decades)", fontsize=9.5)
        for axes, (variant, look) in zip(grid[0], variants.items(), strict=True):
            axes.set_title(variant, color=look.colour)
        for axes in grid[-1]:
            axes.set_xlabel("depth (layers)")
        handles = [Line2D([], [], label=words, **(line | {"color": "0.2"})) for words, line in
                   zip(LEGEND, (SCALES, ADAM), strict=True)]  # fmt: skip
        page.legend(handles=handles, loc="outside right center", fontsize=9)


def signal_map(overlaid: Overlaid) -> Mapping[str, pd.DataFrame]:
    """Decades from the first hidden layer's signal to the last's at initialisation, by variant.

    Medians over seeds; rows are gains, columns depths.
    """
    found = {}
    for name, rows in overlaid.rows.groupby(CONDITION):
        tables = Tables(overlaid.networks, overlaid.networks, rows)
        found[overlaid.values[str(name)]] = -METRICS["signal_ratio"].of(tables)
    return _medians(pd.concat(found, names=["gain"]))


def loss_map(overlaid: Overlaid) -> Mapping[str, pd.DataFrame]:
    """Decades of the final training loss above that of predicting the mean, otherwise as `signal_map`."""
    rows = overlaid.networks
    gains = rows[CONDITION].map(overlaid.values).rename("gain")
    return _medians(
        outcomes.decades(rows, "train").groupby([gains, rows["variant"], rows["depth"], rows["seed"]]).first()
    )


def _medians(values: pd.Series) -> Mapping[str, pd.DataFrame]:
    medians = values.groupby(level=["variant", "gain", "depth"]).median()
    return {str(variant): rows.droplevel("variant").unstack("depth") for variant, rows in medians.groupby("variant")}


def heat_map(axes: Axes, values: pd.DataFrame, colours: str, lowest: float, highest: float) -> Any:
    """One cell a gain (rows) and depth (columns), reaching halfway to the next; none where nothing was measured."""
    depths, gains = values.columns.to_numpy(dtype=float), values.index.to_numpy(dtype=float)
    mesh = axes.pcolormesh(edges(depths), np.exp(edges(np.log(gains))), values.to_numpy(), cmap=colours,
                           vmin=lowest, vmax=highest)  # fmt: skip
    axes.set_yscale("log")
    axes.set_yticks(gains, [f"{gain:g}" for gain in gains])
    axes.minorticks_off()
    axes.set_xticks(depths, [f"{depth:g}" for depth in depths])
    axes.set_xlim(*edges(depths)[[0, -1]])
    axes.set_ylim(*np.exp(edges(np.log(gains))[[0, -1]]))
    return mesh


def edges(centres: np.ndarray) -> np.ndarray:
    """Halfway between rising centres, and as far beyond the first and the last."""
    middles = (centres[1:] + centres[:-1]) / 2
    return np.array([2 * centres[0] - middles[0], *middles, 2 * centres[-1] - middles[-1]])


def mark_scales(axes: Axes, settings: Settings) -> None:
    """Depths of six depth scales, and depths at which gradients that vanish are as small as Adam's epsilon, by gain."""
    network: Any = settings.network  # of a family with a gain
    shortcut = network.shortcut_scale if network.shortcut != "none" else 0.0
    gains = np.geomspace(*axes.get_ylim(), 400)
    factors = [growth(gain, network.span, shortcut, network.branch_scale) for gain in gains]
    deepest = axes.get_xlim()[1]
    lines = [(SCALES, [TRAINABLE * depth_scale(factor, network.span) for factor in factors])]
    if settings.recipe.optimizer == "adam":
        lines.append((ADAM, [adam_depth(factor, network.span, settings.recipe.eps) for factor in factors]))
    for look, depths in lines:
        axes.plot(np.where(np.array(depths) <= deepest, depths, np.nan), gains, **look)


WORDS = (
    "heat maps over depth and gain, a column of panels a variant: the signal of the last hidden layer over the first's "
    "at initialisation, and the training loss after the last step; lines mark six depth scales of mean-field theory, "
    "and where gradients fall below Adam's epsilon"
)
OVERLAYS = [
    Overlay("signal", WORDS, draw, "layers.csv", [*KEY, "moment", "layer", "output_sd"],
            lambda overlaid: overlaid.swept == GAIN and overlaid.networks["depth"].nunique() > 1)
]  # fmt: skip
