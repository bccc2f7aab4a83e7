"""The `bottleneck` family against torchvision's Bottleneck (original order) and units written out (pre-activation).

The networks of the other side are given the same tensors, in float64. Counts are those of the papers' tables, by hand.
"""

import re
from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.nn import functional
from torchvision.models.resnet import Bottleneck

from degradation.checks import ConfigError
from degradation.networks import build as networks
from degradation.networks.bottleneck import BottleneckNet
from degradation.networks.bottleneck_spec import BottleneckNetwork
from tests.networks.passes import MODES, assert_close, assert_same_passes, images, outputs_of, shaken
from tests.networks.test_specs import refusal

KINDS = pytest.mark.parametrize("kind", ["none", "A", "B"])
GROUPED = pytest.mark.parametrize(("groups", "group_width"), [(1, None), (2, None), (2, 3)])
DEPTH, WIDTH = 20, 4  # two blocks a stage


def settings(kind="A", order="original", **changed):
    keys = {"width": WIDTH, "init": "he", "groups": 1, "group_width": None}
    return BottleneckNetwork(family="bottleneck", shortcut=kind, order=order, **(keys | changed))


def bottleneck(*args, depth=DEPTH, seed=0, input_shape=(3, 8, 8), **changed):
    return networks.build(settings(*args, **changed), input_shape=input_shape, outputs=10, depth=depth, seed=seed)


def padded(x, outputs, stride):
    """Option A: every second pixel, as a pooling of one pixel, and zeros."""
    x = functional.max_pool2d(x, 1, stride)
    return torch.cat([x, x.new_zeros(len(x), outputs - x.shape[1], *x.shape[2:])], dim=1)


class OptionA(nn.Module):
    def __init__(self, *shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return padded(x, *self.shape)


def their_original(kind, inputs, inner, outputs, stride, groups):
    """torchvision's block with the stride where the papers have it, and without its sum for a plain network."""
    changes, downsample = stride != 1 or inputs != outputs, None
    if kind == "B" and changes:
        projection = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
        downsample = nn.Sequential(projection, nn.BatchNorm2d(outputs))
    elif changes:
        downsample = OptionA(outputs, stride)
    planes = outputs // 4
    block = Bottleneck(inputs, planes, stride, downsample, groups, base_width=64 * inner // groups // planes)
    if groups == 1:
        block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
    if kind != "none":
        return block
    layers = OrderedDict()
    for place in (1, 2, 3):
        layers |= {f"conv{place}": getattr(block, f"conv{place}"), f"bn{place}": getattr(block, f"bn{place}")}
        layers[f"relu{place}"] = nn.ReLU()
    return nn.Sequential(layers)


class PreactivationUnit(nn.Module):
    """He et al. 2016, Fig. 1b and the authors' code: a unit that changes shapes shares its first activation."""

    def __init__(self, kind, inputs, inner, outputs, stride, groups):
        super().__init__()
        strides = (stride, 1) if groups == 1 else (1, stride)
        self.bn1, self.bn2, self.bn3 = (nn.BatchNorm2d(channels) for channels in (inputs, inner, inner))
        self.conv1 = nn.Conv2d(inputs, inner, 1, strides[0], bias=False)
        self.conv2 = nn.Conv2d(inner, inner, 3, strides[1], 1, groups=groups, bias=False)
        self.conv3 = nn.Conv2d(inner, outputs, 1, bias=False)
        self.kind, self.shape, self.changes = kind, (outputs, stride), stride != 1 or inputs != outputs
        if kind == "B" and self.changes:
            self.downsample = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x):
        active = functional.relu(self.bn1(x))
        h = self.conv1(active)
        h = self.conv2(functional.relu(self.bn2(h)))
        h = self.conv3(functional.relu(self.bn3(h)))
        if self.kind == "none":
            return h
        if not self.changes:
            return x + h
        return h + (self.downsample(active) if self.kind == "B" else padded(active, *self.shape))


def theirs_of(state, kind, order, groups, group_width, channels=3):
    """The whole network with the tensors of `state`."""
    inner = groups * (group_width or WIDTH // groups)
    blocks, inputs = nn.Sequential(), WIDTH
    for stage in (0, 1, 2):
        for place in (0, 1):
            shape = (inputs, inner * 2**stage, 4 * WIDTH * 2**stage, 2 if stage and not place else 1)
            blocks.append((their_original if order == "original" else PreactivationUnit)(kind, *shape, groups))
            inputs = shape[2]
    end, outer = [], [("outer_bn", nn.BatchNorm2d(WIDTH)), ("relu", nn.ReLU())]
    if order == "full":
        end, outer = [("outer_bn", nn.BatchNorm2d(inputs)), ("relu", nn.ReLU())], []
    stem = nn.Conv2d(channels, WIDTH, 3, padding=1, bias=False)
    pooled = [("pool", nn.AdaptiveAvgPool2d(1)), ("flatten", nn.Flatten()), ("head", nn.Linear(inputs, 10))]
    network = nn.Sequential(OrderedDict([("stem", stem), *outer, ("blocks", blocks), *end, *pooled])).double()
    network.load_state_dict(their_names(state))
    return network


def their_names(state):
    return {name.replace("norm", "bn").replace("shortcut", "downsample"): tensor for name, tensor in state.items()}


@MODES
@GROUPED
@KINDS
@pytest.mark.parametrize("order", ["original", "full"])
def test_against_independent_networks(order, kind, groups, group_width, training):
    ours = shaken(bottleneck(kind, order, groups=groups, group_width=group_width)).train(training)
    theirs = theirs_of(ours.state_dict(), kind, order, groups, group_width).train(training)
    assert_same_passes(ours, theirs, images(5, 3, 8, 8), their_names)


@KINDS
def test_what_the_original_order_shows_of_its_inside(kind):
    ours = shaken(bottleneck(kind))
    theirs, x = theirs_of(ours.state_dict(), kind, "original", 1, None), images(5, 3, 8, 8)
    predictions, outputs = ours.trace(x)
    relus = [
        module for module in theirs.modules() if isinstance(module, nn.ReLU)
    ]  # torchvision's block has one for three
    norms = [module for name, module in theirs.named_modules() if name.split(".")[-1].startswith(("bn", "outer_bn"))]
    expected = [*outputs_of(dict.fromkeys(relus), lambda: theirs(x)), theirs(x)]
    assert len(outputs) == len(expected) == DEPTH
    for output, other in zip(outputs, expected, strict=True):
        assert_close(output, other)
    assert outputs[-1] is predictions
    for response, other in zip(
        outputs_of(ours.norms(), lambda: ours(x)), outputs_of(norms, lambda: theirs(x)), strict=True
    ):
        assert_close(response, other)
    assert len(ours.norms()) == len(ours.weights()) - 1 == DEPTH - 1


@KINDS
def test_what_the_full_preactivation_shows_of_its_inside(kind):
    """After the first two layers of a block normalisation and ReLU follow; the third one's output is the sum."""
    ours = shaken(bottleneck(kind, "full"))
    theirs, x = theirs_of(ours.state_dict(), kind, "full", 1, None), images(5, 3, 8, 8)
    predictions, outputs = ours.trace(x)
    inside = [module for block in theirs.blocks for module in (block.bn2, block.bn3, block)]
    found = outputs_of([theirs.stem, *inside], lambda: theirs(x))
    expected = [output if place % 3 == 0 else output.relu() for place, output in enumerate(found)]
    assert len(outputs) == len(expected) + 1 == DEPTH
    for output, other in zip(outputs, [*expected, theirs(x)], strict=True):
        assert_close(output, other)
    assert outputs[-1] is predictions
    layers = [module for block in theirs.blocks for module in (block.bn2, block.bn3, block.conv3)]
    responses = outputs_of([theirs.stem, *layers], lambda: theirs(x))
    for response, other in zip(outputs_of(ours.norms(), lambda: ours(x)), responses, strict=True):
        assert_close(response, other)


@pytest.mark.parametrize("order", ["original", "full"])
def test_weights_are_those_of_the_layers_in_forward_order(order):
    ours = bottleneck("B", order)
    layers = [
        module
        for name, module in theirs_of(ours.double().state_dict(), "B", order, 1, None).named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and "downsample" not in name
    ]
    assert len(layers) == len(ours.weights()) == DEPTH
    called = []
    for module in ours.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(lambda module, _x, _y: called.append(module.weight))
    ours(images(2, 3, 8, 8))
    in_order = [weight for weight in called if any(weight is own for own in ours.weights())]
    assert [id(weight) for weight in ours.weights()] == [id(weight) for weight in in_order]


def by_hand(depth, kind, order, width=16, inner=16, groups=1):
    """Parameters of a network for CIFAR-10: layers, two for each normalised channel, the head."""
    units, count, inputs = (depth - 2) // 9, 27 * width, width
    count += 2 * width if order == "original" else 2 * 16 * width
    for stage in (0, 1, 2):
        c, outputs = inner * 2**stage, 4 * width * 2**stage
        for place in range(units):
            count += inputs * c + 9 * c * c // groups + c * outputs
            count += 2 * (c + c + outputs) if order == "original" else 2 * (inputs + c + c)
            if kind == "B" and place == 0:
                count += inputs * outputs + (2 * outputs if order == "original" else 0)
            inputs = outputs
    return count + 10 * inputs + 10


PINNED = {  # He et al. 2016 print 1.7M and, for 1001 layers, 10.2M
    (164, "A", "original"): 1661274,
    (164, "B", "original"): 1704154,
    (164, "B", "full"): 1703258,
    (1001, "A", "original"): 10285722,
    (1001, "B", "full"): 10327706,
}


@pytest.mark.parametrize(("depth", "kind", "order"), PINNED)
def test_pinned_parameters(depth, kind, order):
    def count(kind):
        with torch.device("meta"):
            made = BottleneckNet(settings(kind, order, width=16), channels=3, classes=10, depth=depth)
        return networks.count_parameters(made)

    assert count(kind) == by_hand(depth, kind, order) == PINNED[depth, kind, order]
    assert count("A") == count("none")


@pytest.mark.parametrize(("groups", "parameters"), [(8, 34426698), (16, 68155210)])
def test_resnext_29_has_the_parameters_of_its_paper(groups, parameters):
    """Xie et al. 2016, table 7: 8x64d 34.4M, 16x64d 68.1M."""
    chosen = settings("B", width=64, groups=groups, group_width=64)
    with torch.device("meta"):
        made = chosen.module(shape=(3, 32, 32), outputs=10, depth=29)
    count = networks.count_parameters(made)
    assert count == by_hand(29, "B", "original", width=64, inner=64 * groups, groups=groups) == parameters
    assert made.blocks[3].conv2.stride == (2, 2)
    assert chosen.weights(29) == sum(weight.numel() for weight in made.weights()[1:-1])


@pytest.mark.parametrize("order", ["original", "full"])
def test_only_projections_are_more_than_a_plain_network_has(order):
    plain, residual, projected = (bottleneck(kind, order).state_dict() for kind in ("none", "A", "B"))
    assert plain.keys() == residual.keys()
    assert all("shortcut" in name for name in projected.keys() - plain.keys())
    for name in plain:
        assert torch.equal(plain[name], residual[name])
        assert torch.equal(plain[name], projected[name])
    assert not networks.same_function(bottleneck("none", order), bottleneck("A", order), (3, 8, 8))


@pytest.mark.parametrize("order", ["original", "full"])
def test_he_zero_last_starts_each_block_as_its_shortcut(order):
    network, x = bottleneck("A", order, init="he_zero_last"), images(5, 3, 8, 8).float()
    before = network(x)
    for block in network.blocks:
        nn.init.normal_(block.conv2.weight)
    assert torch.equal(network(x), before)


@pytest.mark.parametrize("changed", [{}, {"groups": 2, "group_width": 3}, {"groups": 4}])
def test_numbers_are_counted_on_layers(changed):
    chosen, sizes, products = settings("none", **changed), [], []

    def note(module, inputs, output):
        sizes.append(output[0].numel())
        products.append(output[0, 0].numel() * module.weight.numel())

    network = chosen.module(shape=(1, 8, 4), outputs=10, depth=DEPTH)
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    for layer in layers:
        layer.register_forward_hook(note)
    network(torch.zeros(2, 1, 8, 4))
    assert chosen.layer_sizes(DEPTH, (1, 8, 4)) == sizes
    assert chosen.weights(DEPTH) == sum(layer.weight.numel() for layer in layers[1:])
    assert [sum(products[4:7]) // 3, sum(products[10:13]) // 3] == [chosen.layer_multiply_adds((1, 8, 4))] * 2


def test_depths_that_there_are():
    assert [depth for depth in range(-7, 40) if not refusal(settings().check_depth, depth)] == [11, 20, 29, 38]
    for depth, end in ((2, "the smallest is 11."), (12, "the nearest are 11 and 20."), (163, "155 and 164.")):
        assert refusal(settings().check_depth, depth).endswith(end)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"kind": "C"}, "network.shortcut is 'C'; allowed: none, A, B."),
        ({"order": "half"}, "network.order is 'half'; allowed: original, full."),
        ({"init": "dirac"}, "network.init is 'dirac'; allowed: he, he_zero_last."),
        ({"kind": "none", "init": "he_zero_last"}, "network.init=he_zero_last is for networks with shortcuts"),
        ({"width": 0}, "network.width is 0"),
        ({"groups": 0}, "network.groups is 0"),
        ({"groups": 3}, "network.width is 4 and network.groups 3, which does not divide it; set network.group_width"),
        ({"group_width": 0}, "network.group_width is 0"),
    ],
)
def test_settings_that_are_refused(changed, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        settings(**changed)
