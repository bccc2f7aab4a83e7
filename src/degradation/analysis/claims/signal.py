"""The claims of signal theory: does training end where the signal does, do gradients shatter, and are identities hard?

All were entered before they were run; of identities a probe was known.
"""

import numpy as np

from degradation.analysis.findings import Relation
from degradation.analysis.mean_field import signal
from degradation.analysis.metrics import LEARNED_IDENTITY
from degradation.analysis.rules import AllOf, Cell, Difference
from degradation.analysis.sources import HE2015, HEALTHY, LEARNED_LOSS, LOSS_MARGIN, Claim

SCHOENHOLZ = "Schoenholz et al. 2017 (1611.01232)"
BALDUZZI = "Balduzzi et al. 2017 (1702.08591)"
SOONER = 100  # steps of 500
SHARED = 0.2  # of correlation: a difference that is seen in the drawn gradients
INPUTS = np.linspace(-2 * np.pi, 2 * np.pi, 256)  # the sine's interval
WIDTH = 30
FOLLOWED = ((0.65, 13), (0.8, 25), (1.1, 25), (1.3, 13))  # gains and depths, in float32's reach


def signal_claims() -> list[Claim]:
    """Depth and gain of the sine's networks, the gradient by their input, and learning the identity."""
    return [*_depth_and_gain(), *_shattered(), *_identity()]


def _depth_and_gain() -> list[Claim]:
    return [
        Claim(
            "sine_signal/signal-follows-mean-field",
            "At initialisation the signal of plain networks changes over depth as mean-field theory computes it.",
            f"{SCHOENHOLZ}, section 3, of wide networks",
            AllOf(
                tuple(
                    Difference("signal_ratio", _cell("plain", depth, gain), predicted(gain, depth), "within", HEALTHY)
                    for gain, depth in FOLLOWED
                )
            ),
        ),
        Claim(
            "sine_signal/eleven-depth-scales-of-a-vanishing-signal-do-not-train",
            "Plain networks of eleven depth scales, whose signal vanishes, do not come to half of the mean's loss.",
            f"{SCHOENHOLZ}, section 5: six depth scales, of tanh networks with SGD",
            AllOf(
                (
                    Difference("train_loss", _cell("plain", 25, 0.8), 0, "above", -LOSS_MARGIN),
                    Difference("train_loss", _cell("plain", 13, 0.65), 0, "above", -LOSS_MARGIN),
                )
            ),
        ),
        Claim(
            "sine_signal/thirteen-depth-scales-of-an-exploding-signal-do-not-train",
            "Plain networks of thirteen depth scales, whose signal explodes, do not come to half of the mean's loss.",
            f"{SCHOENHOLZ}, section 5: six depth scales, of tanh networks with SGD",
            Difference("train_loss", _cell("plain", 25, 1.3), 0, "above", -LOSS_MARGIN),
        ),
        Claim(
            "sine_signal/training-ends-at-adams-epsilon",
            "At 37 layers plain networks end at predicting the mean where theory has their gradients below Adam's "
            "epsilon (gain 0.5), and train where it has them above (0.65).",
            "ours",
            AllOf(
                (
                    Difference("train_loss", _cell("plain", 37, 0.5), 0, "above", -LOSS_MARGIN),
                    Difference("train_loss", _cell("plain", 37, 0.65), 0, "below", -LOSS_MARGIN),
                )
            ),
        ),
        Claim(
            "sine_signal/shortcuts-carry-the-signal",
            "Residual networks of 49 layers learn the task at gains at which the signal of plain ones ends.",
            "ours, after Yang and Schoenholz 2017 (1712.08969), of residual tanh networks",
            AllOf(
                tuple(
                    Difference("train_loss", _cell("residual", 49, gain), 0, "below", -LEARNED_LOSS)
                    for gain in (0.5, 0.65)
                )
            ),
        ),
        Claim(
            "sine_signal/shortcuts-explode-first",
            "At a gain of 1.3 and 25 layers residual networks have a higher training loss than plain ones.",
            "ours: the sum of shortcut and branch grows faster than the branch alone",
            Difference("train_loss", _cell("residual", 25, 1.3), _cell("plain", 25, 1.3), "above", LOSS_MARGIN),
        ),
    ]


def predicted(gain: float, depth: int) -> float:
    """Decades of the first hidden layer's signal over the last's, as the metric `signal_ratio` is measured."""
    spreads = signal(depth, gain, WIDTH, INPUTS)
    return round(float(np.log10(spreads[0] / spreads[-1])), 2)


def _cell(variant: str, depth: int, gain: float) -> Cell:
    return Cell("sine_signal", variant, depth, f"gain={gain}")


def _shattered() -> list[Claim]:
    plain, residual = (Cell("sine_shattered", variant, 49) for variant in ("plain", "residual"))
    unnormalised = plain._replace(condition="norm=none")
    return [
        Claim(
            "sine_shattered/plain-gradients-shatter",
            "With batch normalisation gradients of deeper plain networks share less between neighbouring inputs.",
            f"{BALDUZZI}, abstract",
            Difference("autocorrelation", plain, plain._replace(depth=4), "below", -SHARED, (4, 7, 13, 25, 49)),
        ),
        Claim(
            "sine_shattered/shortcuts-resist",
            "With batch normalisation, at 49 layers, residual networks' gradients share more than plain ones'.",
            f"{BALDUZZI}, abstract",
            Difference("autocorrelation", residual, plain, "above", SHARED),
        ),
        Claim(  # added when the tables were known: at 49 layers both are white noise
            "sine_shattered/shortcuts-delay-it",
            "With batch normalisation, at 7 layers, residual networks' gradients share more than plain ones'.",
            f"{BALDUZZI}, abstract",
            Difference("autocorrelation", residual._replace(depth=7), plain._replace(depth=7), "above", 0),
            known=True,
        ),
        Claim(
            "sine_shattered/small-branches-resist",
            "With batch normalisation, at 49 layers, gradients share more if branches count a tenth.",
            f"{BALDUZZI}, Fig. 2c (rescaling by beta)",
            Difference("autocorrelation", residual._replace(variant="tenth"), residual, "above", SHARED),
        ),
        Claim(
            "sine_shattered/plain-gradients-shatter-without-normalisation",
            "Without normalisation, too, gradients of deeper plain networks share less between neighbouring inputs.",
            f"{BALDUZZI}, theorem 1, of units that are open at half of the inputs",
            Difference("autocorrelation", unnormalised, unnormalised._replace(depth=4), "below", -SHARED),
        ),
    ]


def _learned(experiment: str, variant: str, relation: Relation, depths: tuple[int, ...]) -> AllOf:
    """Whether networks come below the loss of one that gives back its input."""
    learned = float(np.log10(LEARNED_IDENTITY))
    cells = [Cell(experiment, variant, depth) for depth in depths]
    return AllOf(tuple(Difference("train_loss", cell, 0, relation, learned) for cell in cells))


def _identity() -> list[Claim]:
    source, short, long = f"{HE2015}, section 3.1", "identity_learning", "identity_long"
    return [
        Claim(
            f"{short}/one-layer-learns-it",
            "One layer learns the identity in 500 steps, to a thousandth of the loss of predicting the mean.",
            source,
            _learned(short, "plain", "below", (1,)),
            known=True,
        ),
        Claim(
            f"{short}/several-plain-layers-do-not",
            "Two, four and eight plain layers do not learn it in 500 steps.",
            source,
            _learned(short, "plain", "above", (2, 4, 8)),
            known=True,
        ),
        Claim(
            f"{short}/residual-layers-do",
            "Two, four and eight layers with shortcuts learn it in 500 steps.",
            source,
            _learned(short, "residual", "below", (2, 4, 8)),
            known=True,
        ),
        Claim(
            f"{long}/several-plain-layers-do-not-in-5000",
            "Two, four and eight plain layers do not learn it in 5000 steps.",
            source,
            _learned(long, "plain", "above", (2, 4, 8)),
        ),
        Claim(
            f"{long}/residual-layers-do-in-5000",
            "Two, four and eight layers with shortcuts learn it in 5000 steps.",
            source,
            _learned(long, "residual", "below", (2, 4, 8)),
        ),
        Claim(  # a network that never learns it counts as all steps: in 500 that is nearly all of eight layers
            f"{long}/shortcuts-are-faster",
            "With shortcuts eight layers learn it a hundred steps sooner than without, or more.",
            source,
            Difference("steps_to_learn", Cell(long, "residual", 8), Cell(long, "plain", 8), "below", -SOONER),
        ),
    ]
