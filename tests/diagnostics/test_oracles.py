"""Rows of diagnostics against networks computed one by one, in numpy where they are small."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from degradation.diagnostics.diagnostic import FINAL, INIT, rounded, rows
from degradation.diagnostics.layers import DIAGNOSTIC as LAYERS
from degradation.diagnostics.layers import layer_statistics
from degradation.diagnostics.predictions import DIAGNOSTIC as PREDICTIONS
from degradation.training.cohort import Cohort
from degradation.training.members import Member, build, load_task

ONE_LAYER = ["depth=1", "network.width=5", "variants=[plain]", "task.train_points=20", "recipe.batch_size=8",
             "recipe.max_steps=12"]  # fmt: skip


def begun(config):
    cohort = Cohort(config, load_task(config))
    cohort.engine.to_device(torch.device("cpu"))
    return cohort


@pytest.mark.parametrize("engine", ["stacked", "sequential"])
def test_predictions_by_hand(compose_config, engine):
    overrides = ["seeds=[0,3,4,5,6]", "task.test_points=300", f"runtime.engine={engine}"]
    config = compose_config(*ONE_LAYER, *overrides)
    found = rows(PREDICTIONS, begun(config), FINAL)
    assert len(found) == 4 * 128  # of four seeds
    assert [row["seed"] for row in found[::128]] == [0, 3, 4, 5]
    chosen = np.rint(np.linspace(0, 299, 128)).astype(int)
    for seed in (0, 5):
        x = np.linspace(-2 * np.pi, 2 * np.pi, 300)[chosen]
        network = build(Member(1, "plain", seed), config)
        w, b, v, c = (parameter.detach().double().numpy() for parameter in network.parameters())
        own = [row for row in found if row["seed"] == seed]
        assert [row["x"] for row in own] == pytest.approx(x, rel=5e-4)
        predicted = np.maximum(np.outer(x, w) + b, 0) @ v.T + c
        assert [row["prediction"] for row in own] == pytest.approx(predicted.ravel(), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("engine", ["stacked", "sequential"])
def test_rows_of_layers_are_each_networks_own(compose_config, engine):
    config = compose_config("network.norm=batch", f"runtime.engine={engine}")
    cohort = begun(config)
    task = cohort.engine.task
    for moment in (INIT, FINAL):
        found = rows(LAYERS, cohort, moment)
        assert [row["moment"] for row in found] == [moment] * 20
        for member in cohort.members:
            single = layer_statistics(build(member, config), task.train, task)
            own = [row for row in found if (row["variant"], row["seed"]) == member[1:]]
            assert [row["layer"] for row in own] == [1, 2, 3, 4, 5]
            for name, values in single.items():
                assert [row[name] for row in own] == pytest.approx(values.tolist(), rel=1e-3, nan_ok=True)
    assert (rounded(123456.0), rounded(0.00012344), rounded(1.99999)) == (123500, 0.0001234, 2)


def test_fitted_functions_are_kept_where_there_is_one_input_and_one_output():
    def fits(input_shape, outputs):
        return PREDICTIONS.fits(SimpleNamespace(input_shape=input_shape, outputs=outputs))

    assert fits((1,), 1)
    assert not fits((2,), 1)
    assert not fits((1,), 2)
    assert not fits((1, 8, 8), 10)
