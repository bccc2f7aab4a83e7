"""Rules that turn records into a verdict on a statement. Nothing in a rule is chosen from the data it judges."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import pandas as pd

from degradation.analysis.findings import (
    MINIMUM_N,
    SIGNIFICANT,
    Finding,
    Relation,
    Verdict,
    combine,
    decide,
    holds,
    p_value,
)
from degradation.analysis.intervals import Interval, mean_interval, trend_p_value
from degradation.analysis.metrics import METRICS, NETWORK, Tables

Evidence = Mapping[str, Tables]  # by experiment

BEST = "best"  # in place of a condition: the one of the sweep with a cell's lowest training error, mean over seeds


class Cell(NamedTuple):
    """The networks of one variant and depth of an experiment, over seeds.

    `condition` names one of the experiment's sweep, or is `BEST`; empty: the experiment as its file has it.
    """

    experiment: str
    variant: str
    depth: int
    condition: str = ""

    def __str__(self) -> str:
        return f"{self.variant}-{self.depth}" + (f" at {self.condition}" if self.condition else "")


@dataclass(frozen=True)
class Difference:
    """A metric of one cell minus that of another or minus a number, paired by seed, against a margin.

    Fewer seeds than a verdict needs are still compared with a number: their mean is consistent with it or is not.

    Attributes:
        metric: a key of `METRICS`.
        left, right: cells; right may be a number, and is subtracted.
        relation, margin: see `decide`.
        trend: depths of `left`'s variant over which Page's test must agree as well (not for `within`).
        unmatched: whether variants are compared that differ in more than the shortcut, which the claim is then about.
    """

    metric: str
    left: Cell
    right: Cell | float
    relation: Relation
    margin: float
    trend: tuple[int, ...] = ()
    unmatched: bool = False

    @property
    def cells(self) -> list[Cell]:
        """Whose networks are compared."""
        return [cell for cell in (self.left, self.right) if isinstance(cell, Cell)]

    @property
    def experiments(self) -> list[str]:
        return list(dict.fromkeys(cell.experiment for cell in self.cells))

    @property
    def compared(self) -> str:
        """What is subtracted from what, in words."""
        elsewhere = f" ({self.cells[-1].experiment})" if len(self.experiments) > 1 else ""
        return f"{self.left} minus {_text(self.right)}{elsewhere}"

    def words(self) -> str:
        """The rule in words."""
        metric = METRICS[self.metric]
        where = {"above": f"above {self.margin:g}", "below": f"below {self.margin:g}"}
        span = where.get(self.relation, f"between -{self.margin:g} and {self.margin:g}")
        text = f"{metric.title}: {self.compared}; the whole interval {span} {metric.unit}"
        if self.trend:
            direction = "rising" if self.relation == "above" else "falling"
            text += f", and Page's test {direction} over {self.trend[0]} to {self.trend[-1]} layers, p < {SIGNIFICANT}"
        return text

    def judge(self, evidence: Evidence) -> Finding:
        unit = METRICS[self.metric].unit
        for experiment in self.experiments:
            if experiment not in evidence:
                return Finding("not run", None, unit, f"{experiment} was not run", experiment)
        left = self._values(evidence, self.left)
        right = self._values(evidence, self.right) if isinstance(self.right, Cell) else self.right
        differences = (left - right).dropna()
        if not isinstance(self.right, Cell) and 0 < len(differences) < MINIMUM_N:
            return self._compare_mean(differences)
        if len(differences) < MINIMUM_N:
            scarce = self.left if not isinstance(right, pd.Series) or len(left) <= len(right) else self.right
            assert isinstance(scarce, Cell)
            reason = f"{len(differences)} of at least {MINIMUM_N} seeds have what is compared ({scarce} lacks them)"
            effect = self._possible(mean_interval(differences.to_numpy())) if len(differences) else None
            needed = METRICS[self.metric].diagnostic
            lacking = needed if needed not in evidence[scarce.experiment].diagnosed else None
            return Finding("not enough data", effect, unit, reason, scarce.experiment, diagnostic=lacking)
        resolution = max(METRICS[self.metric].resolution(evidence[experiment]) for experiment in self.experiments)
        effect = mean_interval(differences.to_numpy(dtype=float), resolution)
        verdict = decide(effect, self.relation, self.margin)
        reason = self._within_the_margin(effect) + self._what_would_change(effect, verdict, resolution)
        p = p_value(effect, self.relation, self.margin)
        return self._with_trend(evidence, Finding(verdict, self._possible(effect), unit, reason, p=p))

    def _compare_mean(self, differences: pd.Series) -> Finding:
        effect = mean_interval(differences.to_numpy(dtype=float))
        verdict: Verdict = "consistent" if holds(effect.mean, self.relation, self.margin) else "inconsistent"
        reason = f"the mean of n = {effect.n}, whatever its spread; a verdict needs {MINIMUM_N} seeds"
        return Finding(verdict, self._possible(effect), METRICS[self.metric].unit, reason, self.left.experiment)

    def _possible(self, effect: Interval) -> Interval:
        """The interval of several values without what the metric cannot be: Student's t knows no limits."""
        if effect.n == 1:
            return effect
        lowest, highest = METRICS[self.metric].limits
        least, most = (lowest, highest) if isinstance(self.right, Cell) else (self.right, self.right)
        return effect._replace(low=max(effect.low, lowest - most), high=min(effect.high, highest - least))

    def _values(self, evidence: Evidence, cell: Cell) -> pd.Series:
        """The metric by seed, without the seeds that have none and, between variants, unmatched networks."""
        variants = {other.variant for other in self.cells}
        depths = {*(other.depth for other in self.cells), *self.trend}
        tables = evidence[cell.experiment]
        conditions = tables.conditions if cell.condition == BEST else (cell.condition,)
        of_each = [tables.of(variants, depths, condition) for condition in conditions]
        if len(of_each) == 1:
            return self._of_condition(of_each[0], cell, self.metric)
        chosen_by = "train_loss" if METRICS[self.metric].unit == "decades" else "train_error"
        errors = [self._of_condition(of_condition, cell, chosen_by) for of_condition in of_each]
        shared = pd.concat(errors, axis=1, join="inner")  # of the seeds that have every condition
        if shared.empty:
            return shared.min(axis=1)
        best = int(shared.mean().to_numpy().argmin())
        return self._of_condition(of_each[best], cell, self.metric).reindex(shared.index)

    def _of_condition(self, tables: Tables, cell: Cell, metric: str) -> pd.Series:
        values = METRICS[metric].of(tables).dropna()
        between_variants = isinstance(self.right, Cell) and self.right.variant != self.left.variant
        if between_variants and not self.unmatched:
            rows = tables.networks.set_index(NETWORK)
            values = values[values.index.isin(rows.index[rows["matched"].astype(bool)])]
        chosen = values[
            (values.index.get_level_values("variant") == cell.variant)
            & (values.index.get_level_values("depth") == cell.depth)
        ]
        return chosen.droplevel(["variant", "depth"])

    def _with_trend(self, evidence: Evidence, finding: Finding) -> Finding:
        if not self.trend:
            return finding
        columns = {depth: self._values(evidence, self.left._replace(depth=depth)) for depth in self.trend}
        table = pd.DataFrame(columns).dropna()
        if len(table) < MINIMUM_N:
            lacking = [str(depth) for depth, values in columns.items() if len(values) < MINIMUM_N]
            reason = f"the trend needs {MINIMUM_N} seeds at all depths; {', '.join(lacking) or 'the seeds differ'}"
            return Finding("not enough data", finding.effect, finding.unit, reason, self.left.experiment)
        sign = 1 if self.relation == "above" else -1
        p = trend_p_value(sign * table.to_numpy(dtype=float))
        reason = f"{finding.reason}; trend p = {p:.2g}"
        if finding.verdict != "reproduced":
            return replace(finding, reason=reason)
        both = max(p, finding.p or 0.0)  # the statement needs the ends and the trend
        if p >= SIGNIFICANT:
            reason = f"the ends differ, but there is no trend between them (p = {p:.2g})"
            return replace(finding, verdict="conflicting", reason=reason, p=both)
        return replace(finding, reason=reason, p=both)

    def _within_the_margin(self, effect: Interval) -> str:
        """Says so where the effect is certainly not zero, and smaller than the margin, or perhaps."""
        size = abs(self.margin)
        smallest, largest = sorted((abs(effect.low), abs(effect.high)))
        if effect.low <= 0 <= effect.high or smallest >= size:
            return ""
        over_depth = len({cell._replace(depth=0) for cell in self.cells}) < len(self.cells)
        directions = ("it fell", "it rose") if over_depth else ("it is lower", "it is higher")
        direction, amount = directions[effect.mean > 0], _amount(size, METRICS[self.metric].unit)
        return (
            f"{direction}, by less than {amount}; "
            if largest < size
            else f"{direction}, perhaps by less than {amount}; "
        )

    def _what_would_change(self, effect: Interval, verdict: Verdict, resolution: float) -> str:
        edges = [self.margin] if self.relation != "within" else [-self.margin, self.margin]
        if verdict == "inconclusive":
            return _undecided(effect, edges, resolution)
        room = min(abs(end - edge) for end in (effect.low, effect.high) for edge in edges)
        return f"another answer needs a shift by {room:.2g}"


@dataclass(frozen=True)
class AllOf:
    """A statement with several parts: each is judged, and their verdicts combine; see `combine`."""

    parts: tuple[Difference, ...]

    @property
    def cells(self) -> list[Cell]:
        return [cell for part in self.parts for cell in part.cells]

    @property
    def experiments(self) -> list[str]:
        return list(dict.fromkeys(experiment for part in self.parts for experiment in part.experiments))

    def words(self) -> str:
        """The rule in words."""
        return "; and ".join(part.words() for part in self.parts)

    def judge(self, evidence: Evidence) -> Finding:
        return combine([part.judge(evidence) for part in self.parts], [part.compared for part in self.parts])


@dataclass(frozen=True)
class BestDepth:
    """The depth at which a seed's metric is lowest, mean over seeds, is within a margin of an expected depth.

    Attributes:
        metric: a key of `METRICS`.
        experiment, variant: whose networks.
        depths: the depths to choose from; a seed that lacks one is left out.
        expected, margin: layers.
    """

    metric: str
    experiment: str
    variant: str
    depths: tuple[int, ...]
    expected: int
    margin: int

    @property
    def cells(self) -> list[Cell]:
        return [Cell(self.experiment, self.variant, depth) for depth in self.depths]

    @property
    def experiments(self) -> list[str]:
        return [self.experiment]

    def words(self) -> str:
        """The rule in words."""
        return (
            f"each seed's best {self.variant} depth by {METRICS[self.metric].title}; the whole interval of their mean "
            f"within {self.margin} layers of {self.expected}"
        )

    def judge(self, evidence: Evidence) -> Finding:
        if self.experiment not in evidence:
            return Finding("not run", None, "layers", f"{self.experiment} was not run", self.experiment)
        tables = evidence[self.experiment].of([self.variant], self.depths)
        values = METRICS[self.metric].of(tables).dropna()
        chosen = values[values.index.get_level_values("variant") == self.variant].droplevel("variant")
        table = chosen.unstack("depth").reindex(columns=list(self.depths)).dropna()
        if len(table) < MINIMUM_N:
            reason = f"{len(table)} of at least {MINIMUM_N} seeds have all depths"
            return Finding("not enough data", None, "layers", reason, self.experiment)
        best = table.idxmin(axis=1).to_numpy(dtype=float)
        steps = [deeper - depth for depth, deeper in zip(self.depths, self.depths[1:], strict=False)]
        resolution = min(steps) / 2  # between two depths nothing was tried
        off = mean_interval(best - self.expected, resolution)
        verdict, p = decide(off, "within", self.margin), p_value(off, "within", self.margin)
        counts = pd.Series(best.astype(int)).value_counts().sort_index()
        reason = "best depth of the seeds: " + ", ".join(f"{depth} ({count})" for depth, count in counts.items())
        if verdict == "inconclusive":
            reason += "; " + _undecided(off, [-self.margin, self.margin])
        return Finding(verdict, mean_interval(best, resolution), "layers", reason, p=p)


Rule = Difference | AllOf | BestDepth


def _text(right: Cell | float) -> str:
    return str(right) if isinstance(right, Cell) else f"{right:g}"


def _undecided(effect: Interval, edges: Sequence[float], resolution: float = 0.0) -> str:
    """How many seeds would tell the mean from the nearest of the margin's edges."""
    nearest = min(edges, key=lambda edge: abs(effect.mean - edge))
    if abs(effect.mean - nearest) <= resolution:
        return "the interval holds the margin" + (", which is within one image of the mean" if resolution else "")
    needed = effect.seeds_to_decide(nearest)
    return f"the interval holds the margin; about {needed} seeds of this spread would decide"


def _amount(size: float, unit: str) -> str:
    """A difference in words: decades are factors."""
    if unit == "decades":
        factor = f"{10**size:.2g}"
        return f"a factor of {'two' if factor == '2' else factor}"
    return f"{size:g} {unit.removesuffix('s') if size == 1 else unit}"
