"""The matched pair: equal in everything but the shortcut."""

import math

import pytest
import torch
from torch import nn

from degradation.networks import build as networks
from degradation.networks.mlp_spec import MLPNetwork


def build(variant="residual", depth=10, seed=0, **changes):
    settings = {"family": "mlp", "width": 30, "span": 3, "init": "default", "norm": "none"} | changes
    settings["shortcut"] = "none" if variant == "plain" else "identity"
    return networks.build(MLPNetwork(**settings), input_shape=(1,), outputs=1, depth=depth, seed=seed)


@pytest.mark.parametrize(("depth", "parameters", "multiply_adds"), [(1, 91, 60), (10, 8461, 8160), (49, 44731, 43260)])
@pytest.mark.parametrize("variant", ["plain", "residual"])
def test_pinned_sizes(variant, depth, parameters, multiply_adds):
    network = build(variant, depth)
    assert networks.count_parameters(network) == parameters
    assert networks.count_multiply_adds(network, (1,)) == multiply_adds


@pytest.mark.parametrize("init", ["default", "he"])
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_pair_starts_bitwise_equal(init, norm):
    plain, residual = (build(variant, init=init, norm=norm).state_dict() for variant in ("plain", "residual"))
    assert list(plain) == list(residual)
    for name in plain:
        assert torch.equal(plain[name], residual[name]), name
        assert plain[name].isfinite().all()


def test_shared_layers_of_other_depths_and_spans_start_equal():
    shallow, deep = build(depth=4).state_dict(), build(depth=31).state_dict()
    assert all(torch.equal(shallow[name], deep[name]) for name in shallow)


def test_seeds_and_layers_draw_different_tensors():
    first, second = build(seed=0), build(seed=1)
    weights = [*first.weights()[1:-1], *second.weights()[1:-1]]
    assert len({tuple(weight.flatten().tolist()) for weight in weights}) == len(weights) == 18


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_plain_is_residual_without_its_shortcut(norm):
    plain, residual = build("plain", norm=norm), build("residual", norm=norm)
    x = torch.linspace(-3, 3, 20).unsqueeze(-1)
    assert not torch.allclose(plain(x), residual(x))
    for block in residual.blocks:
        block.shortcut = None
    assert torch.equal(plain(x), residual(x))


def test_depth_one_is_the_same_network():
    x = torch.linspace(-3, 3, 20).unsqueeze(-1)
    assert torch.equal(build("plain", depth=1)(x), build("residual", depth=1)(x))


def test_residual_with_zero_blocks_is_stem_and_head():
    """relu(x + 0) = x for the non-negative x that a block receives: the shortcut path alone."""
    network = build("residual", depth=10)
    for block in network.blocks:
        for parameter in block.parameters():
            nn.init.zeros_(parameter)
    x = torch.linspace(-3, 3, 20).unsqueeze(-1)
    assert torch.equal(network(x), network.head(torch.relu(network.stem(x.mT))).mT)


def test_plain_network_against_pytorch_layers():
    network = build("plain", depth=4).double()
    layers = [layer for layer in network.modules() if hasattr(layer, "weight")]
    reference = nn.Sequential()
    for layer in layers:
        linear = nn.Linear(layer.weight.shape[1], layer.weight.shape[0], dtype=torch.float64)
        linear.load_state_dict(layer.state_dict())
        reference.extend([linear, nn.ReLU()])
    x = torch.randn(7, 1, dtype=torch.float64)
    torch.testing.assert_close(network(x), reference[:-1](x), rtol=1e-12, atol=1e-12)


def test_shortcut_spans_the_block_and_is_added_before_its_last_relu():
    network = build("residual", depth=3, width=8, span=2, init="he")
    block = network.blocks[0]
    x = torch.rand(8, 20, generator=torch.Generator().manual_seed(0))
    branch = block.layers[1](torch.relu(block.layers[0](x)))
    assert (branch < 0).any()  # or the order of sum and ReLU could not be told
    torch.testing.assert_close(block(x)[-1], torch.relu(branch + x))


def test_default_init_is_that_of_nn_linear():
    weights = torch.cat([weight.flatten() for weight in build(depth=49).weights()[1:-1]])
    bound = 1 / math.sqrt(30)
    assert bound * 0.999 < weights.abs().max() <= bound
    assert weights.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.01)
    biases = torch.cat([layer.bias for layer in build(depth=49).blocks[0].layers])
    assert 0.5 * bound < biases.abs().max() <= bound
    stem = build(depth=49).stem
    assert stem.bias.abs().max() > bound  # fan-in of the stem is 1, so its bound is 1


def test_he_init_has_variance_two_over_fan_in_and_no_bias():
    network = build(depth=49, init="he")
    weights = torch.cat([weight.flatten() for weight in network.weights()[1:-1]])
    assert weights.std().item() == pytest.approx(math.sqrt(2 / 30), rel=0.02)
    assert all(parameter.abs().max() == 0 for name, parameter in network.named_parameters() if name.endswith("bias"))


def test_he_default_bias_has_the_weights_of_he_and_the_biases_of_default():
    network, he, default = (build(init=init) for init in ("he_default_bias", "he", "default"))
    for name, tensor in network.state_dict().items():
        same = he if name.endswith("weight") else default
        assert torch.equal(tensor, same.state_dict()[name]), name


def test_he_zero_last_starts_every_block_as_the_identity():
    network, he = build(init="he_zero_last"), build(init="he")
    x = torch.rand(30, 5)
    for block, reference in zip(network.blocks, he.blocks, strict=True):
        assert torch.equal(block(x)[-1], x)
        assert torch.equal(block.layers[0].weight, reference.layers[0].weight)


@pytest.mark.parametrize(("of_shortcut", "of_branch"), [(0.5**0.5, 0.5**0.5), (2.0, 1.0), (1.0, 2.0)])
def test_scaled_sum(of_shortcut, of_branch):
    """sqrt(1/2) of shortcut and branch each: half the sum of squares of two independent signals."""
    network, unscaled = build(shortcut_scale=of_shortcut, branch_scale=of_branch), build()
    for block, other in zip(network.blocks, unscaled.blocks, strict=True):
        x = torch.rand(30, 5)
        inner = other.layers[1](torch.relu(other.layers[0](x))).relu()
        torch.testing.assert_close(block(x)[-1], torch.relu(of_branch * other.layers[2](inner) + of_shortcut * x))
    assert networks.same_tensors(network, unscaled)  # factors are settings and not in checkpoints


def test_networks_are_the_same_if_every_tensor_is():
    one, other = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    assert networks.same_tensors(one, other)
    other.running_mean[1] = 1e-30
    assert not networks.same_tensors(one, other)
    without = nn.BatchNorm1d(3, track_running_stats=False)
    assert not networks.same_tensors(one, without)
    assert not networks.same_tensors(without, one)


def test_functions_are_compared_in_eval_mode_on_copies():
    one, other = (nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)) for _ in range(2))
    other.load_state_dict(one.state_dict())
    assert networks.same_function(one, other, (2,))
    other[1].running_mean[1] = 1.0  # which nothing reads in train mode
    assert not networks.same_function(one, other, (2,))
    assert one.training
    assert other[1].num_batches_tracked == 0
