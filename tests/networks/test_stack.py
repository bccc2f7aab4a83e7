"""A stack computes what its networks compute; its normalisations are the known ones."""

import pytest
import torch
from torch import nn

from degradation.networks.layers import BatchNorm, LayerNorm
from degradation.networks.stack import layout, stack
from tests.networks.test_pair import build


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_stack_of_both_variants_and_seeds(norm):
    singles = [build(variant, norm=norm, seed=seed).double() for variant in ("plain", "residual") for seed in (0, 1)]
    stacked = stack(singles)
    x = torch.randn(4, 8, 1, dtype=torch.float64)
    torch.testing.assert_close(
        stacked(x), torch.stack([net(x[i]) for i, net in enumerate(singles)]), rtol=0, atol=1e-12
    )
    stacked(x).square().sum().backward()
    for position, net in enumerate(singles):
        net(x[position]).square().sum().backward()
        # Rounding is relative to the largest gradient; that of a bias before batch normalisation is zero but for it.
        rounding = 1e-13 * max(parameter.grad.abs().max().item() for parameter in net.parameters())
        for (name, ours), theirs in zip(stacked.named_parameters(), net.parameters(), strict=True):
            torch.testing.assert_close(ours.grad[position], theirs.grad, rtol=1e-9, atol=rounding, msg=name)


def test_stack_leaves_its_networks_alone():
    single = build()
    before = single.stem.weight.clone()
    with torch.no_grad():
        stack([single, single]).stem.weight.zero_()
    assert torch.equal(single.stem.weight, before)
    assert single.stem.weight.shape == (30, 1)


def test_stack_of_plain_networks_has_no_shortcut():
    assert all(block.shortcut is None for block in stack([build("plain"), build("plain", seed=1)]).blocks)
    mixed = stack([build("plain"), build("residual")])
    assert mixed.blocks[0].shortcut.flatten().tolist() == [0, 1]


@pytest.mark.parametrize("stacked", [False, True])
def test_batch_norm_against_pytorch(stacked):
    ours, theirs = BatchNorm(5), nn.BatchNorm1d(5, affine=False)
    x = torch.randn(3, 8, 5) * 3 + 1
    if stacked:
        ours = stack([BatchNorm(5), ours])
    for batch in x:
        expected = theirs(batch)
        given = torch.stack([torch.randn(5, 8), batch.T]) if stacked else batch.T
        output = ours(given)[1] if stacked else ours(given)
        torch.testing.assert_close(output.T, expected)
    running = (ours.running_mean[1], ours.running_var[1]) if stacked else (ours.running_mean, ours.running_var)
    torch.testing.assert_close(running, (theirs.running_mean, theirs.running_var))
    ours.eval(), theirs.eval()
    given = torch.stack([x[0].T, x[0].T]) if stacked else x[0].T
    output = ours(given)[1] if stacked else ours(given)
    torch.testing.assert_close(output.T, theirs(x[0]))


def test_layer_norm_against_pytorch():
    x = torch.randn(2, 6, 5) * 3 + 1
    expected = nn.LayerNorm(5, elementwise_affine=False)(x)
    torch.testing.assert_close(LayerNorm(5)(x.mT).mT, expected)


def test_what_can_be_stacked():
    """Layer normalisation has no tensors, so names and shapes alone would not tell it from none."""
    own = layout(build())
    for same in (build("plain"), build(seed=1), build(branch_scale=0.5)):
        assert layout(same) == own
    for other in (build(norm="layer"), build(norm="batch"), build(width=31), build(depth=7)):
        assert layout(other) != own
