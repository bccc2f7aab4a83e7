"""Drawing every figure of an experiment's page from its tables."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from degradation.config import Experiment
from degradation.figures.kind import Drawn, Overlaid, kinds, overlays
from degradation.records.columns import CONDITION, KEY
from degradation.records.identity import OwnCondition
from degradation.records.tables import at, read
from degradation.reports.condition import Condition, key_words


def draw(results: Path, condition: Condition, experiment: Experiment, *, foremost: bool = False) -> list[Path]:
    """All figures of one condition, or the first of the page alone; returns the PNG files."""
    title = ", ".join(part for part in (experiment.title, condition.words) if part)
    settings = condition.own.settings if condition.own else {}
    files = []
    for kind in kinds():
        if foremost and kind.rank > 1:
            continue
        if at(results / kind.table) is None or not kind.fits(condition.networks):
            continue
        table = read(results / kind.table, kind.columns)
        rows = kind.rows(table[table["digest"].isin(condition.digests)], condition.classification)
        if len(rows):
            parts = (condition.networks, condition.summary, condition.classification, experiment.published)
            kind.draw(results / condition.file(kind.stem), Drawn(title, rows, *parts, settings))
            files.append(results / f"{condition.file(kind.stem)}.png")
    return files


def draw_overlays(results: Path, conditions: list[Condition], experiment: Experiment) -> list[Path]:
    """The figures over the conditions of the experiment's own sweep, if there are several; returns the PNG files."""
    found = overlaid(conditions, experiment)
    if found is None:
        return []
    files = []
    for overlay in overlays():
        if overlay.fits(found) and at(results / overlay.table):
            table = read(results / overlay.table, overlay.columns)[overlay.columns]
            rows = table.merge(found.networks[[*KEY, CONDITION]], on=KEY)
            overlay.draw(results / overlay.stem, replace(found, rows=rows))
            files.append(results / f"{overlay.stem}.png")
    return files


def overlaid(conditions: list[Condition], experiment: Experiment) -> Overlaid | None:
    """The own conditions together, in the order of their values where those are numbers; None if there is but one."""
    own = [(condition.own, condition.networks) for condition in conditions if condition.own is not None]
    if len(own) < 2:
        return None
    values = dict(sorted(((one.name, _value(one)) for one, _ in own), key=_rank))
    networks = pd.concat([rows.assign(**{CONDITION: one.name}) for one, rows in own], ignore_index=True)
    keys = list(own[0][0].changed)
    swept = keys[0] if len(keys) == 1 else ""
    key = key_words(swept) if swept else "condition"
    settings = {one.name: one.settings for one, _ in own}
    return Overlaid(experiment.title, networks, key, values, conditions[0].classification, swept, settings)


def _value(condition: OwnCondition) -> object:
    """Of the swept key; where the conditions differ in several, their names are the values."""
    changed = list(condition.changed.values())
    return changed[0] if len(changed) == 1 else condition.name


def _rank(item: tuple[str, object]) -> float:
    return float(item[1]) if isinstance(item[1], int | float) else 0.0


def in_overview(experiment: Experiment) -> list[str]:
    """Stems of the figures that the report on all experiments shows of one, those first that few experiments have."""
    first = [kind.stem for kind in kinds() if kind.rank > 1 and kind.in_overview == "always"]
    general = [kind.stem for kind in reversed(kinds()) if kind.rank == 1 and kind.in_overview == "always"]
    course = [kind.stem for kind in kinds() if kind.in_overview == "headlines" and experiment.headline is not None]
    return [*first, *(overlay.stem for overlay in overlays()), *general, *course]


def sections(files: list[Path]) -> dict[str, list[Path]]:
    """Figures of one condition by the heading under which the page shows them; empty: at its top."""
    headings = {kind.stem: kind.section for kind in kinds()}
    found: dict[str, list[Path]] = {}
    for file in files:
        found.setdefault(headings[_stem(file)], []).append(file)
    return found


def words(file: Path) -> str:
    """What the figure in a file shows."""
    every = {overlay.stem: overlay.words for overlay in overlays()} | {kind.stem: kind.words for kind in kinds()}
    return every[_stem(file)]


def _stem(file: Path) -> str:
    return file.name.split(",")[0].removesuffix(".png")
