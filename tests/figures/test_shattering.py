"""The drawn gradient, and how much of it neighbours share against depth."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from degradation.figures.kind import Drawn, kinds
from degradation.figures.shattering import autocorrelation_against_depth, gradient_against_input
from degradation.figures.style import looks

SERIES = {4: [2.0, 3.0, 7.0], 7: [1.0, -1.0, 1.0], 10: [0.5, 0.5, 0.5]}


def table():
    parts = [
        pd.DataFrame({"variant": variant, "depth": depth, "seed": seed, "moment": moment, "x": [0, 1, 2],
                      "gradient": values if seed == 0 else values[::-1]})
        for variant in ("plain", "residual") for depth, values in SERIES.items()
        for seed in (0, 1) for moment in ("init", "final")
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def axes():
    return Figure().subplots()


def test_the_gradient_is_drawn_over_its_own_spread(axes):
    rows = table()
    gradient_against_input(axes, rows[rows["moment"] == "init"].sample(frac=1, random_state=0), "plain", 4)
    (line,) = axes.get_lines()
    expected = (np.array(SERIES[4]) - 4) / np.std(SERIES[4])
    assert line.get_data()[0].tolist() == [0, 1, 2]
    assert line.get_data()[1] == pytest.approx(expected)


def test_a_constant_gradient_is_a_flat_line(axes):
    rows = table()
    gradient_against_input(axes, rows[rows["moment"] == "init"], "residual", 10)
    assert axes.get_lines()[0].get_ydata().tolist() == [0, 0, 0]


def test_means_over_seeds_against_depth(axes):
    rows = table()
    autocorrelation_against_depth(axes, rows[rows["moment"] == "init"])
    colour = looks(["plain", "residual"])["plain"].colour
    (line,) = [line for line in axes.get_lines() if line.get_color() == colour and line.get_lw() == 2]
    expected = {4: -1 / 14, 7: -2 / 3, 10: 1}
    assert line.get_xdata().tolist() == list(expected)
    assert line.get_ydata() == pytest.approx(list(expected.values()))
    assert [text.get_text() for text in axes.texts] == ["white noise"]


@pytest.mark.parametrize(("stem", "words"), [("input_gradients", "depth 10"), ("shattering", "after training")])
def test_the_pages(stem, words, tmp_path):
    (kind,) = [kind for kind in kinds() if kind.stem == stem]
    rows = kind.rows(table(), False)
    assert set(rows["moment"]) == ({"init"} if stem == "input_gradients" else {"init", "final"})
    drawn = Drawn("sine", rows, pd.DataFrame(), pd.DataFrame(), False, None)
    kind.draw(tmp_path / "a", drawn)
    text = (tmp_path / "a.svg").read_text()
    assert words in text
    assert "residual" in text
