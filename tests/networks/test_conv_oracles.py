"""The `conv` family against formulas written out, its parameter counts, and what its settings refuse."""

import math
import re

import pytest
import torch
from torch.nn import functional

from degradation.checks import ConfigError
from degradation.diagnostics.layers import layer_statistics
from degradation.networks import build as networks
from degradation.networks.conv_spec import ConvNetwork
from degradation.streams import generator
from degradation.tasks.identity import IdentityTask
from tests.networks.passes import assert_close, images

SHAPE = (3, 6, 5)


def conv(depth, shortcut="none", init="he", seed=0):
    settings = ConvNetwork("conv", 3, shortcut, init)
    return networks.build(settings, input_shape=SHAPE, outputs=90, depth=depth, seed=seed).double()


def written_out(x, weights, residual):
    """He et al. 2015, section 3.2: y = relu(F(x) + x), F being two layers, or the only one."""
    outputs = []
    for start in range(0, len(weights), 2):
        shortcut = x
        block = weights[start : start + 2]
        for place, weight in enumerate(block, start=1):
            x = functional.conv2d(x, weight, padding=1)
            if place == len(block) and residual:
                x = x + shortcut
            x = x.clamp(min=0)
            outputs.append(x)
    outputs[-1] = x.flatten(1)
    return outputs


@pytest.mark.parametrize("shortcut", ["none", "identity"])
@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_conv_against_the_formula(depth, shortcut):
    network, x = conv(depth, shortcut), images(4, *SHAPE)
    weights = [weight.detach().clone().requires_grad_() for weight in network.weights()]
    expected = written_out(x, weights, shortcut == "identity")
    predictions, traced = network.trace(x)
    assert len(traced) == len(expected) == len(network.norms()) + 1 == depth
    for ours, theirs in zip(traced, expected, strict=True):
        assert_close(ours, theirs)
    assert torch.equal(predictions, traced[-1])
    assert torch.equal(network(x), predictions)
    upstream = images(4, 90)
    predictions.backward(upstream)
    expected[-1].backward(upstream)
    for ours, theirs in zip(network.weights(), weights, strict=True):
        assert_close(ours.grad, theirs.grad)
    assert networks.count_parameters(network) == depth * 81
    assert len(network.branch_ends()) == max(1, depth // 2)
    assert network.branch_ends()[-1] is network.weights()[-1]


def test_a_pair_shares_its_tensors_and_a_shortcut_alone_is_the_identity():
    plain, residual = conv(4), conv(4, "identity")
    assert networks.same_tensors(plain, residual)
    assert not networks.same_function(plain.float(), residual.float(), SHAPE)
    with torch.no_grad():
        for end in residual.double().branch_ends():
            end.zero_()
    x = images(4, *SHAPE).abs()
    assert torch.equal(residual(x), x.flatten(1))


def test_initial_tensors_are_hes():
    drawn = torch.randn(3, 3, 3, 3, generator=generator(5, "init", "layers.1.weight"))
    found = conv(2, seed=5).weights()[1].detach().float()
    torch.testing.assert_close(found, drawn * math.sqrt(2 / 27), rtol=1e-6, atol=0)


@pytest.mark.parametrize("depth", [1, 4])
def test_layers_are_measured_and_the_last_has_no_response(depth):
    task = IdentityTask("identity", 3).load(None, False)
    settings = ConvNetwork("conv", 3, "none", "he")
    network = networks.build(settings, input_shape=(3, 8, 8), outputs=192, depth=depth, seed=0).double()
    measured = layer_statistics(network, task.train, task)
    assert [len(values) for values in measured.values()] == [depth] * 3
    assert measured["response_sd"].isnan().tolist() == [*[False] * (depth - 1), True]


def test_what_the_settings_say():
    settings = ConvNetwork("conv", 3, "identity", "he")
    refused = {}
    for depth in range(-1, 9):
        try:
            settings.check_depth(depth)
        except ConfigError as error:
            refused[depth] = str(error)
    assert sorted(refused) == [-1, 0, 3, 5, 7]
    assert refused[0] == "depth is 0; the smallest network has depth 1."
    assert refused[3].endswith("one layer or blocks of 2: the nearest are 2 and 4.")
    network = conv(4)
    assert settings.layer_sizes(4, SHAPE) == [output[0].numel() for output in network.trace(images(1, *SHAPE))[1][:-1]]
    assert settings.weights(4) == networks.count_parameters(network)
    assert 4 * settings.layer_multiply_adds(SHAPE) == networks.count_multiply_adds(network, SHAPE)


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (lambda: ConvNetwork("conv", 0, "none", "he"), "network.width is 0"),
        (lambda: ConvNetwork("conv", 3, "A", "he"), "network.shortcut is 'A'; allowed: none, identity."),
        (lambda: ConvNetwork("conv", 3, "none", "dirac"), "network.init is 'dirac'; allowed: default, he."),
        (lambda: ConvNetwork("conv", 3, "none", "he").check_task("sine", (1,), 1), "has none; use mlp."),
        (
            lambda: ConvNetwork("conv", 3, "none", "he").check_task("digits", (1, 8, 8), 64),
            "network.width is 3 and an example of task.name=digits has 1 channels",
        ),
        (
            lambda: ConvNetwork("conv", 1, "none", "he").check_task("digits", (1, 8, 8), 10),
            "network.family=conv predicts images: 64 numbers for those of (1, 8, 8), and the predictions of task.name=",
        ),
    ],
)
def test_what_is_refused(refused, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        refused()


def test_what_is_not_executed():
    settings = ConvNetwork("conv", 3, "none", "he")
    usual = {"device": "cpu", "engine": "sequential", "memory_format": "contiguous", "compile_blocks": False}
    settings.check_execution(**usual)
    for wrong, message in (
        ({"engine": "stacked"}, "the conv family are not stacked"),
        ({"compile_blocks": True}, "is for network"),
    ):
        with pytest.raises(ConfigError, match=message):
            settings.check_execution(**usual | wrong)
