"""The claims of the arms: experiments that ask why plain networks fail. Those that a probe or another experiment had
answered when they were entered are marked as known.
"""

from degradation.analysis.claims.images import shallow_are_close
from degradation.analysis.findings import Relation
from degradation.analysis.rules import BEST, AllOf, Cell, Difference
from degradation.analysis.sources import ARTICLE, ERROR_MARGIN, EXACT, HE2015, LEARNED_ERROR, LOSS_MARGIN, Claim


def arm_claims() -> list[Claim]:
    """Learning rate, budget, span, initialisation, dropout, and a deep network by construction."""
    return [*_span(), *_sine_init(), *_lr(), *_budget(), *_init(), *_dropout(), *_deepened()]


def _span() -> list[Claim]:
    def gain(span: str) -> tuple[Cell, Cell]:
        residual = Cell("sine_span", "residual", 49, span)
        return residual, residual._replace(variant="plain")

    return [
        Claim(
            "sine_span/one-layer-gives-no-gain",
            "At 49 layers a shortcut over a single layer gives no gain.",
            f"{HE2015}, section 3.2; {ARTICLE}",
            Difference("test_loss", *gain("span=1"), "above", -LOSS_MARGIN),
        ),
        *(
            Claim(
                f"sine_span/{words}-layers-give-a-gain",
                f"At 49 layers a shortcut over {words} layers gives a lower test loss.",
                ARTICLE if words == "six" else f"{HE2015}, section 3.2; {ARTICLE}",
                Difference("test_loss", *gain(span), "below", -LOSS_MARGIN),
                known=span == "",  # the networks of sine_depth
            )
            for words, span in (("two", "span=2"), ("three", ""), ("six", "span=6"))
        ),
    ]


def _sine_init() -> list[Claim]:
    plain = Cell("sine_init", "plain_orthogonal", 49)
    return [
        Claim(
            "sine_init/orthogonal-lets-plain-train",
            "With orthogonal initialisation plain networks of 49 layers train.",
            "Saxe et al. 2014 (1312.6120), of linear networks",
            Difference("train_loss", plain, 0, "below", -LOSS_MARGIN),
        ),
        Claim(
            "sine_init/orthogonal-plain-loss-rises",
            "With orthogonal initialisation deeper plain networks still have a higher training loss.",
            f"{HE2015}, section 1",
            Difference("train_loss", plain, plain._replace(depth=7), "above", LOSS_MARGIN),
        ),
    ]


def _lr() -> list[Claim]:
    plain, residual = Cell("digits_lr", "plain", 56, BEST), Cell("digits_lr", "residual", 56, BEST)
    return [
        Claim(
            "digits_lr/plain-is-worse-deep-at-its-best-rate",
            "Deeper plain networks have a higher training error, each at its best of five learning rates.",
            f"{HE2015}, section 4.2, of one learning rate",
            Difference("train_error", plain, plain._replace(depth=20), "above", ERROR_MARGIN),
            known=True,
        ),
        Claim(
            "digits_lr/residual-beats-plain-at-its-best-rate",
            "At 56 layers residual networks have a lower training error than plain ones, each at its best rate.",
            f"{HE2015}, section 4.2, of one learning rate",
            Difference("train_error", residual, plain, "below", -ERROR_MARGIN),
            known=True,
        ),
    ]


def _budget() -> list[Claim]:
    def claim(name: str, statement: str, cell: Cell, relation: Relation) -> Claim:
        rule = Difference("train_error", cell, cell._replace(depth=20), relation, ERROR_MARGIN)
        known = cell.experiment == "digits_budget"
        return Claim(f"{cell.experiment}/{name}", statement, f"{HE2015}, section 4.1, 3 times on ImageNet", rule, known)

    once, four = Cell("digits_budget", "plain", 32, "max_steps=150"), Cell("digits_budget", "plain", 32)
    sixteen = Cell("digits_budget_16x", "plain", 56)
    residual = Cell("digits_warmup", "residual", 32)
    return [
        claim(
            "more-steps-do-not-cure-it",
            "Four times the iterations do not cure the degradation of plain networks of 56 layers.",
            four._replace(depth=56),
            "above",
        ),
        shallow_are_close(Cell("digits_budget", "residual", 20), known=True),
        claim(
            "plain-32-is-worse-at-150-steps",
            "Plain networks of 32 layers have a higher training error than those of 20, at 150 steps.",
            once,
            "above",
        ),
        claim(
            "four-times-the-steps-cure-plain-32",
            "With four times the steps plain networks of 32 layers train to less than a point above those of 20.",
            four,
            "below",
        ),
        claim(
            "sixteen-times-the-steps-cure-plain-32",
            "With sixteen times the steps plain networks of 32 layers train to less than a point above those of 20.",
            sixteen._replace(depth=32),
            "below",
        ),
        claim(
            "sixteen-times-the-steps-do-not-cure-plain-56",
            "Sixteen times the steps do not cure the degradation of plain networks of 56 layers.",
            sixteen,
            "above",
        ),
        Claim(
            "digits_warmup/a-long-warm-up-costs-test-error",
            "After 2400 steps residual networks of 32 layers test better if their warm-up took 30 steps and not 480.",
            "ours, after digits_budget_16x",
            Difference(
                "test_error", residual, residual._replace(experiment="digits_budget_16x"), "below", -ERROR_MARGIN
            ),
        ),
    ]


def _init() -> list[Claim]:
    plain, dirac = Cell("digits_init", "plain", 56), Cell("digits_init", "plain_dirac", 56)
    return [
        Claim(
            "digits_init/starting-as-the-identity-helps-plain",
            "Plain networks of 56 layers whose layers start as identities have a lower training error than others.",
            "ours, after Zagoruyko and Komodakis 2017 (1706.00388)",
            Difference("train_error", dirac, plain, "below", -ERROR_MARGIN, unmatched=True),
            known=True,
        ),
        Claim(
            "digits_init/starting-as-the-identity-does-not-cure-plain",
            "Plain networks whose layers start as identities still have a higher training error when they are deeper.",
            f"{HE2015}, section 4.2",
            Difference("train_error", dirac, dirac._replace(depth=20), "above", ERROR_MARGIN),
            known=True,
        ),
        Claim(
            "digits_init/residual-beats-plain-identities",
            "Residual networks of 56 layers have a lower training error than plain ones of such layers.",
            "ours",
            Difference(
                "train_error", plain._replace(variant="residual"), dirac, "below", -ERROR_MARGIN, unmatched=True
            ),
            known=True,
        ),
    ]


def _dropout() -> list[Claim]:
    plain = Cell("digits_dropout", "plain_dropout", 56)
    return [
        Claim(
            "digits_dropout/dropout-does-not-cure-plain",
            "With dropout of 0.3, too, deeper plain networks train worse than those of 20 layers, which learn.",
            f"{HE2015}, section 1: it is not caused by overfitting",
            AllOf(
                (
                    Difference("train_error", plain, plain._replace(depth=20), "above", ERROR_MARGIN),
                    Difference("train_error", plain._replace(depth=20), LEARNED_ERROR, "below", 0),  # added when known
                )
            ),
            known=True,
        ),
        Claim(
            "digits_dropout/dropout-does-not-lower-plain-test-error",
            "At 56 layers dropout does not lower the test error of plain networks.",
            f"{HE2015}, section 1: it is not caused by overfitting",
            Difference("test_error", plain, plain._replace(variant="plain"), "above", -ERROR_MARGIN, unmatched=True),
        ),
    ]


def _deepened() -> list[Claim]:
    deep = Cell("digits_deepened", "plain_deepened", 56)
    shallow = Cell("digits_deepened", "plain", 20)
    return [
        Claim(
            "digits_deepened/a-deep-solution-exists",
            "A trained plain-20, deepened to 56 layers by identity layers, has the training error that it had.",
            f"{HE2015}, section 1, the solution by construction",
            Difference("start_error", deep, deep._replace(depth=20), "within", EXACT),
            known=True,
        ),
        Claim(
            "digits_deepened/training-keeps-it",
            "Trained on, it keeps that training error.",
            "ours",
            Difference("train_error", deep, deep._replace(depth=20), "below", ERROR_MARGIN),
        ),
        Claim(
            "digits_deepened/construction-beats-training-from-scratch",
            "After 150 steps more it has a lower training error than plain-56 after 150 from scratch (budgets differ).",
            f"{HE2015}, section 1: solvers find no solution as good as the constructed one",
            Difference("train_error", deep, shallow._replace(depth=56), "below", -ERROR_MARGIN, unmatched=True),
        ),
    ]
