"""The claims of networks without normalisation. Entered before any result.

Learning rates suit networks with and without normalisation differently, so each is judged at its best of three. (The
middle one was added when the others were known.)
"""

from degradation.analysis.claims.images import does_not_degrade
from degradation.analysis.rules import BEST, Cell, Difference
from degradation.analysis.sources import ERROR_MARGIN, LEARNED_ERROR, Claim

SKIPINIT = "De and Smith 2020 (2002.10444)"
FIXUP = "Zhang et al. 2019 (1901.09321)"
IDENTITIES = {  # variants whose blocks start as identities, in words, and who states that they train
    "no_norm_zero_last": ("whose branches end in a layer of zeros at the start", f"ours, after {SKIPINIT} and {FIXUP}"),
    "skipinit": ("with SkipInit", f"{SKIPINIT}, section 3"),
    "fixup": ("with Fixup", f"{FIXUP}, section 4"),
}


def norm_free_claims() -> list[Claim]:
    """Of digits_norm_free."""
    free = Cell("digits_norm_free", "no_norm", 110, BEST)
    skipinit = free._replace(variant="skipinit")
    plain = free._replace(variant="plain_no_norm")
    return [
        *(
            Claim(
                f"digits_norm_free/{variant.replace('_', '-')}-does-not-degrade",
                f"Residual networks without normalisation {words} do not degrade from 20 to 110 layers, and learn.",
                source,
                does_not_degrade(free._replace(variant=variant), free._replace(variant=variant, depth=20)),
            )
            for variant, (words, source) in IDENTITIES.items()
        ),
        Claim(
            "digits_norm_free/no-identity-no-training",
            "Residual networks of 110 layers that have neither normalisation nor blocks that start as identities fail.",
            f"{SKIPINIT}, section 3: each block doubles the variance",
            Difference("train_error", free, LEARNED_ERROR, "above", 0),
        ),
        Claim(
            "digits_norm_free/the-identity-at-the-start-is-what-helps",
            "At 110 layers SkipInit gives residual networks without normalisation a lower training error.",
            f"{SKIPINIT}, section 3",
            Difference("train_error", skipinit, free, "below", -ERROR_MARGIN, unmatched=True),
        ),
        Claim(
            "digits_norm_free/skipinit-tests-as-well-as-normalisation",
            "At 110 layers SkipInit has no higher test error than the residual network with batch normalisation.",
            f"{SKIPINIT}, abstract, which finds it competitive at small batches",
            Difference(
                "test_error", skipinit, free._replace(variant="residual"), "below", ERROR_MARGIN, unmatched=True
            ),
        ),
        Claim(
            "digits_norm_free/plain-degrades-without-normalisation-too",
            "Plain networks without normalisation have a higher training error when they are deeper.",
            "ours, after He et al. 2015 (1512.03385), section 4.1",
            Difference("train_error", plain, plain._replace(depth=20), "above", ERROR_MARGIN),
        ),
    ]


def small_branch_claims() -> list[Claim]:
    """Of digits_small_branches; entered when digits_shortcuts was known and these networks were not."""
    residual = Cell("digits_small_branches", "residual", 110)
    return [
        Claim(
            f"digits_small_branches/{variant.replace('_', '-')}-trains",
            f"Residual networks of 110 layers whose branches {words} have a training error below 2 %.",
            source,
            Difference("train_error", residual._replace(variant=variant), 0, "below", 2),
        )
        for variant, words, source in (
            ("damped", "count a twentieth", "ours, after digits_shortcuts"),
            ("he_zero_last", "are zero at the start", "Goyal et al. 2017 (1706.02677), section 5.1"),
        )
    ]
