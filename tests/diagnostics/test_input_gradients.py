"""Gradients by the input against closed forms, differences, and each other."""

from types import SimpleNamespace

import pytest
import torch

from degradation.diagnostics.diagnostic import FINAL, INIT, diagnostic, rows
from degradation.diagnostics.input_gradients import DIAGNOSTIC, POINTS, input_gradients, settle
from degradation.training.cohort import Cohort
from degradation.training.members import Member, build, load_task


def network_of(config, variant="plain", seed=0):
    return build(Member(config.depths[0], variant, seed), config).double()


def test_a_known_function(compose_config):
    """2 relu(x - 1) + 3 relu(-x), whose derivative is -3 below 0, 0 to 1 and 2 beyond."""
    network = network_of(compose_config("depth=1", "network.width=2"))
    values = {"stem.weight": [[1.0], [-1.0]], "stem.bias": [-1.0, 0.0], "head.weight": [[2.0, 3.0]], "head.bias": [5.0]}
    network.load_state_dict({name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()})
    x = torch.tensor([[-2.0], [-0.1], [0.5], [0.9], [1.1], [7.0]], dtype=torch.float64)
    assert input_gradients(network, x).flatten().tolist() == [-3, -3, 0, 0, 2, 2]


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("variant", ["plain", "residual"])
def test_gradients_are_differences(compose_config, norm, variant):
    network = network_of(compose_config("depth=7", f"network.norm={norm}", "network.init=he_default_bias"), variant)
    settle(network, torch.linspace(-6, 6, 50, dtype=torch.float64).unsqueeze(-1))
    x, step = torch.linspace(-5, 4.7, 11, dtype=torch.float64).unsqueeze(-1), 1e-7  # no kink among them
    with torch.no_grad():
        expected = (network(x + step) - network(x - step)) / (2 * step)
    torch.testing.assert_close(input_gradients(network, x), expected, rtol=1e-5, atol=1e-6)


def test_settled_statistics_are_those_of_the_batch_in_every_layer(compose_config):
    network = network_of(compose_config("depth=7", "network.norm=batch"), "residual")
    x = torch.linspace(-6, 6, 50, dtype=torch.float64).unsqueeze(-1)
    with torch.no_grad():
        expected = network.train()(x)
    settle(network, x)
    assert not network.training
    torch.testing.assert_close(network(x), expected, rtol=1e-9, atol=1e-9)
    assert not any(module._forward_pre_hooks for module in network.modules())


@pytest.mark.parametrize("engine", ["stacked", "sequential"])
def test_rows_are_each_networks_own(compose_config, engine):
    seeds = "seeds=[0,1,2,3,4,5,6,7,8]"
    config = compose_config("network.norm=batch", seeds, "task.test_points=5", f"runtime.engine={engine}")
    cohort = Cohort(config, load_task(config))
    cohort.engine.to_device(torch.device("cpu"))
    task = cohort.engine.task
    for moment in (INIT, FINAL):
        found = rows(DIAGNOSTIC, cohort, moment)
        assert len(found) == 2 * 8 * POINTS  # of eight seeds
        assert {row["moment"] for row in found} == {moment}
        grid = torch.linspace(-2 * torch.pi, 2 * torch.pi, POINTS).unsqueeze(-1)
        for variant, seed in (("plain", 0), ("residual", 7)):
            single = build(Member(4, variant, seed), config)
            settle(single, task.train.inputs)
            own = [row for row in found if (row["variant"], row["seed"]) == (variant, seed)]
            assert [row["x"] for row in own] == pytest.approx(grid.flatten().tolist(), rel=5e-4)
            expected = input_gradients(single, grid).flatten().tolist()
            assert [row["gradient"] for row in own] == pytest.approx(expected, rel=2e-3, abs=1e-4)


def test_where_there_is_one_input_and_one_output():
    shapes = [((1,), 1), ((2,), 1), ((1,), 2), ((1, 8, 8), 10)]
    fits = [DIAGNOSTIC.fits(SimpleNamespace(input_shape=shape, outputs=outputs)) for shape, outputs in shapes]
    assert fits == [True, False, False, False]
    assert diagnostic("input_gradients") is DIAGNOSTIC
