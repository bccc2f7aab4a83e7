"""Forward and backward passes of the `cifar` family against independent networks that are given the same tensors.

All in float64: torchvision's BasicBlock with its downsampling exchanged, the plain variant against nn.Sequential.
"""

import math
import shutil
import sysconfig
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.resnet import BasicBlock, conv1x1, conv3x3

from degradation.networks import build as networks
from degradation.networks import cifar as cifar_module
from degradation.networks.blocks import Block
from degradation.networks.cifar_spec import CifarNetwork
from degradation.networks.shortcuts import SHORTCUTS
from tests.networks.passes import MODES, assert_close, assert_same_passes, images, outputs_of, shaken

needs_compiler = pytest.mark.skipif(
    shutil.which("g++") is None or not Path(sysconfig.get_path("include"), "Python.h").exists(),
    reason="no C++ compiler or no Python.h",
)


def cifar(kind, depth=14, width=4, input_shape=(3, 8, 8)):
    """A network of the family with shortcuts `none`, `A`, `B` or `C`."""
    settings = CifarNetwork(family="cifar", width=width, shortcut=kind)
    return networks.build(settings, input_shape=input_shape, outputs=10, depth=depth, seed=0)


def block_of(kind, inputs, outputs, stride):
    """One block of the `cifar` family."""
    return Block(CifarNetwork("cifar", 4, kind), inputs, outputs, stride)


class OptionA(nn.Module):
    """Identity with stride, and as many zero channels as are missing."""

    def __init__(self, outputs, stride):
        super().__init__()
        self.outputs, self.stride = outputs, stride

    def forward(self, x):
        x = nn.functional.max_pool2d(x, 1, self.stride)
        return torch.cat([x, x.new_zeros(len(x), self.outputs - x.shape[1], *x.shape[2:])], dim=1)


def their_block(kind, inputs, outputs, stride):
    changes = stride != 1 or inputs != outputs
    if kind == "A":
        downsample = OptionA(outputs, stride) if changes else None
    else:
        projects = kind == "C" or (kind == "B" and changes)
        downsample = nn.Sequential(conv1x1(inputs, outputs, stride), nn.BatchNorm2d(outputs)) if projects else None
    block = BasicBlock(inputs, outputs, stride, downsample)
    if kind == "none":
        layers = {"conv1": block.conv1, "bn1": block.bn1, "relu1": nn.ReLU()}
        layers |= {"conv2": block.conv2, "bn2": block.bn2, "relu2": nn.ReLU()}
        return nn.Sequential(OrderedDict(layers))
    return block


def their_names(state):
    for ours, theirs in (("stem_norm", "stem_bn"), ("norm", "bn"), ("shortcut", "downsample")):
        state = {name.replace(ours, theirs): tensor for name, tensor in state.items()}
    return state


def their_cifar(kind, state, depth=14, width=4, channels=3):
    """He et al. 2015, section 4.2, with the tensors of `state`."""
    blocks = nn.Sequential()
    for stage in (0, 1, 2):
        for place in range((depth - 2) // 6):
            stride = 2 if stage and not place else 1
            blocks.append(their_block(kind, width * 2**stage // stride, width * 2**stage, stride))
    parts = {"stem": conv3x3(channels, width), "stem_bn": nn.BatchNorm2d(width), "relu": nn.ReLU(), "blocks": blocks}
    parts |= {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "head": nn.Linear(4 * width, 10)}
    network = nn.Sequential(OrderedDict(parts))
    network.double().load_state_dict(their_names(state))
    return network


@MODES
@pytest.mark.parametrize("side", [8, 12], ids=["with_products", "with_convolutions"])  # the last stage has 2x2, 3x3
@pytest.mark.parametrize("kind", ["none", "A", "B", "C"])
def test_cifar_against_torchvision(kind, side, training):
    ours = shaken(cifar(kind)).train(training)
    theirs = their_cifar(kind, ours.state_dict()).train(training)
    assert_same_passes(ours, theirs, images(5, 3, side, side), their_names)


@MODES
@pytest.mark.parametrize("kind", ["none", "A", "B", "C"])
def test_cifar_with_channels_last_against_torchvision(kind, training):
    ours = shaken(cifar(kind, depth=8, width=16)).train(training)
    theirs = their_cifar(kind, ours.state_dict(), depth=8, width=16).train(training)
    ours.to(memory_format=torch.channels_last)
    x = images(5, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    assert_same_passes(ours, theirs, x, their_names)


@pytest.mark.parametrize(("inputs", "outputs", "stride"), [(4, 4, 1), (4, 12, 2), (4, 6, 1), (4, 4, 2)])
@pytest.mark.parametrize("kind", ["none", "A", "B", "C"])
def test_blocks_of_any_shape_against_torchvision(kind, inputs, outputs, stride):
    ours, theirs = shaken(block_of(kind, inputs, outputs, stride)), their_block(kind, inputs, outputs, stride).double()
    theirs.load_state_dict(their_names(ours.state_dict()))
    ours.forward = lambda x, block=ours: Block.forward(block, x)[-1]
    assert_same_passes(ours, theirs, images(5, inputs, 6, 6), their_names)


@MODES
@pytest.mark.parametrize(("of_branch", "of_shortcut"), [(0.5, 0.25), (2.0, 1.0), (1.0, 2.0)])
def test_a_scaled_sum_against_torchvision(of_branch, of_shortcut, training):
    """A factor of the branch is one of its last normalisation, a factor of the shortcut one of its normalisation."""
    settings = CifarNetwork("cifar", 4, "B", shortcut_scale=of_shortcut, branch_scale=of_branch)
    ours, theirs = shaken(Block(settings, 4, 8, 2)).train(training), their_block("B", 4, 8, 2).double().train(training)
    theirs.load_state_dict(their_names(ours.state_dict()))
    for norm, factor in ((theirs.bn2, of_branch), (theirs.downsample[1], of_shortcut)):
        norm.weight.data *= factor
        norm.bias.data *= factor
    x = images(5, 4, 6, 6)
    assert_close(ours(x)[-1], theirs(x))


def test_only_changes_of_shape_are_projected_by_option_b():
    same, wider, strided = (SHORTCUTS["B"].build(*shape) for shape in ((4, 4, 1), (4, 8, 1), (4, 4, 2)))
    assert [isinstance(module, nn.Sequential) for module in (same, wider, strided)] == [False, True, True]
    assert isinstance(SHORTCUTS["C"].build(4, 4, 1), nn.Sequential)


@MODES
@pytest.mark.parametrize("kind", ["none", "A", "B", "C"])
def test_what_cifar_shows_of_its_inside(kind, training):
    ours = shaken(cifar(kind)).train(training)
    theirs, x = their_cifar(kind, ours.state_dict()).train(training), images(5, 3, 8, 8)
    own = [(name, module) for name, module in theirs.named_modules() if "downsample" not in name]
    relus, norms = ([m for _, m in own if isinstance(m, kind_of)] for kind_of in (nn.ReLU, nn.BatchNorm2d))
    predictions, outputs = ours.trace(x)
    after_relus = outputs_of(relus, lambda: theirs(x))
    assert len(outputs) == len(after_relus) + 1 == 14
    for place, (output, expected) in enumerate(zip(outputs, [*after_relus, theirs(x)], strict=True)):
        assert_close(output, expected, f"layer {place + 1}")
        spread = math.sqrt(np.mean(expected.detach().numpy().std(axis=0) ** 2))
        assert ours.spread(output).item() == pytest.approx(spread, rel=1e-12)
    assert outputs[-1] is predictions
    responses = outputs_of(ours.norms(), lambda: ours(x))
    assert len(responses) == 13
    for ours_, expected in zip(responses, outputs_of(norms, lambda: theirs(x)), strict=True):
        assert_close(ours_, expected)
    weights = [m.weight for _, m in own if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(weights) == len(ours.weights()) == 14
    assert all(torch.equal(first, second) for first, second in zip(ours.weights(), weights, strict=True))


def test_a_compiled_network_runs_its_blocks_compiled_in_training_alone(monkeypatch):
    network, compiled = cifar("A"), []

    def run(block, x):
        compiled.append(block)
        return cifar_module.run_block(block, x)

    monkeypatch.setattr(cifar_module, "compiled_run_block", lambda: run)
    x, counts = torch.randn(2, 3, 8, 8), {}
    for network.compiled in (False, True):
        for training in (False, True):
            compiled.clear()
            network.train(training)(x)
            counts[network.compiled, training] = compiled == list(network.blocks)
            assert len(compiled) in (0, 6)
    assert counts == {(False, False): False, (False, True): False, (True, False): False, (True, True): True}
    assert cifar("A").compiled is False


@pytest.mark.long  # compiled steps are compared with eager ones in every run of the tests
@needs_compiler
def test_a_compiled_block_against_torchvision():
    torch._dynamo.reset()
    ours, theirs = shaken(block_of("A", 4, 8, 2)), their_block("A", 4, 8, 2).double()
    theirs.load_state_dict(their_names(ours.state_dict()))
    network, run = nn.Sequential(ours), cifar_module.compiled_run_block()
    network.forward = lambda x: run(network[0], x)[0]
    network.named_parameters, network.named_buffers = ours.named_parameters, ours.named_buffers
    assert_same_passes(network, theirs, images(5, 4, 6, 6), their_names)


def test_multiply_adds_are_counted_on_one_example_even_where_batch_statistics_need_two():
    # stem; a block; a block of twice and one of four times the channels, on 4x4, 2x2 and 1x1 pixels; head
    by_hand = 27 * 4 * 16 + 2 * 36 * 4 * 16 + (36 * 8 + 72 * 8) * 4 + (72 * 16 + 144 * 16) * 1 + 16 * 10
    assert networks.count_multiply_adds(cifar("A", depth=8, input_shape=(3, 4, 4)), (3, 4, 4)) == by_hand
