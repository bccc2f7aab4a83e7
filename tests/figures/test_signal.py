"""The heat maps: what stands in a cell, where a cell ends, where the lines of theory run."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from degradation.figures.kind import Overlaid, overlays
from degradation.figures.signal import draw, edges, heat_map, loss_map, mark_scales, signal_map

GAINS, DEPTHS, SEEDS = (0.5, 1.0, 2.0), (4, 7, 13), (0, 1, 2)


def settings(shortcut="none", optimizer="adam"):
    network = SimpleNamespace(shortcut=shortcut, shortcut_scale=1.0, branch_scale=1.0, span=3)
    return SimpleNamespace(network=network, recipe=SimpleNamespace(optimizer=optimizer, eps=1e-8))


@pytest.fixture
def overlaid():
    """A loss of a tenth of the mean's at the second seed, of the gain's size beside; a signal that is gain^depth."""
    networks, layers = [], []
    for gain in GAINS:
        for depth in DEPTHS:
            for variant in ("plain", "residual"):
                for seed in SEEDS:
                    own = {"condition": f"gain={gain}", "variant": variant, "depth": depth, "seed": seed}
                    loss = {0: 1e-9, 1: 0.05 * gain, 2: 1e9}[seed]
                    networks.append(own | {"train_loss": loss, "mean_train_loss": 0.5, "status": "done"})
                    for layer in range(1, depth + 2):
                        spread = gain ** (layer - 1) * 10.0 ** (seed - 1) if layer <= depth else 77.0
                        for moment in ("init", "final"):
                            measured = {"moment": moment, "layer": layer,
                                        "output_sd": spread if moment == "init" else 5.0}  # fmt: skip
                            layers.append(own | measured)
    values = {f"gain={gain}": gain for gain in GAINS}
    found = Overlaid("sine", pd.DataFrame(networks), "gain", values, False, "network.gain")
    found.settings = {name: {"plain": settings(), "residual": settings("identity")} for name in values}
    found.rows = pd.DataFrame(layers)
    return found


def test_cells_are_medians_over_seeds(overlaid):
    losses, signals = loss_map(overlaid)["plain"], signal_map(overlaid)["residual"]
    assert losses.index.tolist() == signals.index.tolist() == list(GAINS)
    assert losses.columns.tolist() == signals.columns.tolist() == list(DEPTHS)
    for gain in GAINS:
        for depth in DEPTHS:
            assert losses.loc[gain, depth] == pytest.approx(math.log10(0.05 * gain / 0.5))
            assert signals.loc[gain, depth] == pytest.approx((depth - 1) * math.log10(gain))  # not the head's


def test_a_diverged_network_is_no_better_than_the_mean(overlaid):
    overlaid.networks.loc[overlaid.networks["seed"] == 1, "status"] = "diverged"
    assert (loss_map(overlaid)["plain"].to_numpy() >= 0).all()


def test_cells_reach_halfway():
    assert edges(np.array([4.0, 7.0, 13.0])).tolist() == [2.5, 5.5, 10, 16]


def test_where_the_lines_run(overlaid):
    panels = Figure().subplots(1, 3)
    for axes, chosen in zip(panels, (settings(), settings("identity"), settings(optimizer="sgd")), strict=True):
        heat_map(axes, loss_map(overlaid)["plain"], "viridis", -4, 0)
        mark_scales(axes, chosen)
    six, adam = panels[0].get_lines()
    depths, gains = six.get_data()
    shown = np.isfinite(depths)
    assert depths[shown] == pytest.approx(3 / np.abs(np.log(gains[shown])))  # six times 1 / (2 ln gain)
    assert depths[shown].max() <= 16 == panels[0].get_xlim()[1]
    depths, gains = adam.get_data()
    shown = np.isfinite(depths)
    assert gains[shown] ** depths[shown] == pytest.approx(np.full(shown.sum(), 1e-8))
    assert not np.isfinite(panels[1].get_lines()[1].get_xdata()).any()  # a shortcut's gradient does not vanish
    depths, gains = panels[1].get_lines()[0].get_data()
    shown = np.isfinite(depths)
    assert depths[shown] == pytest.approx(18 / np.log1p(gains[shown] ** 6))
    assert len(panels[2].get_lines()) == 1


def test_the_page(overlaid, tmp_path):
    draw(tmp_path / "a", overlaid)
    draw(tmp_path / "b", overlaid)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    text = (tmp_path / "a.svg").read_text()
    for words in ("sine: signal and loss against depth and gain", "plain", "residual", "gain", "depth (layers)"):
        assert words in text


def test_it_is_drawn_where_the_gain_was_swept(overlaid):
    (ours,) = [overlay for overlay in overlays() if overlay.stem == "signal"]
    assert ours.fits(overlaid)
    overlaid.swept = "recipe.lr"
    assert not ours.fits(overlaid)
