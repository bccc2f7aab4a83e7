"""Relative error against steps: medians, seeds, the level, and for which networks it is drawn; steps to learn."""

import pandas as pd
import pytest
from matplotlib.figure import Figure

from degradation.analysis.metrics import METRICS, Tables
from degradation.figures.identity import error_against_steps, relative
from degradation.figures.kind import Drawn, kinds

LOSSES = {0: [4.0, 0.2, 0.001], 1: [2.0, 0.4, 0.002], 2: [1.0, 8.0, 0.5]}  # by seed, at steps 0, 5, 10


@pytest.fixture
def tables():
    own = {"experiment": "e", "digest": "d", "variant": "plain", "depth": 2, "condition": "", "task": "identity"}
    networks = pd.DataFrame([own | {"seed": seed, "mean_train_loss": 2.0} for seed in LOSSES])
    curves = [
        own | {"seed": seed, "step": 5 * place, "train_loss": loss}
        for seed, losses in LOSSES.items()
        for place, loss in enumerate(losses)
    ]
    return Tables(networks, pd.DataFrame(curves).drop(columns="task"), pd.DataFrame())


def test_medians_and_seeds(tables):
    axes = Figure().subplots()
    error_against_steps(axes, relative(tables.curves, tables.networks), "plain", [2])
    *seeds, median, _ = axes.get_lines()
    assert median.get_xdata().tolist() == [0, 5, 10]
    assert median.get_ydata() == pytest.approx([1.0, 0.2, 0.001])
    assert [line.get_ydata().tolist() for line in seeds] == [[x / 2 for x in losses] for losses in LOSSES.values()]
    assert axes.get_yscale() == "log"
    assert axes.texts[0].get_text() == "learned"
    assert axes.texts[0].xy[1] == 1e-3


def test_steps_to_learn(tables):
    found = METRICS["steps_to_learn"].of(tables)
    assert found.droplevel(["variant", "depth"]).to_dict() == {0: 10, 1: 10, 2: 10}  # the last never did
    tables.curves.loc[1, "train_loss"] = 0.002
    assert METRICS["steps_to_learn"].of(tables)["plain", 2, 0] == 5
    tables.curves.loc[1, "train_loss"] = 0.0021
    assert METRICS["steps_to_learn"].of(tables)["plain", 2, 0] == 10


def test_for_which_networks_it_is_drawn(tables, tmp_path):
    (kind,) = [kind for kind in kinds() if kind.stem == "identity"]
    assert kind.fits(tables.networks)
    assert not kind.fits(tables.networks.assign(task="sine"))
    kind.draw(tmp_path / "a", Drawn("identity", tables.curves, tables.networks, pd.DataFrame(), False, None))
    text = (tmp_path / "a.svg").read_text()
    assert "identity: error during training" in text
    assert "median 0.2" in text
