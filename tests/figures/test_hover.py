"""Hover values: every point that a browser shows says what it stands for, and no other."""

import re

import matplotlib as mpl
import numpy as np
import pytest

from degradation.figures.hover import hover
from degradation.figures.style import figure

USE = re.compile(r'<use [^>]*x="([^"]+)" y="([^"]+)"[^>]*?(?:/>|><title>(.*?)</title></use>)')


def drawn(path, draw):
    """x, y and title of what `draw` draws on one axes whose data are points of the page, from the top left."""
    with figure(path, 4, 3) as page:
        axes = page.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, 4 * 72), ylim=(3 * 72, 0))
        axes.set_axis_off()
        draw(axes)
    return [
        (round(float(x), 3), round(float(y), 3), title)
        for x, y, title in USE.findall(path.with_suffix(".svg").read_text())
    ]


def test_each_point_has_its_own_values(tmp_path):
    def draw(axes):
        (line,) = axes.plot([10, 20, 30], [100, 50, 25.25], "o-")
        hover(line, "depth {x:g}, plain & test: {y:.1f} %")
        axes.plot([5, 6], [7, 8], "s")  # says nothing

    found = drawn(tmp_path / "a", draw)
    assert found == [
        (10, 100, "depth 10, plain &amp; test: 100.0 %"),
        (20, 50, "depth 20, plain &amp; test: 50.0 %"),
        (30, 25.25, "depth 30, plain &amp; test: 25.2 %"),
        (5, 7, ""),
        (6, 8, ""),
    ]


def test_points_that_are_not_drawn_shift_no_other(tmp_path):
    def draw(axes):
        (line,) = axes.plot([10, 20, 30, 35, 40], [np.nan, 50, 60, np.inf, 80], "o")
        hover(line, ["a", "b", "c", "d", "e"])

    assert {(x, title) for x, _, title in drawn(tmp_path / "a", draw)} >= {(20, "b"), (30, "c"), (40, "e")}


def test_a_scatter_and_points_at_one_place(tmp_path):
    def draw(axes):
        hover(axes.scatter([10, 10, 20], [30, 30, 40]), ["seed 0", "seed 1", "seed 2"])

    assert sorted(drawn(tmp_path / "a", draw)) == [(10, 30, "seed 0"), (10, 30, "seed 1"), (20, 40, "seed 2")]


def test_on_a_log_scale_the_values_are_those_of_the_data(tmp_path):
    with figure(tmp_path / "a", 4, 3) as page:
        axes = page.subplots()
        axes.set_yscale("log")
        hover(axes.plot([1, 2], [1e-3, 10], "o")[0], "{y:g}")
    shown = [title for *_, title in USE.findall((tmp_path / "a.svg").read_text()) if title]
    assert shown == ["0.001", "10"]


def test_as_many_texts_as_points(tmp_path):
    with pytest.raises(ValueError, match="2 texts for 3 points, the first: a"), figure(tmp_path / "a", 4, 3) as page:
        hover(page.subplots().plot([1, 2, 3], [1, 2, 3], "o")[0], ["a", "b"])


def test_the_settings_of_matplotlib_are_left_as_they_were(tmp_path):
    before = mpl.rcParams["figure.dpi"]
    drawn(tmp_path / "a", lambda axes: None)
    assert mpl.rcParams["figure.dpi"] == before
