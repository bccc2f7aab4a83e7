"""A comparison in words: one table an experiment, what is on one side only, and a closing sentence."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from degradation.analysis.comparison.cells import CELL, Compared, Measure
from degradation.records.columns import ERRORS
from degradation.reports.markdown import aligned

MADE_WITH = ("torch_version", "device", "engine", "commit")
RECIPE = ("task", "family", "width", "init", "norm", "shortcut", "batch_size", "lr", "precision", "steps")
MOST_NAMED = 6  # cells in the closing sentence


@dataclass
class Folders:
    """Both tables and what to call them."""

    ours: pd.DataFrame
    theirs: pd.DataFrame
    names: tuple[str, str]

    @property
    def both(self) -> list[tuple[str, pd.DataFrame]]:
        return list(zip(self.names, (self.ours, self.theirs), strict=True))


def describe(folders: Folders, cells: list[Compared], level: float) -> str:
    """Everything that a comparison found, for printing."""
    parts = []
    for (experiment, digest), own in _by_recipe(cells).items():
        several = len({key for key in _by_recipe(cells) if key[0] == experiment}) > 1
        lines = [f"{experiment}{f' digest={digest}' if several else ''}", *_made_with(folders, experiment, digest)]
        equal = sum(cell.equal for cell in own)
        if equal:
            lines.append(f"{equal} of {len(own)} variants and depths are equal in every digit.")
        if equal < len(own):
            lines += ["", _table([cell for cell in own if not cell.equal], level)]
        parts.append("\n".join(lines))
    parts += one_sided(folders)
    return "\n\n".join([*parts, closing(cells, folders.names, level)])


def _by_recipe(cells: list[Compared]) -> dict[tuple[str, str], list[Compared]]:
    found: dict[tuple[str, str], list[Compared]] = {}
    for cell in cells:
        found.setdefault((str(cell.key["experiment"]), str(cell.key["digest"])), []).append(cell)
    return found


def _made_with(folders: Folders, experiment: str, digest: str) -> list[str]:
    """Versions and devices, where they are not the same on both sides."""
    lines = []
    for column in MADE_WITH:
        found = [
            _values(table[(table["experiment"] == experiment) & (table["digest"] == digest)], column)
            for _, table in folders.both
        ]
        if found[0] != found[1]:
            lines.append(f"{column}: {found[0]} in {folders.names[0]}, {found[1]} in {folders.names[1]}")
    return lines


def _values(table: pd.DataFrame, column: str) -> str:
    if column not in table:
        return "unknown"
    return ", ".join(sorted({str(value) for value in table[column].dropna()})) or "unknown"


def _table(cells: list[Compared], level: float) -> str:
    labels = [f"{measure.name}{' (%)' if measure.name in ERRORS else ' (log10)'}" for measure in cells[0].measures]
    header = ["depth", "variant", "n", "diverged", "equal seeds"]
    header += [f"{label}, {name}" for label in labels for name in ("ours", "reference")] + ["p", "verdict"]
    rows = []
    for cell in sorted(cells, key=lambda cell: (int(str(cell.key["depth"])), str(cell.key["variant"]))):
        rows.append(
            [
                str(cell.key["depth"]),
                str(cell.key["variant"]),
                _pair(cell.n),
                _pair(cell.diverged),
                f"{cell.equal_seeds} of {cell.shared_seeds}",
                *(text for measure in cell.measures for text in _spread(measure)),
                _p(cell),
                cell.verdict(level),
            ]
        )
    return aligned(header, rows)


def _pair(numbers: tuple[int, int]) -> str:
    return str(numbers[0]) if numbers[0] == numbers[1] else f"{numbers[0]}, {numbers[1]}"


def _spread(measure: Measure) -> list[str]:
    return [
        f"{side.mean:.2f}{'' if np.isnan(side.sd) else f' ± {side.sd:.2f}'}" for side in (measure.ours, measure.theirs)
    ]


def _p(cell: Compared) -> str:
    """The smallest adjusted p of a cell's measures."""
    found = [measure.adjusted for measure in cell.measures if not np.isnan(measure.adjusted)]
    return f"{min(found):.2g}" if found else ""


def one_sided(folders: Folders) -> list[str]:
    """A sentence for each experiment, variant, digest and cell that one side lacks."""
    sentences = []
    for (name, table), (other_name, other) in (folders.both, folders.both[::-1]):
        for experiment, rows in table.groupby("experiment", sort=True):
            others = other[other["experiment"] == experiment]
            if others.empty:
                sentences.append(f"{experiment} is in {name} only ({len(rows)} networks).")
                continue
            for digest, own in rows.groupby("digest", sort=True):
                same, of_variant = others[others["digest"] == digest], others[others["variant"].isin(own["variant"])]
                if of_variant.empty:
                    variants = ", ".join(sorted(set(own["variant"])))
                    sentences.append(f"{experiment}: {variants} is in {name} only ({len(own)} networks).")
                elif same.empty:
                    sentences.append(
                        f"{experiment}: digest {digest} is in {name} only ({len(own)} networks): another recipe, not "
                        f"compared{_recipe_difference(own, of_variant, other_name)}."
                    )
                else:
                    sentences += _cells_only(f"{experiment}: ", own, same, name)
    return sentences


def _recipe_difference(rows: pd.DataFrame, others: pd.DataFrame, name: str) -> str:
    rows, others = (table[table["status"] == "done"] for table in (rows, others))  # whose steps are the recipe's
    columns = [column for column in RECIPE if _values(rows, column) != _values(others, column)]
    found = [f"{column}={_values(rows, column)} ({_values(others, column)} in {name})" for column in columns]
    return f"; {', '.join(found)}" if found else "; the columns of both are equal, so config.yaml says what differs"


def _cells_only(prefix: str, rows: pd.DataFrame, others: pd.DataFrame, name: str) -> list[str]:
    there = set(others[CELL].itertuples(index=False, name=None))
    sentences = []
    for variant, own in rows.groupby("variant", sort=True):
        keys = own[CELL].drop_duplicates().itertuples(index=False, name=None)
        depths = sorted(key[-1] for key in keys if key not in there)
        if depths:
            sentences.append(f"{prefix}{variant}, depth {', '.join(map(str, depths))} is in {name} only.")
    return sentences


def closing(cells: list[Compared], names: tuple[str, str], level: float) -> str:
    """What differs beyond seed noise, how many cells that was said of, and by which rule."""
    counts = Counter(cell.verdict(level) for cell in cells)
    different = [cell for cell in cells if cell.verdict(level) == "DIFFERS"]
    tests = sum(not np.isnan(measure.p) for cell in cells for measure in cell.measures)
    kinds = {"equal": "equal in every digit", "within noise": "within noise", "too few seeds": "with too few seeds"}
    counted = [f"{counts[kind]} {words}" for kind, words in kinds.items() if counts[kind]]
    rule = f" (t tests of {tests} means, pooled spread, false discovery rate {level:.0%})" if tests else ""
    whole = f"{len(cells)} pairs of variant and depth in {names[0]} and {names[1]}"
    if different:
        named = "; ".join(_name(cell, level) for cell in different[:MOST_NAMED])
        more = f" and {len(different) - MOST_NAMED} more" if len(different) > MOST_NAMED else ""
        rest = f" The others: {', '.join(counted)}." if counted else ""
        verb = "differs" if len(different) == 1 else "differ"
        return f"{len(different)} of {whole} {verb} beyond seed noise{rule}: {named}{more}.{rest}"
    if set(counts) == {"too few seeds"}:
        return f"Nothing can be said of the {whole}: two seeds on each side are needed."
    return f"Of the {whole} none differs beyond seed noise{rule}: {', '.join(counted)}."


def _name(cell: Compared, level: float) -> str:
    key = cell.key
    return f"{key['experiment']} {key['variant']} {key['depth']} ({', '.join(cell.different(level))})"
