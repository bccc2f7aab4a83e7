"""Networks without normalisation, written out; how they start; their sizes."""

import math

import pytest
import torch
from torch.nn import functional

from degradation.networks import build as networks
from degradation.networks.cifar import CifarNet
from degradation.networks.cifar_spec import CifarNetwork
from tests.networks.passes import assert_close, images, outputs_of, shaken

FREE = {"none": "he", "skipinit": "he", "fixup": "fixup"}


def settings_of(norm, width=4, shortcut="A", init=None):
    return CifarNetwork("cifar", width, shortcut, norm=norm, init=init or FREE[norm])


def build(norm, depth=14, **changed):
    return networks.build(settings_of(norm, **changed), input_shape=(1, 8, 8), outputs=10, depth=depth, seed=0)


def conv(layer, x, stride=1):
    return functional.conv2d(x, layer.weight, None, stride, 1)


def of_channel(bias):
    return bias.view(1, -1, 1, 1)


def branch_by_hand(norm, block, x, stride):
    """The first layer's activation and the branch."""
    if norm == "fixup":
        inner = functional.relu(conv(block.conv1, x + block.shift1.bias, stride) + block.norm1.bias)
        return inner, block.norm2.weight * conv(block.conv2, inner + block.shift2.bias) + block.norm2.bias
    inner = functional.relu(conv(block.conv1, x, stride) + of_channel(block.norm1.bias))
    branch = conv(block.conv2, inner) + of_channel(block.norm2.bias)
    return inner, block.norm2.weight * branch if norm == "skipinit" else branch


def by_hand(network, norm, x, residual=True):
    """All layers' outputs, and the branches' ends."""
    start = network.stem_norm.bias
    outputs = [functional.relu(conv(network.stem, x) + (start if norm == "fixup" else of_channel(start)))]
    branches = []
    blocks = list(network.blocks)
    for place, block in enumerate(blocks):
        stride = 2 if place in (len(blocks) // 3, 2 * len(blocks) // 3) else 1
        inner, branch = branch_by_hand(norm, block, outputs[-1], stride)
        kept = functional.max_pool2d(outputs[-1], 1, stride)
        missing = branch.shape[1] - kept.shape[1]
        shortcut = torch.cat([kept, kept.new_zeros(len(x), missing, *kept.shape[2:])], 1)
        outputs += [inner, functional.relu(branch + shortcut if residual else branch)]
        branches.append(branch)
    outputs.append(functional.linear(outputs[-1].mean((2, 3)), network.head.weight, network.head.bias))
    return outputs, branches


@pytest.mark.parametrize("norm", FREE)
def test_a_network_against_the_formula(norm):
    network, x = shaken(build(norm)), images(5, 1, 8, 8)
    expected, branches = by_hand(network, norm, x)
    predictions, outputs = network.trace(x)
    assert_close(network(x), expected[-1])
    assert outputs[-1] is predictions
    for place, (ours, theirs) in enumerate(zip(outputs, expected, strict=True)):
        assert_close(ours, theirs, f"layer {place + 1}")
    responses = outputs_of(network.norms(), lambda: network(x))
    assert len(responses) == 13
    for ours, theirs in zip(responses[2::2], branches, strict=True):
        assert_close(ours, theirs)


def test_a_plain_network_against_the_formula():
    network, x = shaken(build("none", shortcut="none")), images(5, 1, 8, 8)
    assert_close(network(x), by_hand(network, "none", x, residual=False)[0][-1])


@pytest.mark.parametrize(
    ("norm", "depth", "parameters"),
    [
        *[("none", 20, 269034), ("skipinit", 20, 269043), ("fixup", 20, 268392)],
        *[("none", 110, 1723914), ("skipinit", 110, 1723968), ("fixup", 110, 1720137)],
    ],
)
def test_pinned_parameters(norm, depth, parameters):
    """Normalisation has two numbers a channel, a bias one; SkipInit one a block more; Fixup one, and five a block."""
    with torch.device("meta"):
        network = CifarNet(settings_of(norm, width=16), channels=3, classes=10, depth=depth)
    assert networks.count_parameters(network) == parameters


@pytest.mark.parametrize(("norm", "init"), [("none", "he_zero_last"), ("skipinit", "he"), ("fixup", "fixup")])
def test_blocks_start_as_their_shortcuts_and_can_learn(norm, init):
    network, x = build(norm, init=init), images(3, 4, 8, 8).float().relu()
    for block in network.blocks[:2]:
        assert torch.equal(block(x)[-1], x)
    if norm == "fixup":
        torch.nn.init.ones_(network.head.weight)  # which is zero, so that it alone learns in the first step
        network.head.weight.data[:5] = -1
    functional.cross_entropy(network(images(3, 1, 8, 8).float()), torch.tensor([0, 1, 7])).backward()
    for end in network.branch_ends():
        assert end.eq(0).all()
        assert end.grad.abs().max() > 0


def test_without_any_of_it_signals_grow_with_every_block():
    """The sum of a signal and an independent one of its size has twice the variance."""
    _, outputs = build("none", depth=56, width=16).trace(images(8, 1, 8, 8).float())
    squares = [output.square().mean().item() for output in outputs[:-1:2]]
    growth = (squares[9] / squares[0]) ** (1 / 9)  # within the first stage
    assert 1.5 < growth < 3


def test_fixups_initial_tensors():
    network, he = build("fixup", depth=26), build("none", depth=26)
    assert network.head.weight.eq(0).all()
    for block, other in zip(network.blocks, he.blocks, strict=True):
        torch.testing.assert_close(block.conv1.weight, other.conv1.weight / math.sqrt(12))  # blocks
        assert block.conv2.weight.eq(0).all()
        assert [block.norm2.weight.item(), block.norm2.bias.item(), block.shift1.bias.item()] == [1, 0, 0]
    assert torch.equal(network.stem.weight, he.stem.weight)


def test_weights_are_those_of_the_network_with_normalisation():
    batch = networks.build(CifarNetwork("cifar", 4, "A"), input_shape=(1, 8, 8), outputs=10, depth=14, seed=0)
    for norm in ("none", "skipinit"):
        for ours, theirs in zip(build(norm).weights(), batch.weights(), strict=True):
            assert torch.equal(ours, theirs)
