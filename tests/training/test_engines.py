"""Engines agree with each other, with a loop written here in plain PyTorch, and no network depends on its cohort."""

import math

import pytest
import torch
from torch import nn

from degradation.networks.cifar import Conv3x3
from degradation.training.engines import Engine
from degradation.training.members import Member, build, load_task
from degradation.training.schedule import learning_rate

LONG = ["recipe.precision=fp64", "recipe.max_steps=200"]


def trained(config, steps=None):
    engine = Engine(config, load_task(config))
    engine.to_device(torch.device("cpu"))
    engine.configure_optimizers()
    engine.run(0, config.recipe.max_steps if steps is None else steps)
    return engine


def tensors(engine):
    return {
        f"{member}/{name}": tensor
        for member, state in engine.member_states().items()
        for name, tensor in state["network"].items()
    }


def assert_same(first, second, **tolerance):
    assert first.keys() <= second.keys()
    assert first
    for name, tensor in first.items():
        torch.testing.assert_close(tensor, second[name], **tolerance, msg=lambda text, name=name: f"{name}: {text}")


RECIPES = {
    "adam": ["recipe.weight_decay=0.01"],
    "sgd": ["recipe.optimizer=sgd", "recipe.momentum=0.9", "recipe.lr=0.01", "recipe.weight_decay=0.001"],
    "batch": ["network.norm=batch"],
    "layer": ["network.norm=layer", "network.init=he"],
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_stacked_agrees_with_sequential_over_200_steps(compose_config, recipe):
    overrides = [*LONG, *RECIPES[recipe], "depth=[4,7]"]
    stacked, sequential = (
        tensors(trained(compose_config(*overrides, f"runtime.engine={engine}"))) for engine in ("stacked", "sequential")
    )
    assert_same(stacked, sequential, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("engine", ["stacked", "sequential"])
def test_a_network_does_not_depend_on_its_cohort_over_200_steps(compose_config, engine):
    overrides = [*LONG, f"runtime.engine={engine}"]
    alone = tensors(trained(compose_config(*overrides, "seeds=[1]", "variants=[residual]", "depth=7")))
    together = tensors(trained(compose_config(*overrides, "seeds=[0,1,5]", "depth=[4,7]")))
    assert_same(alone, together, rtol=1e-6, atol=1e-9)


def test_one_step_agrees_in_float32(compose_config):
    stacked, sequential = (
        tensors(trained(compose_config("depth=10", f"runtime.engine={engine}"), steps=1))
        for engine in ("stacked", "sequential")
    )
    assert_same(stacked, sequential, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("engine", ["stacked", "sequential"])
def test_against_a_loop_in_plain_pytorch(compose_config, optimizer, engine):
    config = compose_config(*LONG, *RECIPES[optimizer], f"runtime.engine={engine}", "depth=4")
    task, recipe = load_task(config), config.recipe
    ours = trained(config).member_states()["depth=004,plain,seed=1"]["network"]

    initial = build(Member(4, "plain", 1), config).double().state_dict()
    layers = ["stem", "blocks.0.layers.0", "blocks.0.layers.1", "blocks.0.layers.2", "head"]
    linears = []
    for name in layers:
        outputs, inputs = initial[f"{name}.weight"].shape
        linear = nn.Linear(inputs, outputs, dtype=torch.float64)
        linear.load_state_dict({key: initial[f"{name}.{key}"] for key in ("weight", "bias")})
        linears.append(linear)
    network = nn.Sequential(*[layer for linear in linears for layer in (linear, nn.ReLU())][:-1])
    if optimizer == "adam":
        reference = torch.optim.Adam(network.parameters(), lr=recipe.lr, weight_decay=0.01)
    else:
        reference = torch.optim.SGD(network.parameters(), lr=recipe.lr, momentum=0.9, weight_decay=0.001)
    order = task.batches(1, batch_size=32, start=0, stop=200).indices
    for step in range(200):
        reference.param_groups[0]["lr"] = learning_rate(recipe, step, depth=4)
        reference.zero_grad()
        x, y = task.train.inputs[order[step]], task.train.targets[order[step]]
        nn.functional.mse_loss(network(x), y).backward()
        reference.step()
    for name, linear in zip(layers, linears, strict=True):
        torch.testing.assert_close(ours[f"{name}.weight"], linear.weight.data, rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(ours[f"{name}.bias"], linear.bias.data, rtol=1e-6, atol=1e-9)


def test_a_pair_takes_equal_batches(compose_config):
    config = compose_config("seeds=[4,9]")
    engine = Engine(config, load_task(config))
    indices = engine.batches(engine.all_groups()[0], 3, 7).indices
    plain, residual = indices[:2], indices[2:]
    assert indices.shape == (4, 4, 32)
    assert torch.equal(plain, residual)
    assert not torch.equal(plain[0], plain[1])


@pytest.mark.parametrize("engine", ["stacked", "sequential"])
def test_a_diverged_network_is_frozen_and_the_others_go_on(compose_config, engine):
    config = compose_config(f"runtime.engine={engine}", "seeds=[0,1,2]", "variants=[plain]")
    healthy = tensors(trained(config))

    task = load_task(config)
    sick = Engine(config, task)
    sick.to_device(torch.device("cpu"))
    sick.configure_optimizers()
    sick.run(0, 10)
    states = sick.member_states()
    states["depth=004,plain,seed=1"]["network"]["head.bias"].fill_(torch.inf)
    sick.load_member_states(states)
    frozen = {name: tensor.clone() for name, tensor in tensors(sick).items() if "seed=1" in name}
    sick.run(10, 40)

    after = tensors(sick)
    assert_same(frozen, after, rtol=0, atol=0)
    others = {name: tensor for name, tensor in healthy.items() if "seed=1" not in name}
    assert_same(others, after, rtol=0, atol=0)
    assert sick.diverged_steps() == {
        Member(4, "plain", 0): None,
        Member(4, "plain", 1): 10,
        Member(4, "plain", 2): None,
    }
    measured = sick.evaluate()
    for name in ("batch_loss", "train_loss", "test_loss"):
        assert math.isnan(measured[Member(4, "plain", 1)][name])
        assert math.isfinite(measured[Member(4, "plain", 0)][name])


def test_evaluation_is_in_eval_mode_on_the_whole_sets(compose_config):
    config = compose_config("network.norm=batch", "recipe.precision=fp64", "seeds=[0]", "variants=[residual]")
    engine = trained(config)
    network = engine.all_groups()[0].network
    measured = engine.evaluate()[Member(4, "residual", 0)]
    assert network.training
    network.eval()
    for name, split in (("train_loss", engine.task.train), ("test_loss", engine.task.test)):
        expected = nn.functional.mse_loss(network(split.inputs), split.targets).item()
        assert measured[name] == pytest.approx(expected, rel=1e-12)


def test_batch_loss_is_the_mean_since_the_last_evaluation(compose_config):
    config = compose_config("recipe.precision=fp64", "recipe.lr=1e-30", "seeds=[0]", "variants=[plain]")
    engine = trained(config, steps=8)  # one pass of 8 batches without movement: the loss on the training set
    member = Member(4, "plain", 0)
    first = engine.evaluate()[member]
    assert first["batch_loss"] == pytest.approx(first["train_loss"], rel=1e-9)
    assert engine.evaluate()[member]["batch_loss"] != engine.evaluate()[member]["batch_loss"]  # no step since: NaN


DIGITS = ["experiment=digits_depth", "depth=8", "seeds=[0]", "recipe.max_steps=150"]


def test_digits_on_the_cpu_are_multiplied_and_not_convolved_where_that_is_the_same(compose_config, monkeypatch):
    config = compose_config(*DIGITS, "recipe.precision=fp64")
    multiplied = trained(config, steps=10)
    monkeypatch.setattr(Conv3x3, "forward", nn.Conv2d.forward)
    convolved = trained(config, steps=10)
    assert_same(tensors(multiplied), tensors(convolved), rtol=1e-6, atol=1e-9)


def test_one_step_on_the_cpu_is_that_of_contiguous_convolutions_in_float32(compose_config, monkeypatch):
    """oneDNN, which float32 convolutions with channels last are computed by, does not compute in float64."""
    ours = trained(compose_config(*DIGITS, "depth=20"), steps=1)
    monkeypatch.setattr(Conv3x3, "forward", nn.Conv2d.forward)
    plain = trained(compose_config(*DIGITS, "depth=20", "runtime.memory_format=contiguous"), steps=1)
    first, second = tensors(ours), tensors(plain)
    assert_same(first, second, rtol=1e-4, atol=1e-4)
    assert any(not torch.equal(tensor, second[name]) for name, tensor in first.items())  # or it was one and the same
