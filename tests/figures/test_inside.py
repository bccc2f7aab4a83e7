"""The figures of networks' insides, from made-up tables."""

import pandas as pd
import pytest
from matplotlib.figure import Figure

from degradation.figures.kind import Drawn, kinds
from degradation.figures.lesion import error_after, mark_reshaping
from degradation.figures.maps import maps
from degradation.figures.paths import norms, shares
from degradation.figures.style import looks
from degradation.figures.surface import line as line_of
from degradation.figures.surface import square
from tests.analysis.test_statistics import table


@pytest.fixture
def axes():
    return Figure().subplots()


def drawn(stem, path, rows):
    """The text of a figure of `rows`."""
    networks = pd.concat(
        [table([0.1], variant, chance_error=90.0, mean_train_loss=2.3) for variant in ("plain", "residual")]
    )
    (kind,) = [kind for kind in kinds() if kind.stem == stem]
    kind.draw(path / stem, Drawn("digits", rows, networks, pd.DataFrame(), True, None))
    return (path / f"{stem}.svg").read_text()


def lesions(variant, depth=20, seed=0, errors=(5.0, 50.0, 6.0)):
    """Rows of one network, whose second block changes shapes."""
    one = [("one", 1, place, int(place == 2), error) for place, error in enumerate(errors, start=1)]
    more = [("random", count, draw, 1, 10.0 * count + draw) for count in (1, 3) for draw in (1, 3)]
    swaps = [("swaps", count, 1, 0, 2.0 * count) for count in (1, 2)]
    rows = pd.DataFrame([*one, *more, *swaps], columns=["lesion", "count", "place", "reshaping", "test_error"])
    return rows.assign(variant=variant, depth=depth, seed=seed, order=1.0)


def test_lesions_are_means_over_draws_and_then_over_seeds(axes):
    rows = pd.concat([lesions("plain"), lesions("plain", seed=1, errors=(7.0, 60.0, 8.0))])
    error_after(axes, rows, "one", ["plain", "residual"])
    line, dots, *others = axes.get_lines()
    assert line.get_xydata().tolist() == [[1, 6], [2, 55], [3, 7]]
    assert len(dots.get_xdata()) == 6
    assert line.get_color() == looks(["plain"])["plain"].colour
    assert [len(other.get_xdata()) for other in others] == [0]  # no residual network
    mark_reshaping(axes, rows)
    (band,) = axes.patches
    assert (band.get_x(), band.get_width()) == pytest.approx((1.6, 0.8))
    many = Figure().subplots()
    error_after(many, rows, "random", ["plain"])
    assert many.get_lines()[0].get_xydata().tolist() == [[1, 12], [3, 32]]


def test_the_page_of_lesions(tmp_path):
    every = pd.concat([lesions(variant, depth) for variant in ("plain", "residual") for depth in (20, 56)])
    text = drawn("lesion", tmp_path, every)
    for words in ("20 layers", "56 layers", "block that is deleted", "pairs of blocks swapped", "guessing", "residual"):
        assert words in text


def surfaces(variant, depth=20, seed=0, factor=1.0):
    line = [-1.0, 0.0, 1.0]
    rows = [{"x": x, "y": y, "train_loss": 1e-2 + factor * (4 * x**2 + y**2)} for y in line for x in line]
    return pd.DataFrame(rows).assign(variant=variant, depth=depth, seed=seed, train_error=0.0)


def test_surfaces_have_equal_levels_and_a_line_a_seed(axes):
    rows = pd.concat([surfaces("plain"), surfaces("plain", seed=1, factor=1e6), surfaces("residual")])
    line_of(axes, rows, ["plain", "residual"])
    first, second, third = axes.get_lines()
    assert first.get_xdata().tolist() == [-1, 0, 1]
    assert first.get_ydata() == pytest.approx([4.01, 0.01, 4.01])
    assert second.get_ydata() == pytest.approx([1e3, 0.01, 1e3])  # beyond the scale
    assert third.get_color() == looks(["residual"])["residual"].colour
    levels = []
    for factor in (1.0, 1e6):
        one = Figure().subplots()
        levels.append(square(one, surfaces("plain", factor=factor), guessing=2.3).levels)
        assert len(one.collections) == 2  # filled, and guessing
    assert levels[0].tolist() == levels[1].tolist()
    assert (levels[0][0], levels[0][-1]) == pytest.approx((1e-3, 1e3))
    low = Figure().subplots()
    square(low, surfaces("plain", factor=0.1), guessing=2.3)
    assert len(low.collections) == 1


def test_the_page_of_surfaces(tmp_path):
    every = pd.concat([surfaces(variant, depth) for variant in ("plain", "residual") for depth in (20, 56)])
    text = drawn("surface", tmp_path, every)
    for words in ("plain, 20 layers", "residual, 56 layers", "every filter moves by its own norm", "dashed: guessing"):
        assert words in text


def paths(depth=20, seed=0):
    shares = {"path_share": [0.25, 0.5, 0.25], "gradient_share": [0.7, 0.2, 0.1], "gradient_norm": [1.0, 0.1, 0.0]}
    return pd.DataFrame(shares).assign(length=range(3), variant="residual", depth=depth, seed=seed)


def test_paths_have_shares_in_percent_and_a_gradient_a_seed(axes):
    rows = pd.concat([paths(), paths(seed=1).assign(gradient_share=[0.5, 0.4, 0.1])])
    shares(axes, rows)
    gradient, binomial = axes.get_lines()
    assert gradient.get_xdata().tolist() == [0, 1, 2]
    assert gradient.get_ydata() == pytest.approx([60, 30, 10])
    assert binomial.get_ydata().tolist() == [25, 50, 25]
    of_paths = Figure().subplots()
    norms(of_paths, rows)
    assert len(of_paths.get_lines()) == 2
    assert of_paths.get_lines()[0].get_ydata() == pytest.approx([1.0, 0.1, float("nan")], nan_ok=True)


def test_the_page_of_paths(tmp_path):
    text = drawn("paths", tmp_path, pd.concat([paths(), paths(56)]))
    for words in ("56 layers", "blocks that the path goes through", "gradient norm of a path"):
        assert words in text


def feature_maps(variant, depth):
    """Layers of one and two channels and 2x2 pixels, whose activations are ten times the row and the column."""
    pixels = [(layer, channel, row, column) for layer in (0, 1, 9) for channel in (1, 2)[: 1 + (layer > 0)]
              for row in (1, 2) for column in (1, 2)]  # fmt: skip
    rows = pd.DataFrame(pixels, columns=["layer", "channel", "row", "column"])
    activation = 10.0 * rows["row"] + rows["column"] + 100 * rows["channel"]
    return rows.assign(activation=activation, variant=variant, depth=depth, seed=0)


def test_maps_of_a_layer_have_one_scale():
    rows = feature_maps("plain", 56)
    first, second, third = Figure().subplots(3)
    maps([first, second, third], rows[rows["layer"] == 9])
    (image,), (other,) = first.get_images(), second.get_images()
    assert image.get_array().tolist() == [[111, 112], [121, 122]]
    assert other.get_array().tolist() == [[211, 212], [221, 222]]
    assert image.get_clim() == other.get_clim() == (111, 222)
    assert not third.get_images()


def test_the_page_of_maps(tmp_path):
    every = pd.concat([feature_maps(variant, depth) for variant in ("plain", "residual") for depth in (20, 56)])
    text = drawn("maps", tmp_path, every)
    for words in ("through 56 layers", "weighted layer; black", "residual", "image"):
        assert words in text
    assert "20 layers" not in text
