"""The claims of He et al. 2016, section 4: orders of normalisation, ReLU and addition. Entered before any result."""

from degradation.analysis.claims.printed import as_printed
from degradation.analysis.rules import AllOf, Cell, Difference
from degradation.analysis.sources import ERROR_MARGIN, HE2016, Claim, Published

TABLE = f"{HE2016}, table 2"
DIGITS = Cell("digits_orders", "residual", 110)
OTHERS = ("residual", "bn_after", "relu_before", "relu_only_preactivation")


def order_claims(published: Published) -> list[Claim]:
    """Of digits_orders and cifar10_orders; `published` are the printed errors of the latter."""
    return [
        *_deep("digits_orders", ERROR_MARGIN),
        Claim(
            "digits_orders/full-preactivation-eases-optimisation",
            "At 110 layers full pre-activation gives a lower training error than the original order.",
            f"{HE2016}, section 4.2, of the training loss of 1001 layers (of 110, at its end, it says the opposite)",
            Difference("train_error", DIGITS._replace(variant="full_preactivation"), DIGITS, "below", -ERROR_MARGIN),
        ),
        *_deep("cifar10_orders", 0),  # the printed differences are tenths of a point but for bn_after and relu_before
        *as_printed("cifar10_orders", published, TABLE),
    ]


def _deep(experiment: str, margin: float) -> list[Claim]:
    """At 110 layers, where the variants are matched: they have the same tensors.

    Args:
        margin: points by which an order that is better or worse must be so.
    """
    original = Cell(experiment, "residual", 110)
    full = original._replace(variant="full_preactivation")
    bn_after = original._replace(variant="bn_after")
    relu_before = original._replace(variant="relu_before")
    return [
        Claim(
            f"{experiment}/full-preactivation-is-best-deep",
            "At 110 layers full pre-activation has the lowest test error of the five orders.",
            f"{TABLE} and section 4.1",
            AllOf(
                tuple(
                    Difference("test_error", full, original._replace(variant=other), "below", -margin)
                    for other in OTHERS
                )
            ),
        ),
        Claim(
            f"{experiment}/bn-after-is-worse",
            "At 110 layers batch normalisation after the addition gives a higher test error than the original order.",
            f"{TABLE} and section 4.1: it impedes the signal and makes the training loss fall slowly at first",
            Difference("test_error", bn_after, original, "above", margin),
        ),
        Claim(
            f"{experiment}/relu-before-is-worse",
            "At 110 layers a ReLU before the addition gives a higher test error than the original order.",
            f"{TABLE} and section 4.1: branches that are never negative",
            Difference("test_error", relu_before, original, "above", margin),
        ),
        Claim(
            f"{experiment}/every-order-beats-plain",
            "At 110 layers every order has a lower test error than the plain network, which all are without shortcuts.",
            "ours, after He et al. 2015 (1512.03385), section 4.2",
            AllOf(
                tuple(
                    Difference(
                        "test_error",
                        original._replace(variant=variant),
                        original._replace(variant="plain"),
                        "below",
                        -ERROR_MARGIN,
                    )
                    for variant in (*OTHERS, "full_preactivation")
                )
            ),
        ),
    ]
