"""Feature maps: which layers, which pixels, and that they are the activations of the network's pass."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from degradation.checks import ConfigError
from degradation.diagnostics.diagnostic import FINAL, Copied, rounded
from degradation.diagnostics.maps import CHANNELS, DIAGNOSTIC, chosen_maps
from degradation.networks import build as networks
from degradation.networks.cifar_spec import CifarNetwork
from degradation.tasks.digits import DigitsTask
from degradation.training.members import Member
from tests.networks.passes import shaken


def residual(depth):
    settings = CifarNetwork(family="cifar", width=4, shortcut="A")
    return shaken(networks.build(settings, input_shape=(1, 8, 8), outputs=10, depth=depth, seed=0))


def test_pixels_are_those_of_the_first_test_image():
    task = DigitsTask("digits").load(None, False).to(torch.device("cpu"), torch.float64)
    network = residual(20).train()
    copied = Copied(network, [Member(20, "residual", 5)], False, [5, 6])
    found = [row for _, row in DIAGNOSTIC.measure(copied, task, FINAL)]
    assert not network.training
    # image, stem, and of three blocks of two layers a stage the second and the third
    pixels = {0: 64, 1: 4 * 64, 5: 4 * 64, 7: 4 * 64, 11: 4 * 16, 13: 4 * 16, 17: 4 * 4, 19: 4 * 4}
    assert {layer: sum(row["layer"] == layer for row in found) for layer in pixels} == pixels
    assert len(found) == sum(pixels.values())
    image = (task.test.inputs[0] - task.mean) / task.scale
    x = torch.relu(network.stem_norm(network.stem(image[None])))
    for block in network.blocks[:2]:
        x = block(x)[-1]
    by_place = {(row["layer"], row["channel"], row["row"], row["column"]): row["activation"] for row in found}
    assert by_place[0, 1, 3, 4] == rounded(image[0, 2, 3].item())
    assert by_place[5, 4, 2, 7] == rounded(x[0, 3, 1, 6].item())
    assert CHANNELS == 4
    other = Copied(network, [Member(20, "residual", 6)], False, [5, 6])
    assert not list(DIAGNOSTIC.measure(other, task, FINAL))


def test_layers_of_the_smallest_network_are_not_repeated():
    found = chosen_maps(residual(8).eval(), torch.zeros(1, 1, 8, 8, dtype=torch.float64))
    assert list(found) == [0, 1, 3, 5, 7]


def test_what_it_does_not_fit():
    assert not DIAGNOSTIC.fits(SimpleNamespace(input_shape=(2,)))
    assert DIAGNOSTIC.fits(SimpleNamespace(input_shape=(3, 32, 32)))
    with pytest.raises(ConfigError, match="diagnostic maps is for networks of blocks"):
        next(DIAGNOSTIC.measure(Copied(nn.Linear(1, 1), [Member(8, "plain", 0)], False, [0]), None, FINAL))
