"""Forward and backward passes against independent networks that are given the same tensors, in float64.

The `cifar` family against torchvision's BasicBlock with its downsampling exchanged, the plain variant against
nn.Sequential; the `mlp` family against the formulas of He et al. 2015, section 3.2, Ioffe and Szegedy 2015 and
Ba et al. 2016, written out.
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
from degradation.networks.cifar import Block
from degradation.networks.cifar_spec import CifarNetwork
from degradation.networks.mlp_spec import MLPNetwork
from degradation.networks.shortcuts import SHORTCUTS
from degradation.networks.stack import stack
from degradation.streams import generator

needs_compiler = pytest.mark.skipif(
    shutil.which("g++") is None or not Path(sysconfig.get_path("include"), "Python.h").exists(),
    reason="no C++ compiler or no Python.h",
)
MODES = pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
NORMS = pytest.mark.parametrize("norm", ["none", "batch", "layer"])
EPS, MOMENTUM = 1e-5, 0.1  # of PyTorch's normalisations


def cifar(kind, depth=14, width=4, input_shape=(3, 8, 8)):
    """A network of the family with shortcuts `none`, `A`, `B` or `C`."""
    settings = CifarNetwork(family="cifar", width=width, shortcut=kind)
    return networks.build(settings, input_shape=input_shape, outputs=10, depth=depth, seed=0)


def mlp(kind, norm="none", depth=7, width=6, span=3, seed=0, init="default"):
    """A network of the family with shortcuts `none` or `identity`, two inputs and three outputs."""
    settings = MLPNetwork("mlp", width, span, init, norm, "none" if kind == "none" else "identity")
    return networks.build(settings, input_shape=(2,), outputs=3, depth=depth, seed=seed)


def block_of(kind, inputs, outputs, stride):
    """One block of the `cifar` family."""
    return Block(CifarNetwork("cifar", 4, kind), inputs, outputs, stride)


def shaken(network, seed=0):
    """The network in float64 with every tensor drawn anew: no scale is one, no shift or running mean is zero."""
    network, draw = network.double(), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("running_var") or ("norm" in name and name.endswith("weight")):
                tensor.uniform_(0.5, 1.5, generator=draw)
            elif tensor.is_floating_point():
                tensor.add_(torch.randn(tensor.shape, generator=draw, dtype=tensor.dtype), alpha=0.2)
    return network


def assert_close(ours, theirs, name=""):
    """Equal but for rounding, relative to the largest entry or to one: gradients before a normalisation are zero."""
    scale = max(theirs.abs().max().item(), 1.0)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12 * scale, msg=lambda text: f"{name}: {text}")


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


def assert_same_passes(ours, theirs, x, renamed):
    """Outputs, gradients of input and parameters, and running statistics."""
    given = [x.clone().requires_grad_(), x.clone().requires_grad_()]
    outputs = ours(given[0]), theirs(given[1])
    assert_close(*outputs, "output")
    upstream = torch.randn(outputs[0].shape, dtype=x.dtype, generator=torch.Generator().manual_seed(1))
    for output in outputs:
        output.backward(upstream)
    assert_close(given[0].grad, given[1].grad, "input")
    their_parameters = dict(theirs.named_parameters())
    gradients = renamed({name: parameter.grad for name, parameter in ours.named_parameters()})
    assert gradients.keys() == their_parameters.keys()
    for name, gradient in gradients.items():
        assert_close(gradient, their_parameters[name].grad, name)
    their_buffers = dict(theirs.named_buffers())
    for name, buffer in renamed(dict(ours.named_buffers())).items():
        assert_close(buffer.double(), their_buffers[name].double(), name)


def images(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


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


def test_only_changes_of_shape_are_projected_by_option_b():
    same, wider, strided = (SHORTCUTS["B"].build(*shape) for shape in ((4, 4, 1), (4, 8, 1), (4, 4, 2)))
    assert [isinstance(module, nn.Sequential) for module in (same, wider, strided)] == [False, True, True]
    assert isinstance(SHORTCUTS["C"].build(4, 4, 1), nn.Sequential)


def outputs_of(modules, forward):
    """What the modules put out in one forward pass, in order; kept as it was before the next layer worked in place."""
    found = []
    hooks = [
        module.register_forward_hook(lambda _module, _x, output: found.append(output.clone())) for module in modules
    ]
    forward()
    for hook in hooks:
        hook.remove()
    return found


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


@needs_compiler
def test_a_compiled_block_against_torchvision():
    torch._dynamo.reset()
    ours, theirs = shaken(block_of("A", 4, 8, 2)), their_block("A", 4, 8, 2).double()
    theirs.load_state_dict(their_names(ours.state_dict()))
    network, run = nn.Sequential(ours), cifar_module.compiled_run_block()
    network.forward = lambda x: run(network[0], x)
    network.named_parameters, network.named_buffers = ours.named_parameters, ours.named_buffers
    assert_same_passes(network, theirs, images(5, 4, 6, 6), their_names)


def normalised(kind, h, state, name, training):
    """The normalisation of (B, units), and the running statistics that are left."""
    if kind == "none":
        return h
    if kind == "layer":
        mean, variance = h.mean(1, keepdim=True), h.var(1, correction=0, keepdim=True)
        return (h - mean) / (variance + EPS).sqrt()
    mean, variance = h.mean(0), h.var(0, correction=0)
    running = {"running_mean": mean, "running_var": variance * len(h) / (len(h) - 1)}
    if not training:
        mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    else:
        for key, value in running.items():
            state[f"{name}.{key}"] = (1 - MOMENTUM) * state[f"{name}.{key}"] + MOMENTUM * value.detach()
    return (h - mean) / (variance + EPS).sqrt()


def written_out(x, state, kind, norm, training, blocks, span):
    """He et al. 2015, section 3.2: y = relu(F(x) + x), F being `span` layers; samples are rows.

    Returns:
        The predictions, all layers' outputs, and all normalisations' outputs. `state` has the running statistics.
    """

    def layer(name, x):
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    responses = [normalised(norm, layer("stem", x), state, "stem_norm", training)]
    outputs = [responses[0].clamp(min=0)]
    for block in range(blocks):
        x = outputs[-1]
        for place in range(span):
            name = f"blocks.{block}"
            h = layer(f"{name}.layers.{place}", outputs[-1])
            h = normalised(norm, h, state, f"{name}.norms.{place}", training)
            responses.append(h)
            if place == span - 1 and kind == "identity":
                h = h + x
            outputs.append(h.clamp(min=0))
    outputs.append(layer("head", outputs[-1]))
    return outputs[-1], outputs, responses


def copy_of(state):
    return {
        name: tensor.detach().clone().requires_grad_(name.endswith(("weight", "bias")))
        for name, tensor in state.items()
    }


@MODES
@NORMS
@pytest.mark.parametrize("span", [1, 2, 3])
@pytest.mark.parametrize("kind", ["none", "identity"])
def test_mlp_against_the_formula(kind, norm, span, training):
    ours = shaken(mlp(kind, norm, span=span, depth=1 + 2 * span)).train(training)
    state, x = copy_of(ours.state_dict()), images(9, 2)
    written, outputs, responses = written_out(x, state, kind, norm, training, blocks=2, span=span)
    found = outputs_of(ours.norms(), lambda: ours.trace(x))
    for response, expected in zip(found, responses, strict=True):
        assert_close(response.T, expected)
    for name, buffer in ours.named_buffers():
        assert_close(buffer, state[name]) if "running" in name else None
    predictions, traced = ours.trace(x)
    for output, expected in zip(traced, outputs, strict=True):
        assert_close(output.T, expected)
        spread = math.sqrt(np.mean(expected.detach().numpy().std(axis=0) ** 2))
        assert ours.spread(output).item() == pytest.approx(spread, rel=1e-12)
    assert_close(predictions, written)
    assert torch.equal(ours.eval()(x), ours.trace(x)[0])
    upstream = images(9, 3)
    predictions.backward(upstream)
    written.backward(upstream)
    for name, parameter in ours.named_parameters():
        assert_close(parameter.grad, state[name].grad, name)
    names = ["stem", *(f"blocks.{block}.layers.{place}" for block in range(2) for place in range(span)), "head"]
    assert len(ours.weights()) == len(names)
    assert all(torch.equal(w, state[f"{name}.weight"]) for w, name in zip(ours.weights(), names, strict=True))


@MODES
@NORMS
def test_a_stack_of_mlps_against_the_formula(norm, training):
    kinds = ["none", "identity", "identity"]
    singles = [shaken(mlp(kind, norm), seed=number) for number, kind in enumerate(kinds)]
    stacked, x, upstream = stack(singles).train(training), images(3, 9, 2), images(3, 9, 3)
    predictions, traced = stacked.trace(x)
    predictions.backward(upstream)
    assert stacked.spread(traced[1]).shape == (3,)
    for number, (kind, single) in enumerate(zip(kinds, singles, strict=True)):
        state = copy_of(single.state_dict())
        written, outputs, _ = written_out(x[number], state, kind, norm, training, blocks=2, span=3)
        written.backward(upstream[number])
        assert_close(predictions[number], written)
        for output, expected in zip(traced, outputs, strict=True):
            assert_close(output[number].T, expected)
            spread = math.sqrt(np.mean(expected.detach().numpy().std(axis=0) ** 2))
            assert stacked.spread(output)[number].item() == pytest.approx(spread, rel=1e-12)
        for name, parameter in stacked.named_parameters():
            assert_close(parameter.grad[number], state[name].grad, name)
        for name, buffer in stacked.named_buffers():
            if "running" in name:
                assert_close(buffer[number], state[name], name)
        for weight, name in zip(stacked.weights(), ["stem", "blocks.0.layers.0"], strict=False):
            assert torch.equal(weight[number], state[f"{name}.weight"])


def test_initial_tensors_are_drawn_by_name():
    network = mlp("identity", seed=3)
    for name, fan_in in (("stem", 2), ("blocks.1.layers.2", 6), ("head", 6)):
        for tensor in ("weight", "bias"):
            values = network.get_parameter(f"{name}.{tensor}")
            uniform = torch.rand(values.shape, generator=generator(3, "init", f"{name}.{tensor}"))
            torch.testing.assert_close(values.detach(), (2 * uniform - 1) / math.sqrt(fan_in), rtol=1e-6, atol=1e-6)
    he = mlp("identity", seed=3, init="he").blocks[0].layers[1].weight
    normal = torch.randn(he.shape, generator=generator(3, "init", "blocks.0.layers.1.weight"))
    torch.testing.assert_close(he.detach(), normal * math.sqrt(2 / 6), rtol=1e-6, atol=0)


def test_multiply_adds_are_counted_on_one_example_even_where_batch_statistics_need_two():
    # stem; a block; a block of twice and one of four times the channels, on 4x4, 2x2 and 1x1 pixels; head
    by_hand = 27 * 4 * 16 + 2 * 36 * 4 * 16 + (36 * 8 + 72 * 8) * 4 + (72 * 16 + 144 * 16) * 1 + 16 * 10
    assert networks.count_multiply_adds(cifar("A", depth=8, input_shape=(3, 4, 4)), (3, 4, 4)) == by_hand
    assert networks.count_multiply_adds(mlp("identity", "batch"), (2,)) == 2 * 6 + 6 * 6 * 6 + 6 * 3


@pytest.mark.parametrize("span", [1, 3])
def test_he_zero_last_empties_the_last_weight_of_a_block_alone(span):
    for block in mlp("identity", span=span, depth=1 + 2 * span, init="he_zero_last").blocks:
        assert [layer.weight.count_nonzero().item() for layer in block.layers] == [36] * (span - 1) + [0]
