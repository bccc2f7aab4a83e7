"""Intervals, rules, metrics and statistics against scipy, numpy and values worked out by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from degradation.analysis import findings, metrics, rules
from degradation.analysis.findings import decide
from degradation.analysis.intervals import Interval, mean_interval, trend_p_value
from degradation.analysis.metrics import METRICS, Tables
from degradation.analysis.rules import BEST, AllOf, BestDepth, Cell, Difference
from degradation.analysis.statistics import describe, summary

EMPTY = pd.DataFrame()
P4, P8, P12, R8 = (Cell("e", "plain", 4), Cell("e", "plain", 8), Cell("e", "plain", 12), Cell("e", "residual", 8))


def tables(values, column="train_error", **columns):
    """Networks with `values[variant, depth]`, a seed a value."""
    rows = [
        {"variant": variant, "depth": depth, "seed": seed, "train_error": 50.0, "test_error": 50.0, "train_loss": 1.0,
         "test_loss": 1.0, "mean_train_loss": 1.0, "mean_test_loss": 1.0, "chance_error": 90.0, "status": "done",
         "matched": True, "condition": ""} | columns | {column: value}
        for (variant, depth), found in values.items() for seed, value in enumerate(found)
    ]  # fmt: skip
    return Tables(pd.DataFrame(rows), EMPTY, EMPTY)


@pytest.mark.parametrize("n", [2, 3, 8])
def test_intervals_against_scipys_test(n):
    values = np.random.default_rng(n).normal(3, 2, n)
    ours, theirs = mean_interval(values), stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert ours == pytest.approx((values.mean(), theirs.low, theirs.high, n), rel=1e-12)
    assert ours.half_width == pytest.approx((theirs.high - theirs.low) / 2, rel=1e-12)


def test_the_trend_against_scipy():
    table = np.random.default_rng(0).normal(size=(4, 4)) + np.arange(4)
    assert trend_p_value(table) == pytest.approx(stats.page_trend_test(table).pvalue)
    with pytest.raises(ValueError, match="finite"):
        mean_interval(np.array([]))


@pytest.mark.parametrize(
    ("low", "high", "above", "below", "within"),
    [  # of a margin of 2
        (2.1, 3.0, "reproduced", "contradicted", "contradicted"),
        (2.0, 3.0, "inconclusive", "inconclusive", "inconclusive"),
        (1.0, 2.0, "inconclusive", "inconclusive", "inconclusive"),
        (1.0, 1.9, "contradicted", "reproduced", "reproduced"),
        (-1.9, 1.9, "contradicted", "reproduced", "reproduced"),
        (-2.0, 1.0, "contradicted", "reproduced", "inconclusive"),
        (-3.0, -2.0, "contradicted", "reproduced", "inconclusive"),
        (-3.0, -2.1, "contradicted", "reproduced", "contradicted"),
        (-3.0, 3.0, "inconclusive", "inconclusive", "inconclusive"),
        (1.9, 2.1, "inconclusive", "inconclusive", "inconclusive"),
        (-2.1, 1.0, "contradicted", "reproduced", "inconclusive"),
    ],
)
def test_every_place_of_an_interval(low, high, above, below, within):
    effect = Interval((low + high) / 2, low, high, 3)
    assert [decide(effect, relation, 2.0) for relation in ("above", "below", "within")] == [above, below, within]


def test_constants_of_the_rules():
    assert (findings.MINIMUM_N, findings.SIGNIFICANT, metrics.SMALLEST, metrics.EARLY) == (3, 0.05, 1e-12, 1 / 3)


def reason(values, relation, margin):
    rule = Difference("train_error", P8, 0.0, relation, margin)
    return rule.judge({"e": tables({("plain", 8): values})}).reason


def test_what_would_change_a_verdict():
    t = stats.t.ppf(0.975, 2)
    half = t / math.sqrt(3)  # of 1, 2, 3 about any mean: 2.484
    high, low = [11.0, 12.0, 13.0], [-11.0, -12.0, -13.0]
    assert reason(high, "above", 3) == f"another answer needs a shift by {12 - half - 3:.2g}" == _shift(6.5)
    assert reason(high, "below", 3) == _shift(12 - half - 3)
    assert reason(low, "below", -3) == _shift(6.5)
    assert reason(high, "below", 40) == "it is higher, by less than 40 points; " + _shift(40 - 12 - half)
    assert reason(high, "within", 3) == _shift(6.5)
    assert reason(low, "within", 3) == _shift(6.5)
    assert reason([1.0, 2.0, 3.0], "within", 8) == _shift(8 - 2 - half)
    assert reason([-1.0, -2.0, -3.0], "within", 8) == _shift(8 - 2 - half)
    # sd 1, distance 0.5: t(17) = 2.1098, so 2.1098 / sqrt(18) = 0.497; t(16) = 2.1199, so with 17 it is 0.514
    assert reason([1.0, 2.0, 3.0], "above", 1.5) == _seeds(18) == reason([1.0, 2.0, 3.0], "below", 2.5)
    assert reason([1.0, 2.0, 3.0], "within", 2.5) == reason([-1.0, -2.0, -3.0], "within", 2.5) == _seeds(18)
    assert reason([1.0, 2.0, 3.0], "above", 4.4) == _seeds(4)  # t(3) = 3.182, so 1.591
    assert reason([1.0, 2.0, 3.0], "above", 3.55) == _seeds(5)  # t(4) = 2.776, so 1.242
    assert reason([1.0, 2.0, 3.0], "above", 2) == "the interval holds the margin"
    assert reason([1.0, 2.0, 3.0], "within", 2) == "the interval holds the margin"


def _shift(by):
    return f"another answer needs a shift by {by:.2g}"


def _seeds(count):
    return f"the interval holds the margin; about {count} seeds of this spread would decide"


def test_who_lacks_seeds():
    rule = Difference("train_error", P8, P4, "above", 1)
    for values, scarce in (
        ({("plain", 4): [1, 2], ("plain", 8): [1, 2, 3]}, "plain-4"),
        ({("plain", 4): [1, 2, 3], ("plain", 8): [1, 2]}, "plain-8"),
        ({("plain", 4): [1, 2], ("plain", 8): [1, 2]}, "plain-8"),
        ({("plain", 4): [1, 2, math.nan, math.nan], ("plain", 8): [1, 2, 3]}, "plain-4"),
    ):
        finding = rule.judge({"e": tables(values)})
        assert finding.reason == f"2 of at least 3 seeds have what is compared ({scarce} lacks them)"
        assert (finding.verdict, finding.missing, finding.effect.n) == ("not enough data", "e", 2)
    elsewhere = Difference("train_error", P8, Cell("f", "plain", 4), "above", 1)
    assert elsewhere.experiments == ["e", "f"]
    assert rule.experiments == ["e"]
    found = {"e": tables({("plain", 8): [1, 2, 3]}), "f": tables({("plain", 4): [1, 2]})}
    assert elsewhere.judge(found).missing == "f"
    assert elsewhere.judge({"e": found["e"]}).reason == "f was not run"
    number = Difference("train_error", P8, 6.97, "within", 1)
    finding = number.judge({"e": tables({("plain", 8): [1, 2]})})
    assert finding.verdict == "inconsistent"
    assert finding.reason == "the mean of n = 2, whatever its spread; a verdict needs 3 seeds"
    assert number.experiments == ["e"]


def test_rules_in_words():
    here = "training error: plain-8 minus plain-4; the whole interval"
    assert Difference("train_error", P8, P4, "above", 1.5).words() == f"{here} above 1.5 points"
    assert Difference("train_error", P8, P4, "below", -1).words() == f"{here} below -1 points"
    assert Difference("train_error", P8, P4, "within", 2).words() == f"{here} between -2 and 2 points"
    assert Difference("train_error", P8, Cell("f", "plain", 4), "above", 1).words() == (
        "training error: plain-8 minus plain-4 (f); the whole interval above 1 points"
    )
    assert Difference("train_error", P8, 6.97, "above", 1).words() == (
        "training error: plain-8 minus 6.97; the whole interval above 1 points"
    )
    trend = ", and Page's test {} over 4 to 12 layers, p < 0.05"
    assert Difference("train_error", P8, P4, "above", 1, (4, 8, 12)).words() == (
        f"{here} above 1 points" + trend.format("rising")
    )
    assert Difference("train_error", P8, P4, "below", 1, (4, 8, 12)).words() == (
        f"{here} below 1 points" + trend.format("falling")
    )
    assert BestDepth("train_error", "e", "plain", (4, 8), 8, 3).words() == (
        "each seed's best plain depth by training error; the whole interval of their mean within 3 layers of 8"
    )


def test_pairs_of_variants_leave_out_what_is_not_matched():
    found = tables({("plain", 8): [10, 11, 12, 13], ("residual", 8): [1, 2, 3, 90]})
    networks = found.networks
    networks.loc[networks["seed"] == 3, "matched"] = False
    effect = Difference("train_error", R8, P8, "below", -1).judge({"e": found}).effect
    assert effect == Interval(-9, -9, -9, 3)
    lost = tables({("plain", 8): [10, 11, 12, math.nan], ("residual", 8): [1, 2, 3, 90]})
    assert Difference("train_error", R8, P8, "below", -1).judge({"e": lost}).effect == Interval(-9, -9, -9, 3)
    within_a_variant = Difference("train_error", R8, Cell("e", "residual", 8), "below", 1).judge({"e": found})
    assert within_a_variant.effect.n == 4
    assert Difference("train_error", R8, 1.0, "above", -5).judge({"e": found}).effect.n == 4


def test_a_trend_and_its_direction(monkeypatch):
    rule = Difference("train_error", P12, P4, "above", 1, trend=(4, 8, 12))
    falling = Difference("train_error", P12, P4, "below", -1, trend=(4, 8, 12))
    up = {("plain", 4): [1, 2, 3], ("plain", 8): [4, 5, 7], ("plain", 12): [11, 12, 14]}
    down = {("plain", depth): up["plain", 16 - depth] for depth in (4, 8, 12)}
    assert rule.judge({"e": tables(up)}).verdict == "reproduced"
    assert rule.judge({"e": tables(up)}).reason.endswith("; trend p = 0.0046")  # (1/3!)^3
    assert falling.judge({"e": tables(down)}).verdict == "reproduced"
    assert falling.judge({"e": tables(down)}).reason.endswith("; trend p = 0.0046")
    assert falling.judge({"e": tables(up)}).verdict == "contradicted"
    assert falling.judge({"e": tables(up)}).reason.endswith("; trend p = 1")
    alone = Difference("train_error", P12, P4, "above", 1).judge({"e": tables(up)}).p
    for p, verdict in ((0.05, "conflicting"), (0.049, "reproduced"), (0.051, "conflicting"), (0.0, "reproduced")):
        monkeypatch.setattr(rules, "trend_p_value", lambda table, p=p: p)
        finding = rule.judge({"e": tables(up)})
        assert (finding.verdict, finding.p) == (verdict, max(p, alone))
    lacking = rule.judge({"e": tables(up | {("plain", 8): [4, 5]})})
    assert (lacking.verdict, lacking.missing) == ("not enough data", "e")
    assert lacking.reason == "the trend needs 3 seeds at all depths; 8"
    none = rule.judge({"e": tables({key: value for key, value in up.items() if key[1] != 8})})
    assert none.reason == "the trend needs 3 seeds at all depths; 8"
    networks = tables(up | {("plain", 8): [math.nan, math.nan, math.nan, 5, 6, 7]})
    assert rule.judge({"e": networks}).reason == "the trend needs 3 seeds at all depths; the seeds differ"


def test_the_best_condition_is_that_of_the_mean_training_error():
    """Not each seed's own, and not the best on the test set."""
    errors = {"lr=1": ([9.0, 1.0, 5.0], [1.0, 1.0, 1.0]), "lr=2": ([4.0, 4.0, 4.0], [7.0, 8.0, 9.0])}
    parts = []
    for condition, (train, test) in errors.items():
        part = tables({("plain", 8): train}, condition=condition).networks
        parts.append(part.assign(test_error=test))
    found = Tables(pd.concat(parts), EMPTY, EMPTY, conditions=tuple(errors))
    best = Cell("e", "plain", 8, BEST)
    for metric, mean in (("train_error", 4), ("test_error", 8)):
        assert Difference(metric, best, 0, "above", 1).judge({"e": found}).effect.mean == mean
    without = Tables(parts[0], EMPTY, EMPTY, conditions=tuple(errors))
    assert Difference("train_error", best, 0, "above", 1).judge({"e": without}).verdict == "not enough data"


def test_the_best_depth_needs_three_seeds_at_all_depths():
    rule = BestDepth("train_error", "e", "plain", (4, 8, 12), expected=8, margin=5)
    values = {("plain", 4): [3, 3, 3], ("plain", 8): [1, 1, 1], ("plain", 12): [2, 2, 2]}
    assert rule.judge({"e": tables(values)}).effect == Interval(8, 6, 10, 3)
    for lost in ([1, 1], [1, 1, math.nan]):
        finding = rule.judge({"e": tables(values | {("plain", 8): lost})})
        assert (finding.verdict, finding.effect) == ("not enough data", None)
        assert finding.reason == "2 of at least 3 seeds have all depths"
    assert rule.judge({}).reason == "e was not run"
    assert rule.experiments == ["e"]


def test_relative_losses_by_hand():
    found = tables({("plain", 4): [0.02, 0.0, 20.0, 300.0, 1.0]}, "train_loss", mean_train_loss=2.0)
    networks = found.networks
    networks.loc[networks["seed"] == 4, "status"] = "diverged"
    losses = METRICS["train_loss"].of(found)
    assert losses.tolist() == pytest.approx([-2, -12, 1, math.log10(150), math.log10(150)])
    better = tables({("plain", 4): [0.02, 0.2, 9.0]}, "test_loss", mean_test_loss=2.0)
    better.networks.loc[better.networks["seed"] == 2, "status"] = "diverged"
    assert METRICS["test_loss"].of(better).tolist() == pytest.approx([-2, -1, 0])  # whatever it had last
    infinite = tables({("plain", 4): [0.02, math.inf]}, "test_loss", mean_test_loss=2.0)
    assert METRICS["test_loss"].of(infinite).tolist() == [-2, 0]
    lost = tables({("plain", 4): [0.02, math.nan]}, "test_loss", mean_test_loss=2.0)
    lost.networks.loc[1, "status"] = "diverged"
    assert METRICS["test_loss"].of(lost).tolist() == [-2, 0]


def test_layers_and_curves_by_hand():
    rows = [
        {"variant": "plain", "depth": 3, "seed": 0, "moment": moment, "layer": layer, "output_sd": sd,
         "gradient_norm": norm, "response_sd": response}
        for moment, sds, norms, responses in (
            ("init", (8, 4, 2, 1), (7, 1000, 10, 5), (9, 9, 9, math.nan)),
            ("final", (1, 1, 1, 1), (1, 50, 5, 1), (1, 2, 6, math.nan)),
        )
        for layer, (sd, norm, response) in enumerate(zip(sds, norms, responses, strict=True), start=1)
    ]  # fmt: skip
    curves = pd.DataFrame(
        {"variant": "plain", "depth": 3, "seed": 0, "step": [0, 1, 2, 3, 6], "batch_error": [99, 70, 40, 20, 10]}
    )
    found = Tables(tables({("plain", 3): [0]}).networks, curves, pd.DataFrame(rows))
    expected = {"signal_ratio": math.log10(4), "gradient_ratio_init": 2, "response": math.log10(12) / 3,
                "gradient_ratio_final": 1, "early_batch_error": 55}  # fmt: skip
    assert {name: METRICS[name].of(found)["plain", 3, 0] for name in expected} == pytest.approx(expected)


def test_the_early_error_of_diverged_and_of_other_networks():
    """The first third of the run's steps, the row at its end included; after divergence a network guesses."""
    runs = {0: [math.nan, 60, 30, 9, 9], 1: [math.nan, 60, math.nan, math.nan, math.nan]}
    rows = [
        {"variant": "plain", "depth": 3, "seed": seed, "step": step, "batch_error": error}
        for seed, errors in runs.items()
        for step, error in zip([0, 100, 200, 201, 600], errors, strict=True)
    ]
    found = tables({("plain", 3): [0, 0]})
    found.networks.loc[1, "status"] = "diverged"
    found.networks["steps"] = [600, 150]  # a diverged network's record has the step at which it did
    found = Tables(found.networks, pd.DataFrame(rows), EMPTY)
    assert METRICS["early_batch_error"].of(found).tolist() == [(60 + 30) / 2, (60 + 90) / 2]


def test_what_is_certain_and_within_the_margin():
    def of(relation, margin, values, right=P4, metric="train_error"):
        pairs = {("plain", 4): [1.0] * 3, ("plain", 8): values, ("residual", 8): [1.0] * 3}
        found = tables(pairs, metric)
        return Difference(metric, P8, right, relation, margin).judge({"e": found}).reason.split(";")[0]

    small, large = [1.4, 1.5, 1.6], [3.9, 4.0, 4.1]  # half-widths of 0.25
    assert of("above", 1, small) == of("below", 1, small) == "it rose, by less than 1 point"
    assert of("within", 1, small, R8) == "it is higher, by less than 1 point"
    assert of("below", -1, [0.4, 0.5, 0.6]) == "it fell, by less than 1 point"
    assert of("within", 1.5, [0.4, 0.5, 0.6], R8) == "it is lower, by less than 1.5 points"
    assert of("above", 1, large).startswith("another answer")
    assert of("above", 0, small).startswith("another answer")  # there is nothing smaller than no margin
    assert of("above", 1, [1.9, 2.0, 2.1]) == "it rose, perhaps by less than 1 point"
    assert of("above", 1, [0.5, 1.0, 1.6]) == "the interval holds the margin"  # zero is in the interval
    factors = [10**0.19, 10**0.2, 10**0.21]
    assert of("above", 0.3, factors, metric="train_loss") == "it rose, by less than a factor of two"
    assert of("above", 1.0, factors, metric="train_loss") == "it rose, by less than a factor of 10"


def test_an_error_is_known_to_one_image():
    found = tables({("plain", 4): [3.0] * 3, ("plain", 8): [3.0] * 3})
    rule = Difference("train_error", P8, P4, "within", 0.1)
    assert rule.judge({"e": found}).effect == Interval(0, 0, 0, 3)
    of_1297 = Tables(found.networks, EMPTY, EMPTY, {"train": 1297, "test": 500})
    finding = rule.judge({"e": of_1297})
    assert finding.effect == pytest.approx((0, -100 / 1297, 100 / 1297, 3))
    assert finding.verdict == "reproduced"
    test = Difference("test_error", P8, P4, "within", 0.1).judge({"e": of_1297})
    assert test.effect == pytest.approx((0, -0.2, 0.2, 3))
    assert (test.verdict, test.reason) == (
        "inconclusive",
        "the interval holds the margin, which is within one image of the mean",
    )
    losses = Difference("train_loss", P8, P4, "within", 0.1).judge({"e": of_1297})
    assert losses.effect == Interval(0, 0, 0, 3)
    elsewhere = Difference("train_error", P8, Cell("f", "plain", 4), "within", 0.1)
    other = Tables(found.networks, EMPTY, EMPTY, {"train": 100})
    assert elsewhere.judge({"e": of_1297, "f": other}).effect.half_width == pytest.approx(1)


def test_all_parts_of_a_statement():
    rise, quality = (
        Difference("train_error", P8, P4, "below", 1),
        Difference("train_error", P8, 45.0, "below", 0),
    )
    rule = AllOf((rise, quality))

    def of(shallow, deep):
        return rule.judge({"e": tables({("plain", 4): shallow, ("plain", 8): deep})})

    good, bad, between = [1.0, 2.0, 3.0], [88.0, 89.0, 90.0], [40.0, 45.0, 49.0]
    assert of(good, good).verdict == "reproduced"
    assert of(bad, bad).verdict == "conflicting"  # it does not rise, and it learned nothing
    assert of(good, bad).verdict == "contradicted"
    assert of(between, between).verdict == "inconclusive"
    assert of(good[:2], good[:2]).verdict == "not enough data"
    assert rule.judge({}).verdict == "not run"
    finding = of(bad, bad)
    assert (finding.effect.mean, finding.unit, finding.p) == (44, "points", 1)  # of the part that is contradicted
    assert finding.reason == (
        "plain-8 minus plain-4: reproduced, +0 [+0, +0] points, n = 3 (another answer needs a shift by 1); "
        "plain-8 minus 45: contradicted, +44 [+41.5, +46.5] points, n = 3 (another answer needs a shift by 42)"
    )
    assert rule.words() == f"{rise.words()}; and {quality.words()}"
    assert rule.experiments == ["e"]
    assert rule.cells == [P8, P4, P8]


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 9])
def test_distributions_against_numpy(n):
    values = np.random.default_rng(n).normal(size=n)
    q1, median, q3 = np.quantile(values, [0.25, 0.5, 0.75])
    expected = {"median": median, "q1": q1, "q3": q3, "mean": np.mean(values), "sd": np.std(values, ddof=1)}
    assert describe(values) == pytest.approx(expected, rel=1e-12)
    assert math.isnan(describe(values[:1])["sd"])
    assert describe(np.array([-2.0, 0.0]))["median"] == -1
    infinite = describe(np.array([math.inf, 1.0, 2.0, 3.0]))
    assert (infinite["q1"], infinite["median"], infinite["q3"], infinite["mean"]) == (1.75, 2.5, math.inf, math.inf)


def test_a_summary_of_several_cells():
    rows = [tables({("residual", 8): [4, 6]}), tables({("plain", 8): [1, 2, 6]}), tables({("plain", 4): [5]})]
    networks = pd.concat([found.networks for found in rows], ignore_index=True)
    networks = networks.assign(digest="d", stuck=False, parameters=10 * networks["depth"], multiply_adds=1)
    networks.loc[networks["seed"] == 2, ["status", "train_error"]] = ["diverged", math.nan]
    networks.loc[0, "chance_error"] = math.nan  # of one network only
    found = summary(networks)
    assert found[["depth", "variant", "n"]].to_numpy().tolist() == [
        [4, "plain", 1],
        [8, "plain", 3],
        [8, "residual", 2],
    ]
    assert found["train_error_mean"].tolist() == [5, 31, 5]
    assert found["share_diverged"].tolist() == [0, 1 / 3, 0]
    assert found["parameters"].tolist() == [40, 80, 80]
