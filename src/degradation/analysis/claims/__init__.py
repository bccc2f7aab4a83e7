"""The claims: published statements on depth, each with the rule that tests it on our records.

Rules, margins and depths are fixed when a claim is entered, the reference depth among them: the best of several
shallower depths would find a gap in noise. Errors are percent, so their differences are points; losses are compared on
a log scale, so their differences are decades.

One file a group of experiments: `sine`, `images` (plain and residual networks over depth, and CIFAR-10), `arms`
(experiments that ask why plain networks fail), `architectures` (highway, bottleneck and dense networks, U-Nets,
thousands of layers).
"""

from collections.abc import Mapping

from degradation.analysis.claims.architectures import architecture_claims
from degradation.analysis.claims.arms import arm_claims
from degradation.analysis.claims.images import Published, cifar10_claims, digits_1202, digits_claims, small_claims
from degradation.analysis.claims.sine import sine_claims
from degradation.analysis.sources import Claim


def claims(published: Mapping[str, Published]) -> list[Claim]:
    """Every claim.

    Args:
        published: the printed test errors in percent by experiment, variant and depth, which some of them repeat.
    """
    return [
        *sine_claims(),
        *digits_claims(),
        *arm_claims(),
        *architecture_claims(published.get("cifar10_bottleneck", {})),
        *digits_1202(),
        *small_claims(),
        *cifar10_claims(published),
    ]
