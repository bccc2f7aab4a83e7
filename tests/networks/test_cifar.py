"""The networks of He et al. 2015, section 4.2: sizes, pairs, shortcuts."""

import math

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from degradation.networks import build as networks
from degradation.networks.blocks import Block, Conv3x3
from degradation.networks.cifar import CifarNet
from degradation.networks.cifar_spec import CifarNetwork
from degradation.networks.layers import ZeroPad


def build(variant="residual", depth=8, seed=0, width=4, shortcut="A", input_shape=(3, 8, 8), **changes):
    settings = CifarNetwork("cifar", width, "none" if variant == "plain" else shortcut, **changes)
    return networks.build(settings, input_shape=input_shape, outputs=10, depth=depth, seed=seed)


PUBLISHED = {20: 269722, 32: 464154, 44: 658586, 56: 853018, 110: 1727962, 1202: 19421274}


@pytest.mark.parametrize(("depth", "parameters"), PUBLISHED.items())
def test_pinned_parameters(depth, parameters):
    def count(shortcut):
        with torch.device("meta"):
            net = CifarNet(CifarNetwork("cifar", 16, shortcut), channels=3, classes=10, depth=depth)
        return networks.count_parameters(net)

    assert count("none") == count("A") == parameters
    assert count("B") == parameters + 2752
    assert count("C") > count("B")


def test_pinned_multiply_adds_of_depth_20():
    shape = (3, 32, 32)
    counts = {
        variant: networks.count_multiply_adds(build(variant, 20, width=16, input_shape=shape), shape)
        for variant in ("plain", "residual")
    }
    stem, first = 27 * 16 * 1024, 9 * 16 * 16 * 1024  # the first layer of a new stage has half the channels to read
    assert counts == dict.fromkeys(counts, stem + 6 * first + 2 * (first // 2 + 5 * first) + 64 * 10)


@pytest.mark.parametrize("shortcut", ["A", "B", "C"])
def test_pair_shares_its_initial_tensors_bitwise(shortcut):
    plain, residual = build("plain", 14).state_dict(), build("residual", 14, shortcut=shortcut).state_dict()
    shared = plain.keys() & residual.keys()
    assert shared == set(plain)
    assert all(torch.equal(plain[name], residual[name]) for name in shared)
    extra = residual.keys() - shared
    assert bool(extra) == (shortcut != "A")
    assert all("shortcut" in name for name in extra)


def test_he_init():
    network = build(depth=56, width=16)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.in_channels == 64:
            assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.05)
    assert network.head.bias.abs().max() == 0


def test_plain_is_residual_without_its_shortcut():
    plain, residual = build("plain", 14), build("residual", 14)
    x = torch.randn(5, 3, 8, 8)
    assert not torch.allclose(plain(x), residual(x))
    for block in residual.blocks:
        block.shortcut = None
    assert torch.equal(build("plain", 14)(x), residual(x))


def test_residual_with_zero_blocks_is_its_shortcut_path():
    network = build("residual", 8).eval()
    x = torch.randn(5, 3, 8, 8)
    for block in network.blocks:
        nn.init.zeros_(block.conv2.weight)
    path = torch.relu(network.stem_norm(network.stem(x)))
    for _ in range(2):  # two changes of stage: every second pixel, as many zero channels again
        path = torch.cat([path[:, :, ::2, ::2], torch.zeros_like(path[:, :, ::2, ::2])], dim=1)
    assert torch.equal(network(x), network.head(path.mean((2, 3))))


def test_shortcut_a_against_a_closed_form():
    x = torch.arange(16.0).view(1, 1, 4, 4)
    padded = ZeroPad(new_channels=1, stride=2)(x)
    assert padded.tolist() == [[[[0, 2], [8, 10]], [[0, 0], [0, 0]]]]
    block = Block(CifarNetwork("cifar", 1, "A"), 1, 2, 2).eval()
    nn.init.zeros_(block.conv2.weight)
    assert torch.equal(block(x)[-1], padded)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_convolution_of_2x2_images_as_a_product(memory_format):
    layer = Conv3x3(3, 5).double().to(memory_format=memory_format)
    x = torch.randn(7, 3, 2, 2, dtype=torch.float64).contiguous(memory_format=memory_format).requires_grad_()
    upstream = torch.randn(7, 5, 2, 2, dtype=torch.float64)
    convolved, multiplied = (
        (output, *torch.autograd.grad(output, (x, layer.weight), upstream))
        for output in (nn.Conv2d.forward(layer, x), layer(x))
    )
    for theirs, ours in zip(convolved, multiplied, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    assert multiplied[0].stride() == convolved[0].stride()
    assert not torch.equal(multiplied[0], convolved[0])  # or it was a convolution both times


@pytest.mark.parametrize(("stride", "size"), [(1, (2, 3)), (1, (4, 4)), (2, (2, 2)), (2, (4, 4))])
def test_other_convolutions_are_left_as_they_are(stride, size):
    layer, x = Conv3x3(3, 5, stride), torch.randn(7, 3, *size)
    assert torch.equal(layer(x), nn.Conv2d.forward(layer, x))


def test_multiply_adds_are_those_of_convolutions_where_the_cpu_multiplies():
    network, shape = build("plain", 8, width=8, input_shape=(1, 8, 8)), (1, 8, 8)
    first = 9 * 8 * 8 * 64
    assert networks.count_multiply_adds(network, shape) == 9 * 8 * 64 + 2 * first + 2 * (first // 2 + first) + 32 * 10
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(torch.zeros(1, *shape))
    # Of a pixel's 9 products on 2x2 images 5 are with padding. Of the last stage's two layers one halves the image.
    done = counter.get_total_flops() // 2
    assert networks.count_multiply_adds(network, shape) - done == 5 * 4 * 32 * 32


def test_shapes_inside_and_any_input_size():
    network = build(depth=8, input_shape=(1, 12, 12))
    predictions, outputs = network.trace(torch.randn(2, 1, 12, 12))
    assert [tuple(output.shape[1:]) for output in outputs] == [
        (4, 12, 12), (4, 12, 12), (4, 12, 12), (8, 6, 6), (8, 6, 6), (16, 3, 3), (16, 3, 3), (10,)
    ]  # fmt: skip
    assert predictions.shape == (2, 10)
    assert len(network.weights()) == 8
    x = torch.randn(2, 1, 12, 12)
    assert torch.equal(network.eval()(x), network.trace(x)[0])


def test_depth_1202_builds():
    assert len(build(depth=1202, width=1).weights()) == 1202


def test_he_zero_last_empties_the_scale_of_a_blocks_last_normalisation_alone():
    network, he = build(init="he_zero_last").state_dict(), build().state_dict()
    ends = {name for name in network if name.endswith("norm2.weight")}
    assert len(ends) == 3
    for name, tensor in network.items():
        assert torch.equal(tensor, torch.zeros_like(tensor) if name in ends else he[name]), name


def test_dirac_starts_layers_of_equal_channels_as_the_identity():
    network, he = build("plain", 14, init="dirac"), build("plain", 14)
    for name, layer in network.named_modules():
        if isinstance(layer, Conv3x3):
            x = torch.randn(2, layer.in_channels, 5, 5)
            same = layer.in_channels == layer.out_channels
            assert torch.equal(layer(x), x) == same
            assert torch.equal(layer.weight, he.get_parameter(f"{name}.weight")) != same
    assert torch.equal(network.head.weight, he.head.weight)
