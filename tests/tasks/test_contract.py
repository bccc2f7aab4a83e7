"""Every task keeps the two contracts: what its settings say is what is loaded, for one network and for a stack."""

import pytest
import torch
from torch import nn

from degradation.tasks.spec import TASKS
from degradation.tasks.task import Split, Task, joined
from degradation.training.engines import Engine
from degradation.training.members import build, load_task, members
from degradation.training.schedule import learning_rate

CONSTANT = ["recipe.warmup_steps=0", "recipe.schedule=constant", "recipe.milestones=[]"]
IDENTITY = ["experiment=identity_learning", "task=identity", "network=conv"]
SMALL = {"sine": [], "identity": IDENTITY, "digits": ["experiment=digits_depth", "depth=8", *CONSTANT]}
SMALL["digits_denoising"] = ["task=digits_denoising", "network=unet", "depth=8", *CONSTANT]
MLP = [
    "experiment=digits_depth",
    "network=mlp",
    "network.init=he",
    "network.width=12",
    *CONSTANT,
    "recipe.batch_size=16",
]


@pytest.fixture(params=SMALL)
def config(request, compose_config):
    return compose_config(*SMALL[request.param])


def test_settings_say_what_is_loaded(config):
    spec, task = config.task, load_task(config)
    assert isinstance(task, Task)
    assert (spec.name, spec.outputs, spec.input_shape) == (task.name, task.outputs, task.input_shape)
    assert (spec.classification, spec.train_size) == (task.has_errors, len(task.train))
    assert spec.test_size in (len(task.test), None)
    assert spec.on_device == task.train.on_device == task.test.on_device
    assert (task.chance_error is None) is not task.has_errors
    assert type(spec) is TASKS[spec.name]


def test_leading_dimensions_are_networks(config):
    """A stack's batch, losses and errors are those of its networks one by one, also where the targets are shared."""
    task = load_task(config)
    batch = joined([task.batches(seed, batch_size=8, start=0, stop=1) for seed in (0, 1, 5)])
    inputs, targets = task.training_batch(batch)
    predictions = torch.randn(3, 8, task.outputs, dtype=torch.float64)
    losses, errors, shared = (
        task.loss(predictions, targets), task.error(predictions, targets), task.loss(predictions, targets[0]),
    )  # fmt: skip
    assert inputs.shape == (3, 8, *task.input_shape)
    assert losses.shape == errors.shape == shared.shape == (3,)
    for number in range(3):
        own_inputs, own_targets = task.training_batch(batch[number])
        assert torch.equal(own_inputs, inputs[number])
        assert torch.equal(own_targets, targets[number])
        assert task.loss(predictions[number], own_targets).item() == pytest.approx(losses[number].item(), rel=1e-12)
        assert task.loss(predictions[number], targets[0]).item() == pytest.approx(shared[number].item(), rel=1e-12)
        assert torch.equal(task.error(predictions[number], own_targets), errors[number]) or not task.has_errors


def test_a_task_on_the_device_takes_its_steps_from_itself(config):
    task = load_task(config)
    batches = joined([task.batches(seed, batch_size=8, start=3, stop=6)[None] for seed in (0, 1)])
    for step, (batch, itself) in enumerate(task.steps(batches)):
        assert itself is task
        assert torch.equal(batch.indices, batches.indices[:, step])
    assert step == 2


def test_parts_are_all_examples_in_order():
    split = Split(torch.arange(10.0).view(10, 1), torch.arange(10))
    parts = list(split.parts(4))
    assert [len(part) for part in parts] == [4, 4, 2]
    assert torch.equal(torch.cat([part.inputs for part in parts]), split.inputs)
    assert torch.equal(torch.cat([part.targets for part in parts]), split.targets)


def engine_of(config, task):
    engine = Engine(config, task)
    engine.to_device(torch.device("cpu"))
    engine.configure_optimizers()
    return engine


@pytest.mark.parametrize("augment", [False, True])
def test_an_mlp_on_images_stacked_and_alone_against_plain_pytorch(compose_config, augment):
    """In float64 over some steps; the loop takes flattened images through nn.Linear, cross_entropy and SGD."""
    overrides = [*MLP, "recipe.precision=fp64", "depth=4", "seeds=[0,2]", "recipe.max_steps=20"]
    engines = {}
    for name in ("stacked", "sequential"):
        config = compose_config(*overrides, f"runtime.engine={name}")
        task = load_task(config)
        object.__setattr__(task, "augment", augment)
        engines[name] = engine_of(config, task)
        engines[name].run(0, 20)
    stacked, sequential = (engine.member_states() for engine in engines.values())
    assert len(engines["stacked"].all_groups()) == 1
    measured = [engine.evaluate() for engine in engines.values()]
    for member in members(config):
        for name, tensor in stacked[str(member)]["network"].items():
            torch.testing.assert_close(tensor, sequential[str(member)]["network"][name], rtol=1e-9, atol=1e-12)
        assert measured[0][member] == pytest.approx(measured[1][member], rel=1e-9)

    member = members(config)[1]  # plain, seed 2
    layers = [
        nn.Linear(inputs, outputs, dtype=torch.float64) for inputs, outputs in ((64, 12), *[(12, 12)] * 3, (12, 10))
    ]
    network, initial = (
        nn.Sequential(*[part for layer in layers for part in (layer, nn.ReLU())][:-1]),
        build(member, config),
    )
    for ours, theirs in zip(network.parameters(), initial.parameters(), strict=True):
        ours.data.copy_(theirs.data)
    recipe, task = config.recipe, engines["stacked"].task
    sgd = torch.optim.SGD(network.parameters(), recipe.lr, recipe.momentum, weight_decay=recipe.weight_decay)
    for step in range(20):
        assert learning_rate(recipe, step, depth=4) == recipe.lr
        images, labels = task.training_batch(task.batches(2, batch_size=16, start=step, stop=step + 1)[0])
        sgd.zero_grad()
        nn.functional.cross_entropy(network(images.flatten(1)), labels).backward()
        sgd.step()
    for ours, theirs in zip(network.parameters(), stacked[str(member)]["network"].values(), strict=True):
        torch.testing.assert_close(ours.data, theirs, rtol=1e-8, atol=1e-11)
    right = network(task.prepare(task.test.inputs).flatten(1)).argmax(1) == task.test.targets
    assert measured[0][member]["test_error"] == pytest.approx(100 - 100 * right.double().mean().item())


def test_an_mlp_takes_colour_images(compose_config):
    config = compose_config(
        "experiment=cifar10_smoke", "network=mlp", "network.init=he", "depth=4", "runtime.engine=auto"
    )
    assert config.runtime.engine == "stacked"
    network = build(members(config)[0], config)
    assert network.stem.weight.shape[1] == 3 * config.task.resolution**2
    assert network(torch.zeros(2, *config.task.input_shape)).shape == (2, 10)
