"""The claims: published statements on depth, each with the rule that tests it on our records.

Rules, margins and depths are fixed when a claim is entered, the reference depth among them: the best of several
shallower depths would find a gap in noise. Errors are percent, so their differences are points; losses are compared on
a log scale, so their differences are decades.

One file a group of experiments: `sine`, `images` (plain and residual networks over depth, and CIFAR-10), `arms`
(experiments that ask why plain networks fail), `shortcuts` (others than the identity, and stochastic depth), `orders`
(of normalisation, ReLU and addition), `norm_free` (networks without normalisation), `architectures` (highway,
bottleneck and dense networks, U-Nets), `signal` (what theory says of signals and gradients), `inside` (looks into
trained networks).
"""

from collections.abc import Mapping

from degradation.analysis.claims.architectures import architecture_claims
from degradation.analysis.claims.arms import arm_claims
from degradation.analysis.claims.images import cifar10_claims, digits_1202, digits_claims, small_claims
from degradation.analysis.claims.inside import inside_claims
from degradation.analysis.claims.norm_free import norm_free_claims, small_branch_claims
from degradation.analysis.claims.orders import order_claims
from degradation.analysis.claims.shortcuts import shortcut_claims, stochastic_claims
from degradation.analysis.claims.signal import signal_claims
from degradation.analysis.claims.sine import sine_claims
from degradation.analysis.sources import Claim, Published


def claims(published: Mapping[str, Published]) -> list[Claim]:
    """Every claim.

    Args:
        published: the printed test errors in percent by experiment, variant and depth, which some of them repeat.
    """
    return [
        *sine_claims(),
        *digits_claims(),
        *inside_claims(),
        *arm_claims(),
        *shortcut_claims(published.get("cifar10_shortcuts", {})),
        *order_claims(published.get("cifar10_orders", {})),
        *signal_claims(),
        *architecture_claims(published),
        *norm_free_claims(),
        *small_branch_claims(),
        *stochastic_claims(),
        *digits_1202(),
        *small_claims(),
        *cifar10_claims(published),
    ]
