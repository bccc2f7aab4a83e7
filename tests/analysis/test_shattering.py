"""Autocorrelation of gradients: noises for which it is known, and one number a network."""

import numpy as np
import pandas as pd
import pytest

from degradation.analysis.metrics import METRICS, Tables
from degradation.analysis.shattering import autocorrelation, shattering


def test_noises_for_which_it_is_known():
    white = np.random.default_rng(0).normal(size=100_000)
    assert autocorrelation(white) == pytest.approx(0, abs=0.01)
    assert autocorrelation(np.cumsum(white)) > 0.999  # brown
    assert autocorrelation(white[1:] + white[:-1]) == pytest.approx(0.5, abs=0.01)  # half of what is added is shared
    assert autocorrelation(np.tile([1.0, -1.0], 500)) == pytest.approx(-1, abs=0.002)


def test_by_hand():
    assert autocorrelation(np.array([2.0, 3.0, 7.0])) == pytest.approx((2 * 1 - 1 * 3) / (4 + 1 + 9))


def test_a_constant_gradient_is_shared():
    assert autocorrelation(np.full(7, 0.3)) == 1


def rows(gradients, **own):
    columns = {"variant": "plain", "depth": 4, "seed": 0, "moment": "init", "condition": ""} | own
    return pd.DataFrame({"x": range(len(gradients)), "gradient": gradients} | columns)


def test_the_gradient_is_taken_in_the_order_of_its_inputs():
    shuffled = rows([2.0, 3.0, 7.0, 8.0, 11.0]).sample(frac=1, random_state=1)
    found = pd.concat([shuffled, rows([1.0, -1.0, 1.0], seed=1)])
    values = shattering(found, ["variant", "depth", "seed"])
    assert values["plain", 4, 0] == pytest.approx(autocorrelation(np.array([2.0, 3.0, 7.0, 8.0, 11.0])))
    assert values["plain", 4, 1] < 0


def test_the_metric_is_of_initialisation_and_of_the_chosen_networks():
    gradients = pd.concat([rows([2.0, 3.0, 7.0]), rows([0.0, 0.0, 1.0], moment="final"),
                           rows([5.0, 1.0, 5.0], condition="norm=none")])  # fmt: skip
    networks = pd.DataFrame({"variant": ["plain"], "depth": [4], "seed": [0], "condition": [""],
                             "mean_train_loss": [1.0]})  # fmt: skip
    tables = Tables(networks, pd.DataFrame(), pd.DataFrame(), diagnosed={"input_gradients": gradients})
    assert METRICS["autocorrelation"].of(tables.of({"plain"}, {4}))["plain", 4, 0] == pytest.approx(-1 / 14)
    assert METRICS["autocorrelation"].of(tables.of({"plain"}, {7})).empty
    assert METRICS["autocorrelation"].diagnostic == "input_gradients"  # so that reports read its table


def test_without_the_table_there_is_no_number():
    networks = pd.DataFrame({"variant": ["plain"], "depth": [4], "seed": [0], "condition": [""]})
    found = METRICS["autocorrelation"].of(Tables(networks, pd.DataFrame(), pd.DataFrame()))
    assert found.index.names == ["variant", "depth", "seed"]
    assert found.empty
