"""What a rule finds: a verdict on an interval, its p value, its reason; how the findings of several parts combine, and
how many of many survive a correction for their number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy import stats

from degradation.analysis.intervals import CONFIDENCE, Interval

Verdict = Literal[
    "reproduced",
    "contradicted",
    "inconclusive",
    "conflicting",
    "consistent",
    "inconsistent",
    "not enough data",
    "not run",
]
Relation = Literal["above", "below", "within"]

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
DECIDED = ("reproduced", "contradicted")
TOO_FEW = ("not run", "not enough data", "inconsistent", "consistent")  # what more seeds would turn into a verdict

MINIMUM_N = 3
SIGNIFICANT = round(1 - CONFIDENCE, 12)  # so that a p value below it decides what the interval decides


@dataclass(frozen=True)
class Finding:
    """What a rule found.

    Attributes:
        verdict: the answer.
        effect: the difference and its interval; None where nothing could be computed.
        unit: of the effect.
        reason: in words: what decided, what is missing, or what would change the answer.
        missing: the experiment that lacks data, if one does; to be *consistent* is to lack seeds as well.
        p: the two-sided p value of the decision, see `p_value`; None where there are too few seeds.
        diagnostic: whose table that experiment lacks, where it is one that is made on finished runs.
    """

    verdict: Verdict
    effect: Interval | None
    unit: str
    reason: str
    missing: str | None = None
    p: float | None = None
    diagnostic: str | None = None

    @property
    def effect_in_words(self) -> str:
        """The effect with n and its interval, which one value does not have; empty where there is none."""
        if self.effect is None:
            return ""
        sign = "" if self.unit == "layers" else "+"  # depths are no differences
        mean, low, high = (f"{value:{sign}.3g}" for value in self.effect[:3])
        interval = f" [{low}, {high}]" if self.effect.n > 1 else ""
        return f"{mean}{interval} {self.unit}, n = {self.effect.n}"


def decide(effect: Interval, relation: Relation, margin: float) -> Verdict:
    """Reproduced if the whole interval fulfils the relation, contradicted if none of it does, otherwise inconclusive.

    above: greater than the margin. below: less than the margin. within: between minus the margin and the margin.
    """
    low, high = effect.low, effect.high
    if relation == "above":
        low, high, margin = -high, -low, -margin  # is below with the sign turned
    if relation == "within":
        inside, outside = -margin < low and high < margin, low > margin or high < -margin
    else:
        inside, outside = high < margin, low > margin
    return "reproduced" if inside else "contradicted" if outside else "inconclusive"


def holds(mean: float, relation: Relation, margin: float) -> bool:
    """Whether a mean fulfils the relation; see `decide`."""
    return {"above": mean > margin, "below": mean < margin, "within": abs(mean) < margin}[relation]


def p_value(effect: Interval, relation: Relation, margin: float) -> float:
    """Twice the smaller one-sided p value, of the relation being fulfilled or violated: below `SIGNIFICANT` exactly
    where `decide` decides.

    To be within is to be above one end and below the other (two one-sided tests), so the larger p counts.
    """
    if relation == "within":
        fulfilled = max(effect.p_above(-margin), effect.p_below(margin))
        violated = min(effect.p_above(margin), effect.p_below(-margin))
    else:
        fulfilled, violated = effect.p_above(margin), effect.p_below(margin)  # or the other way round
    return min(1.0, 2 * min(fulfilled, violated))


def combine(parts: Sequence[Finding], names: Sequence[str]) -> Finding:
    """The finding on a statement that holds if all of its parts do, with the effect of a part that decides.

    A part with too few seeds decides first. Then: reproduced if all parts are, conflicting if one is reproduced and
    another contradicted, contradicted if one is, otherwise inconclusive.

    Args:
        names: of the parts, in words.
    """
    verdicts = [part.verdict for part in parts]
    for lacking in TOO_FEW:
        if lacking in verdicts:
            return parts[verdicts.index(lacking)]
    each = [
        f"{name}: {part.verdict}, {part.effect_in_words} ({part.reason})"
        for name, part in zip(names, parts, strict=True)
    ]
    p_values = [part.p for part in parts if part.p is not None]
    verdict, p = _combined(verdicts), max(p_values)
    if verdict == "contradicted":  # one part suffices, so any of them had the chance to
        p = min(1.0, len(parts) * min(part.p for part in parts if part.p is not None and part.verdict == verdict))
    if verdict == "conflicting":
        p = 1.0
    decisive = "contradicted" if verdict == "conflicting" else verdict
    shown = parts[verdicts.index(decisive)] if decisive in verdicts else parts[0]
    return Finding(verdict, shown.effect, shown.unit, "; ".join(each), p=p)


def _combined(verdicts: Sequence[Verdict]) -> Verdict:
    if all(verdict == "reproduced" for verdict in verdicts):
        return "reproduced"
    if "conflicting" in verdicts or set(DECIDED) <= set(verdicts):
        return "conflicting"
    return "contradicted" if "contradicted" in verdicts else "inconclusive"


def holm(p_values: Sequence[float]) -> np.ndarray:
    """p values adjusted for their number after Holm: the chance of even one false decision."""
    order = np.argsort(p_values, kind="stable")
    count = len(p_values)
    stepped = [min(1.0, (count - place) * p_values[index]) for place, index in enumerate(order)]
    adjusted = np.empty(count)
    adjusted[order] = np.maximum.accumulate(stepped) if count else []
    return adjusted


def survivors(findings: Sequence[Finding]) -> Mapping[str, int]:
    """How many tests there are with enough seeds, how many of them are decided one by one, and how many still are after
    the corrections for the number of all of them: Holm's (one false decision at all) and Benjamini's and Hochberg's
    (the share of false ones among the decisions).
    """
    tested = [finding for finding in findings if finding.p is not None]
    p_values = [finding.p for finding in tested if finding.p is not None]
    decided = np.array([finding.verdict in DECIDED for finding in tested], dtype=bool)
    benjamini = stats.false_discovery_control(p_values) if p_values else np.empty(0)
    return {
        "tested": len(tested),
        "decided": int(decided.sum()),
        "holm": int((decided & (holm(p_values) < SIGNIFICANT)).sum()),
        "benjamini_hochberg": int((decided & (benjamini < SIGNIFICANT)).sum()),
    }
