"""Figures are drawn from tables alone: what is on the axes is what is in the rows."""

import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from degradation.analysis.statistics import summary
from degradation.figures.depth import loss_against_depth, shares_against_depth
from degradation.figures.functions import depths_to_show, fitted_functions
from degradation.figures.layers import by_layer
from degradation.figures.style import LOOKS, figure, looks
from tests.analysis.test_statistics import table


@pytest.fixture
def axes():
    return Figure().subplots()


@pytest.fixture
def rows():
    parts = [table([0.1, 0.3], depth=1), table([0.5, 0.7], depth=4, stuck=True)]
    parts += [table([0.1, 0.3], "residual", 1), table([0.01, 0.03], "residual", 4)]
    return summary(pd.concat(parts))


def test_loss_against_depth(axes, rows):
    loss_against_depth(axes, rows, mean_loss=0.9)
    assert axes.get_yscale() == "log"
    lines = {(to_hex(line.get_color()), line.get_linestyle()): line for line in axes.get_lines()}
    solid, dashed = (lines[looks(["residual"])["residual"].colour.lower(), style] for style in ("-", "--"))
    assert solid.get_xydata().tolist() == [[1, pytest.approx(0.4)], [4, pytest.approx(0.04)]]  # test loss
    assert dashed.get_ydata() == pytest.approx([0.2, 0.02])  # training loss
    assert any(list(line.get_ydata()) == [0.9, 0.9] for line in axes.get_lines())
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels[:2] == ["plain", "residual"]
    assert "test, median of 2 seeds" in labels


def test_a_variant_looks_alike_in_every_figure_and_eight_can_be_told_apart():
    names = ["residual", "gated", "plain", "dirac", "scaled", "dropout", "he_zero_last", "plain_eps"]
    together = looks(names)
    assert list(together)[:2] == ["plain", "residual"]
    assert len(set(together.values())) == len(LOOKS) == 8
    for name in ("plain", "residual", "scaled", "he_zero_last", "plain_eps"):
        assert looks([name])[name] == together[name]
    alone = {name: looks(["plain", "residual", name])[name] for name in ("gated", "dirac")}
    assert alone == {name: looks([name])[name] for name in alone}


def test_infinite_losses_leave_a_gap(axes, rows):
    rows.loc[rows["depth"] == 4, "test_loss_median"] = math.inf
    loss_against_depth(axes, rows, mean_loss=0.9)
    assert np.isnan(axes.get_lines()[0].get_ydata()[1])


def test_shares_against_depth(axes, rows):
    shares_against_depth(axes, rows)
    heights = [bar.get_height() for bar in axes.patches]
    assert sorted(heights) == [0] * 7 + [1]


def test_fitted_functions(axes):
    predictions = pd.DataFrame(
        [
            {"variant": v, "depth": 4, "seed": s, "x": x, "prediction": s}
            for v in ("plain", "residual")
            for s in (0, 1)
            for x in (0, 1)
        ]
    )
    fitted_functions(axes, predictions, "plain", 4)
    sine, *fits = axes.get_lines()
    assert sine.get_ydata() == pytest.approx(np.sin([0, 1]))
    assert [line.get_ydata().tolist() for line in fits] == [[0, 0], [1, 1]]
    assert depths_to_show([1, 4, 7]) == [1, 4, 7]
    assert depths_to_show([49, *range(1, 49, 3)]) == [1, 13, 25, 37, 49]


def test_by_layer_draws_medians_and_clips_zeros(axes):
    layers = pd.DataFrame(
        [{"variant": "plain", "depth": 4, "seed": s, "layer": k, "output_sd": value}
         for k in (1, 2) for s, value in enumerate([0.0, 0.0, 5.0] if k == 2 else [1.0, 2.0, 9.0])]
    )  # fmt: skip
    by_layer(axes, layers, "output_sd", "plain", [4, 7])
    (line,) = axes.get_lines()
    assert line.get_ydata().tolist() == [2.0, 1e-12]


def test_files_are_the_same_when_the_table_is(tmp_path, rows):
    for name in ("a", "b"):
        with figure(tmp_path / name, 4, 3) as drawn:
            loss_against_depth(drawn.subplots(), rows, mean_loss=0.9)
    for suffix in (".png", ".svg"):
        first, second = ((tmp_path / name).with_suffix(suffix).read_bytes() for name in ("a", "b"))
        assert first == second
        assert len(first) > 1000


def test_reports_need_no_torch():
    modules = "degradation.reports.overview, degradation.commands.train, hydra_plugins.degradation_sweeper"
    assert imported(modules, {"torch"}) == set()
    assert imported("degradation.training.fit", {"torch"}) == {"torch"}


def test_networks_know_nothing_of_lightning_hydra_or_wandb():
    modules = "degradation.networks.build, degradation.networks.family, degradation.tasks.images"
    assert imported(modules, {"pytorch_lightning", "hydra", "wandb"}) == set()


def imported(modules, names):
    """Which of `names` a fresh interpreter has loaded after importing `modules`."""
    code = f"import sys, {modules}; print(*({names!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())
