"""Which variants and depths differ beyond seed noise.

A cell is an experiment, digest, variant and depth that both sides have. The question to each is whether both sides'
networks can come from one distribution, so the test is Student's t with the spread pooled over both sides. All tests of
one comparison together are corrected by Benjamini and Hochberg (1995).

How often nothing is taken for something: with the reference's 84 sine cells of 16 seeds split at random, 1000 times,
something differed "beyond noise" at 5 % in 4 to 8 % of the comparisons (8 against 8 seeds, 5:5, 3:3, 2:2, 3:13, 2:14).
With Welch's test, which allows unequal spreads, it would be 43 % at 3:13 and 87 % at 2:14. With one seed on a
side it would be 19 %, so such cells are not judged.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import stats

from degradation.analysis import outcomes
from degradation.records.columns import ERRORS, LOSSES

CELL = ["experiment", "digest", "variant", "depth"]
LOSS_RESOLUTION = math.log10(1.01)  # spreads of losses are taken as 1 % at least
LEAST_SEEDS = 2  # on each side


@dataclass
class Side:
    """One side's networks of a cell: n, and mean and standard deviation of a measure."""

    n: int
    mean: float
    sd: float  # NaN for one network


@dataclass
class Measure:
    """One measure of a cell, errors in percent or log10 of losses, on both sides."""

    name: str
    ours: Side
    theirs: Side
    p: float  # NaN: not tested
    adjusted: float = float("nan")


@dataclass
class Compared:
    """A cell: a variant and depth that both sides have."""

    key: dict[str, object]
    n: tuple[int, int]
    diverged: tuple[int, int]
    shared_seeds: int
    equal_seeds: int  # of those, the networks that are equal in every digit
    measures: list[Measure] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether one side's networks are all among the other's, equal in every digit."""
        return self.equal_seeds == min(self.n)

    @property
    def tested(self) -> bool:
        return any(not np.isnan(measure.p) for measure in self.measures)

    def different(self, level: float) -> list[str]:
        """The measures that differ beyond seed noise."""
        return [measure.name for measure in self.measures if measure.adjusted <= level]

    def verdict(self, level: float) -> str:
        """`equal`, `within noise`, `DIFFERS` or `too few seeds`."""
        if self.equal:
            return "equal"
        if not self.tested:
            return "too few seeds"
        return "DIFFERS" if self.different(level) else "within noise"


def compare(ours: pd.DataFrame, theirs: pd.DataFrame) -> list[Compared]:
    """Every cell that both tables have, with p-values adjusted over all of them."""
    others = dict(iter(theirs.groupby(CELL, sort=True)))
    steps = resolutions(pd.concat([ours, theirs]))
    cells = [
        _cell(dict(zip(CELL, key, strict=True)), rows, others[key], steps)
        for key, rows in ours.groupby(CELL, sort=True)
        if key in others
    ]
    tested = [measure for cell in cells for measure in cell.measures if not np.isnan(measure.p)]
    if tested:
        adjusted = stats.false_discovery_control([measure.p for measure in tested], method="bh")
        for measure, p in zip(tested, adjusted, strict=True):
            measure.adjusted = float(p)
    return cells


def _cell(
    key: dict[str, object], ours: pd.DataFrame, theirs: pd.DataFrame, steps: dict[tuple[object, str], float]
) -> Compared:
    sides = (ours, theirs)
    same = _equal_seeds(ours, theirs)
    cell = Compared(
        key=key,
        n=(len(ours), len(theirs)),
        diverged=(int((ours["status"] == "diverged").sum()), int((theirs["status"] == "diverged").sum())),
        shared_seeds=len(same),
        equal_seeds=int(same.sum()),
    )
    both = pd.concat(sides, ignore_index=True)
    for name in measures_of(both):
        found = values(both, name)
        first, second = found[: len(ours)], found[len(ours) :]
        resolution: float = steps.get((key["experiment"], name), LOSS_RESOLUTION)
        p = float("nan") if cell.equal else t_test(first, second, resolution)
        cell.measures.append(Measure(name, _side(first), _side(second), p))
    return cell


def _equal_seeds(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.Series:
    """For every seed on both sides, whether the two networks are equal in every digit."""
    columns = [*LOSSES, *ERRORS, "status"]
    first, second = (rows.set_index("seed")[columns] for rows in (ours, theirs))
    shared = first.index.intersection(second.index)
    first, second = first.loc[shared], second.loc[shared]
    return ((first == second) | (first.isna() & second.isna())).all(axis=1)


def measures_of(networks: pd.DataFrame) -> list[str]:
    """What is compared: errors where there are any, else losses."""
    return ERRORS if outcomes.is_classification(networks) else LOSSES


def values(networks: pd.DataFrame, name: str) -> np.ndarray:
    """One measure of every network of both sides: errors in percent or log10 of losses; what diverged counts too."""
    split, kind = name.split("_")
    measure = outcomes.errors if kind == "error" else outcomes.log_losses
    return measure(networks, split).to_numpy(dtype=float)


def t_test(first: np.ndarray, second: np.ndarray, resolution: float) -> float:
    """Two-sided p of Student's t test with pooled spread, at least `resolution`; NaN with one network on a side."""
    n, m = len(first), len(second)
    if min(n, m) < LEAST_SEEDS:
        return float("nan")
    squares = sum(float(((side - side.mean()) ** 2).sum()) for side in (first, second))
    pooled = max(np.sqrt(squares / (n + m - 2)), resolution)
    t = abs(first.mean() - second.mean()) / (pooled * np.sqrt(1 / n + 1 / m))
    return float(2 * stats.t.sf(t, n + m - 2))


def resolutions(networks: pd.DataFrame) -> dict[tuple[object, str], float]:
    """By experiment and error the smallest step between two values, at most the share of one example.

    A few networks of equal error do not show that there is no spread: one example more or less is noise.
    """
    found: dict[tuple[object, str], float] = {}
    for experiment, rows in networks.groupby("experiment"):
        for name in ERRORS:
            steps = np.diff(np.unique(rows[name].dropna().to_numpy(dtype=float)))
            steps = steps[steps > 1e-6]
            if len(steps):
                found[experiment, name] = float(steps.min())
    return found


def _side(numbers: np.ndarray) -> Side:
    sd = float(numbers.std(ddof=1)) if len(numbers) > 1 else float("nan")
    return Side(len(numbers), float(numbers.mean()), sd)
