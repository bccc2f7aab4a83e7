"""Gradients along paths: of linear blocks in closed form, and all paths together are the whole gradient."""

import math
from itertools import product
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional

from degradation.checks import ConfigError
from degradation.diagnostics.diagnostic import FINAL, Copied
from degradation.diagnostics.paths import DIAGNOSTIC, EXAMPLES, path_gradients
from degradation.networks import build as networks
from degradation.networks.cifar_spec import CifarNetwork
from degradation.tasks.digits import DigitsTask
from degradation.tasks.task import Split
from degradation.training.members import Member
from tests.networks.passes import assert_close, images, shaken

MEMBER = Member(8, "residual", 1)


class LinearBlock(nn.Module):
    """x + factor x."""

    def __init__(self, factor):
        super().__init__()
        self.branch, self.shortcut = nn.Linear(2, 2, bias=False), nn.Identity()
        self.branch.weight.data = factor * torch.eye(2)

    def forward(self, x):
        return [self.branch(x) + self.shortcut(x)]


class Linear(nn.Module):
    """Blocks alone."""

    def __init__(self, factors):
        super().__init__()
        self.blocks = nn.ModuleList(LinearBlock(factor) for factor in factors)

    def summands(self):
        return [(block.branch, block.shortcut) for block in self.blocks]

    def forward(self, x):
        for block in self.blocks:
            x = block(x)[-1]
        return x


class Sums:
    """A loss that is the mean of all outputs' sum, whose gradient is one everywhere."""

    train = Split(torch.randn(300, 2), torch.zeros(300))

    def prepare(self, inputs):
        return inputs

    def loss(self, predictions, targets):
        assert len(predictions) == len(targets)
        return predictions.sum(1).mean()


def measured(network, task):
    return [row for _, row in DIAGNOSTIC.measure(Copied(network, [MEMBER], False, [1]), task, FINAL)]


def test_linear_blocks():
    """Through k blocks of factor 1/4 the gradient is (1/4)^k, so the shares are binomial with odds of 1 to 4."""
    found = measured(Linear([0.25] * 5), Sums())
    assert [row["length"] for row in found] == list(range(6))
    for k, row in enumerate(found):
        assert row["path_share"] == pytest.approx(math.comb(5, k) / 32, rel=1e-3)
        assert row["gradient_norm"] == pytest.approx(math.sqrt(2) * 0.25**k, rel=1e-3)
        assert row["gradient_share"] == pytest.approx(math.comb(5, k) * 0.2**k * 0.8 ** (5 - k), rel=1e-3)


def test_paths_are_drawn_of_their_length():
    """With factors of one and two the gradient's mean tells how many of the second kind were drawn."""
    (first, *_, last) = measured(Linear([1.0, 1.0, 2.0, 1.0]), Sums())
    assert first["gradient_norm"] == last["gradient_norm"] / 2 == pytest.approx(math.sqrt(2), rel=1e-3)
    one = measured(Linear([1.0, 1.0, 2.0, 1.0]), Sums())[1]["gradient_norm"] / math.sqrt(2)
    assert one == pytest.approx(1.25, abs=4 * math.sqrt(0.25 * 0.75 / EXAMPLES))


def residual(kind="A"):
    settings = CifarNetwork(family="cifar", width=4, shortcut=kind)
    built = networks.build(settings, input_shape=(1, 8, 8), outputs=10, depth=8, seed=0)
    return shaken(built).eval()


class Labels:
    def loss(self, predictions, targets):
        return functional.cross_entropy(predictions, targets)


def test_all_paths_together_are_the_gradient():
    network, x, labels = residual(), images(3, 1, 8, 8).requires_grad_(), torch.tensor([1, 2, 3])
    whole = torch.autograd.grad(functional.cross_entropy(network(x), labels, reduction="sum"), x)[0]
    subsets = torch.tensor(list(product([False, True], repeat=3)))
    of_path = [path_gradients(network, x, labels, subset.expand(3, 3), Labels()) for subset in subsets]
    assert_close(sum(of_path), whole)
    mixed = path_gradients(network, x, labels, subsets[[0, 3, 7]], Labels())  # each example its own
    for example, path in enumerate((0, 3, 7)):
        assert_close(mixed[example], of_path[path][example])
    assert all(gradient.abs().max() > 1e-6 for gradient in of_path)
    assert torch.equal(network(x), residual()(x))  # no hook stays


def test_plain_networks_are_one_path_and_others_are_refused():
    task = DigitsTask("digits").load(None, False).to(torch.device("cpu"), torch.float64)
    assert measured(residual("none"), task) == []
    found = measured(residual(), task)
    assert len(found) == 4
    assert sum(row["gradient_share"] for row in found) == pytest.approx(1, abs=1e-3)
    assert measured(residual(), task) == found
    with pytest.raises(ConfigError, match="diagnostic paths is for networks of blocks"):
        measured(nn.Linear(2, 2), task)
    assert not DIAGNOSTIC.fits(SimpleNamespace(input_shape=(1,)))
