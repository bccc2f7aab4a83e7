"""Mean-field theory against integrals done by numbers, closed forms, and wide networks as they are built."""

import math

import numpy as np
import pytest
import torch

from degradation.analysis.claims.signal import INPUTS, WIDTH, predicted
from degradation.analysis.mean_field import (
    adam_depth,
    arc_cosine,
    depth_scale,
    growth,
    next_covariance,
    relu_covariance,
    signal,
)
from degradation.networks.build import build
from degradation.networks.mlp_spec import MLPNetwork


def mlp(width, gain, init, shortcut="none", scales=(1.0, 1.0)):
    return MLPNetwork("mlp", width, 3, init, "none", shortcut, *scales, gain=gain)


def traced(settings, depth, inputs, seed=0):
    """Hidden layers' outputs, each (units, N)."""
    network = build(settings, input_shape=(1,), outputs=1, depth=depth, seed=seed).double()
    with torch.no_grad():
        return network.trace(torch.tensor(inputs, dtype=torch.float64).unsqueeze(-1))[1][:-1]


@pytest.mark.parametrize(("correlation", "expected"), [(1, 1), (-1, 0), (0, 1 / math.pi)])
def test_the_kernel_where_it_is_known(correlation, expected):
    assert arc_cosine(np.array(correlation)) == pytest.approx(expected)


@pytest.mark.parametrize("correlation", [-0.7, 0.3, 0.95])
def test_the_kernel_is_the_integral(correlation):
    nodes = np.linspace(-9, 9, 2001)
    weights = np.exp(-(nodes**2) / 2) / np.exp(-(nodes**2) / 2).sum()
    one, two = nodes[:, None], correlation * nodes[:, None] + math.sqrt(1 - correlation**2) * nodes
    product = np.maximum(one, 0) * np.maximum(two, 0)
    assert arc_cosine(np.array(correlation)) == pytest.approx(2 * weights @ product @ weights, abs=1e-5)


def test_the_next_layers_covariance():
    found = next_covariance(relu_covariance(np.diag([4.0, 9.0, 0.0])), weight_variance=3, bias_variance=0.5)
    crossed = 3 * 6 / (2 * math.pi) + 0.5
    expected = [[6.5, crossed, 0.5], [crossed, 14, 0.5], [0.5, 0.5, 0.5]]
    assert found.tolist() == [pytest.approx(row) for row in expected]


def test_correlations_converge_over_the_depth_scale():
    """Schoenholz et al. 2017, eq. 9: where biases keep the signal up, correlations approach 1 by e a depth scale."""
    gain, covariance = 0.7, np.array([[1.0, 0.2], [0.2, 1.0]])
    gaps = []
    for _ in range(40):
        covariance = next_covariance(relu_covariance(covariance), 2 * gain**2, 0.1)
        gaps.append(1 - covariance[0, 1] / covariance[0, 0])
    assert math.log(gaps[20] / gaps[30]) == pytest.approx(10 / depth_scale(growth(gain, 3, 0, 1), 3), rel=0.02)


@pytest.mark.parametrize("gain", [0.6, 1.2])
def test_the_signal_is_that_of_wide_networks(gain):
    inputs = np.linspace(-6, 6, 41)
    seeds = [traced(mlp(300, gain, "he_default_bias"), 7, inputs, seed) for seed in range(4)]
    measured = [[layer.numpy().var(axis=1).mean() for layer in layers] for layers in seeds]
    expected = signal(7, gain, 300, inputs)
    assert np.sqrt(np.mean(measured, axis=0)) == pytest.approx(expected, rel=0.1)


def test_the_first_layers_signal_by_hand():
    """Without biases, which are small beside these inputs: half of the units are open for each sign."""
    variance = 2 * 0.5**2 * 1000**2 / 2
    spread = math.sqrt(variance / 2 - variance / 4)  # of relu over x = -1000 and 1000: one of the two is 0
    assert signal(1, 0.5, 30, np.array([-1000.0, 1000.0])) == pytest.approx([spread * math.sqrt(2)], rel=1e-3)


@pytest.mark.parametrize(("scales", "gain"), [((1.0, 1.0), 0.9), ((0.5**0.5, 0.5**0.5), 1.2), ((2.0, 0.5), 1.0)])
def test_a_residual_blocks_growth_is_between_its_bounds(scales, gain):
    layers = traced(mlp(400, gain, "he", "identity", scales), 22, [1.0])
    squares = [layer.square().mean().item() for layer in layers[::3]]
    factor = (squares[-1] / squares[0]) ** (1 / 7)
    shortcut, branch = scales
    lowest = growth(gain, 3, shortcut, branch)
    assert lowest == pytest.approx(shortcut**2 + branch**2 * gain**6)
    assert lowest < factor < lowest + branch**2 * gain**6


def test_a_plain_networks_growth_is_exact():
    layers = traced(mlp(1000, 0.9, "he"), 7, [1.0])
    squares = [layer.square().mean().item() for layer in layers]
    assert squares[-1] / squares[0] == pytest.approx(growth(0.9, 3, 0, 1) ** 2, rel=0.15)


def test_depth_scales():
    assert depth_scale(growth(0.5, 3, 0, 1), 3) == pytest.approx(1 / math.log(4))
    assert depth_scale(growth(2.0, 6, 0, 1), 6) == pytest.approx(1 / math.log(4))
    assert depth_scale(growth(1.0, 3, 0.5**0.5, 0.5**0.5), 3) == math.inf  # 0.5 and 0.5 make 1.0000000000000002
    assert depth_scale(math.e, 3) == 3
    assert 0.5 ** adam_depth(growth(0.5, 3, 0, 1), 3, 1e-8) == pytest.approx(1e-8)
    assert adam_depth(growth(1.0, 3, 0, 1), 3, 1e-8) == adam_depth(growth(1.1, 3, 0, 1), 3, 1e-8) == math.inf


def test_what_the_claims_compare_with():
    spreads = signal(13, 0.65, WIDTH, INPUTS)
    assert predicted(0.65, 13) == round(math.log10(spreads[0] / spreads[12]), 2) == 2.48
    assert predicted(0.65, 25) - predicted(0.65, 19) == pytest.approx(-6 * math.log10(0.65), abs=0.02)
