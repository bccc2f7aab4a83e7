"""Is the difficulty a vanishing signal or gradient? What He et al. answer for networks with batch normalisation."""

from degradation.analysis.rules import Cell, Difference
from degradation.analysis.sources import HE2015, HEALTHY, Claim

OF_34_LAYERS = f"{HE2015}, section 4.1, of 34 layers on ImageNet and of vanishing alone"
MOMENTS = {"init": "at initialisation", "final": "after training"}


def signal_claim(plain: Cell, *, known: bool) -> Claim:
    """Of a plain network's forward signal."""
    return Claim(
        f"{plain.experiment}/plain-signal-is-healthy",
        "The forward signals of plain networks have non-zero variances (which batch normalisation nearly forces).",
        f"{HE2015}, section 4.1",
        Difference("signal_ratio", plain, 0, "within", HEALTHY),
        known,
    )


def gradient_claims(plain: Cell, *, known: bool) -> list[Claim]:
    """Of a plain network's backward gradients: they do not vanish, which is less than being balanced."""
    found = []
    for moment, when in MOMENTS.items():
        metric, ending = f"gradient_ratio_{moment}", when.replace(" ", "-")
        found += [
            Claim(
                f"{plain.experiment}/plain-gradients-do-not-vanish-{ending}",
                f"With batch normalisation plain networks' gradients do not vanish towards the first layers, {when}.",
                OF_34_LAYERS,
                Difference(metric, plain, 0, "above", -HEALTHY),
                known,
            ),
            Claim(
                f"{plain.experiment}/plain-gradients-are-balanced-{ending}",
                f"With batch normalisation plain networks' gradients are within a decade over the layers, {when}.",
                f"{HE2015}, section 4.1, which calls their norms healthy, of 34 layers on ImageNet",
                Difference(metric, plain, 0, "within", HEALTHY),
                known,
            ),
        ]
    return found
