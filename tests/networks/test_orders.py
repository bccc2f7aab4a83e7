"""Orders of normalisation, ReLU and addition (He et al. 2016, Fig. 4), each written out as the paper draws it."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from degradation.networks import build as networks
from degradation.networks.cifar_spec import ORDERS, CifarNetwork
from degradation.networks.orders import BLOCKS
from tests.networks.passes import MODES, assert_close, images, outputs_of, shaken

OTHERS = [order for order in ORDERS if order != "original"]


def build(order, depth=14, shortcut="A", width=4, **changed):
    settings = CifarNetwork("cifar", width, shortcut, order=order, **changed)
    return networks.build(settings, input_shape=(1, 8, 8), outputs=10, depth=depth, seed=0)


class ByHand:
    """The forward pass of a network with batch normalisation, without its code, and what it passed on the way."""

    def __init__(self, network, order, training):
        self.network, self.order, self.training = network, order, training
        self.outputs, self.responses = [], []

    def norm(self, norm, x):
        mean, var = norm.running_mean.clone(), norm.running_var.clone()
        return functional.batch_norm(x, mean, var, norm.weight, norm.bias, self.training)

    def conv(self, conv, x, stride=1):
        return functional.conv2d(x, conv.weight, None, stride, 1)

    def identity(self, x, channels, stride):
        kept = functional.max_pool2d(x, 1, stride)
        return torch.cat([kept, kept.new_zeros(len(x), channels - x.shape[1], *kept.shape[2:])], 1)

    def __call__(self, x):
        network, relu = self.network, functional.relu
        x = self.conv(network.stem, x)
        self.responses = [self.norm(network.stem_norm, x)]
        blocks = list(network.blocks)
        before = network.stem_norm  # what the paper counts to a fully pre-activated unit lies with the unit before
        x = x if self.order == "full" else relu(self.norm(before, x))
        for place, block in enumerate(blocks):
            stride = 2 if place in (len(blocks) // 3, 2 * len(blocks) // 3) else 1
            shortcut = x
            if self.order == "full":
                h = relu(self.norm(before, x))
                shortcut = h if place == 0 else x  # the first activation comes before the paths split
            else:
                h = relu(x) if self.order == "relu_only" else x
            self.outputs.append(h)
            h = self.norm(block.norm1, self.conv(block.conv1, h, stride))
            self.responses.append(h)
            h = relu(h)
            self.outputs.append(h)
            h = self.conv(block.conv2, h)
            h = h if self.order in ("bn_after", "full") else self.norm(block.norm2, h)
            self.responses.append(h)
            h = relu(h) if self.order == "relu_before" else h
            x = h + self.identity(shortcut, h.shape[1], stride)
            if self.order == "bn_after":
                x = self.norm(block.norm2, x)
            if self.order in ("original", "bn_after"):
                x = relu(x)
            before = block.norm2
        if self.order == "full":  # an extra activation after the last addition
            x = relu(self.norm(before, x))
        if self.order == "relu_only":
            x = relu(x)
        self.outputs.append(x)
        self.outputs.append(functional.linear(x.mean((2, 3)), network.head.weight, network.head.bias))
        return self.outputs[-1]


@MODES
@pytest.mark.parametrize("order", ORDERS)
def test_an_order_against_the_papers_drawing(order, training):
    network = shaken(build(order)).train(training)
    x, by_hand = images(5, 1, 8, 8), ByHand(network, order, training)
    expected = by_hand(x)
    parameters = list(network.parameters())
    gradients = torch.autograd.grad(expected.square().sum(), parameters)
    assert_close(network(x), expected)
    for (name, _), ours, theirs in zip(
        network.named_parameters(),
        torch.autograd.grad(network(x).square().sum(), parameters),
        gradients,
        strict=True,
    ):
        assert_close(ours, theirs, name)


@MODES
@pytest.mark.parametrize("order", ORDERS)
def test_what_an_order_shows_of_its_inside(order, training):
    network = shaken(build(order)).train(training)
    x, by_hand = images(5, 1, 8, 8), ByHand(network, order, training)
    by_hand(x)
    predictions, outputs = network.trace(x)
    assert len(outputs) == len(by_hand.outputs) == 14
    assert outputs[-1] is predictions
    for place, (ours, theirs) in enumerate(zip(outputs, by_hand.outputs, strict=True)):
        assert_close(ours, theirs, f"layer {place + 1}")
    responses = outputs_of(network.norms(), lambda: network(x))
    assert len(responses) == len(by_hand.responses) == 13
    for place, (ours, theirs) in enumerate(zip(responses, by_hand.responses, strict=True)):
        assert_close(ours, theirs, f"response {place + 1}")
    assert [weight.shape for weight in network.weights()] == [weight.shape for weight in build("original").weights()]


@pytest.mark.parametrize("order", OTHERS)
def test_without_shortcuts_every_order_is_the_plain_network(order):
    plain, other = build("original", shortcut="none"), build(order, shortcut="none")
    x = images(3, 1, 8, 8).float()
    for network in (plain, other):
        network(x)  # running statistics, too
    assert networks.same_tensors(plain, other)
    assert networks.same_function(plain, other, (1, 8, 8))


@pytest.mark.parametrize("order", OTHERS)
def test_orders_share_every_initial_tensor_and_are_other_functions(order):
    residual, other = build("original"), build(order)
    assert networks.same_tensors(residual, other)
    assert not networks.same_function(residual, other, (1, 8, 8))
    assert networks.count_multiply_adds(other, (1, 8, 8)) == networks.count_multiply_adds(residual, (1, 8, 8))


@pytest.mark.parametrize("order", ["original", "bn_after", "relu_only", "full"])
def test_branch_ends_at_zero_leave_the_shortcut_and_can_learn(order):
    network = build(order, depth=8, init="he_zero_last")
    block, x = network.blocks[0], images(3, 4, 8, 8).float().relu()
    state = block(*[x] * (2 if order in ("relu_only", "full") else 1))
    assert torch.equal(state[-1], torch.relu(network.blocks[0].norm2(x)) if order == "bn_after" else x)
    network(images(3, 1, 8, 8).float()).square().sum().backward()
    for end in network.branch_ends():
        assert end.eq(0).all()
        assert end.grad.abs().max() > 0


def test_the_settings_and_the_blocks_have_the_same_orders():
    assert tuple(BLOCKS) == ORDERS


def test_a_sum_is_normalised_once_and_carried_as_it_is():
    """In a fully pre-activated network whose branches are zero, the input passes all blocks of a stage unchanged."""
    network = build("full", depth=26)
    for end in network.branch_ends():
        nn.init.zeros_(end)
    state = network.start(images(3, 1, 8, 8).float())
    for block in network.blocks[:4]:
        carried = state[-1]
        state = block(*state)[1:]
        assert torch.equal(state[-1], carried)
