"""The claims as a matrix: a row a statement, a column an experiment, a verdict a cell. Data first, then Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

from degradation.analysis.findings import Finding, Verdict
from degradation.analysis.sources import Claim
from degradation.reports.markdown import aligned

Findings = Sequence[tuple[Claim, Finding]]

SHORT: dict[Verdict, str] = {
    "reproduced": "**yes**",
    "contradicted": "**no**",
    "inconclusive": "open",
    "conflicting": "conflict",
    "consistent": "(yes)",
    "inconsistent": "(no)",
    "not enough data": "few",
    "not run": "not run",
}


@dataclass(frozen=True)
class Answer:
    """A cell: what one experiment answers to one statement.

    Attributes:
        claim: its id.
        effect: in words, with interval and n; empty where there is none.
    """

    claim: str
    verdict: Verdict
    effect: str


@dataclass(frozen=True)
class Matrix:
    """Statements that several experiments test.

    Attributes:
        rows: each statement's key and sentence, in the order of the claims.
        columns: the experiments, likewise.
        cells: by key and experiment, where there is an answer.
    """

    rows: list[tuple[str, str]]
    columns: list[str]
    cells: dict[tuple[str, str], Answer]


def matrix(findings: Findings) -> Matrix:
    """Those of the claims whose statement more than one of the experiments tests."""
    shared = [(claim, finding) for claim, finding in findings if len(_testing(claim, findings)) > 1]
    rows = {claim.key: claim.statement for claim, _ in shared}
    columns = dict.fromkeys(claim.experiment for claim, _ in shared)
    cells = {(claim.key, claim.experiment): _answer(claim, finding) for claim, finding in shared}
    return Matrix(list(rows.items()), list(columns), cells)


def alone(findings: Findings) -> dict[str, list[tuple[str, Answer]]]:
    """By experiment the statements that it alone tests, each with its answer."""
    found: dict[str, list[tuple[str, Answer]]] = {}
    for claim, finding in findings:
        if len(_testing(claim, findings)) == 1:
            found.setdefault(claim.experiment, []).append((claim.statement, _answer(claim, finding)))
    return found


def _testing(claim: Claim, findings: Findings) -> set[str]:
    return {other.experiment for other, _ in findings if other.key == claim.key}


def _answer(claim: Claim, finding: Finding) -> Answer:
    return Answer(claim.id, finding.verdict, finding.effect_in_words)


def in_markdown(findings: Findings) -> list[str]:
    """The matrix, its legend, and below it the statements of single experiments."""
    shared, single = matrix(findings), alone(findings)
    parts = []
    if shared.rows:
        body = [
            [statement, *(_short(shared.cells.get((key, experiment))) for experiment in shared.columns)]
            for key, statement in shared.rows
        ]
        verdicts = dict.fromkeys(answer.verdict for answer in shared.cells.values())
        legend = ", ".join(f"{SHORT[verdict]}: {verdict}" for verdict in SHORT if verdict in verdicts)
        parts += [
            f"{legend}; empty: not tested there. Effects and rules: at the end.",
            aligned(["statement", *shared.columns], body),
        ]
    if single:
        body = [
            [experiment if place == 0 else "", f"**{answer.verdict}**", statement, answer.effect]
            for experiment, answers in single.items()
            for place, (statement, answer) in enumerate(answers)
        ]
        parts += ["What one experiment alone tests:", aligned(["experiment", "verdict", "statement", "effect"], body)]
    return parts


def _short(answer: Answer | None) -> str:
    return SHORT[answer.verdict] if answer else ""
