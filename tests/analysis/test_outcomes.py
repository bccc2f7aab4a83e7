"""What a diverged network counts as, by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from degradation.analysis import outcomes


def networks(train_loss, mean=2.0, **columns):
    """Networks with these training losses; None is a diverged one, whatever it had last."""
    count = len(train_loss)
    values = {
        "train_loss": [0.1 if loss is None else loss for loss in train_loss],
        "test_loss": [7.0] * count,
        "mean_train_loss": mean,
        "mean_test_loss": 1.0,
        "train_error": [3.0] * count,
        "test_error": [4.0] * count,
        "chance_error": 90.0,
        "status": ["diverged" if loss is None else "done" for loss in train_loss],
    }
    return pd.DataFrame(values | columns)


def test_errors_and_losses():
    found = networks([1.0, None, math.nan])
    assert outcomes.diverged(found).tolist() == [False, True, False]
    assert outcomes.errors(found, "train").tolist() == [3, 90, 3]
    assert outcomes.errors(found, "test").tolist() == [4, 90, 4]
    assert outcomes.losses(found, "train").iloc[:2].tolist() == [1, math.inf]
    assert outcomes.losses(found, "test").tolist() == [7, math.inf, 7]


def test_where_there_are_errors():
    assert outcomes.is_classification(networks([1.0, 2.0]))
    assert outcomes.is_classification(networks([1.0, 2.0], chance_error=[math.nan, 90.0]))
    assert not outcomes.is_classification(networks([1.0, 2.0], chance_error=math.nan))


@pytest.mark.parametrize(
    ("losses", "mean", "expected"),
    [
        ([0.5, None], 2.0, [0.5, 2.0]),  # no better than the mean
        ([0.5, None, 30.0], 2.0, [0.5, 30.0, 30.0]),  # as bad as the worst
        ([0.5, None], [2.0, 4.0], [0.5, 4.0]),
        ([0.5, None], [4.0, 2.0], [0.5, 4.0]),
        ([math.inf, 1.0], 2.0, [2.0, 1.0]),
        ([0.0, 1e-13, 1e-11], 2.0, [2e-12, 2e-12, 1e-11]),
        ([None, None], 2.0, [2.0, 2.0]),
    ],
)
def test_logarithms_are_finite(losses, mean, expected):
    found = networks(losses, mean)
    assert outcomes.log_losses(found, "train").tolist() == pytest.approx(np.log10(expected).tolist(), rel=1e-12)
    above = np.log10(np.array(expected) / np.broadcast_to(mean, len(expected)))
    assert outcomes.decades(found, "train").tolist() == pytest.approx(above.tolist(), abs=1e-12)


def test_each_split_has_its_own_mean():
    found = networks([0.5, None])
    assert outcomes.log_losses(found, "test").tolist() == pytest.approx([math.log10(7)] * 2)
    assert outcomes.decades(found, "test").tolist() == pytest.approx([math.log10(7)] * 2)
    assert outcomes.decades(found, "train").tolist() == pytest.approx([math.log10(0.25), 0])
