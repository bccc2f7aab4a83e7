"""The figures by layer: outputs of blocks, nothing that is too small to be measured."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from degradation.analysis.statistics import summary
from degradation.config.composition import defaults_of
from degradation.figures.kind import Drawn, kinds
from degradation.figures.layers import block_outputs, by_layer, floors, mark_floors
from tests.analysis.test_statistics import table


@pytest.fixture
def axes():
    return Figure().subplots()


def layers(values, depth=7, variant="plain", moment="init"):
    """Rows of one seed, a value a layer."""
    return pd.DataFrame(
        {"variant": variant, "depth": depth, "seed": 0, "moment": moment, "layer": range(1, len(values) + 1),
         "output_sd": values, "gradient_norm": values}
    )  # fmt: skip


def test_medians_are_drawn_and_what_is_too_small_is_not(axes):
    values = {1: [1.0, 2.0, 9.0], 2: [0.0, 0.0, 5.0], 3: [2e-12, 3e-12, 4e-12], 4: [1e-13, 9e-13, 5e-12]}
    rows = [
        {"variant": "plain", "depth": 4, "seed": seed, "layer": layer, "output_sd": value}
        for layer, found in values.items()
        for seed, value in enumerate(found)
    ]
    by_layer(axes, pd.DataFrame(rows), "output_sd", "plain", [4, 7])
    (line,) = axes.get_lines()
    assert line.get_xdata().tolist() == [1, 2, 3, 4]
    assert line.get_ydata() == pytest.approx([2.0, np.nan, 3e-12, np.nan], nan_ok=True)
    assert line.get_marker() not in (None, "None", "")
    assert axes.get_yscale() == "log"


@pytest.mark.parametrize(
    ("experiment", "overrides", "ends"),
    [("sine_depth", [], [1, 4, 7]), ("sine_depth", ["network.span=2"], [1, 3, 5, 7]),
     ("digits_depth", [], [1, 3, 5, 7])],
)  # fmt: skip
def test_blocks_end_as_the_family_says(compose_config, experiment, overrides, ends):
    depth = 8 if experiment == "digits_depth" else 7
    groups = ["task=digits", "network=cifar", "recipe=digits", "recipe.max_steps=150", "depth=8"]
    config = compose_config(*(groups if depth == 8 else ["depth=7"]), *overrides)
    settings = {variant: config.of(variant) for variant in config.variants}
    assert {settings[variant].network.block_layers for variant in settings} == {ends[1] - 1}
    chosen = block_outputs(layers([1.0] * 8, depth), settings)
    assert chosen["layer"].tolist() == ends  # neither within a block nor the head


def test_floors_are_marked_where_the_axis_reaches_them(compose_config):
    adam = compose_config().of("plain")
    assert floors("output_sd", None) == {2**-23: "float32's rounding at 1: 1.2e-07"}
    assert np.finfo(np.float32).eps == 2**-23
    assert floors("gradient_norm", adam) == {1e-8: "Adam's epsilon: 1e-08"}
    assert floors("gradient_norm", None) == floors("response_sd", adam) == {}
    assert floors("gradient_norm", compose_config("recipe.optimizer=sgd").of("plain")) == {}
    far, near = Figure().subplots(2, 1)
    for axes, lowest in ((far, 1e-3), (near, 1e-9)):
        axes.plot([1, 2], [1.0, lowest])
        axes.set_yscale("log")
        mark_floors(axes, floors("gradient_norm", adam))
    assert [text.get_text() for text in near.texts] == ["Adam's epsilon: 1e-08"]
    assert near.get_lines()[-1].get_ydata()[0] == 1e-8
    assert not far.texts


def test_the_page_says_which_layers_and_what_was_left_out(compose_config, tmp_path):
    defaults = defaults_of("sine_depth")
    rows = pd.concat([layers([1.0, 1e-3, 1e-3, 1e-2, 1e-4, 1e-4, 0.0, 1.0]), layers([1.0] * 8, variant="residual")])
    networks = pd.concat([table([0.1]), table([0.1], "residual")])
    settings = {variant: defaults.of(variant) for variant in defaults.variants}
    (kind,) = [kind for kind in kinds() if kind.stem == "layers"]
    texts = {}
    for name, known in (("own", settings), ("variation", {})):
        kind.draw(tmp_path / name, Drawn("sine", rows, networks, summary(networks), False, None, known))
        texts[name] = (tmp_path / f"{name}.svg").read_text()
    assert "sine: signal and gradient at initialisation" in texts["own"]
    assert "weighted layer: the first, and each block's last" in texts["own"]
    assert "(below 1e-12 left out)" in texts["own"]
    assert "block" not in texts["variation"]
