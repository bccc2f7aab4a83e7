"""Noise from streams: what a draw depends on, its share and its scale; dropout and stochastic depth."""

import pytest
import torch
from torch import nn

from degradation.networks import build as networks
from degradation.networks.cifar_spec import CifarNetwork
from degradation.networks.noise import Dropout, Survival, noises, set_step
from degradation.streams import generator


def dropout(p=0.3, seed=1, name="a", step=0):
    layer = Dropout(p)
    layer.seed, layer.name, layer.step = seed, name, step
    return layer


def test_a_mask_is_a_function_of_seed_name_and_step_alone():
    x = torch.ones(50, 8)
    first = dropout()(x)
    torch.rand(1000)  # PyTorch's own generator has no say
    assert torch.equal(dropout()(x), first)
    for other in ({"seed": 2}, {"name": "b"}, {"step": 1}):
        assert not torch.equal(dropout(**other)(x), first)
    written_out = (torch.rand(50, 8, generator=generator(1, "dropout", "a/0")) >= 0.3) / 0.7
    torch.testing.assert_close(first, written_out.float())


def test_share_and_scale():
    """Of n numbers about p n are zero, and the mean of a constant is kept: each within six standard deviations."""
    n, p = 200_000, 0.3
    dropped = dropout(p)(torch.full((n,), 2.0))
    share = (dropped == 0).double().mean().item()
    deviation = (p * (1 - p) / n) ** 0.5
    assert abs(share - p) < 6 * deviation
    assert abs(dropped.double().mean().item() / 2 - 1) < 6 * deviation / (1 - p)
    assert set(dropped.unique().tolist()) == {0.0, torch.tensor(2 / 0.7).item()}


def test_nothing_is_dropped_in_evaluations():
    x = torch.randn(5, 3)
    assert dropout().eval()(x) is x


def test_a_gradient_passes_where_the_number_was_kept():
    layer, x = dropout(), torch.randn(40, 4, requires_grad=True)
    y = layer(x)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(gradient, (y != 0) / 0.7)


def test_memory_formats_share_a_mask():
    x = torch.randn(2, 3, 4, 5)
    dropped = [dropout()(x.contiguous(memory_format=form)) for form in (torch.contiguous_format, torch.channels_last)]
    assert torch.equal(*dropped)
    assert dropped[1].is_contiguous(memory_format=torch.channels_last)


def test_a_network_is_told_its_seed_names_and_steps():
    settings = CifarNetwork("cifar", 4, "A", dropout=0.25)
    network = networks.build(settings, input_shape=(1, 8, 8), outputs=10, depth=14, seed=3)
    names = [f"blocks.{place}.dropout" for place in range(6)]
    assert noises(network) == [(name, 0.25) for name in names]
    found = [module for module in network.modules() if isinstance(module, Dropout)]
    assert [(module.seed, module.name) for module in found] == [(3, name) for name in names]
    set_step(network, 7)
    assert {module.step for module in found} == {7}


def test_dropout_lies_between_a_blocks_two_layers():
    settings = CifarNetwork("cifar", 4, "none", dropout=0.5)
    network = networks.build(settings, input_shape=(1, 8, 8), outputs=10, depth=8, seed=0)
    block, x = network.blocks[0], torch.randn(6, 4, 8, 8)
    inner = torch.relu(block.norm1(block.conv1(x)))
    mask = (torch.rand(inner.shape, generator=generator(0, "dropout", "blocks.0.dropout/0")) >= 0.5) * 2.0
    expected = torch.relu(block.norm2(nn.Conv2d.forward(block.conv2, inner * mask)))
    torch.testing.assert_close(block(x)[-1], expected)
    without = CifarNetwork("cifar", 4, "none")
    made = [networks.build(each, input_shape=(1, 8, 8), outputs=10, depth=8, seed=0) for each in (settings, without)]
    assert not networks.same_tensors(*made)  # equal tensors, and another noise
    assert networks.same_function(*made, (1, 8, 8))  # in evaluations


def stochastic(depth=14, survival=0.5, seed=3):
    settings = CifarNetwork("cifar", 4, "A", survival=survival)
    return networks.build(settings, input_shape=(1, 8, 8), outputs=10, depth=depth, seed=seed)


def test_branches_survive_less_often_the_deeper_they_lie():
    """Huang et al. 2016, equation 4: p_l = 1 - l / L (1 - p_L)."""
    shares = [p for _, p in noises(stochastic(survival=0.4))]
    assert shares == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    assert noises(stochastic(survival=1.0)) == []


def test_a_block_is_its_shortcut_where_its_branch_does_not_survive():
    block, x = stochastic().blocks[3], torch.randn(5, 8, 4, 4)  # of one shape
    branch = block.norm2(nn.Conv2d.forward(block.conv2, torch.relu(block.norm1(block.conv1(x)))))
    assert block.survival.p == pytest.approx(2 / 3)
    found = set()
    for step in range(20):
        set_step(block, step)
        survives = bool(torch.rand((), generator=generator(3, "survival", f"blocks.3.survival/{step}")) < 2 / 3)
        block.zero_grad()
        output = block(x)[-1]
        output.sum().backward()
        torch.testing.assert_close(output, torch.relu(branch + x if survives else x))
        assert bool(block.conv1.weight.grad.any()) == survives
        found.add(survives)
    assert found == {True, False}


def test_in_evaluations_a_branch_counts_its_probability():
    block, x = stochastic().eval().blocks[3], torch.randn(5, 8, 4, 4)
    branch = block.norm2(block.conv2(torch.relu(block.norm1(block.conv1(x)))))
    torch.testing.assert_close(block(x)[-1], torch.relu(2 / 3 * branch + x))


def test_the_share_of_steps_survived_is_the_probability():
    draws, p, n = Survival(0.3), 0.3, 4000
    draws.seed, draws.name = 5, "b"
    kept = 0
    for draws.step in range(n):
        kept += draws(torch.ones(1)).item()
    assert abs(kept / n - p) < 6 * (p * (1 - p) / n) ** 0.5


def test_survival_is_of_one_seed_block_and_step():
    first, other = stochastic(seed=3), stochastic(seed=4)

    def survived(network, step):
        set_step(network, step)
        return [block.survival(torch.ones(1)).item() for block in network.blocks]

    histories = [[survived(network, step) for step in range(30)] for network in (first, other, first)]
    assert histories[0] == histories[2] != histories[1]
    assert len({tuple(block) for block in zip(*histories[0], strict=True)}) == 6
