"""Mean-field theory of wide ReLU networks at initialisation: what becomes of the signal, layer by layer.

Poole et al. 2016 (1606.05340) and Schoenholz et al. 2017 (1611.01232) follow the covariance that a layer's numbers have
at two inputs. For ReLUs its map is in closed form: the arc-cosine kernel of order one (Cho and Saul 2009). With He's
standard deviation times a gain g the map's slope is g squared in every layer, for the signal and for the gradient
alike. Both change by a factor e over as many layers as the depth scale has, which g alone decides; at g = 1 it is
infinite.
"""

import math

import numpy as np

TRAINABLE = 6.0  # depth scales to which Schoenholz et al. 2017 find networks trainable (section 5)


def arc_cosine(correlation: np.ndarray) -> np.ndarray:
    """Of two standard normal numbers with that correlation, twice the mean product of their ReLUs."""
    c = np.clip(correlation, -1, 1)
    return (np.sqrt(1 - c**2) + c * (np.pi - np.arccos(c))) / np.pi


def next_covariance(products: np.ndarray, weight_variance: float, bias_variance: float) -> np.ndarray:
    """Covariance at N inputs (N, N) of a layer's numbers before the ReLU, from the layer before.

    Args:
        products: that layer's, see `relu_covariance`.
        weight_variance: of a weight, times the layer's inputs; 2 for He's.
        bias_variance: of a bias.
    """
    return weight_variance * products + bias_variance


def relu_covariance(covariance: np.ndarray) -> np.ndarray:
    """Mean products of the ReLUs (N, N) of numbers with a covariance (N, N) and mean zero."""
    sd = np.sqrt(np.diag(covariance))
    scale = np.outer(sd, sd)
    return scale * arc_cosine(np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 0)) / 2


def signal(depth: int, gain: float, width: int, inputs: np.ndarray) -> np.ndarray:
    """`output_sd` of layers.csv for hidden layers 1 to `depth` of wide plain MLPs with init=he_default_bias: (depth,).

    Args:
        depth: hidden layers.
        gain: of the network's settings.
        width: units of a layer; biases of hidden layers have the variance 1 / (3 width).
        inputs: numbers (N,), of one feature.

    The spread is the small difference of two covariances: in float64 it is right to seven decades below the outputs'
    own size, where float32 networks end as well.
    """
    weight_variance = 2 * gain**2
    covariance = weight_variance * np.outer(inputs, inputs) + 1 / 3
    found = []
    for _ in range(depth):
        outputs = relu_covariance(covariance)
        found.append(math.sqrt(max(0.0, np.diag(outputs).mean() - outputs.mean())))
        covariance = next_covariance(outputs, weight_variance, 1 / (3 * width))
    return np.array(found)


def growth(gain: float, span: int, shortcut_scale: float, branch_scale: float) -> float:
    """Factor of the squared signal, and of the squared gradient, over one block of `span` layers.

    For a plain network (`shortcut_scale` 0, `branch_scale` 1) it is exact. With a shortcut it is a lower bound: the
    branch is symmetric and the block's input not negative, so the last ReLU leaves at least half of the branch's square
    and all of the shortcut's. Twice the branch's part makes it an upper bound, as if the last ReLU were always open.
    """
    return float(shortcut_scale**2 + branch_scale**2 * gain ** (2 * span))


def depth_scale(factor: float, span: int) -> float:
    """Layers over which the squared signal changes by a factor e; infinite where it does not change.

    Args:
        factor: of a block; see `growth`.
        span: its layers.
    """
    return math.inf if math.isclose(factor, 1) else span / abs(math.log(factor))


def adam_depth(factor: float, span: int, eps: float) -> float:
    """Layers after which a gradient that began at 1 is as small as Adam's epsilon; infinite if it does not vanish."""
    return 2 * depth_scale(factor, span) * math.log(1 / eps) if factor < 1 else math.inf  # a norm falls half as fast
