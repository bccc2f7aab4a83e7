"""The claims as a matrix: which statements are shared, where the cells lie, and the sentences about all verdicts."""

import pytest

from degradation.analysis.findings import Finding
from degradation.analysis.intervals import Interval
from degradation.analysis.rules import Cell, Difference
from degradation.analysis.sources import GAINS, Claim
from degradation.reports.matrix import Answer, alone, in_markdown, matrix
from degradation.reports.overview import Overview
from degradation.reports.verdicts import corrected, gains, known

EFFECT = Interval(1.27, 0.0163, 2.52, 3)


def judged(identity, verdict, known=False, p=None):
    rule = Difference("test_error", Cell(identity.split("/")[0], "plain", 8), 0, "below", 0)
    effect = None if verdict == "not run" else EFFECT
    statement = f"That {identity.split('/')[1]}."
    return Claim(identity, statement, "ours", rule, known), Finding(verdict, effect, "points", "why", p=p)


FINDINGS = [
    judged("digits/falls", "contradicted", known=True),
    judged("digits/rises", "reproduced"),
    judged("digits/own", "inconclusive"),
    judged("cifar/rises", "conflicting"),
    judged("cifar/falls", "inconclusive"),
    judged("sine/rises", "reproduced"),
]


def test_the_matrix():
    found = matrix(FINDINGS)
    assert found.rows == [("falls", "That falls."), ("rises", "That rises.")]
    assert found.columns == ["digits", "cifar", "sine"]
    assert {place: answer.verdict for place, answer in found.cells.items()} == {
        ("falls", "digits"): "contradicted",
        ("rises", "digits"): "reproduced",
        ("rises", "cifar"): "conflicting",
        ("falls", "cifar"): "inconclusive",
        ("rises", "sine"): "reproduced",
    }
    effect = "+1.27 [+0.0163, +2.52] points, n = 3"
    assert found.cells["falls", "digits"] == Answer("digits/falls", "contradicted", effect)
    assert alone(FINDINGS) == {"digits": [("That own.", Answer("digits/own", "inconclusive", effect))]}


def test_the_matrix_in_markdown():
    legend, table, title, single = in_markdown(FINDINGS)
    assert legend.startswith(
        "**yes**: reproduced, **no**: contradicted, open: inconclusive, conflict: conflicting; empty:"
    )
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    assert rows[0] == ["statement", "digits", "cifar", "sine"]
    assert rows[2:] == [["That falls.", "**no**", "open", ""], ["That rises.", "**yes**", "conflict", "**yes**"]]
    assert title == "What one experiment alone tests:"
    assert "| digits     | **inconclusive** | That own. | +1.27 [+0.0163, +2.52] points, n = 3 |" in single
    assert in_markdown(FINDINGS[1:2])[0] == title  # nothing is shared
    assert len(in_markdown([FINDINGS[0], FINDINGS[4]])) == 2  # everything is


def test_the_papers_second_half_is_told_from_the_findings():
    tests = [judged(f"digits/{GAINS}", "contradicted"), judged(f"cifar/{GAINS}", "not run"), FINDINGS[1]]
    assert gains(tests).endswith(
        "is, on images, reproduced nowhere so far (digits contradicted, +1.27 [+0.0163, +2.52] points, n = 3; cifar "
        "not run)."
    )
    won = [judged(f"cifar/{GAINS}", "reproduced"), tests[0]]
    assert "is, on images, reproduced by cifar (digits contradicted, " in gains(won)
    assert gains(won[:1]).endswith("is, on images, reproduced by cifar.")


def test_what_was_known():
    text = known(FINDINGS)
    assert "known for `digits/falls`. These verdicts" in text
    whole = [judged("sine/a", "reproduced", known=True), *FINDINGS]
    whole = [pair for pair in whole if pair[0].id != "sine/rises"]
    assert "known for all claims of sine; and for `digits/falls`. These" in known(whole)
    assert known(FINDINGS[1:]) == ""


def test_how_many_survive_in_words():
    tests = [judged(f"a/{number}", "reproduced", p=p) for number, p in enumerate((0.004, 0.03, 0.04))]
    text = corrected([*tests, judged("a/x", "inconclusive", p=0.5), judged("a/y", "not run")])
    assert "4 tests have enough seeds, and 3 of them are decided" in text
    assert ", 1 of the decisions survive Holm's" in text
    assert "and 1 that of Benjamini and Hochberg" in text  # .04 * 4 / 3 = .053
    assert corrected([judged("a/y", "not run")]) == ""


@pytest.mark.parametrize("verbose", [False, True])
def test_what_is_printed_at_the_end_of_a_sweep(verbose, tmp_path):
    report = tmp_path / "REPORT.md"
    lines = Overview([report], FINDINGS).text(["digits", "sine", "other"], verbose=verbose).splitlines()
    short = [
        "claims:",
        "digits: 1 reproduced, 1 contradicted, 1 inconclusive",
        "sine: 1 reproduced",
        "",
        f"report: {report}",
    ]
    assert [line for line in lines if not line.startswith("  ")] == short
    told = [line for line in lines if line.startswith("  ")]
    assert len(told) == (4 if verbose else 0)
    if verbose:
        assert told[0] == "  contradicted    That falls. (+1.27 [+0.0163, +2.52] points, n = 3)"
