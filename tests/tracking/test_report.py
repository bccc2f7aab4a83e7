"""Error against depth as W&B gets it."""

import math

import pandas as pd

from degradation.analysis.statistics import summary
from degradation.tracking.report import CHARTS, lines, points

ROWS = [  # variant, depth, seed, training error, test error, status
    ("plain", 20, 0, 1.0, 9.0, "done"),
    ("plain", 20, 1, 2.0, 10.0, "done"),
    ("plain", 56, 0, 7.0, 13.0, "done"),
    ("plain", 56, 1, math.nan, math.nan, "diverged"),
    ("residual", 56, 0, 0.5, 7.0, "done"),
]


def networks():
    table = pd.DataFrame(ROWS, columns=["variant", "depth", "seed", "train_error", "test_error", "status"])
    sizes = {"parameters": 31, "multiply_adds": 30}
    return table.assign(
        digest="d", chance_error=90.0, stuck=False, matched=True, train_loss=0.1, test_loss=0.2, **sizes
    )


def test_a_point_a_depth_with_every_variant():
    first, second = points(summary(networks()))
    assert (first["depth"], first["plain/train_error_mean"], first["plain/test_error_mean"]) == (20, 1.5, 9.5)
    assert (second["depth"], second["plain/train_error_mean"], second["residual/test_error_mean"]) == (56, 48.5, 7.0)
    assert math.isinf(second["plain/train_loss_mean"])  # one of two diverged
    assert not [name for point in (first, second) for name in point if name.endswith(("_sd", "_q1"))]


def test_a_line_a_variant_and_set():
    whole = summary(networks())
    assert dict(lines(whole, CHARTS["error_against_depth"][1])) == {
        "plain, training": [(20, 1.5), (56, 48.5)],
        "plain, test": [(20, 9.5), (56, 51.5)],
        "residual, training": [(56, 0.5)],
        "residual, test": [(56, 7.0)],
    }
    assert dict(lines(whole, CHARTS["loss_against_depth"][1]))["plain, test"] == [(20, 0.2)]  # at 56 it is infinite


def test_regression_has_no_errors():
    table = networks().assign(chance_error=math.nan, train_error=math.nan, test_error=math.nan)
    assert dict(lines(summary(table), CHARTS["error_against_depth"][1])) == {}
