"""The claims of other architectures, highway, bottleneck and dense networks, U-Nets, and of thousands of layers.

All were entered before a run.
"""

from collections.abc import Mapping

from degradation.analysis.claims.images import does_not_degrade
from degradation.analysis.claims.printed import as_printed
from degradation.analysis.rules import Cell, Difference
from degradation.analysis.sources import (
    DEGRADES,
    DOES_NOT_DEGRADE,
    ERROR_MARGIN,
    HE2015,
    HE2016,
    LEARNED_LOSS,
    LOSS_MARGIN,
    Claim,
    Published,
)

DUTA = "Duta et al. 2020 (2004.04989)"
DENSE = "Huang et al. 2016 (1608.06993)"
HIGHWAY = "Srivastava et al. 2015 (1507.06228)"
TWO_ORDERS = 2.0  # decades
PRINTED = {  # experiments on CIFAR-10: the table, what its networks are called, and what sets them apart
    "cifar10_bottleneck": (f"{HE2016}, table 3", "ResNet"),
    "cifar10_densenet": (f"{DENSE}, table 2", "DenseNet"),
    "cifar10_densenet_bc": (f"{DENSE}, table 2", "DenseNet-BC"),
    "cifar10_resnext": ("Xie et al. 2016 (1611.05431), table 7", "ResNeXt"),
    "cifar10_stochastic": ("Huang et al. 2016 (1603.09382), table 1", "ResNet", "after 500 passes"),
}


def architecture_claims(published: Mapping[str, Published]) -> list[Claim]:
    """Every one.

    Args:
        published: the printed test errors in percent by experiment, then by variant and depth.
    """
    highway = [*_highway("sine_highway"), *_highway("digits_highway")]
    return [*highway, *_bottleneck(), *_printed(published), *_dense(), *_thousands(), *_unet()]


def _highway(experiment: str) -> list[Claim]:
    """What Srivastava et al. state of the training loss of MNIST, of which they show curves."""
    plain, highway = Cell(experiment, "plain_71", 100), Cell(experiment, "highway", 100)
    closed, half_open = highway._replace(variant="highway_bias_4"), highway._replace(variant="highway_bias_0")
    return [
        Claim(
            f"{experiment}/plain-networks-get-worse-beyond-20-layers",
            "Plain networks of 100 layers have a higher training loss than those of 20.",
            f"{HIGHWAY}, section 3.1, Fig. 1",
            Difference("train_loss", plain, plain._replace(depth=20), "above", LOSS_MARGIN),
        ),
        Claim(
            f"{experiment}/highway-trains-at-100-layers",
            "Highway networks of 100 layers learn the task.",
            f"{HIGHWAY}, section 3.1, Fig. 1",
            Difference("train_loss", highway, 0, "below", -LEARNED_LOSS),
        ),
        Claim(
            f"{experiment}/highway-does-not-get-worse-with-depth",
            "Highway networks of 100 layers have no higher training loss than those of 10.",
            f"{HIGHWAY}, section 3.1, Fig. 1",
            Difference("train_loss", highway, highway._replace(depth=10), "below", LOSS_MARGIN),
        ),
        Claim(
            f"{experiment}/highway-beats-plain-by-two-orders-of-magnitude",
            "At 100 layers highway networks have less than a hundredth of the training loss of plain networks with as "
            "many parameters.",
            f"{HIGHWAY}, section 3.1",
            Difference("train_loss", highway, plain, "below", -TWO_ORDERS, unmatched=True),
        ),
        Claim(
            f"{experiment}/gates-should-begin-nearly-closed",
            "At 100 layers gates that begin nearly closed give a lower training loss than gates that begin half open.",
            f"{HIGHWAY}, section 2.2",
            Difference("train_loss", closed, half_open, "below", -LOSS_MARGIN, unmatched=True),
        ),
    ]


def _bottleneck() -> list[Claim]:
    """What He et al. state of bottleneck networks, tried on the digits."""
    plain, residual = Cell("digits_bottleneck", "plain", 110), Cell("digits_bottleneck", "residual", 164)
    preactivated = Cell("digits_bottleneck", "full_preactivation", 326)
    return [
        Claim(
            "digits_bottleneck/plain-training-error-rises",
            DEGRADES,
            f"{HE2015}, section 4.2, of blocks of two 3x3 layers",
            Difference("train_error", plain, plain._replace(depth=29), "above", ERROR_MARGIN),
        ),
        Claim(
            "digits_bottleneck/residual-does-not-degrade",
            DOES_NOT_DEGRADE,
            f"{HE2016}, table 3, of 164 layers",
            does_not_degrade(residual, residual._replace(depth=29)),
        ),
        Claim(
            "digits_bottleneck/preactivation-does-not-degrade",
            "Networks of full pre-activation do not degrade up to hundreds of layers, and learn the task.",
            f"{HE2016}, section 4.2, of 1001 layers",
            does_not_degrade(preactivated, preactivated._replace(depth=29)),
        ),
        Claim(
            "digits_bottleneck/preactivation-trains-better-when-deep",
            "Very deep networks of full pre-activation have a lower training error than those of the original order.",
            f"{HE2016}, section 4.2, Fig. 1 (training loss), of 1001 layers",
            Difference(
                "train_error", preactivated, preactivated._replace(variant="residual"), "below", 0, unmatched=True
            ),
        ),
    ]


def _printed(published: Mapping[str, Published]) -> list[Claim]:
    deepest = Cell("cifar10_bottleneck", "full_preactivation", 1001)
    return [
        *(
            claim
            for experiment, words in PRINTED.items()
            for claim in as_printed(experiment, published.get(experiment, {}), *words)
        ),
        Claim(
            "cifar10_bottleneck/preactivation-beats-the-original-order",
            "At 1001 layers full pre-activation has a lower test error than the original order.",
            f"{HE2016}, section 4.1, table 3",
            Difference("test_error", deepest, deepest._replace(variant="residual"), "below", 0, unmatched=True),
        ),
    ]


def _dense() -> list[Claim]:
    plain, dense = Cell("digits_densenet", "plain", 76), Cell("digits_densenet", "concatenated", 76)
    return [
        Claim(
            "digits_densenet/plain-training-error-rises",
            DEGRADES,
            f"{HE2015}, section 4.2, of other layers",
            Difference("train_error", plain, plain._replace(depth=22), "above", ERROR_MARGIN),
        ),
        Claim(
            "digits_densenet/concatenation-does-not-degrade",
            "Densely connected networks do not degrade: their training error does not rise with depth, and they learn.",
            f"{DENSE}, sections 4.3 and 6",
            does_not_degrade(dense, dense._replace(depth=22)),
        ),
    ]


def _thousands() -> list[Claim]:
    residual = Cell("sine_3000", "residual", 3001)
    return [
        Claim(
            "sine_3000/residual-trains-at-3001-layers",
            "With shortcuts networks of more than 3000 layers can be trained.",
            f"ours, after {DUTA}, abstract: 3002 layers on CIFAR with improved blocks, which the original ones are not",
            Difference("train_loss", residual, 0, "below", -LEARNED_LOSS),
        ),
        Claim(
            "sine_3000/plain-does-not-train-at-1000-layers",
            "Plain networks of 1000 layers do not come below predicting the mean.",
            f"{HE2015}, section 1, of tens of layers",
            Difference("train_loss", residual._replace(variant="plain", depth=1000), 0, "above", -LOSS_MARGIN),
        ),
    ]


def _unet() -> list[Claim]:
    plain, skipping = Cell("digits_unet", "plain", 23), Cell("digits_unet", "concatenated", 23)
    return [
        Claim(
            "digits_unet/skips-bring-details",
            "At 23 layers a U-Net with its concatenating skips has a lower test loss than one without.",
            "ours, after Ronneberger et al. 2015 (1505.04597), section 1",
            Difference("test_loss", skipping, plain, "below", 0),
        ),
        Claim(
            "digits_unet/skips-do-not-let-stages-be-deeper",
            "With concatenating skips, too, deeper U-Nets have a higher training loss.",
            f"ours, after {HE2015}, section 1",
            Difference("train_loss", skipping._replace(depth=83), skipping._replace(depth=13), "above", LOSS_MARGIN),
        ),
    ]
