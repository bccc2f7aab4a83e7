"""The `unet` family against a U-Net written out with PyTorch's layers, given the same tensors, in float64."""

import re

import pytest
import torch
from torch import nn
from torch.nn import functional

from degradation.checks import ConfigError
from degradation.networks import build as networks
from degradation.networks.unet_spec import UNetwork
from tests.networks.passes import MODES, assert_close, assert_same_passes, images, outputs_of, shaken
from tests.networks.test_specs import refusal

SHORTCUTS = pytest.mark.parametrize("shortcut", ["none", "concatenate"])
WIDTH, DEPTH = 3, 13  # two layers a stage


def settings(shortcut="concatenate", width=WIDTH):
    return UNetwork("unet", width, shortcut)


def unet(shortcut="concatenate", seed=0, depth=DEPTH):
    return networks.build(settings(shortcut), input_shape=(2, 8, 4), outputs=64, depth=depth, seed=seed)


class Written(nn.Module):
    """Ronneberger et al. 2015, Fig. 1, with two steps down; a step up is a 1x1 layer and a repetition of pixels."""

    def __init__(self, concatenates):
        super().__init__()
        w, self.concatenates = WIDTH, concatenates
        names = ("down1", "down2", "bottom", "rise2", "rise1")
        shapes = ((2, w), (w, 2 * w), (2 * w, 4 * w), (4 * w, 2 * w), (2 * w, w))
        for name, (inputs, outputs) in zip(names, shapes, strict=True):
            layers = []
            for channels in (inputs, outputs):
                layers += [nn.Conv2d(channels, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
            setattr(self, name, nn.Sequential(*layers))
        self.up2, self.up1 = nn.Conv2d(4 * w, 2 * w, 1, bias=False), nn.Conv2d(2 * w, w, 1, bias=False)
        self.head = nn.Conv2d(w, 2, 1)

    def joined(self, skip, x):
        grown = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        return torch.cat([skip if self.concatenates else 0 * skip, grown], dim=1)

    def forward(self, x):
        first = self.down1(x)
        second = self.down2(functional.max_pool2d(first, 2))
        x = self.bottom(functional.max_pool2d(second, 2))
        x = self.rise2(self.joined(second, self.up2(x)))
        x = self.rise1(self.joined(first, self.up1(x)))
        return self.head(x).flatten(1)


def their_names(state):
    """`falls.1.layers.0.weight` is the first of the second stage's layers, each of which is three modules."""
    stages = {
        "falls.0": "down1",
        "falls.1": "down2",
        "falls.2": "bottom",
        "rises.0.stage": "rise2",
        "rises.1.stage": "rise1",
    }
    found = {}
    for name, tensor in state.items():
        for ours, theirs in stages.items():
            match = re.fullmatch(rf"{re.escape(ours)}\.(layers|norms)\.(\d)\.(\w+)", name)
            if match:
                name = f"{theirs}.{3 * int(match[2]) + (match[1] == 'norms')}.{match[3]}"
        found[name.replace("rises.0.up", "up2").replace("rises.1.up", "up1")] = tensor
    return found


def theirs_of(state, shortcut):
    network = Written(shortcut == "concatenate").double()
    network.load_state_dict(their_names(state))
    return network


@MODES
@SHORTCUTS
def test_against_a_unet_written_out(shortcut, training):
    ours = shaken(unet(shortcut)).train(training)
    theirs = theirs_of(ours.state_dict(), shortcut).train(training)
    assert_same_passes(ours, theirs, images(5, 2, 8, 4), their_names)


@SHORTCUTS
def test_what_it_shows_of_its_inside(shortcut):
    ours, x = shaken(unet(shortcut)), images(5, 2, 8, 4)
    theirs = theirs_of(ours.state_dict(), shortcut)
    order = [theirs.down1, theirs.down2, theirs.bottom, theirs.up2, theirs.rise2, theirs.up1, theirs.rise1]
    kept = [m for part in order for m in ([part] if isinstance(part, nn.Conv2d) else (part[2], part[5]))]
    expected = outputs_of(kept, lambda: theirs(x))
    predictions, outputs = ours.trace(x)
    assert len(outputs) == len(expected) + 1 == DEPTH
    for output, other in zip(outputs, expected, strict=False):
        grown = output.shape[2:] != other.shape[2:]
        assert_close(output, other.repeat_interleave(2, 2).repeat_interleave(2, 3) if grown else other)
    assert outputs[-1] is predictions
    assert_close(predictions, theirs(x))
    kept = [m for part in order for m in ([part] if isinstance(part, nn.Conv2d) else (part[1], part[4]))]
    responses = outputs_of(ours.norms(), lambda: ours(x))
    for response, other in zip(responses, outputs_of(kept, lambda: theirs(x)), strict=True):
        assert_close(response, other)
    called = []
    for module in ours.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda module, _x, _y: called.append(id(module.weight)))
    ours(x)
    assert [id(weight) for weight in ours.weights()] == called
    assert ours.branch_ends() == []


def test_the_pair_is_matched():
    """Zeros in place of the skips: the same tensors, another function."""
    plain, concatenated = unet("none"), unet()
    assert networks.same_tensors(plain, concatenated)
    assert not networks.same_function(plain, concatenated, (2, 8, 4))
    counts = {networks.count_multiply_adds(network, (2, 8, 4)) for network in (plain, concatenated)}
    assert len(counts) == 1


@pytest.mark.parametrize("depth", [8, 13, 23])
def test_numbers_are_counted_on_layers(depth):
    chosen, network = settings(), unet(depth=depth)
    _, outputs = network.trace(torch.zeros(2, 2, 8, 4))
    assert chosen.layer_sizes(depth, (2, 8, 4)) == [output[0].numel() for output in outputs[:-1]]
    assert chosen.weights(depth) == sum(weight.numel() for weight in network.weights()[1:-1])
    assert chosen.layer_multiply_adds((2, 8, 4)) == 9 * 3 * 3 * 32 == 9 * 12 * 12 * 2


def test_pinned_parameters():
    """By hand, two layers a stage and three channels: layers, two numbers for each normalised channel, the head."""
    down = 9 * (2 * 3 + 3 * 3) + 9 * (3 * 6 + 6 * 6) + 9 * (6 * 12 + 12 * 12)
    up = 12 * 6 + 9 * (12 * 6 + 6 * 6) + 6 * 3 + 9 * (6 * 3 + 3 * 3)
    assert networks.count_parameters(unet()) == down + up + 2 * 2 * (3 + 6 + 12 + 6 + 3) + 2 * 3 + 2 == 3998


def test_depths_images_and_predictions_that_there_are():
    assert [depth for depth in range(-7, 24) if not refusal(settings().check_depth, depth)] == [8, 13, 18, 23]
    for depth, end in ((3, "the smallest is 8."), (9, "have 5n + 3 layers: the nearest are 8 and 13.")):
        assert refusal(settings().check_depth, depth).endswith(end)
    for shape in ((1, 6, 8), (1, 8, 6)):
        assert refusal(settings().check_task, "odd", shape, 48).endswith("pixels; multiples of 4 are needed.")
    assert refusal(settings().check_task, "digits", (1, 8, 8), 10).startswith(
        "network.family=unet predicts images: 64 numbers for those of (1, 8, 8), and the predictions of "
        "task.name=digits are 10; take another family"
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"width": 0}, "network.width is 0; it must be at least 1."),
        ({"shortcut": "A"}, "network.shortcut is 'A'; allowed: none, concatenate."),
    ],
)
def test_settings_that_are_refused(changed, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        settings(**changed)
