"""The contents of report.html, from the sections and findings that REPORT.md is made from."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from degradation.analysis.findings import Finding
from degradation.analysis.sentences import what_happened
from degradation.analysis.sources import Claim
from degradation.reports.document import Chapter, Document, Headline, Judged, MatrixRow, Picture
from degradation.reports.drawings import in_overview, words
from degradation.reports.matrix import alone, matrix

if TYPE_CHECKING:
    from degradation.reports.overview import Section

LARGEST = 200_000  # bytes of a figure: the page is one file, to be mailed


def document(
    title: str,
    sections: Sequence["Section"],
    findings: Sequence[tuple[Claim, Finding]],
    commands: Mapping[str, str],
    folded: Mapping[str, dict[str, list[str]]],
    how_to_read: list[str],
    notes: list[str],
    first: Sequence[Chapter] = (),
) -> Document:
    """Everything of the page.

    Args:
        title: heading.
        sections: experiments that were run, in order.
        findings: every claim, judged.
        commands: of each experiment.
        folded: by experiment and heading, what is shown when asked for.
        how_to_read, notes: paragraphs for the beginning and the end.
        first: chapters on several experiments, before those on one.
    """
    tests = [judged(claim, finding) for claim, finding in findings]
    run = [_chapter(section, tests, folded[section.defaults.experiment.name]) for section in sections]
    names = {chapter.name for chapter in run}
    others = dict.fromkeys(test.experiment for test in tests if test.experiment not in names)
    waiting = [_not_run(name, tests, commands) for name in others]
    opening = foremost(sections)
    headline = None
    if opening and (drawn := pictures(opening)):
        headline = Headline(opening.defaults.experiment.name, drawn[0], seen(opening))
    told = rows(findings, tests) if run else []
    return Document(title, how_to_read, headline, told, [*first, *run, *waiting], [note for note in notes if note])


def foremost(sections: Sequence["Section"]) -> "Section | None":
    """The experiment whose figure opens the report."""
    ranked = [section for section in sections if section.defaults.experiment.headline is not None]
    return min(ranked, key=lambda section: section.defaults.experiment.headline or 0, default=None)


def seen(section: "Section") -> str:
    """What the foremost figure shows, in a sentence."""
    return f"{section.defaults.experiment.title}. {what_happened(section.condition.summary)}"


def judged(claim: Claim, finding: Finding) -> Judged:
    """A claim's test in words."""
    return Judged(
        claim.id,
        claim.experiment,
        finding.verdict,
        claim.statement,
        finding.effect_in_words,
        claim.rule.words(),
        claim.source,
        finding.reason,
        claim.known,
    )


def rows(findings: Sequence[tuple[Claim, Finding]], tests: Sequence[Judged]) -> list[MatrixRow]:
    """The claims' matrix: statements that several experiments test, then those that one alone tests."""
    of_id = {test.id: test for test in tests}
    shared, single = matrix(findings), alone(findings)
    answers: dict[str, dict[str, Judged]] = {}
    for (key, experiment), answer in shared.cells.items():
        answers.setdefault(key, {})[experiment] = of_id[answer.claim]
    found = [MatrixRow(statement, answers[key]) for key, statement in shared.rows]
    for experiment, told in single.items():
        found += [MatrixRow(statement, {experiment: of_id[answer.claim]}) for statement, answer in told]
    return found


def pictures(section: "Section") -> list[Picture]:
    """Figures of an experiment as its file has it: of one that may open the report those of its Markdown, else the
    first; none that is too large, since the page is mailed. The experiment's own page has all.
    """
    name = section.defaults.experiment.name
    files = [section.folder / f"{stem}.svg" for stem in in_overview(section.defaults.experiment)]
    found = [file for file in files if file.exists() and file.stat().st_size <= LARGEST]
    shown = found[:1] if section.defaults.experiment.headline is None else found
    return [Picture(file, f"{name}: {words(file.with_suffix('.png'))}") for file in shown]


def _chapter(section: "Section", tests: Sequence[Judged], folded: dict[str, list[str]]) -> Chapter:
    experiment = section.defaults.experiment
    paragraphs = [
        f"**Seen.** {what_happened(section.condition.summary)}",
        *([f"**Not as in the source.** {' '.join(experiment.deviations)}"] if experiment.deviations else []),
    ]
    own = [test for test in tests if test.experiment == experiment.name]
    return Chapter(experiment.name, experiment.title, paragraphs, pictures(section), own, folded)


def _not_run(name: str, tests: Sequence[Judged], commands: Mapping[str, str]) -> Chapter:
    return Chapter(
        name, "not run", [f"`{commands[name]}` runs it."], [], [test for test in tests if test.experiment == name]
    )
