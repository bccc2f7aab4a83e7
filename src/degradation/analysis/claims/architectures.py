"""The claims of other ways past a layer than an identity that is added: gates. All were entered before a run."""

from degradation.analysis.rules import Cell, Difference
from degradation.analysis.sources import LEARNED_LOSS, LOSS_MARGIN, Claim

HIGHWAY = "Srivastava et al. 2015 (1507.06228)"
TWO_ORDERS = 2.0  # decades


def architecture_claims() -> list[Claim]:
    """Of highway networks."""
    return [*_highway("sine_highway"), *_highway("digits_highway")]


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
