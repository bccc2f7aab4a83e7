"""Claims on the insides of trained networks: on the tables of diagnostics that are made on finished runs (`make
inside`). They were entered before the first of these tables was made, but for those that are marked as known: a probe
of single networks had shown what to expect, or the rule was added or changed when the tables were there.
"""

from degradation.analysis.rules import Cell, Difference
from degradation.analysis.sources import ERROR_MARGIN, LEARNED_ERROR, Claim

SURFACES2018 = "Li et al. 2018 (1712.09913)"
VEIT2016 = "Veit et al. 2016 (1605.06431)"
SMOOTH = 0.9  # a rank correlation: an error that grows with nearly every step
WIDER = 10.0  # points of the square: a tenth of it
FEW = 10.0  # points of the gradient
PLAIN20, PLAIN56 = Cell("digits_depth", "plain", 20), Cell("digits_depth", "plain", 56)
ON_CIFAR10 = "of 110 layers on CIFAR-10"
RESIDUAL20, RESIDUAL56 = Cell("digits_depth", "residual", 20), Cell("digits_depth", "residual", 56)


def inside_claims() -> list[Claim]:
    """Of the digits' networks of 20 and 56 layers, of small CIFAR-10's of 32 and of CIFAR-10's of 56."""
    on_cifar10 = [*_lesion_on_cifar10("cifar10_small", 32), *_lesion_on_cifar10("cifar10_depth", 56)]
    return [*_lesion(), *_surface(), *_paths(), *on_cifar10]


def _barely_matters(residual: Cell, *, known: bool) -> Claim:
    return Claim(
        f"{residual.experiment}/deleting-a-residual-block-barely-matters",
        "Deleting a single block of a deep residual network, of most one at a time, barely changes its test error.",
        f"{VEIT2016}, section 4.1, Fig. 3, {ON_CIFAR10}",
        Difference("deletion_rise", residual, 0, "below", ERROR_MARGIN),
        known,
    )


def _grows_smoothly(residual: Cell) -> Claim:
    return Claim(
        f"{residual.experiment}/error-grows-smoothly-with-deletions",
        "The error of a residual network grows with nearly every random block more that is deleted.",
        f"{VEIT2016}, section 4.2, Fig. 5a, {ON_CIFAR10}",
        Difference("deletion_smoothness", residual, 0, "above", SMOOTH),
    )


def _lesion() -> list[Claim]:
    return [
        _barely_matters(RESIDUAL56, known=True),  # the probe: 1 to 3 points
        Claim(
            "digits_depth/deleting-a-reshaping-block-matters",
            "Deleting a block that changes shapes raises a residual network's test error more than most others do.",
            f"{VEIT2016}, section 4.1, Fig. 3, {ON_CIFAR10}",
            Difference("reshaping_rise", RESIDUAL56, 0, "above", ERROR_MARGIN),
            known=True,  # entered as a difference of means, in which the first two blocks outweighed all others
        ),
        Claim(  # of the depth at which plain networks learn the task, and so have something to lose
            "digits_depth/deleting-a-plain-block-is-fatal",
            "Deleting a single block of a plain network leaves it near guessing.",
            f"{VEIT2016}, section 4.1, Fig. 3, of layers of VGG",
            Difference("deletion_error", PLAIN20, LEARNED_ERROR, "above", 0),
            known=True,  # the probe: 85 points more
        ),
        _grows_smoothly(RESIDUAL56),
        Claim(
            "digits_depth/error-grows-smoothly-with-swaps",
            "The error of a residual network grows with nearly every pair of blocks more that change places.",
            f"{VEIT2016}, section 4.3, Fig. 5b, {ON_CIFAR10}",
            Difference("swap_smoothness", RESIDUAL56, 0, "above", SMOOTH),
        ),
    ]


def _lesion_on_cifar10(experiment: str, depth: int) -> list[Claim]:
    """Of deep networks that both variants learn; entered before their lesions were made."""
    plain, residual = Cell(experiment, "plain", depth), Cell(experiment, "residual", depth)
    return [
        _barely_matters(residual, known=False),
        Claim(
            f"{experiment}/deleting-a-plain-block-costs-more",
            "Deleting a single block costs a plain network more than a residual one.",
            f"{VEIT2016}, section 4.1, Fig. 3, of layers of VGG",
            Difference("deletion_rise", plain, residual, "above", ERROR_MARGIN),
        ),
        _grows_smoothly(residual),
    ]


def _surface() -> list[Claim]:
    without, along = "section 6, Fig. 5, of CIFAR-10", "on the square of two filter-normalised directions"
    return [
        Claim(
            "digits_depth/plain-surface-bends-with-depth",
            f"Deeper plain networks have a less convex loss {along}.",
            f"{SURFACES2018}, {without}",
            Difference("surface_bends", PLAIN56, PLAIN20, "above", 0),
        ),
        Claim(
            "digits_depth/residual-surface-does-not-bend-with-depth",
            f"Deeper residual networks have no less convex loss {along}.",
            f"{SURFACES2018}, {without}",
            Difference("surface_bends", RESIDUAL56, RESIDUAL20, "below", WIDER),
        ),
        Claim(
            "digits_depth/shortcuts-make-the-surface-convex",
            f"A deep residual network has a more convex loss than the plain one {along}.",
            f"{SURFACES2018}, {without}",
            Difference("surface_bends", RESIDUAL56, PLAIN56, "below", 0),
        ),
        Claim(
            "digits_depth/shortcuts-widen-the-surface",
            "Around a deep residual network the loss is below guessing in more of the square than around the plain "
            "one, which has hardly been trained.",
            f"{SURFACES2018}, section 6, Fig. 5",
            Difference("surface_share", RESIDUAL56, PLAIN56, "above", 0),
        ),
        Claim(  # added when the tables were known: at 20 layers both are trained
            "digits_depth/shortcuts-widen-the-surface-at-20-layers",
            "Around a residual network of 20 layers the loss is below guessing in more of the square, too.",
            f"{SURFACES2018}, section 6, Fig. 5, of deeper networks",
            Difference("surface_share", RESIDUAL20, PLAIN20, "above", 0),
            known=True,
        ),
        Claim(
            "digits_depth/plain-minima-are-sharper",
            f"The loss of a plain network is more curved where its training ends when it is deeper, {along}.",
            f"{SURFACES2018}, section 6",
            Difference("surface_curvature", PLAIN56, PLAIN20, "above", 0),
        ),
    ]


def _paths() -> list[Claim]:
    source = f"{VEIT2016}, section 5, Fig. 6, {ON_CIFAR10}"
    return [
        Claim(
            "digits_depth/gradient-comes-by-shorter-paths",
            "In a deep residual network the gradient comes by paths that are shorter than most are.",
            source,
            Difference("path_length", RESIDUAL56, 1, "below", 0),
        ),
        Claim(
            "digits_depth/longer-paths-carry-less",
            "In a deep residual network the gradient along a path falls with its length.",
            source,
            Difference("path_decay", RESIDUAL56, 0, "below", 0),
        ),
        Claim(
            "digits_depth/long-paths-carry-hardly-any",
            "In a deep residual network paths through more than half of the blocks carry hardly any gradient.",
            source,
            Difference("long_paths", RESIDUAL56, 0, "below", FEW),
        ),
    ]
