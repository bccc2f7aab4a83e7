"""The claims of plain and residual networks on images over depth: digits, small CIFAR-10, and CIFAR-10 itself."""

from collections.abc import Mapping

from degradation.analysis.claims.gradients import gradient_claims, signal_claim
from degradation.analysis.rules import AllOf, Cell, Difference
from degradation.analysis.sources import (
    BEATS,
    CLOSE,
    DEGRADES,
    DOES_NOT_DEGRADE,
    ERROR_MARGIN,
    EXACT,
    GAINS,
    HE2015,
    LEARNED_ERROR,
    LI2018,
    OF_18_LAYERS,
    TABLE_MARGIN,
    Claim,
    Published,
)

DIGITS_DEPTHS = (20, 32, 44, 56, 110)


def does_not_degrade(deep: Cell, shallow: Cell) -> AllOf:
    """The training error does not rise, and is that of a network that learned something."""
    return AllOf(
        (
            Difference("train_error", deep, shallow, "below", ERROR_MARGIN),
            Difference("train_error", deep, LEARNED_ERROR, "below", 0),
        )
    )


def shallow_are_close(residual: Cell, *, known: bool) -> Claim:
    """Register it at a budget at which both have converged."""
    return Claim(
        f"{residual.experiment}/shallow-are-close",
        CLOSE,
        f"{OF_18_LAYERS}; at the budget at which both have converged",
        Difference("test_error", residual, residual._replace(variant="plain"), "within", ERROR_MARGIN),
        known,
    )


def _images(
    experiment: str, shallow: int, deep: int, trend: tuple[int, ...] = (), *, known: bool, known_later: bool
) -> list[Claim]:
    """What He et al. state of plain and residual networks on images, for one experiment and its reference depths.

    Args:
        known: whether results were known when the claims were first entered.
        known_later: whether they were when some were added and others got a better rule.
    """
    plain, residual = Cell(experiment, "plain", deep), Cell(experiment, "residual", deep)
    plain_shallow, residual_shallow = plain._replace(depth=shallow), residual._replace(depth=shallow)
    return [
        Claim(
            f"{experiment}/plain-training-error-rises",
            DEGRADES,
            f"{HE2015}, section 4.2, Fig. 6 left",
            Difference("train_error", plain, plain_shallow, "above", ERROR_MARGIN, trend),
            known,
        ),
        Claim(
            f"{experiment}/plain-test-error-rises",
            "The test error of plain networks rises too.",
            f"{HE2015}, section 4.2, Fig. 6 left",
            Difference("test_error", plain, plain_shallow, "above", ERROR_MARGIN, trend),
            known,
        ),
        Claim(
            f"{experiment}/residual-does-not-degrade",
            DOES_NOT_DEGRADE,
            f"{HE2015}, section 4.2, Fig. 6 middle",
            does_not_degrade(residual, residual_shallow),
            known_later,
        ),
        Claim(
            f"{experiment}/{GAINS}",
            "Deeper residual networks have a lower test error.",
            f"{HE2015}, section 4.2, Fig. 6 middle and table 6",
            Difference("test_error", residual, residual_shallow, "below", 0),
            known_later,
        ),
        Claim(
            f"{experiment}/residual-beats-plain",
            BEATS,
            f"{HE2015}, section 4.2, Fig. 6",
            Difference("test_error", residual, plain, "below", -ERROR_MARGIN),
            known,
        ),
        Claim(
            f"{experiment}/residual-converges-faster",
            "At moderate depth residual networks converge faster.",
            OF_18_LAYERS,
            Difference("early_batch_error", residual_shallow, plain_shallow, "below", 0),
            known_later,
        ),
        signal_claim(plain, known=known),
        *gradient_claims(plain, known=known_later),
        Claim(
            f"{experiment}/residual-responses-are-smaller",
            "Deep residual networks have smaller responses than deep plain ones, whether or not these train.",
            f"{HE2015}, section 4.2, Fig. 7",
            Difference("response", residual, plain, "below", 0),
            known_later,
        ),
        Claim(
            f"{experiment}/shallow-residual-responses-are-smaller",
            "Residual networks of moderate depth, where both train, have smaller responses than plain ones.",
            f"{HE2015}, section 4.2, Fig. 7",
            Difference("response", residual_shallow, plain_shallow, "below", 0),
            known_later,
        ),
        Claim(
            f"{experiment}/responses-shrink-with-depth",
            "Deeper residual networks have smaller responses.",
            f"{HE2015}, section 4.2, Fig. 7",
            Difference("response", residual, residual_shallow, "below", 0),
            known_later,
        ),
    ]


def _very_deep(experiment: str, *, known: bool) -> Claim:
    residual = Cell(experiment, "residual", 110)
    return Claim(
        f"{experiment}/residual-110-does-not-degrade",
        "Residual networks of 110 layers do not degrade: their training error is not above that of 20 layers, and "
        "they learn the task.",
        f"{HE2015}, section 4.2, Fig. 6 middle",
        does_not_degrade(residual, residual._replace(depth=20)),
        known,
    )


def digits_claims() -> list[Claim]:
    """Of digits_depth, whose results were known."""
    return [
        *_images("digits_depth", 20, 56, DIGITS_DEPTHS, known=True, known_later=True),
        _very_deep("digits_depth", known=True),
    ]


def _fits(experiment: str, source: str) -> Claim:
    return Claim(
        f"{experiment}/fits-the-training-set",
        "A residual network of 1202 layers fits the training set: its training error is below 0.1 %.",
        source,
        Difference("train_error", Cell(experiment, "residual", 1202), 0, "below", EXACT),
    )


def digits_1202() -> list[Claim]:
    """Entered before its results were known."""
    return [_fits("digits_1202", f"{HE2015}, section 4.2, of CIFAR-10")]


def small_claims() -> list[Claim]:
    """Of cifar10_small."""
    plain, warmed = Cell("cifar10_small", "plain", 56), Cell("cifar10_small_warmup", "residual", 110)
    return [
        *_images("cifar10_small", 20, 56, known=False, known_later=True),
        _very_deep("cifar10_small", known=False),  # entered when 20, 32 and 56 layers were known, and 110 were not
        Claim(
            "cifar10_small/plain-110-is-worst",
            "Plain networks of 110 layers have a higher training error than of 56.",
            f"{HE2015}, section 4.2",
            Difference("train_error", plain._replace(depth=110), plain, "above", ERROR_MARGIN),
        ),
        shallow_are_close(Cell("cifar10_small", "residual", 20), known=False),
        Claim(  # entered when seed 0 without a warm-up was known
            "cifar10_small_warmup/a-warm-up-helps-residual-110",
            "Residual networks of 110 layers train better if they begin at a tenth of the rate.",
            f"{HE2015}, section 4.2",
            Difference("train_error", warmed, warmed._replace(experiment="cifar10_small"), "below", -ERROR_MARGIN),
        ),
    ]


def cifar10_claims(published: Mapping[str, Published]) -> list[Claim]:
    """Of CIFAR-10 with the paper's recipe, before any result; `published` as in `claims`."""
    return [
        *_images("cifar10_depth", 20, 56, (20, 32, 44, 56), known=False, known_later=False),
        _very_deep("cifar10_depth", known=False),
        shallow_are_close(Cell("cifar10_depth", "residual", 20), known=False),
        *(
            Claim(
                f"cifar10_depth/resnet-{depth}",
                f"ResNet-{depth} has {error} % test error.",
                f"{HE2015}, table 6",
                Difference("test_error", Cell("cifar10_depth", "residual", depth), error, "within", TABLE_MARGIN),
            )
            for depth, error in published.get("cifar10_depth", {}).get("residual", {}).items()
        ),
        Claim(
            "cifar10_depth/plain-110-above-60",
            "The plain network of 110 layers has a test error above 60 %.",
            f"{HE2015}, section 4.2",
            Difference("test_error", Cell("cifar10_depth", "plain", 110), 60, "above", 0),
        ),
        *(
            Claim(
                f"cifar10_fp32/{variant}-56-agrees",
                f"In float32 {variant} networks of 56 layers have the test error that they have in bfloat16.",
                "ours: cifar10_depth is computed in bfloat16, the paper's networks presumably in float32",
                Difference(
                    "test_error",
                    Cell("cifar10_fp32", variant, 56),
                    Cell("cifar10_depth", variant, 56),
                    "within",
                    ERROR_MARGIN,
                ),
            )
            for variant in ("plain", "residual")
        ),
        *(
            Claim(
                f"cifar10_plain110_li2018/plain-{depth}-trains",
                f"With learning rate 0.01 and weight decay 5e-4 the plain network of {depth} layers reaches {error} %.",
                LI2018,
                Difference("test_error", Cell("cifar10_plain110_li2018", "plain", depth), error, "within", 3),
            )
            for depth, error in published.get("cifar10_plain110_li2018", {}).get("plain", {}).items()
        ),
        _fits("cifar10_1202", f"{HE2015}, section 4.2"),
        Claim(
            "cifar10_1202/tests-worse-than-110",
            "ResNet-1202 has a higher test error than ResNet-110.",
            f"{HE2015}, section 4.2, table 6",
            Difference(
                "test_error", Cell("cifar10_1202", "residual", 1202), Cell("cifar10_depth", "residual", 110), "above", 0
            ),
        ),
    ]
