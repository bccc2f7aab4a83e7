"""What the report says of its verdicts: how to read them, what they rest on, and how many survive a correction."""

from collections.abc import Iterable, Mapping

from degradation.analysis.findings import MINIMUM_N, TOO_FEW, VERDICTS, Finding, survivors
from degradation.analysis.intervals import power_within
from degradation.analysis.outcomes import DIVERGED
from degradation.analysis.sources import GAINS, HE2015, LEARNED_ERROR, LEARNED_LOSS, TABLE_MARGIN, TABLE_SD
from degradation.config.places import command
from degradation.reports.markdown import aligned
from degradation.reports.matrix import Findings

HOW_TO_READ = (
    "An effect is a mean over seeds with its 95 % interval, the first-named networks minus the second; a decade "
    "is a factor of ten. *Reproduced* means that the whole interval fulfils the claim's rule, *contradicted* that"
    " none of it does, *inconclusive* that the interval holds the margin, *conflicting* that one part of the rule is "
    "reproduced and another contradicted, or that the ends differ without a trend between them. Where fewer "
    f"than {MINIMUM_N} seeds are compared with a number, *consistent* and *inconsistent* speak of their mean. "
    "A verdict is about these networks, this task and this budget: where the source speaks of other networks, it says "
    "whether the statement holds here as well."
)
CAVEATS = (
    "Intervals: Student's t, over seeds alone. A seed draws initial values, batches and augmentation; the data and "
    "their split into training and test set are the same for all, so no interval covers them. Differences are paired "
    "by seed. An error cannot be told more finely than one image, so its interval reaches at least one image to each "
    f"side, also where all seeds agree. {DIVERGED} An interval may reach beyond what an error can be. That residual "
    "networks do not degrade asks for quality too, since networks that are bad at every depth do not degrade either: "
    f"a training error below {LEARNED_ERROR:g} %, half of guessing, or a loss {LEARNED_LOSS:g} decades below that of "
    "predicting the mean."
)
CHOICES = (
    "**Choices.** Where the source leaves something open, or a reader may expect another answer: weight decay acts on "
    "the scales and shifts of batch normalisation and on biases too. Momentum is PyTorch's: when the learning rate "
    "changes, the velocity is not rescaled. Training error is measured on clean images, not augmented ones, in eval "
    "mode; speed of convergence alone is compared by the running error, since early in training eval mode shows stale "
    "statistics of batch normalisation. Where option A has more channels, the zeros are padded behind. Whether "
    "networks of moderate depth are comparably accurate is asked where both have converged, on digits after 600 "
    "steps; it was first entered for 150."
)


def counts(findings: Iterable[Finding]) -> str:
    """`3 reproduced, 1 contradicted`."""
    verdicts = [finding.verdict for finding in findings]
    return ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in VERDICTS if verdict in verdicts)


def gains(findings: Findings) -> str:
    """Where deeper residual networks are better on the test set, and where not: the paper's second half."""
    tests = [(claim, finding) for claim, finding in findings if claim.key == GAINS]
    won = [claim.experiment for claim, finding in tests if finding.verdict == "reproduced"]
    lost = [
        f"{claim.experiment} {finding.verdict}" + (f", {finding.effect_in_words}" if finding.effect else "")
        for claim, finding in tests
        if finding.verdict != "reproduced"
    ]
    where = f"reproduced by {', '.join(won)}" if won else "reproduced nowhere so far"
    rest = f" ({'; '.join(lost)})" if lost else ""
    return (
        f"That deeper residual networks have a lower test error ({HE2015}, section 4.2) is, on images, {where}{rest}."
    )


def corrected(findings: Findings) -> str:
    """How many decisions survive a correction for the number of tests."""
    found = survivors([finding for _, finding in findings])
    if not found["tested"]:
        return ""
    return (
        f"Corrected: {found['tested']} tests have enough seeds, and {found['decided']} of them are decided "
        "(*reproduced* or *contradicted*) one by one, at 5 % each. With all of these tests counted, "
        f"{found['holm']} of the decisions survive Holm's correction at 5 % (the chance of even one false decision), "
        f"and {found['benjamini_hochberg']} that of Benjamini and Hochberg (the share of false ones among them). A p "
        "value is twice the one-sided one of Student's t against the margin (for *within* two one-sided tests), so "
        "that it is below 5 % where the interval decides, and, where one of several parts contradicts a claim, times "
        "their number; tests of one experiment share networks."
    )


def known(judged: Findings) -> str:
    """Of which verdicts the results were known before the rule."""
    of = [claim for claim, _ in judged if claim.known]
    if not of:
        return ""
    whole, single = [], []
    for experiment in dict.fromkeys(claim.experiment for claim in of):
        ids = [claim.id for claim in of if claim.experiment == experiment]
        if len(ids) == sum(claim.experiment == experiment for claim, _ in judged):
            whole.append(experiment)
        else:
            single += ids
    parts = [
        *([f"all claims of {', '.join(whole)}"] if whole else []),
        *([", ".join(f"`{name}`" for name in single)] if single else []),
    ]
    return (
        "Rules and margins were entered, or last changed, when results of the experiment or a probe of them were "
        f"known for {'; and for '.join(parts)}. These verdicts state results and predict nothing. All other rules "
        "stood before the results were known."
    )


def power() -> str:
    """How many seeds it takes to confirm a printed error."""
    chances = [(n, 100 * power_within(TABLE_MARGIN, TABLE_SD, n)) for n in (MINIMUM_N, 5, 8)]
    shown = ", ".join(f"{chance:.0f} % with {n} seeds" for n, chance in chances)
    return (
        f"Power: if the mean over all seeds is a printed error exactly, and seeds spread by {TABLE_SD} points "
        f"(standard deviation), then a claim *within {TABLE_MARGIN} points of the printed error* is found reproduced "
        f"in {shown}; otherwise it is inconclusive."
    )


def tested_how(judged: Findings) -> str:
    """Every claim with its verdict, effect, rule and source."""
    return aligned(
        ["claim", "verdict", "effect", "rule", "source", "decided by"],
        [
            [
                f"`{claim.id}`",
                finding.verdict,
                finding.effect_in_words,
                claim.rule.words(),
                claim.source,
                finding.reason,
            ]
            for claim, finding in judged
        ],
    )


def lacking(findings: Findings, commands: Mapping[str, str]) -> list[str]:
    """The commands that bring what is missing, each with the statements that wait for it."""
    waiting: dict[str, list[str]] = {}
    for claim, finding in findings:
        if finding.verdict in TOO_FEW and finding.missing:
            brings = commands[finding.missing]
            if finding.diagnostic:
                brings = f"{command('diagnose')} experiment={finding.missing} diagnostic={finding.diagnostic}"
            waiting.setdefault(brings, []).append(claim.statement)
    if not waiting:
        return []
    lines = []
    for brings, statements in waiting.items():
        lines.append(f"`{brings}` brings:")
        lines.append("\n".join(f"- {statement}" for statement in dict.fromkeys(statements)))
    return ["## Not run, or too few seeds", *lines]
