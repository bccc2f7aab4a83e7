"""p values beside the intervals that they belong to, parts that combine, and corrections, against values by hand."""

import numpy as np
import pytest
from scipy import stats

from degradation.analysis.findings import VERDICTS, Finding, combine, decide, holm, p_value, survivors
from degradation.analysis.intervals import Interval, mean_interval


@pytest.mark.parametrize("relation", ["above", "below", "within"])
def test_a_p_value_is_below_5_percent_exactly_where_the_interval_decides(relation):
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(300):
        effect = mean_interval(rng.normal(rng.uniform(-4, 4), 1, 4), rng.choice([0.0, 0.5]))
        verdict = decide(effect, relation, 1.0)
        seen.add(verdict)
        assert (p_value(effect, relation, 1.0) < 0.05) == (verdict != "inconclusive")
    assert seen == {"reproduced", "contradicted", "inconclusive"}


def test_p_values_by_hand():
    effect = mean_interval(np.array([1.0, 2.0, 3.0]))  # t = (2 - margin) sqrt(3), two degrees of freedom

    def tail(distance):
        return stats.t.sf(distance * 3**0.5, 2)

    assert p_value(effect, "above", 0.5) == pytest.approx(2 * tail(1.5)) == p_value(effect, "below", 0.5)
    assert p_value(effect, "below", 3.0) == pytest.approx(2 * tail(1))
    assert p_value(effect, "above", 2.0) == 1
    assert p_value(effect, "within", 5.0) == pytest.approx(2 * tail(3))  # the nearer end is the harder one
    assert p_value(effect, "within", 0.5) == pytest.approx(2 * tail(1.5))  # outside, above it
    negative = Interval(-effect.mean, -effect.high, -effect.low, 3)
    assert p_value(negative, "within", 0.5) == pytest.approx(2 * tail(1.5))


def part(verdict, p):
    return Finding(verdict, Interval(1, 0, 2, 3), "points", "why", p=p)


@pytest.mark.parametrize(
    ("verdicts", "p_values", "verdict", "p"),
    [
        (["reproduced", "reproduced"], [0.01, 0.03], "reproduced", 0.03),
        (["reproduced", "inconclusive"], [0.01, 0.4], "inconclusive", 0.4),
        (["contradicted", "inconclusive"], [0.01, 0.4], "contradicted", 0.02),
        (["contradicted", "contradicted"], [0.03, 0.01], "contradicted", 0.02),
        (["contradicted", "inconclusive"], [0.04, 0.001], "contradicted", 0.08),
        (["contradicted", "reproduced"], [0.01, 0.01], "conflicting", 1),
        (["conflicting", "reproduced"], [0.3, 0.01], "conflicting", 1),
        (["reproduced", "not enough data"], [0.01, None], "not enough data", None),
        (["not enough data", "not run"], [None, None], "not run", None),
        (["consistent", "inconsistent"], [None, None], "inconsistent", None),
    ],
)
def test_parts(verdicts, p_values, verdict, p):
    found = combine([part(*pair) for pair in zip(verdicts, p_values, strict=True)], ["a", "b"])
    assert (found.verdict, found.p) == (verdict, p)


def test_holm_by_hand():
    # sorted .005 .01 .03 .04, times 4 3 2 1: .02 .03 .06 .04, and never smaller than the one before
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.5]).tolist() == [1, 1]
    assert holm([0.03]).tolist() == [0.03]
    assert holm([]).tolist() == []


def test_how_many_decisions_survive():
    # Holm: .004 * 5, .03 * 4 = .12. Benjamini-Hochberg: .004 * 5, and .03 * 5 / 2 is more than .04 * 5 / 3 = .067
    tests = [part("reproduced", 0.004), part("contradicted", 0.03), part("reproduced", 0.04),
             part("inconclusive", 0.5), part("conflicting", 1.0), Finding("not run", None, "points", "")]  # fmt: skip
    assert survivors(tests) == {"tested": 5, "decided": 3, "holm": 1, "benjamini_hochberg": 1}
    # without the two undecided: .004 * 3, .03 * 2 = .06; .012, .03 * 3 / 2 = .045 -> .04
    assert survivors(tests[:3]) == {"tested": 3, "decided": 3, "holm": 1, "benjamini_hochberg": 3}
    assert survivors([]) == {"tested": 0, "decided": 0, "holm": 0, "benjamini_hochberg": 0}


def test_an_effect_in_words():
    assert part("reproduced", 0.1).effect_in_words == "+1 [+0, +2] points, n = 3"
    depth = Finding("reproduced", Interval(7.5, 4, 11, 16), "layers", "")
    assert depth.effect_in_words == "7.5 [4, 11] layers, n = 16"
    one = Finding("consistent", Interval(-0.47, -np.inf, np.inf, 1), "points", "")
    assert one.effect_in_words == "-0.47 points, n = 1"
    assert Finding("not run", None, "points", "").effect_in_words == ""


def test_the_verdicts():
    assert VERDICTS[:4] == ("reproduced", "contradicted", "inconclusive", "conflicting")
