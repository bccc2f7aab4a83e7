"""The claims: published statements on depth, each with the rule that tests it on our records.

Rules, margins and depths are fixed when a claim is entered, the reference depth among them: the best of several
shallower depths would find a gap in noise. Errors are percent, so their differences are points; losses are compared on
a log scale, so their differences are decades.
"""

from collections.abc import Mapping

from degradation.analysis.arm_claims import EXACT, arm_claims
from degradation.analysis.rules import BestDepth, Cell, Difference
from degradation.analysis.sources import (
    ARTICLE,
    ERROR_MARGIN,
    HE2015,
    HEALTHY,
    LI2018,
    LOSS_MARGIN,
    TABLE_MARGIN,
    TABLE_SD,
    Claim,
)

__all__ = ["KNOWN", "TABLE_MARGIN", "TABLE_SD", "Claim", "claims"]

# Experiments whose results, or a probe of them, were known when their claims were entered.
KNOWN = {
    "sine_depth",
    "sine_depth_he",
    "sine_depth_batchnorm",
    "digits_depth",
    "digits_budget",
    "sine_why",
    "sine_he_why",
}

SINE_DEPTHS = (1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 37, 43, 49)
DIGITS_DEPTHS = (20, 32, 44, 56, 110)

Published = Mapping[str, Mapping[int, float]]  # by variant and depth


def _images(experiment: str, shallow: int, deep: int, trend: tuple[int, ...] = ()) -> list[Claim]:
    """What He et al. state of plain and residual networks on images, for one experiment and its reference depths."""
    plain, residual = Cell(experiment, "plain", deep), Cell(experiment, "residual", deep)
    plain_shallow, residual_shallow = plain._replace(depth=shallow), residual._replace(depth=shallow)
    return [
        Claim(
            f"{experiment}/plain-training-error-rises",
            "Deeper plain networks have a higher training error.",
            f"{HE2015}, section 4.2, Fig. 6 left",
            Difference("train_error", plain, plain_shallow, "above", ERROR_MARGIN, trend),
        ),
        Claim(
            f"{experiment}/plain-test-error-rises",
            "The test error of plain networks rises too, so the higher error is not overfitting.",
            f"{HE2015}, section 4.2, Fig. 6 left",
            Difference("test_error", plain, plain_shallow, "above", ERROR_MARGIN, trend),
        ),
        Claim(
            f"{experiment}/residual-does-not-degrade",
            "The training error of residual networks does not rise with depth.",
            f"{HE2015}, section 4.2, Fig. 6 middle",
            Difference("train_error", residual, residual_shallow, "below", ERROR_MARGIN),
        ),
        Claim(
            f"{experiment}/residual-beats-plain",
            "A deep residual network has a lower test error than the plain one of equal depth.",
            f"{HE2015}, section 4.2, Fig. 6",
            Difference("test_error", residual, plain, "below", -ERROR_MARGIN),
        ),
        Claim(
            f"{experiment}/shallow-are-close",
            "Plain and residual networks of moderate depth are comparably accurate.",
            f"{HE2015}, section 4.1, of 18 layers on ImageNet",
            Difference("test_error", residual_shallow, plain_shallow, "within", ERROR_MARGIN),
        ),
        Claim(
            f"{experiment}/residual-converges-faster",
            "At moderate depth residual networks converge faster.",
            f"{HE2015}, section 4.1, of 18 layers on ImageNet",
            Difference("error_along", residual_shallow, plain_shallow, "below", 0),
        ),
        Claim(
            f"{experiment}/plain-signal-is-healthy",
            "With batch normalisation the forward signals of plain networks have non-zero variances.",
            f"{HE2015}, section 4.1",
            Difference("signal_ratio", plain, 0, "within", HEALTHY),
        ),
        Claim(
            f"{experiment}/plain-gradients-are-healthy",
            "With batch normalisation the backward gradients of plain networks have healthy norms.",
            f"{HE2015}, section 4.1",
            Difference("gradient_ratio", plain, 0, "within", HEALTHY),
        ),
        Claim(
            f"{experiment}/residual-responses-are-smaller",
            "Residual networks have generally smaller responses than plain ones.",
            f"{HE2015}, section 4.2, Fig. 7",
            Difference("response", residual, plain, "below", 0),
        ),
        Claim(
            f"{experiment}/responses-shrink-with-depth",
            "Deeper residual networks have smaller responses.",
            f"{HE2015}, section 4.2, Fig. 7",
            Difference("response", residual, residual_shallow, "below", 0),
        ),
    ]


def _sine(experiment: str, how: str) -> list[Claim]:
    """What He et al. state of plain and residual networks, for MLPs of 7 and 49 layers."""
    plain, residual = Cell(experiment, "plain", 49), Cell(experiment, "residual", 49)
    return [
        Claim(
            f"{experiment}/plain-training-loss-rises",
            f"Deeper plain networks have a higher training loss, {how}.",
            f"{HE2015}, section 1",
            Difference("train_loss", plain, plain._replace(depth=7), "above", LOSS_MARGIN, SINE_DEPTHS[2:]),
        ),
        Claim(
            f"{experiment}/residual-does-not-degrade",
            f"The training loss of residual networks does not rise with depth, {how}.",
            f"{HE2015}, section 4.2",
            Difference("train_loss", residual, residual._replace(depth=7), "below", LOSS_MARGIN),
        ),
        Claim(
            f"{experiment}/residual-beats-plain",
            f"A deep residual network has a lower test loss than the plain one of equal depth, {how}.",
            f"{HE2015}, section 4.2",
            Difference("test_loss", residual, plain, "below", -LOSS_MARGIN),
        ),
    ]


def _starts_converging(experiment: str, how: str) -> Claim:
    return Claim(
        f"{experiment}/tens-of-layers-start-converging",
        f"{how} enables plain networks with tens of layers to start converging.",
        f"{HE2015}, section 1",
        Difference("train_loss", Cell(experiment, "plain", 31), 0, "below", -LOSS_MARGIN),
    )


def _why_sine() -> list[Claim]:
    """What makes plain networks fail in sine_depth, and residual ones lose in sine_depth_he."""
    plain, residual, patient = (Cell("sine_why", name, 49) for name in ("plain", "residual", "plain_eps"))
    he = {name: Cell("sine_he_why", name, 49) for name in ("plain", "residual", "scaled", "residual_he_bias")}
    at_25 = {name: cell._replace(depth=25) for name, cell in he.items()}
    return [
        Claim(
            "sine_why/plain-loss-rises-without-the-cliff",
            "From about 7 layers on the plain loss rises, also where Adam's epsilon is below the gradients.",
            ARTICLE,
            Difference("test_loss", patient, patient._replace(depth=7), "above", LOSS_MARGIN, SINE_DEPTHS[2:]),
        ),
        Claim(
            "sine_why/epsilon-makes-the-cliff",
            "At 49 layers plain networks end at predicting the mean because of Adam's epsilon.",
            "ours",
            Difference("test_loss", plain, patient, "above", LOSS_MARGIN, unmatched=True),
        ),
        Claim(
            "sine_why/residual-beats-plain-without-the-cliff",
            "A deep residual network has a lower test loss than a plain one whose Adam has a smaller epsilon.",
            f"{HE2015}, section 4.2",
            Difference("test_loss", residual, patient, "below", -LOSS_MARGIN, unmatched=True),
        ),
        Claim(
            "sine_he_why/scaling-helps",
            "With He initialisation a sum over the square root of two has a lower test loss than a plain sum.",
            "ours",
            Difference("test_loss", he["scaled"], he["residual"], "below", -LOSS_MARGIN),
        ),
        Claim(
            "sine_he_why/scaled-is-as-good-as-plain",
            "With the scaled sum residual networks are about as good as plain ones at 49 layers.",
            "ours",
            Difference("test_loss", he["scaled"], he["plain"], "within", LOSS_MARGIN),
        ),
        Claim(
            "sine_he_why/biases-matter-at-25-layers",
            "At 25 layers residual networks with other biases than zero have a lower test loss.",
            "ours",
            Difference(
                "test_loss", at_25["residual_he_bias"], at_25["residual"], "below", -LOSS_MARGIN, unmatched=True
            ),
        ),
    ]


def claims(published: Mapping[str, Published]) -> list[Claim]:
    """Every claim.

    Args:
        published: the printed test errors in percent by experiment, variant and depth, which some of them repeat.
    """
    return [
        Claim(
            "sine_depth/best-near-7-layers",
            "The plain loss falls up to about 7 layers.",
            ARTICLE,
            BestDepth("test_loss", "sine_depth", "plain", SINE_DEPTHS, expected=7, margin=3),
        ),
        Claim(
            "sine_depth/plain-loss-rises-from-7-layers",
            "From about 7 layers on the plain loss rises.",
            ARTICLE,
            Difference(
                "test_loss",
                Cell("sine_depth", "plain", 49),
                Cell("sine_depth", "plain", 7),
                "above",
                LOSS_MARGIN,
                SINE_DEPTHS[2:],
            ),
        ),
        Claim(
            "sine_depth/residual-keeps-improving",
            "With a weight-free skip over three layers the loss stays low and goes on falling.",
            ARTICLE,
            Difference(
                "test_loss",
                Cell("sine_depth", "residual", 49),
                Cell("sine_depth", "residual", 7),
                "below",
                0,
                SINE_DEPTHS[2:],
            ),
        ),
        *_sine("sine_depth", "with PyTorch's default initialisation"),
        *_why_sine(),
        *_sine("sine_depth_he", "with He initialisation"),
        _starts_converging("sine_depth_he", "Normalised initialisation"),
        *_sine("sine_depth_batchnorm", "with batch normalisation"),
        _starts_converging("sine_depth_batchnorm", "Batch normalisation"),
        Claim(
            "sine_depth_batchnorm/plain-gradients-are-healthy",
            "With batch normalisation the backward gradients of plain networks have healthy norms.",
            f"{HE2015}, section 4.1",
            Difference("gradient_ratio", Cell("sine_depth_batchnorm", "plain", 49), 0, "within", HEALTHY),
        ),
        *_images("digits_depth", 20, 56, DIGITS_DEPTHS),
        Claim(
            "digits_depth/residual-110-does-not-degrade",
            "The training error of residual networks does not rise with depth, up to 110 layers.",
            f"{HE2015}, section 4.2, Fig. 6 middle",
            Difference(
                "train_error",
                Cell("digits_depth", "residual", 110),
                Cell("digits_depth", "residual", 20),
                "below",
                ERROR_MARGIN,
            ),
        ),
        Claim(
            "digits_budget/more-steps-do-not-cure-it",
            "Several times more iterations do not cure the degradation of plain networks.",
            f"{HE2015}, section 4.1, footnote 3, 3 times on ImageNet",
            Difference(
                "train_error",
                Cell("digits_budget", "plain", 56),
                Cell("digits_budget", "plain", 20),
                "above",
                ERROR_MARGIN,
            ),
        ),
        *arm_claims(),
        Claim(
            "digits_1202/fits-the-training-set",
            "A residual network of 1202 layers fits the training set.",
            f"{HE2015}, section 4.2, of CIFAR-10",
            Difference("train_error", Cell("digits_1202", "residual", 1202), 0, "below", EXACT),
        ),
        *_images("cifar10_small", 20, 56),
        *_images("cifar10_depth", 20, 56, (20, 32, 44, 56)),
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
                "ours: cifar10_depth is computed in bfloat16, the paper's networks in float32",
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
        Claim(
            "cifar10_1202/fits-the-training-set",
            "ResNet-1202 has a training error below 0.1 %.",
            f"{HE2015}, section 4.2",
            Difference("train_error", Cell("cifar10_1202", "residual", 1202), 0, "below", 0.1),
        ),
        Claim(
            "cifar10_1202/tests-worse-than-110",
            "ResNet-1202 has a higher test error than ResNet-110.",
            f"{HE2015}, section 4.2, table 6",
            Difference(
                "test_error", Cell("cifar10_1202", "residual", 1202), Cell("cifar10_depth", "residual", 110), "above", 0
            ),
        ),
    ]
