"""Signals, gradients and responses against closed forms; diagnostics do not change a run."""

import math

import pytest
import torch

from degradation.diagnostics.layers import layer_statistics
from degradation.diagnostics.live import LiveDiagnostics
from degradation.records.run import Run
from degradation.training.cohort import Cohort
from degradation.training.members import Member, build, load_task
from tests.training.test_cohort import fit
from tests.training.test_engines import assert_same, tensors


def test_diagnostics_do_not_change_a_run(compose_config):
    config = compose_config("network.norm=batch")
    run = Run(config, config)
    run.path.mkdir(parents=True)
    measured = fit(config, callbacks=[LiveDiagnostics(run, Cohort(config, load_task(config)))])
    assert (run.path / "layers.csv").exists()
    assert (run.path / "predictions.csv").exists()
    assert_same(tensors(measured.engine), tensors(fit(config).engine), rtol=0, atol=0)


def test_layer_statistics_against_closed_forms(compose_config):
    config = compose_config("recipe.precision=fp64", "depth=1", "network.width=2", "task.train_points=32")
    task = load_task(config).to(torch.device("cpu"), torch.float64)
    network = build(Member(1, "plain", 0), config).double()
    with torch.no_grad():
        network.stem.weight.copy_(torch.tensor([[1.0], [2.0]]))
        network.stem.bias.fill_(100.0)  # every ReLU open: the network is linear
        network.head.weight.copy_(torch.tensor([[1.0, 1.0]]))
        network.head.bias.zero_()
    measured = layer_statistics(network, task.train, task)
    x, spread = task.train.inputs, task.train.inputs.std(correction=0).item()
    assert measured["output_sd"].tolist() == pytest.approx([spread * (5 / 2) ** 0.5, 3 * spread])
    residual = 2 * (3 * x + 200 - task.train.targets) / len(x)
    hidden = torch.cat([x + 100, 2 * x + 100], dim=1)
    expected = [(residual.T @ x).abs().item() * 2**0.5, (residual.T @ hidden).norm().item()]
    assert measured["gradient_norm"].tolist() == pytest.approx(expected)
    response, head = measured["response_sd"].tolist()
    assert response == pytest.approx(hidden.std(correction=0).item())
    assert math.isnan(head)


def test_responses_are_taken_after_normalisation_and_before_shortcut_and_relu(compose_config):
    config = compose_config("experiment=digits_depth", "depth=8", "recipe.precision=fp64", "recipe.max_steps=150")
    task = load_task(config).to(torch.device("cpu"), torch.float64)
    network = build(Member(8, "residual", 0), config).double()
    with torch.no_grad():
        for place, norm in enumerate(network.norms(), start=1):
            norm.weight.fill_(place / 10)
    responses = layer_statistics(network, task.train, task)["response_sd"]
    assert responses[:-1].tolist() == pytest.approx([place / 10 for place in range(1, 8)], rel=1e-3)
    assert len(responses) == 8


def test_layer_statistics_of_a_stack_are_those_of_its_networks(compose_config):
    config = compose_config("network.norm=batch")
    cohort = Cohort(config, load_task(config))
    task = cohort.engine.task.to(torch.device("cpu"), torch.float32)
    stacked = layer_statistics(cohort.engine.all_groups()[0].network, task.train, task)
    for position, member in enumerate(cohort.members):
        single = layer_statistics(build(member, config), task.train, task)
        for name, values in stacked.items():
            torch.testing.assert_close(values[:, position], single[name], rtol=1e-4, atol=1e-6, equal_nan=True)
