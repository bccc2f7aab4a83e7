"""Drawing every figure of an experiment's page from its tables."""

from pathlib import Path

from degradation.config import Experiment
from degradation.figures.kind import Drawn, kinds
from degradation.records.tables import read
from degradation.reports.condition import Condition


def draw(results: Path, condition: Condition, experiment: Experiment) -> list[Path]:
    """All figures of one condition; returns the PNG files."""
    title = ": ".join(part for part in (experiment.title, condition.label) if part)
    files = []
    for kind in kinds():
        if not (results / kind.table).exists():
            continue
        table = read(results / kind.table, kind.columns)
        rows = kind.rows(table[table["digest"].isin(condition.digests)], condition.classification)
        if len(rows):
            parts = (condition.networks, condition.summary, condition.classification, experiment.published)
            kind.draw(results / condition.file(kind.stem), Drawn(title, rows, *parts))
            files.append(results / f"{condition.file(kind.stem)}.png")
    return files


def words(file: Path) -> str:
    """What the figure in a file shows."""
    stem = file.name.split(",")[0].removesuffix(".png")
    return next(kind.words for kind in kinds() if kind.stem == stem)
