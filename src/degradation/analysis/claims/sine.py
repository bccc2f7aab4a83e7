"""The claims of the sine: MLPs of 30 units over depth, and why plain networks fail. Their results were known."""

from degradation.analysis.claims.gradients import gradient_claims, signal_claim
from degradation.analysis.rules import AllOf, BestDepth, Cell, Difference
from degradation.analysis.sources import (
    ARTICLE,
    BEATS,
    DEGRADES,
    DOES_NOT_DEGRADE,
    HE2015,
    LEARNED_LOSS,
    LOSS_MARGIN,
    Claim,
)

SINE_DEPTHS = (1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 37, 43, 49)


def _article() -> list[Claim]:
    """What the article states of its figure."""
    plain, residual = Cell("sine_depth", "plain", 49), Cell("sine_depth", "residual", 49)
    return [
        Claim(
            "sine_depth/best-near-7-layers",
            "The plain loss falls up to about 7 layers.",
            ARTICLE,
            BestDepth("test_loss", "sine_depth", "plain", SINE_DEPTHS, expected=7, margin=3),
            known=True,
        ),
        Claim(
            "sine_depth/plain-loss-rises-from-7-layers",
            "Beyond its best depth the plain loss rises: it is higher at 49 layers than at 7.",
            ARTICLE,
            Difference("test_loss", plain, plain._replace(depth=7), "above", LOSS_MARGIN, SINE_DEPTHS[2:]),
            known=True,
        ),
        Claim(
            "sine_depth/residual-keeps-improving",
            "With a weight-free skip over three layers the loss stays low and goes on falling.",
            ARTICLE,
            Difference("test_loss", residual, residual._replace(depth=7), "below", 0, SINE_DEPTHS[2:]),
            known=True,
        ),
    ]


def _depth(experiment: str) -> list[Claim]:
    """What He et al. state of plain and residual networks, for MLPs of 7 and 49 layers."""
    plain, residual = Cell(experiment, "plain", 49), Cell(experiment, "residual", 49)
    return [
        Claim(
            f"{experiment}/plain-training-error-rises",
            DEGRADES,
            f"{HE2015}, section 1",
            Difference("train_loss", plain, plain._replace(depth=7), "above", LOSS_MARGIN, SINE_DEPTHS[2:]),
            known=True,
        ),
        Claim(
            f"{experiment}/residual-does-not-degrade",
            DOES_NOT_DEGRADE,
            f"{HE2015}, section 4.2",
            AllOf(
                (
                    Difference("train_loss", residual, residual._replace(depth=7), "below", LOSS_MARGIN),
                    Difference("train_loss", residual, 0, "below", -LEARNED_LOSS),
                )
            ),
            known=True,
        ),
        Claim(
            f"{experiment}/residual-beats-plain",
            BEATS,
            f"{HE2015}, section 4.2",
            Difference("test_loss", residual, plain, "below", -LOSS_MARGIN),
            known=True,
        ),
    ]


def _starts_converging(experiment: str) -> Claim:
    return Claim(
        f"{experiment}/tens-of-layers-start-converging",
        "Normalised initialisation, or batch normalisation, enables plain networks with tens of layers to start "
        "converging.",
        f"{HE2015}, section 1; here of 31 layers",
        Difference("train_loss", Cell(experiment, "plain", 31), 0, "below", -LOSS_MARGIN),
        known=True,
    )


def _why() -> list[Claim]:
    """What makes plain networks fail in sine_depth, and residual ones lose in sine_depth_he."""
    plain, residual, patient = (Cell("sine_why", name, 49) for name in ("plain", "residual", "plain_eps"))
    he = {name: Cell("sine_he_why", name, 49) for name in ("plain", "residual", "scaled", "residual_he_bias")}
    at_25 = {name: cell._replace(depth=25) for name, cell in he.items()}
    return [
        Claim(
            "sine_why/plain-loss-rises-without-the-cliff",
            "The plain loss is higher at 49 layers than at 7 with an epsilon of 1e-20, too.",
            ARTICLE,
            Difference("test_loss", patient, patient._replace(depth=7), "above", LOSS_MARGIN, SINE_DEPTHS[2:]),
            known=True,
        ),
        Claim(
            "sine_why/epsilon-makes-the-cliff",
            "At 49 layers plain networks end at predicting the mean because of Adam's epsilon.",
            "ours",
            Difference("test_loss", plain, patient, "above", LOSS_MARGIN, unmatched=True),
            known=True,
        ),
        Claim(
            "sine_why/residual-beats-plain-without-the-cliff",
            "A deep residual network has a lower test loss than a plain one whose Adam has a smaller epsilon.",
            f"{HE2015}, section 4.2",
            Difference("test_loss", residual, patient, "below", -LOSS_MARGIN, unmatched=True),
            known=True,
        ),
        Claim(
            "sine_he_why/scaling-helps",
            "With He initialisation a sum over the square root of two has a lower test loss than a plain sum.",
            "ours",
            Difference("test_loss", he["scaled"], he["residual"], "below", -LOSS_MARGIN),
            known=True,
        ),
        Claim(
            "sine_he_why/scaled-is-as-good-as-plain",
            "With the scaled sum residual networks are about as good as plain ones at 49 layers.",
            "ours",
            Difference("test_loss", he["scaled"], he["plain"], "within", LOSS_MARGIN),
            known=True,
        ),
        Claim(
            "sine_he_why/biases-matter-at-25-layers",
            "At 25 layers residual networks with other biases than zero have a lower test loss.",
            "ours",
            Difference(
                "test_loss", at_25["residual_he_bias"], at_25["residual"], "below", -LOSS_MARGIN, unmatched=True
            ),
            known=True,
        ),
    ]


def sine_claims() -> list[Claim]:
    """Everything that the sine tests, its arms aside."""
    return [
        *_article(),
        *_depth("sine_depth"),
        *_why(),
        *_depth("sine_depth_he"),
        _starts_converging("sine_depth_he"),
        *_depth("sine_depth_batchnorm"),
        _starts_converging("sine_depth_batchnorm"),
        signal_claim(Cell("sine_depth_batchnorm", "plain", 49), known=True),
        *gradient_claims(Cell("sine_depth_batchnorm", "plain", 49), known=True),
    ]
