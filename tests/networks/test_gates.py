"""Other shortcuts (He et al. 2016, section 3.1) against formulas written out: gates, dropout on the shortcut, sizes."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from degradation.networks import build as networks
from degradation.networks.blocks import Block
from degradation.networks.cifar import CifarNet
from degradation.networks.cifar_spec import CifarNetwork
from degradation.networks.noise import noises
from degradation.streams import generator
from tests.networks.passes import MODES, assert_close, images, shaken

SHAPES = [(4, 4, 1), (4, 8, 2)]


def build(depth=8, seed=0, width=4, shortcut="A", **changed):
    settings = CifarNetwork("cifar", width, shortcut, **changed)
    return networks.build(settings, input_shape=(1, 8, 8), outputs=10, depth=depth, seed=seed)


def normalised(norm, x, training):
    mean, var = norm.running_mean.clone(), norm.running_var.clone()
    return functional.batch_norm(x, mean, var, norm.weight, norm.bias, training)


def by_hand(block, x, stride, training):
    """What the block's own layers put out before the sum, and the subsampled input with channels of zeros."""
    inner = functional.relu(
        normalised(block.norm1, functional.conv2d(x, block.conv1.weight, None, stride, 1), training)
    )
    branch = normalised(block.norm2, functional.conv2d(inner, block.conv2.weight, None, 1, 1), training)
    kept = functional.max_pool2d(x, 1, stride)
    missing = branch.shape[1] - x.shape[1]
    return branch, torch.cat([kept, kept.new_zeros(len(x), missing, *kept.shape[2:])], 1)


@MODES
@pytest.mark.parametrize(("inputs", "outputs", "stride"), SHAPES)
@pytest.mark.parametrize("kind", ["exclusive", "shortcut_only"])
def test_a_gated_block_against_the_formula(kind, inputs, outputs, stride, training):
    block = shaken(Block(CifarNetwork("cifar", 4, "A", gate=kind, gate_bias=-1.0), inputs, outputs, stride))
    block.train(training)
    x = images(5, inputs, 6, 6)
    branch, shortcut = by_hand(block, x, stride, training)
    z = functional.conv2d(x, block.gate.conv.weight, block.gate.bias, stride)
    gate = 1 / (1 + torch.exp(-z))
    summed = gate * branch + (1 - gate) * shortcut if kind == "exclusive" else branch + (1 - gate) * shortcut
    assert (summed < 0).any()  # or a missing ReLU would not be seen
    assert_close(block(x)[-1], functional.relu(summed))


@pytest.mark.parametrize("bias", [0.0, -3.0, -6.0])
def test_a_gate_starts_at_its_bias(bias):
    network = build(14, gate="exclusive", gate_bias=bias, width=16)
    for block in network.blocks:
        assert block.gate.bias.tolist() == [bias] * len(block.gate.bias)
        fan_in = block.gate.conv.in_channels
        assert block.gate.conv.weight.std().item() == pytest.approx(math.sqrt(2 / fan_in), rel=0.15)
    open_gate = 1 / (1 + math.exp(-bias))
    x = torch.zeros(1, 16, 8, 8)  # where the bias alone decides
    branch, shortcut = network.blocks[0].gate(x, torch.ones_like(x), torch.ones_like(x))
    torch.testing.assert_close(branch, torch.full_like(x, open_gate))
    torch.testing.assert_close(shortcut, torch.full_like(x, 1 - open_gate))


def test_a_gate_learns():
    network = build(gate="shortcut_only")
    network(images(3, 1, 8, 8).float()).square().sum().backward()
    for block in network.blocks:
        assert block.gate.conv.weight.grad.abs().max() > 0
        assert block.gate.bias.grad.abs().max() > 0


@pytest.mark.parametrize(("depth", "more"), [(20, 13904), (110, 96224)])
def test_pinned_parameters_of_gates(depth, more):
    """A gate of a block from a to b channels has a b + b."""
    with torch.device("meta"):
        counts = [
            networks.count_parameters(
                CifarNet(CifarNetwork("cifar", 16, "A", gate=gate), channels=3, classes=10, depth=depth)
            )
            for gate in ("none", "exclusive", "shortcut_only")
        ]
    assert counts[1] == counts[2] == counts[0] + more


def test_gates_leave_the_shared_tensors_as_they_are():
    gated, residual = build(14, gate="exclusive", gate_bias=-2.0).state_dict(), build(14).state_dict()
    extra = gated.keys() - residual.keys()
    assert {name.split(".", 2)[2] for name in extra} == {"gate.conv.weight", "gate.bias"}
    assert all(torch.equal(gated[name], residual[name]) for name in residual)


def test_gates_are_no_weighted_layers():
    network = build(14, gate="exclusive")
    assert len(network.weights()) == 14
    assert len(network.norms()) == 13


@MODES
@pytest.mark.parametrize(("inputs", "outputs", "stride"), SHAPES)
def test_dropout_on_the_shortcut_alone(inputs, outputs, stride, training):
    block = shaken(Block(CifarNetwork("cifar", 4, "A", shortcut_dropout=0.5), inputs, outputs, stride))
    block.train(training)
    block.shortcut_dropout.name = "s"
    x = images(5, inputs, 6, 6)
    branch, shortcut = by_hand(block, x, stride, training)
    if training:
        shortcut = shortcut * (torch.rand(shortcut.shape, generator=generator(0, "dropout", "s/0")) >= 0.5) * 2
    assert_close(block(x)[-1], functional.relu(branch + shortcut))


def test_dropout_on_the_shortcut_has_streams_of_its_own():
    network = build(8, shortcut_dropout=0.5, dropout=0.25)
    names = [
        (f"blocks.{place}.{name}", p)
        for place in range(3)
        for name, p in (("dropout", 0.25), ("shortcut_dropout", 0.5))
    ]
    assert sorted(noises(network)) == sorted(names)


def test_a_frozen_gate_is_half_of_both():
    """A gate without weights and with bias 0 is 1/2: the variants half_both and exclusive_gate then agree."""
    gated, halves = build(gate="exclusive"), build(shortcut_scale=0.5, branch_scale=0.5)
    for block in gated.blocks:
        nn.init.zeros_(block.gate.conv.weight)
    x = images(3, 1, 8, 8).float()
    torch.testing.assert_close(gated(x), halves(x))
