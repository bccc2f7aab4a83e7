"""The claims of other shortcuts than the identity (He et al. 2016, section 3) and of stochastic depth. All entered
before any result.
"""

from degradation.analysis.claims.images import does_not_degrade
from degradation.analysis.claims.printed import as_printed
from degradation.analysis.rules import AllOf, Cell, Difference
from degradation.analysis.sources import ERROR_MARGIN, HE2016, Claim, Published

FAILED = 20.0  # percent: the test error above which the paper's table says "fail"
# Variants whose shortcut is not the identity and, after table 1, clearly worse than it at 110 layers, in words.
WORSE = {
    "half_shortcut": "shortcuts that count half",
    "half_both": "shortcuts and branches that count half",
    "exclusive_gate": "exclusive gates of bias 0",
    "exclusive_gate_3": "exclusive gates of bias -3",
    "exclusive_gate_6": "exclusive gates of bias -6",
    "shortcut_gate": "gates on the shortcut of bias 0",
    "conv_shortcut": "1x1 convolutions as shortcuts",
    "dropout_shortcut": "shortcuts with dropout of 0.5",
}
FAILING = ("half_shortcut", "exclusive_gate", "exclusive_gate_3")
TABLE = f"{HE2016}, table 1"
HUANG2016 = "Huang et al. 2016 (1603.09382)"


def shortcut_claims(published: Published) -> list[Claim]:
    """Of digits_shortcuts and cifar10_shortcuts; `published` are the printed errors of the latter."""
    in_graph = [variant for variant in WORSE if variant != "dropout_shortcut"]
    return [
        *_identity_is_best("digits_shortcuts", list(WORSE), deep=(56, 110)),
        *_identity_is_best("cifar10_shortcuts", in_graph, deep=(110,)),
        *_failing(),
        *as_printed("cifar10_shortcuts", published, TABLE),
    ]


def _worse(variant: str, identity: Cell) -> Difference:
    other = identity._replace(variant=variant)
    return Difference("train_error", other, identity, "above", ERROR_MARGIN, unmatched=True)


def _identity_is_best(experiment: str, variants: list[str], deep: tuple[int, ...]) -> list[Claim]:
    """Deep: training errors, since the paper speaks of optimisation; printed test errors are claims of their own."""
    shallow = Cell(experiment, "residual", 20)
    close = [
        Difference("test_error", shallow._replace(variant=name), shallow, "within", ERROR_MARGIN, unmatched=True)
        for name in (*variants, "shortcut_gate_6")
    ]
    return [
        *(
            Claim(
                f"{experiment}/{variant.replace('_', '-')}-is-worse-at-{depth}",
                f"At {depth} layers {WORSE[variant]} give a higher training error than the identity.",
                f"{TABLE} and section 3.2" + (", of 110 layers" if depth != 110 else ""),
                _worse(variant, shallow._replace(depth=depth)),
            )
            for depth in deep
            for variant in variants
        ),
        Claim(
            f"{experiment}/an-open-shortcut-gate-comes-close",
            "At 110 layers gates on the shortcut of bias -6, which start nearly open, come close to the identity.",
            TABLE,
            Difference(
                "test_error",
                Cell(experiment, "shortcut_gate_6", 110),
                shallow._replace(depth=110),
                "within",
                ERROR_MARGIN,
                unmatched=True,
            ),
        ),
        Claim(
            f"{experiment}/shortcuts-hardly-differ-at-20",
            "At 20 layers no other shortcut differs from the identity by more than a point of test error.",
            f"ours, after {HE2016}, section 3.1: 1x1 convolutions do well as shortcuts of 34 layers",
            AllOf(tuple(close)),
        ),
        *(
            Claim(
                f"{experiment}/the-bias-of-{kind.replace('_', '-')}-matters",
                f"At 110 layers the bias of {words} matters: -6 gives a lower training error than 0.",
                TABLE,
                Difference(
                    "train_error",
                    Cell(experiment, f"{kind}_6", 110),
                    Cell(experiment, kind, 110),
                    "below",
                    -ERROR_MARGIN,
                    unmatched=True,
                ),
            )
            for kind, words in (("exclusive_gate", "exclusive gates"), ("shortcut_gate", "gates on the shortcut"))
        ),
    ]


def _failing() -> list[Claim]:
    return [
        Claim(
            f"cifar10_shortcuts/{variant.replace('_', '-')}-fails",
            f"At 110 layers {WORSE[variant]} have a test error above {FAILED:g} %.",
            TABLE,
            Difference("test_error", Cell("cifar10_shortcuts", variant, 110), FAILED, "above", 0),
        )
        for variant in FAILING
    ]


def stochastic_claims() -> list[Claim]:
    """Of digits_stochastic."""
    stochastic = Cell("digits_stochastic", "stochastic_depth", 110)
    residual = stochastic._replace(variant="residual")
    return [
        Claim(
            "digits_stochastic/stochastic-depth-does-not-degrade",
            "With stochastic depth residual networks do not degrade from 20 to 110 layers, and learn.",
            f"{HUANG2016}, section 4, of up to 1202 layers",
            does_not_degrade(stochastic, stochastic._replace(depth=20)),
        ),
        Claim(
            "digits_stochastic/stochastic-depth-lowers-the-training-error",
            "At 110 layers stochastic depth gives a lower training error: in each step it trains a shorter network.",
            f"ours, after {HUANG2016}, section 5, Fig. 7: gradients vanish less, so it is trained more effectively",
            Difference("train_error", stochastic, residual, "below", -ERROR_MARGIN, unmatched=True),
        ),
        Claim(
            "digits_stochastic/stochastic-depth-lowers-the-test-error",
            "At 110 layers stochastic depth gives a lower test error than constant depth.",
            f"{HUANG2016}, table 1: 5.25 against 6.41 % on CIFAR-10, after 500 passes",
            Difference("test_error", stochastic, residual, "below", 0, unmatched=True),
        ),
    ]
