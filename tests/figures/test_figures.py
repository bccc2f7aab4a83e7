"""Figures are drawn from tables alone: what is on the axes is what is in the rows."""

import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from degradation.analysis.statistics import summary
from degradation.figures.depth import error_against_depth, every_seed, loss_against_depth, shares_against_depth
from degradation.figures.functions import fitted_functions
from degradation.figures.kind import kinds, overlays
from degradation.figures.style import DEPTHS, LOOKS, depth_looks, figure, legend_beside, looks, spread
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


def test_a_ninth_variant_and_those_after_it_take_new_pairs_of_colour_and_marker():
    names = ["plain", "residual", *(f"v{place:02d}" for place in range(12))]
    found = looks(names)
    assert len(set(found.values())) == 14
    assert set(list(found.values())[:8]) == set(LOOKS)
    assert [name for name in names if found[name].colour in {LOOKS[0].colour, LOOKS[1].colour}] == names[:2]


# Machado, Oliveira and Fernandes 2009, severity 1: linear RGB as seen with protan-, deuter- and tritanopia
SEEN = {
    "all": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(colour, seen):
    """CIE Lab of an sRGB colour."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = XYZ @ np.clip(np.array(SEEN[seen]) @ linear, 0, 1) / XYZ.sum(axis=1)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("seen", SEEN)
def test_the_colours_of_depths_can_be_told_apart(seen):
    points = [lab(colour, seen) for colour in DEPTHS]
    distances = [np.linalg.norm(one - other) for place, one in enumerate(points) for other in points[:place]]
    assert min(distances) > 31
    digits = depth_looks([8, 14, 20, 32, 44, 56, 110])
    assert len({look.colour for look in digits.values()}) == len({look.marker for look in digits.values()}) == 7


def test_the_first_depth_is_light_and_the_last_dark():
    lightness = [lab(colour, "all")[0] for colour in DEPTHS]
    assert lightness[0] > 70
    assert lightness[-1] < 20
    assert depth_looks([56, 20]) == {20: depth_looks([20])[20], 56: depth_looks([1, 56])[56]}
    assert [look.colour for look in depth_looks([56, 20]).values()] == [DEPTHS[0], DEPTHS[-1]]


def test_many_depths_are_spread():
    assert spread([7, 1, 4, 4], 5) == [1, 4, 7]
    assert spread([49, *range(1, 49, 3)], 5) == [1, 13, 25, 37, 49]
    assert list(depth_looks(range(1, 50))) == [1, 8, 15, 22, 28, 35, 42, 49]
    page = Figure()
    legend_beside(page, range(1, 50))
    assert page.legends[0].get_texts()[0].get_text() == "depth (8 of 49)"


def test_infinite_losses_leave_a_gap(axes, rows):
    rows.loc[rows["depth"] == 4, "test_loss_median"] = math.inf
    loss_against_depth(axes, rows, mean_loss=0.9)
    assert np.isnan(axes.get_lines()[0].get_ydata()[1])


def test_shares_against_depth(axes, rows):
    shares_against_depth(axes, rows)
    heights = [bar.get_height() for bar in axes.patches]
    assert sorted(heights) == [0] * 7 + [1]
    assert not axes.texts


def test_no_share_is_said(axes, rows):
    shares_against_depth(axes, rows.assign(share_stuck=0.0))
    assert [text.get_text() for text in axes.texts] == ["none"]


@pytest.fixture
def classified():
    """Training errors in percent of three seeds; those of the test are two points higher."""
    errors = {("plain", 20): [0, 1, 2], ("plain", 56): [60, 70, 80], ("residual", 20): [0, 0, 0],
              ("residual", 56): [0.5, 0.4, 0.3]}  # fmt: skip
    parts = [
        table([1.0] * 3, variant, depth, chance_error=90.0, train_error=found, test_error=[e + 2 for e in found])
        for (variant, depth), found in errors.items()
    ]
    return pd.concat(parts, ignore_index=True)


def dotted(axes, colour):
    """Points drawn a seed, by what they are drawn with."""
    lines = [line for line in axes.get_lines() if line.get_marker() == "." and line.get_color() == colour]
    return sorted(point for line in lines for point in line.get_xydata().tolist())


def test_error_against_depth_shows_every_seed_on_a_scale_for_both(axes, classified):
    error_against_depth(axes, summary(classified), chance=90.0)
    every_seed(axes, classified, classified["test_error"])
    plain = looks(["plain"])["plain"].colour
    assert dotted(axes, plain) == [[20, 2], [20, 3], [20, 4], [56, 62], [56, 72], [56, 82]]
    lines = {(line.get_color(), line.get_linestyle()): list(line.get_ydata()) for line in axes.get_lines()
             if line.get_marker() != "."}  # fmt: skip
    assert lines[plain, "-"] == [3, 72]
    assert lines[plain, "--"] == [1, 70]
    assert axes.get_yscale() == "symlog"
    assert axes.get_ylabel() == "error after the last step\n(%, linear below 1)"
    assert [text.get_text() for text in axes.get_yticklabels()] == ["0", "1", "2", "5", "10", "20", "50"]
    low, high = axes.get_ylim()
    assert low == 0
    assert 90 <= high <= 100
    assert not axes.collections  # no band


def test_errors_that_are_alike_have_an_even_scale_without_guessing(axes, classified):
    classified["train_error"] = classified["test_error"] = [6.0, 7.0, 8.0, 9.0, 9.5, 10.0] * 2
    error_against_depth(axes, summary(classified), chance=90.0, published={"residual": {20: 8.75}})
    every_seed(axes, classified, classified["test_error"])
    assert axes.get_yscale() == "linear"
    assert axes.get_ylim() == (0, 10)
    stars = [line.get_xydata().tolist() for line in axes.get_lines() if line.get_marker() == "*"]
    assert stars == [[[20, 8.75]]]
    assert "test, published" in [text.get_text() for text in axes.get_legend().get_texts()]
    assert "guessing" not in [text.get_text() for text in axes.texts]


def test_many_seeds_are_a_band_that_ends_with_them(axes):
    losses = [0.1 * place for place in range(1, 10)]
    rows = pd.concat([table(losses, depth=depth) for depth in (1, 4)], ignore_index=True)
    loss_against_depth(axes, summary(rows), mean_loss=3.0)
    every_seed(axes, rows, rows["test_loss"])
    assert dotted(axes, looks(["plain"])["plain"].colour) == []
    (band,) = axes.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((0.6, 1.4))
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert "test, middle half of the seeds" in labels
    assert "test, every seed" not in labels


def test_eight_seeds_are_dots(axes):
    rows = pd.concat([table([0.1] * 8, depth=1), table([0.1] * 8, depth=4)], ignore_index=True)
    loss_against_depth(axes, summary(rows), mean_loss=3.0)
    every_seed(axes, rows, rows["test_loss"])
    assert dotted(axes, looks(["plain"])["plain"].colour) == [[1, 0.2]] * 8 + [[4, 0.2]] * 8
    assert not axes.collections


def test_every_figure_is_told_in_words_and_has_files_of_its_own():
    figures = [*kinds(), *overlays()]
    assert {"depth", "steps", "functions", "layers", "responses", "conditions"} <= {kind.stem for kind in figures}
    assert len({kind.stem for kind in figures}) == len(figures)
    assert all(len(kind.words.split()) > 8 for kind in figures)


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


def test_a_fit_has_its_variants_colour_of_the_whole_page(axes):
    names = ["plain", "residual", "plain_he_bias"]
    assert looks(["plain_he_bias"])["plain_he_bias"] != looks(names)["plain_he_bias"]  # alone it would be as plain is
    rows = pd.DataFrame([{"variant": name, "depth": 4, "seed": 0, "x": 0, "prediction": 1} for name in names])
    fitted_functions(axes, rows, "plain_he_bias", 4)
    assert axes.get_lines()[1].get_color() == looks(names)["plain_he_bias"].colour


@pytest.mark.parametrize(("number", "inside"), [(4, True), (5, False)])
def test_a_legend_of_many_variants_stands_beside_the_lines(number, inside):
    names = ["plain", "residual", "scaled", "plain_eps", "he_zero_last"][:number]
    summarised = summary(pd.concat([table([0.1, 0.3], name, depth) for name in names for depth in (1, 4)]))
    page = Figure(layout="constrained")
    axes = loss_against_depth(page.subplots(), summarised, mean_loss=0.9)
    page.draw_without_rendering()
    legend, panel = axes.get_legend().get_window_extent(), axes.get_window_extent()
    assert len(axes.get_legend().get_texts()) == number + 3
    assert (legend.x1 <= panel.x1) if inside else (panel.x1 <= legend.x0 < legend.x1 <= page.bbox.x1)


def test_files_are_the_same_when_the_table_is(tmp_path, rows):
    for name in ("a", "b"):
        with figure(tmp_path / name, 4, 3) as drawn:
            loss_against_depth(drawn.subplots(), rows, mean_loss=0.9)
    for suffix in (".png", ".svg"):
        first, second = ((tmp_path / name).with_suffix(suffix).read_bytes() for name in ("a", "b"))
        assert first == second
        assert len(first) > 1000


@pytest.mark.parametrize(("words", "lines"), [(2, 1), (30, 2)])
def test_a_title_wider_than_its_figure_takes_two_lines(tmp_path, words, lines):
    with figure(tmp_path / "a", 6, 4) as page:
        page.subplots()
        title = page.suptitle(" ".join(["word"] * words))
    (left, bottom), (right, top) = title.get_window_extent().get_points()
    assert (left >= 0, bottom >= 0, right <= 6 * page.dpi, top <= 4 * page.dpi) == (True,) * 4
    assert round((top - bottom) / (1.2 * title.get_fontsize() / 72 * page.dpi)) == lines


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
