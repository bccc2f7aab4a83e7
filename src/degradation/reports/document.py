"""The report's contents, apart from how they look: what the page is made from. Paragraphs are Markdown."""

from dataclasses import dataclass, field
from pathlib import Path

NOT_RUN = "not run"


@dataclass(frozen=True)
class Judged:
    """One test of a claim, in words."""

    id: str
    experiment: str
    verdict: str
    statement: str
    effect: str
    rule: str
    source: str
    reason: str
    known: bool  # whether results were known when the rule was entered

    @property
    def anchor(self) -> str:
        return "claim-" + self.id.replace("/", "-")


@dataclass(frozen=True)
class MatrixRow:
    """A statement and its tests, by experiment."""

    statement: str
    tests: dict[str, Judged]

    @property
    def run(self) -> bool:
        """Whether one of its experiments was run."""
        return any(test.verdict != NOT_RUN for test in self.tests.values())

    @property
    def shared(self) -> bool:
        """Whether several experiments test it."""
        return len(self.tests) > 1


@dataclass(frozen=True)
class Picture:
    """A figure: its SVG file, and what it shows."""

    file: Path
    words: str


@dataclass(frozen=True)
class Chapter:
    """What is said of one experiment."""

    name: str
    title: str
    paragraphs: list[str]
    pictures: list[Picture]
    tests: list[Judged]
    folded: dict[str, list[str]] = field(default_factory=dict)  # by heading


@dataclass(frozen=True)
class Headline:
    """The foremost figure, of which chapter it is, and what it shows."""

    chapter: str
    picture: Picture
    seen: str


@dataclass(frozen=True)
class Document:
    """The whole report.

    Attributes:
        how_to_read: paragraphs.
        matrix: claim by experiment.
        chapters: one an experiment.
        notes: paragraphs at the end.
    """

    title: str
    how_to_read: list[str]
    headline: Headline | None
    matrix: list[MatrixRow]
    chapters: list[Chapter]
    notes: list[str]

    @property
    def tests(self) -> list[Judged]:
        return [test for chapter in self.chapters for test in chapter.tests]

    def table(self, *, shared: bool, run: bool) -> tuple[list[MatrixRow], list[str]]:
        """Rows of the matrix of one kind, and their experiments in the chapters' order."""
        rows = [row for row in self.matrix if row.shared == shared and row.run == run]
        named = {name for row in rows for name in row.tests}
        return rows, [chapter.name for chapter in self.chapters if chapter.name in named]
