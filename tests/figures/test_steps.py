"""Error against steps: medians and seeds, the running training error, marks of the learning rate, the zoom."""

import math

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from degradation.figures.steps import error_against_steps, mark_rate, medians, warms_up, zoom_to
from degradation.figures.style import depth_looks

STEPS = [0, 25, 50]


@pytest.fixture
def axes():
    return Figure().subplots()


def curves(test, depth=20, variant="plain"):
    """A list a seed of test errors at `STEPS`; the running error is half as high, and there is none at step 0."""
    parts = [
        pd.DataFrame({"variant": variant, "depth": depth, "seed": seed, "step": STEPS, "test_error": errors,
                      "batch_error": [math.nan, *(error / 2 for error in errors[1:])], "train_error": 99.0})
        for seed, errors in enumerate(test)
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def test_medians_with_a_marker_a_point_over_thin_seeds(axes):
    rows = pd.concat([curves([[90, 50, 10], [90, 60, 20], [90, 80, 60]]), curves([[90, 9, 9]], depth=56)])
    error_against_steps(axes, rows, "plain", [20, 56])
    colour = depth_looks([20, 56])[20].colour
    lines = [line for line in axes.get_lines() if same_color(line.get_color(), colour)]
    thick = {line.get_linestyle(): line for line in lines if line.get_linewidth() > 1}
    assert thick["-"].get_xydata().tolist() == [[0, 90], [25, 60], [50, 20]]
    assert thick["--"].get_ydata() == pytest.approx([np.nan, 30, 10], nan_ok=True)  # running, none before a step
    assert all(line.get_marker() not in (None, "None", "") for line in thick.values())
    seeds = [line.get_ydata().tolist() for line in lines if line.get_linewidth() < 1 and line.get_linestyle() == "-"]
    assert seeds == [[90, 50, 10], [90, 60, 20], [90, 80, 60]]
    assert axes.get_ylim()[0] == 0


def test_a_diverged_network_is_worse_than_all_others():
    one = curves([[90, 50, 10], [90, 60, 20], [90, math.nan, math.nan]])
    assert medians(one, "test_error").tolist() == [90, 60, 20]
    half = curves([[90, 50, 10], [90, math.nan, math.nan]])
    assert medians(half, "test_error").tolist() == pytest.approx([90, math.nan, math.nan], nan_ok=True)


def test_the_learning_rates_drops_and_the_end_of_the_warm_up_are_marked(compose_config, axes):
    steps = ["recipe.schedule=steps", "recipe.milestones=[20,30]", "recipe.warmup_steps=8"]
    config = compose_config(*steps, "recipe.warmup_min_depth=56")
    settings = config.of("plain")
    mark_rate(axes, settings, [20, 56])
    assert [line.get_xdata()[0] for line in axes.get_lines()] == [20, 30, 8]
    assert len({line.get_linestyle() for line in axes.get_lines()}) == 2
    assert not warms_up(settings.recipe, [20, 44])  # too shallow to warm up
    until = compose_config(*steps, "recipe.warmup=constant").of("plain").recipe
    until.warmup_until_error = 80.0  # each network's ends when it ends
    assert not warms_up(until, [20, 56])


def test_settings_that_are_not_known_leave_no_mark(axes):
    mark_rate(axes, None, [20])
    assert not axes.get_lines()


@pytest.mark.parametrize(
    ("plain", "residual", "window"),
    [([2, 9], [3, 4], 10), ([2, 10], [3, 4], 20), ([2, 19], [3, 4], 20), ([2, 30], [3, 4], None), ([2], [3, 4], 10),
     ([2, 30, 4], [3, 90, 9], 10), ([2, math.nan], [3, 4], None)],
)  # fmt: skip
def test_the_zoom_holds_the_ends_of_two_lines_of_every_variant(plain, residual, window):
    parts = [
        curves([[90, 50, end]], depth=20 + place, variant=variant)
        for variant, ends in (("plain", plain), ("residual", residual))
        for place, end in enumerate(ends)
    ]
    assert zoom_to(pd.concat(parts)) == window
