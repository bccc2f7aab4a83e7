"""Steps, evaluations, diagnostics and estimates against computations written out in numpy and scikit-learn."""

import copy
import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn import metrics
from torch import nn

from degradation.diagnostics.layers import layer_statistics
from degradation.networks.build import count_parameters
from degradation.networks.cifar import CifarNet
from degradation.tasks.task import Split
from degradation.training.engines import Engine
from degradation.training.group import evaluate
from degradation.training.members import Member, build, load_task
from degradation.training.memory import BYTES, FIXED, RESERVE, gigabytes, network_bytes, training_bytes
from degradation.training.schedule import learning_rate

ONE_LAYER = ["recipe.precision=fp64", "depth=1", "network.width=5", "variants=[plain]", "seeds=[0,3]",
             "task.train_points=20", "recipe.batch_size=8", "recipe.max_steps=12"]  # fmt: skip
DIGITS = ["experiment=digits_depth", "recipe.precision=fp64", "network.width=4", "recipe.max_steps=150", "seeds=[0]"]
CPU = torch.device("cpu")


def engine_of(config, task=None):
    engine = Engine(config, task or load_task(config))
    engine.to_device(CPU)
    engine.configure_optimizers()
    return engine


def layer_sizes(config, depth):
    """Numbers that each hidden layer puts out for one example, by the configuration's estimate."""
    return config.network.layer_sizes(depth, config.task.input_shape)


def about_parameters(config, depth):
    """The configuration's estimate of a network's parameters."""
    return config.network.weights(depth)


def by_hand(task, tensors, indices, step_rates, update):
    """relu(x w + b) v + c fitted by the mean squared error: its gradients, and `update` for every step."""
    w, b, v, c = (tensor.detach().double().numpy().copy() for tensor in tensors)
    losses, state = [], [{} for _ in range(4)]
    for step, (rate, taken) in enumerate(zip(step_rates, indices.numpy(), strict=True)):
        x, y = task.train.inputs.numpy()[taken], task.train.targets.numpy()[taken]
        before = x @ w.T + b
        hidden = np.maximum(before, 0)
        rest = hidden @ v.T + c - y
        losses.append(np.mean(rest**2))
        upstream = 2 * rest / len(x)
        inner = (upstream @ v) * (before > 0)
        gradients = [inner.T @ x, inner.sum(0), upstream.T @ hidden, upstream.sum(0)]
        for number, (value, gradient) in enumerate(zip((w, b, v, c), gradients, strict=True)):
            value -= rate * update(value, gradient, state[number], step)
    return (w, b, v, c), losses


def sgd(momentum, decay):
    """Sutskever et al. 2013 as PyTorch writes it; weight decay is added to the gradient."""

    def update(value, gradient, state, step):
        state["buffer"] = momentum * state.get("buffer", 0) + gradient + decay * value
        return state["buffer"]

    return update


def adam(decay, first=0.9, second=0.999, eps=1e-8):
    """Kingma and Ba 2015, algorithm 1; weight decay is added to the gradient."""

    def update(value, gradient, state, step):
        gradient = gradient + decay * value
        state["m"] = first * state.get("m", 0) + (1 - first) * gradient
        state["v"] = second * state.get("v", 0) + (1 - second) * gradient**2
        m, v = state["m"] / (1 - first ** (step + 1)), state["v"] / (1 - second ** (step + 1))
        return m / (np.sqrt(v) + eps)

    return update


RECIPES = {
    "sgd": (["recipe.optimizer=sgd", "recipe.momentum=0.9", "recipe.weight_decay=0.01", "recipe.lr=0.01"],
            sgd(0.9, 0.01)),
    "adam": (["recipe.optimizer=adam", "recipe.weight_decay=0.02", "recipe.lr=0.01"], adam(0.02)),
}  # fmt: skip


@pytest.mark.parametrize("optimizer", RECIPES)
@pytest.mark.parametrize("engine", ["stacked", "sequential"])
def test_steps_by_hand(compose_config, engine, optimizer):
    overrides, update = RECIPES[optimizer]
    steps = ["recipe.schedule=steps", "recipe.milestones=[6]", "recipe.gamma=0.5", "recipe.warmup_steps=4"]
    config = compose_config(*ONE_LAYER, *overrides, *steps, f"runtime.engine={engine}")
    rates = 0.01 * np.array([0.25, 0.5, 0.75, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
    task, ours = load_task(config), engine_of(config)
    ours.run(0, 5)
    ours.run(5, 12)
    sums = {}
    for group in ours.all_groups():
        assert group.steps_summed == 12
        losses, errors = group.take_batch_means(task)
        sums |= dict(zip(group.members, losses.tolist(), strict=True))
        assert errors.isnan().all()
        assert group.steps_summed == 0
        assert group.take_batch_means(task)[0].isnan().all()
    for seed in (0, 3):
        network = build(Member(1, "plain", seed), config)
        tensors = (network.stem.weight, network.stem.bias, network.head.weight, network.head.bias)
        indices = task.batches(seed, batch_size=8, start=0, stop=12).indices
        expected, losses = by_hand(task, tensors, indices, rates, update)
        state = ours.member_states()[f"depth=001,plain,seed={seed}"]["network"]
        for name, value in zip(("stem.weight", "stem.bias", "head.weight", "head.bias"), expected, strict=True):
            np.testing.assert_allclose(state[name].numpy(), value, rtol=1e-11, atol=1e-13, err_msg=name)
        assert sums[Member(1, "plain", seed)] == pytest.approx(np.mean(losses), rel=1e-12)


def test_batch_errors_and_evaluations_are_counted(compose_config):
    config = compose_config(*DIGITS, "depth=8", "recipe.batch_size=16", "recipe.lr=1e-30", "variants=[residual]")
    whole = load_task(config)
    parts = [Split(split.inputs[:50], split.targets[:50]) for split in (whole.train, whole.test)]
    small = dataclasses.replace(whole, train=parts[0], test=parts[1])
    engine = engine_of(config, small)
    (group,) = engine.all_groups()
    network, order = group.network, small.batches(0, batch_size=16, start=0, stop=3).indices
    losses, errors = [], []
    for taken in order:
        inputs, targets = small.prepare(parts[0].inputs[taken]), parts[0].targets[taken]
        predictions = copy.deepcopy(network).train()(inputs).detach()
        losses.append(metrics.log_loss(targets, predictions.softmax(1), labels=range(10)))
        errors.append(100 * metrics.zero_one_loss(targets, predictions.argmax(1)))
    engine.run(0, 3)
    (measured,) = engine.evaluate().values()
    assert measured["batch_loss"] == pytest.approx(np.mean(losses), rel=1e-9)
    assert measured["batch_error"] == pytest.approx(np.mean(errors), rel=1e-12)
    network.eval()
    for name, split in (("train", parts[0]), ("test", parts[1])):
        predictions = network(small.prepare(split.inputs)).detach()
        loss = metrics.log_loss(split.targets, predictions.softmax(1), labels=range(10))
        assert measured[f"{name}_loss"] == pytest.approx(loss, rel=1e-12)
        wrong = 100 * metrics.zero_one_loss(split.targets, predictions.argmax(1))
        assert measured[f"{name}_error"] == pytest.approx(wrong, rel=1e-12)


@pytest.mark.parametrize("variant", ["plain", "residual"])
@pytest.mark.parametrize("family", ["cifar", "mlp"])
def test_diagnostics_against_autograd_and_numpy(compose_config, family, variant):
    if family == "cifar":
        config = compose_config(*DIGITS, "depth=8")
    else:
        config = compose_config("recipe.precision=fp64", "network.norm=batch", "task.train_points=300")
    task = load_task(config)
    network = build(Member(config.depths[0], variant, 0), config).double()
    for parameter in network.parameters():
        parameter.data += 0.05
    measured = layer_statistics(network.eval(), task.train, task)
    network.train()
    kept = []
    for module in network.norms():
        module.register_forward_hook(lambda _module, _x, output: kept.append(output.detach().numpy().copy()))
    inputs, targets = task.prepare(task.train.inputs[:256]), task.train.targets[:256]
    predictions, outputs = network.trace(inputs)
    loss = nn.functional.cross_entropy if isinstance(network, CifarNet) else nn.functional.mse_loss
    loss(predictions, targets).backward()
    by_input = [output.detach().numpy() if family == "cifar" else output.detach().numpy().T for output in outputs]
    expected = {
        "output_sd": [np.sqrt(np.mean(values.std(axis=0) ** 2)) for values in by_input],
        "gradient_norm": [np.sqrt((weight.grad.numpy() ** 2).sum()) for weight in network.weights()],
        "response_sd": [*(values.std() for values in kept), np.nan],
    }
    assert measured.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(measured[name].numpy(), values, rtol=1e-10, err_msg=name)


@pytest.mark.parametrize("depth", [8, 14])
def test_cifar_sizes_are_those_of_the_modules(compose_config, depth):
    config = compose_config(*DIGITS, f"depth={depth}", "network.width=8")
    network, sizes = build(Member(depth, "plain", 0), config), []
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda _module, _x, output: sizes.append(output[0].numel()))
    network(torch.zeros(2, 1, 8, 8))
    assert layer_sizes(config, depth) == sizes
    inside = [block.get_parameter(f"conv{number}.weight").numel() for block in network.blocks for number in (1, 2)]
    assert about_parameters(config, depth) == sum(inside)


def test_mlp_sizes_are_those_of_the_modules(compose_config):
    config = compose_config("depth=10", "network.width=7")
    network = build(Member(10, "plain", 0), config)
    hidden = [values.shape[0] for values in network.trace(torch.zeros(1, 1))[1][:-1]]
    assert layer_sizes(config, 10) == hidden == [7] * 10
    assert about_parameters(config, 10) == 10 * 49
    assert 0.8 * count_parameters(network) < about_parameters(config, 10) < count_parameters(network)


def test_memory_by_hand(compose_config):
    assert (RESERVE, FIXED, BYTES) == (1.25, 2**30, {"fp32": 4, "tf32": 4, "bf16": 4, "fp64": 8})
    single = ["depth=10", "network.width=7", "recipe.batch_size=5"]
    numbers, parameters = 2 * 5 * 70, 490  # activations are kept twice; weights, gradients, and momenta once or twice
    assert network_bytes(compose_config(*single), 10) == 1.25 * (4 * numbers + 4 * 4 * parameters)
    with_sgd = ["recipe.optimizer=sgd", "recipe.precision=fp64"]
    assert network_bytes(compose_config(*single, *with_sgd), 10) == 1.25 * 8 * (numbers + 3 * parameters)
    several = ["depth=[4,10]", "network.width=7", "recipe.batch_size=5", "seeds=[0,1,2]"]
    stacked, sequential = (compose_config(*several, f"runtime.engine={name}") for name in ("stacked", "sequential"))
    assert training_bytes(stacked) == 2**30 + 6 * network_bytes(stacked, 10)
    assert training_bytes(sequential) == 2**30 + network_bytes(stacked, 10)
    half = compose_config(*single, "recipe.precision=bf16", "runtime.engine=sequential")
    assert network_bytes(half, 10) == 1.25 * (2 * numbers + 4 * 4 * parameters)
    assert gigabytes(1_460_000_000) == "1.5 GB"


def test_rates_at_every_edge(compose_config):
    """The formulas evaluated by hand; all numbers are sums of powers of two."""
    warm = ["recipe.schedule=constant", "recipe.lr=1", "recipe.warmup_steps=4", "recipe.warmup_min_depth=7"]
    linear = compose_config(*warm).recipe
    assert [learning_rate(linear, step, 7) for step in (0, 1, 2, 3, 4)] == [0.25, 0.5, 0.75, 1, 1]
    assert [learning_rate(linear, step, 6) for step in (0, 1, 2, 3, 4)] == [1] * 5
    constant = compose_config(*warm, "recipe.warmup=constant", "recipe.warmup_factor=0.125").recipe
    assert [learning_rate(constant, step, 8) for step in (0, 3, 4, 39)] == [0.125, 0.125, 1, 1]
    assert [learning_rate(constant, step, 8, 2) for step in (1, 2, 3)] == [0.125, 1, 1]
    assert learning_rate(constant, 0, 8, 0) == 1
    steps = ["recipe.schedule=steps", "recipe.milestones=[10,20]", "recipe.gamma=0.25", "recipe.lr=2"]
    stepped = compose_config(*steps).recipe
    assert [learning_rate(stepped, step, 4) for step in (9, 10, 19, 20, 39)] == [2, 0.5, 0.5, 0.125, 0.125]
    falling = compose_config("recipe.schedule=linear", "recipe.lr=2").recipe
    assert [learning_rate(falling, step, 4) for step in (0, 10, 20, 40)] == [2, 1.5, 1, 0]
    cosine = compose_config("recipe.schedule=cosine", "recipe.lr=2").recipe
    assert [learning_rate(cosine, step, 4) for step in (0, 10, 40)] == pytest.approx([2, 1 + math.sqrt(0.5), 0])


def test_a_warm_up_watches_the_mean_of_whole_windows(compose_config):
    config = compose_config(
        *DIGITS, "depth=8", "variants=[residual]", "recipe.warmup=constant", "recipe.warmup_steps=6",
        "recipe.warmup_window_steps=2", "recipe.warmup_until_error=50",
    )  # fmt: skip
    ends = {}
    for errors in ((60, 60, 40, 59, 0, 0), (60, 30, 0, 0, 0, 0), (50, 50, 50, 49, 0, 0), (90, 90, 90, 90, 90, 0, 0, 0)):
        (group,) = engine_of(config).all_groups()
        for step, error in enumerate(errors):
            group._watch_warmup(step, torch.tensor(float(error)))
        ends[errors] = group.warmup_ended
    assert list(ends.values()) == [4, 2, 4, 6]
    (group,) = engine_of(config).all_groups()
    for step in range(6, 12):
        group._watch_warmup(step, torch.tensor(0.0))
    assert group.warmup_ended is None
    assert group.window_error_sum == 0


@pytest.mark.parametrize("until", ["50", "null"])
def test_a_step_tells_the_warm_up_its_error_where_it_waits_for_one(compose_config, until):
    config = compose_config(
        *DIGITS, "depth=8", "variants=[residual]", "recipe.warmup=constant", "recipe.warmup_steps=6",
        "recipe.warmup_window_steps=2", f"recipe.warmup_until_error={until}",
    )  # fmt: skip
    engine = engine_of(config)
    engine.run(0, 1)
    (group,) = engine.all_groups()
    assert 0 < group.error_sum.item() <= 100
    assert group.window_error_sum.item() == (group.error_sum.item() if until == "50" else 0)


def test_a_frozen_network_and_its_running_means(compose_config):
    """Frozen members of a stack count on with the others, and show nothing; a group of them all takes no step."""
    config = compose_config(*ONE_LAYER, "runtime.engine=stacked")
    engine = engine_of(config)
    (group,) = engine.all_groups()
    group.network.head.bias.data[0] = torch.inf
    before = {name: value.detach().clone() for name, value in group.network.named_parameters()}
    engine.run(0, 2)  # step 0 is a step like others
    assert group.diverged_step.tolist() == [0, -1]
    for name, value in group.network.named_parameters():
        assert torch.equal(value[0], before[name][0]), name
        assert not torch.equal(value[1], before[name][1]), name
    losses, _ = group.take_batch_means(engine.task)
    assert [math.isnan(loss) for loss in losses.tolist()] == [True, False]
    assert group.loss_sum.tolist() == [0, 0]
    assert [math.isnan(loss) for loss in evaluate([group], engine.task.test, engine.task)[0][0].tolist()] == [
        True,
        False,
    ]
    group.network.head.bias.data[1] = torch.inf
    engine.run(5, 9)
    assert group.diverged_step.tolist() == [0, 5]
    assert group.steps_summed == 1


def test_what_the_members_of_a_group_take(compose_config):
    config = compose_config(*DIGITS, "depth=8", "variants=[plain]", "runtime.compile_blocks=false")
    task = dataclasses.replace(load_task(config), augment=True)
    engine = Engine(config, task)
    group = SimpleNamespace(members=[Member(8, "plain", 0), Member(8, "plain", 5), Member(8, "residual", 0)])
    batches = engine.batches(group, 2, 4)
    size = config.recipe.batch_size
    for position, seed in enumerate((0, 5, 0)):
        expected = task.batches(seed, batch_size=size, start=2, stop=4)
        assert torch.equal(batches.indices[position], expected.indices)
        assert torch.equal(batches.augmentation[position], expected.augmentation)
    assert engine.all_groups()[0].network.compiled is False
    assert engine.diverged_steps() == {Member(8, "plain", 0): None}
    for step in (0, 7):
        engine.all_groups()[0].diverged_step.fill_(step)
        assert engine.diverged_steps() == {Member(8, "plain", 0): step}
    assert engine.learning_rates(75) == {Member(8, "plain", 0): learning_rate(config.recipe, 75, 8)}


def test_a_group_puts_its_network_as_the_runtime_says(compose_config):
    runtime = ["runtime.memory_format=channels_last", "runtime.compile_blocks=true"]
    config = compose_config(*DIGITS, "depth=8", "variants=[plain]", *runtime)
    (group,) = Engine(config, load_task(config)).all_groups()
    weight = group.network.blocks[0].conv1.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not weight.is_contiguous()
    assert group.network.compiled is True
    assert weight.dtype == torch.float64
    assert (group.loss_sum.tolist(), group.error_sum.tolist(), group.window_error_sum.item()) == ([0], [0], 0)
    assert group.diverged_step.tolist() == [-1]


def test_groups_that_go_through_the_examples_together_take_their_own(compose_config):
    config = compose_config(*ONE_LAYER, "variants=[plain]", "runtime.engine=sequential")
    alone, together = engine_of(config), engine_of(config)
    assert alone.rounds() == [[group] for group in alone.all_groups()]
    together.rounds = lambda: [together.all_groups()]
    for engine in (alone, together):
        engine.run(0, 5)
    for name, state in alone.member_states().items():
        for tensor, value in state["network"].items():
            assert torch.equal(value, together.member_states()[name]["network"][tensor]), (name, tensor)
    for member, measured in alone.evaluate().items():
        assert together.evaluate()[member]["test_loss"] == measured["test_loss"]
    del together.rounds
    together.task = SimpleNamespace(train=SimpleNamespace(on_device=False))
    assert together.rounds() == [together.all_groups()]
