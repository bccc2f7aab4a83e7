"""The `densenet` family against torchvision's dense layers and transitions, and against layers written out, in float64.

Counts are by hand from the paper's sections 3 and 4.
"""

import re
from collections import OrderedDict

import pytest
import torch
from torch import nn
from torchvision.models import densenet as torchvision_densenet

from degradation.checks import ConfigError
from degradation.networks import build as networks
from degradation.networks.densenet import DenseNet
from degradation.networks.densenet_spec import DenseNetwork
from tests.networks.passes import MODES, assert_close, assert_same_passes, images, outputs_of, shaken
from tests.networks.test_specs import refusal

BOTTLENECK = pytest.mark.parametrize("bottleneck", [False, True], ids=["basic", "BC"])
SHORTCUTS = pytest.mark.parametrize("shortcut", ["none", "concatenate"])
WIDTH, LAYERS = 4, 2  # growth rate; 3x3 layers a block


def settings(bottleneck=False, shortcut="concatenate", width=WIDTH):
    return DenseNetwork("densenet", width, shortcut, bottleneck)


def depth_of(bottleneck):
    return 3 * LAYERS * (2 if bottleneck else 1) + 4


def dense(bottleneck=False, shortcut="concatenate", seed=0):
    chosen = settings(bottleneck, shortcut)
    return networks.build(chosen, input_shape=(3, 8, 8), outputs=10, depth=depth_of(bottleneck), seed=seed)


class Basic(nn.Sequential):
    """Huang et al. 2016, section 3, composite function: BN, ReLU, 3x3 convolution."""

    def __init__(self, inputs):
        conv = nn.Conv2d(inputs, WIDTH, 3, padding=1, bias=False)
        super().__init__(OrderedDict(norm1=nn.BatchNorm2d(inputs), relu=nn.ReLU(), conv2=conv))


class Joined(nn.Module):
    """A layer, and its input in front of what it puts out."""

    def __init__(self, layer, concatenates):
        super().__init__()
        self.layer, self.concatenates = layer, concatenates

    def forward(self, x):
        return torch.cat((x, self.layer(x)), dim=1) if self.concatenates else self.layer(x)


def theirs_of(state, bottleneck, shortcut):
    steps, channels = nn.Sequential(), 2 * WIDTH if bottleneck else 16
    stem = nn.Conv2d(3, channels, 3, padding=1, bias=False)
    for stage in range(3):
        for _ in range(LAYERS):
            torchvisions = torchvision_densenet._DenseLayer(channels, WIDTH, 4, 0.0)
            steps.append(Joined(torchvisions if bottleneck else Basic(channels), shortcut == "concatenate"))
            channels = channels + WIDTH if shortcut == "concatenate" else WIDTH
        if stage < 2:
            steps.append(torchvision_densenet._Transition(channels, channels // 2 if bottleneck else channels))
            channels = channels // 2 if bottleneck else channels
    end = {"end_norm": nn.BatchNorm2d(channels), "relu": nn.ReLU(), "pool": nn.AdaptiveAvgPool2d(1)}
    parts = {"stem": stem, "steps": steps} | end | {"flatten": nn.Flatten(), "head": nn.Linear(channels, 10)}
    network = nn.Sequential(OrderedDict(parts)).double()
    network.load_state_dict(their_names(state))
    return network


def their_names(state):
    return {re.sub(r"^(steps\.\d+)\.(\w+\d\.)", r"\1.layer.\2", name): tensor for name, tensor in state.items()}


@MODES
@BOTTLENECK
@SHORTCUTS
def test_against_torchvision(bottleneck, shortcut, training):
    ours = shaken(dense(bottleneck, shortcut)).train(training)
    theirs = theirs_of(ours.state_dict(), bottleneck, shortcut).train(training)
    assert_same_passes(ours, theirs, images(5, 3, 8, 8), their_names)


@BOTTLENECK
@SHORTCUTS
def test_what_it_shows_of_its_inside(bottleneck, shortcut):
    ours, x = shaken(dense(bottleneck, shortcut)), images(5, 3, 8, 8)
    theirs = theirs_of(ours.state_dict(), bottleneck, shortcut)
    places, kept = [theirs.stem], [theirs.stem]
    for step in theirs.steps:
        transition = isinstance(step, torchvision_densenet._Transition)
        inner = [step.layer.norm2] if bottleneck and not transition else []
        places += [*inner, step]
        kept += [*inner, step.conv if transition else step.layer.conv2]
    expected = [
        output.relu() if isinstance(place, nn.BatchNorm2d) else output
        for place, output in zip(places, outputs_of(places, lambda: theirs(x)), strict=True)
    ]
    predictions, outputs = ours.trace(x)
    depth = depth_of(bottleneck)
    assert len(outputs) == len(expected) + 1 == depth
    for output, other in zip(outputs, [*expected, theirs(x)], strict=True):
        assert_close(output, other)
    assert outputs[-1] is predictions
    responses = outputs_of(ours.norms(), lambda: ours(x))
    for response, other in zip(responses, outputs_of(kept, lambda: theirs(x)), strict=True):
        assert_close(response, other)
    layers = [module.weight for module in theirs.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert len(layers) == depth
    assert all(torch.equal(mine, other) for mine, other in zip(ours.weights(), layers, strict=True))
    assert ours.branch_ends() == []


def test_every_layer_reads_what_the_stem_put_out():
    network, x = dense().eval(), images(1, 3, 8, 8).float()
    _, outputs = network.trace(x)
    for output in outputs[1:3]:
        assert torch.equal(output[:, :16], outputs[0])
    assert [output.shape[1] for output in outputs[:-1]] == [16, 20, 24, 24, 28, 32, 32, 36, 40]


def by_hand(depth, k, bottleneck):
    """Parameters of a DenseNet for CIFAR-10."""
    channels = 2 * k if bottleneck else 16
    count = 27 * channels
    for stage in range(3):
        for _ in range((depth - 4) // (6 if bottleneck else 3)):
            if bottleneck:
                count += 2 * channels + channels * 4 * k + 2 * 4 * k + 9 * 4 * k * k
            else:
                count += 2 * channels + 9 * channels * k
            channels += k
        if stage < 2:
            left = channels // 2 if bottleneck else channels
            count += 2 * channels + channels * left
            channels = left
    return count + 2 * channels + 10 * channels + 10


@pytest.mark.parametrize(
    ("depth", "bottleneck", "parameters"),
    [(40, False, 1019722), (100, False, 6979642), (100, True, 769162)],  # table 2: 1.0M, 7.0M, 0.8M
)
def test_parameters_of_the_paper(depth, bottleneck, parameters):
    with torch.device("meta"):
        made = DenseNet(settings(bottleneck, width=12), channels=3, classes=10, depth=depth)
    assert networks.count_parameters(made) == by_hand(depth, 12, bottleneck) == parameters
    assert settings(bottleneck, width=12).weights(depth) == sum(weight.numel() for weight in made.weights()[1:-1])


@BOTTLENECK
def test_no_plain_network_is_matched(bottleneck):
    plain, concatenated = dense(bottleneck, "none"), dense(bottleneck)
    assert networks.count_parameters(plain) < networks.count_parameters(concatenated)
    assert not networks.same_tensors(plain, concatenated)
    same = [name for name, tensor in plain.state_dict().items() if "head" in name or name == "stem.weight"]
    assert torch.equal(plain.stem.weight, concatenated.stem.weight)
    assert len(same) == 3


@BOTTLENECK
@SHORTCUTS
def test_numbers_are_counted_on_layers(bottleneck, shortcut):
    chosen, depth = settings(bottleneck, shortcut), depth_of(bottleneck)
    network = chosen.module(shape=(1, 8, 8), outputs=10, depth=depth)
    _, outputs = network.trace(torch.zeros(2, 1, 8, 8))
    assert chosen.layer_sizes(depth, (1, 8, 8)) == [output[0].numel() for output in outputs[:-1]]
    assert chosen.weights(depth) == sum(weight.numel() for weight in network.weights()[1:-1])
    forty = networks.build(chosen, input_shape=(1, 8, 8), outputs=10, depth=40, seed=0)
    within = networks.count_multiply_adds(forty, (1, 8, 8)) - 9 * chosen.stem * 64 - forty.head.weight.numel()
    assert chosen.layer_multiply_adds((1, 8, 8)) == within // 38


def test_depths_that_there_are():
    assert [depth for depth in range(-7, 20) if not refusal(settings().check_depth, depth)] == [7, 10, 13, 16, 19]
    assert [depth for depth in range(-7, 26) if not refusal(settings(True).check_depth, depth)] == [10, 16, 22]
    for bottleneck, depth, end in (
        (False, 6, "without network.bottleneck have 3n + 4 layers: the smallest is 7."),
        (False, 8, "the nearest are 7 and 10."),
        (True, 9, "the smallest is 10."),
        (True, 19, "with network.bottleneck have 6n + 4 layers: the nearest are 16 and 22."),
    ):
        assert refusal(settings(bottleneck).check_depth, depth).endswith(end)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"width": 0}, "network.width is 0; it must be at least 1."),
        ({"width": 1, "bottleneck": True}, "network.width is 1; it must be at least 2."),
        ({"shortcut": "A"}, "network.shortcut is 'A'; allowed: none, concatenate."),
    ],
)
def test_settings_that_are_refused(changed, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        settings(**changed)
    assert settings(width=1).width == 1
