"""Verdicts on made-up records: every answer, signs, missing data; the registry; the rate of false verdicts."""

import math
import re

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from degradation.analysis.claims import claims
from degradation.analysis.claims.inside import inside_claims
from degradation.analysis.findings import MINIMUM_N, decide
from degradation.analysis.intervals import Interval
from degradation.analysis.metrics import METRICS, Tables
from degradation.analysis.rules import AllOf, BestDepth, Cell, Difference
from degradation.config.composition import defaults_of
from tests.conftest import ROOT

PLAIN20, PLAIN56 = Cell("e", "plain", 20), Cell("e", "plain", 56)
RESIDUAL56 = Cell("e", "residual", 56)


def records(errors, **columns):
    """Networks with the training errors of `errors[variant, depth]`, a seed a value; test errors are one higher."""
    rows = [
        {"variant": variant, "depth": depth, "seed": seed, "train_error": error, "test_error": error + 1,
         "train_loss": error / 100, "test_loss": error / 50, "mean_train_loss": 1.0, "mean_test_loss": 1.0,
         "chance_error": 90.0, "status": "done", "matched": True, "condition": ""} | columns
        for (variant, depth), values in errors.items()
        for seed, error in enumerate(values)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def evidence(errors, **columns):
    return {"e": Tables(records(errors, **columns), pd.DataFrame(), pd.DataFrame())}


RISES = Difference("train_error", PLAIN56, PLAIN20, "above", 1.0)
FALLS = Difference("train_error", PLAIN56, PLAIN20, "below", -1.0)
CLOSE = Difference("train_error", PLAIN56, PLAIN20, "within", 1.0)


@pytest.mark.parametrize(
    ("shallow", "deep", "rises", "falls", "close"),
    [
        ([1, 2, 3], [11, 12.5, 12.5], "reproduced", "contradicted", "contradicted"),
        ([11, 12.5, 12.5], [1, 2, 3], "contradicted", "reproduced", "contradicted"),
        ([1, 2, 3], [1.1, 2.0, 3.1], "contradicted", "contradicted", "reproduced"),
        ([1, 2, 3], [1, 5, 3], "inconclusive", "inconclusive", "inconclusive"),
        ([1, 2], [11, 12], "not enough data", "not enough data", "not enough data"),
    ],
)
def test_answers_and_signs(shallow, deep, rises, falls, close):
    found = evidence({("plain", 20): shallow, ("plain", 56): deep})
    assert [rule.judge(found).verdict for rule in (RISES, FALLS, CLOSE)] == [rises, falls, close]


def test_the_effect_is_the_paired_difference():
    finding = RISES.judge(evidence({("plain", 20): [1, 2, 3], ("plain", 56): [11, 12, 16]}))
    assert finding.effect == pytest.approx((11, 11 - 4.302653, 11 + 4.302653, 3))
    assert finding.unit == "points"
    assert finding.reason == "another answer needs a shift by 5.7"


def test_pairs_are_matched_by_seed_not_by_row():
    found = evidence({("plain", 20): [1, 2, 3, 4], ("plain", 56): [11, 12, 13, 14]})
    networks = found["e"].networks
    networks = networks[~((networks["depth"] == 20) & (networks["seed"] == 0))]  # unequal seeds
    found = {"e": Tables(networks.sample(frac=1, random_state=0), pd.DataFrame(), pd.DataFrame())}
    assert RISES.judge(found).effect == Interval(10, 10, 10, 3)


@pytest.mark.parametrize(
    ("right", "ends"),
    [(45, (-45, 55)), (PLAIN20, (-100, 100))],  # errors are 0 to 100, so their differences are -100 to 100
)
def test_an_interval_ends_where_the_metric_does(right, ends):
    rule = Difference("train_error", PLAIN56, right, "above", 1.0)
    finding = rule.judge(evidence({("plain", 20): [1, 1, 1], ("plain", 56): [4, 4, 88]}))
    unlimited = 4.302653 * 28  # t times the standard error of 4, 4, 88
    assert finding.effect.mean == pytest.approx(32 - (45 if right == 45 else 1))
    assert finding.effect.low == pytest.approx(max(finding.effect.mean - unlimited, ends[0]))
    assert finding.effect.high == pytest.approx(min(finding.effect.mean + unlimited, ends[1]))
    assert finding.effect.low == ends[0] or finding.effect.high == ends[1]
    assert finding.reason.endswith("seeds of this spread would decide")  # of the spread, which has no limits


def test_correlations_have_limits_and_losses_have_none():
    assert [name for name, metric in METRICS.items() if metric.limits == (-1, 1)] == [
        "autocorrelation",
        "deletion_smoothness",
        "swap_smoothness",
    ]
    assert all(metric.limits == (-math.inf, math.inf) for metric in METRICS.values() if metric.unit == "decades")
    assert all(metric.limits[1] == 100 for metric in METRICS.values() if metric.unit == "points")


def test_not_run_and_what_is_missing():
    finding = RISES.judge({})
    assert (finding.verdict, finding.effect, finding.missing) == ("not run", None, "e")
    one_side = RISES.judge(evidence({("plain", 20): [1, 2, 3]}))
    assert (one_side.verdict, one_side.effect, one_side.missing) == ("not enough data", None, "e")
    assert one_side.reason == "0 of at least 3 seeds have what is compared (plain-56 lacks them)"


def test_empty_values_are_missing_seeds():
    finding = RISES.judge(evidence({("plain", 20): [1, 2, 3], ("plain", 56): [11, math.nan, 12]}))
    assert (finding.verdict, finding.effect.n) == ("not enough data", 2)


def test_a_diverged_network_counts_as_guessing():
    found = evidence({("plain", 20): [1, 1, 1], ("plain", 56): [11, 11, math.nan]})
    networks = found["e"].networks
    networks.loc[networks["train_error"].isna(), "status"] = "diverged"
    finding = RISES.judge(found)
    assert finding.effect.mean == pytest.approx((10 + 10 + 89) / 3)
    networks.loc[networks["status"] == "diverged", ["train_loss", "test_loss"]] = math.nan
    losses = METRICS["train_loss"].of(found["e"])
    assert losses["plain", 56, 2] == 0  # no better than predicting the mean
    assert losses["plain", 20, 0] == pytest.approx(-2)


def test_unmatched_pairs_stay_out_of_comparisons_of_variants():
    rule = Difference("train_error", RESIDUAL56, PLAIN56, "below", -1)
    errors = {("plain", 56): [11, 12, 13], ("residual", 56): [1, 2, 3]}
    assert rule.judge(evidence(errors)).verdict == "reproduced"
    assert rule.judge(evidence(errors, matched=False)).verdict == "not enough data"


def test_other_variants_do_not_change_a_verdict():
    """A diverged network counts as the worst that is compared with it, and of no other variant or depth."""
    losses = {("plain", 20): [1.0, 2.0, 3.0], ("plain", 56): [4.0, 5.0, math.nan]}
    rule = Difference("train_loss", PLAIN56, PLAIN20, "above", 0.1)
    effects = []
    for others in ({}, {("scaled", 56): [9e5, 9e5, 9e5], ("plain", 110): [9e5, 9e5, 9e5]}):
        found = evidence(losses | others)
        networks = found["e"].networks
        networks.loc[networks["train_error"].isna(), "status"] = "diverged"
        effects.append(rule.judge(found).effect)
    assert effects[0] == effects[1]


def test_variants_that_are_not_matched_are_compared_where_the_claim_is_about_that():
    errors = {("plain", 56): [11, 12, 13], ("residual", 56): [1, 2, 3]}
    rule = Difference("train_error", RESIDUAL56, PLAIN56, "below", -1, unmatched=True)
    assert rule.judge(evidence(errors, matched=False)).verdict == "reproduced"


def test_a_number_as_the_right_side():
    rule = Difference("test_error", RESIDUAL56, 6.97, "within", 0.6)
    assert rule.judge(evidence({("residual", 56): [5.9, 6.0, 6.1]})).verdict == "reproduced"
    assert rule.judge(evidence({("residual", 56): [8.9, 9.0, 9.1]})).verdict == "contradicted"


@pytest.mark.parametrize(
    ("errors", "relation", "right", "margin", "verdict"),
    [
        ([6.0], "within", 6.97, 0.6, "consistent"),  # test errors are one higher
        ([6.0, 6.1], "within", 6.97, 0.6, "consistent"),
        ([6.6, 6.7], "within", 6.97, 0.6, "inconsistent"),
        ([5.2], "within", 6.97, 0.6, "inconsistent"),
        ([70.0], "above", 60, 0, "consistent"),
        ([50.0], "above", 60, 0, "inconsistent"),
        ([1.0], "below", 60, 0, "consistent"),
    ],
)
def test_fewer_seeds_than_a_verdict_needs_are_compared_with_a_number(errors, relation, right, margin, verdict):
    rule = Difference("test_error", RESIDUAL56, right, relation, margin)
    finding = rule.judge(evidence({("residual", 56): errors}))
    assert (finding.verdict, finding.effect.n, finding.missing) == (verdict, len(errors), "e")
    assert finding.reason == f"the mean of n = {len(errors)}, whatever its spread; a verdict needs 3 seeds"


def test_no_seed_at_all_is_not_enough():
    finding = Difference("test_error", RESIDUAL56, 6.97, "within", 0.6).judge(evidence({("plain", 20): [1.0]}))
    assert (finding.verdict, finding.effect) == ("not enough data", None)


def test_a_trend_must_agree():
    rule = Difference("train_error", PLAIN56, PLAIN20, "above", 1, trend=(20, 32, 44, 56))
    ends = {("plain", 20): [1, 2, 3], ("plain", 56): [11, 12, 13]}
    rising = evidence(ends | {("plain", 32): [2, 3, 4], ("plain", 44): [5, 6, 7]})
    assert rule.judge(rising).verdict == "reproduced"
    assert "trend p = 7.2e-05" in rule.judge(rising).reason  # (1/4!)^3
    bent = evidence(ends | {("plain", 32): [30, 31, 32], ("plain", 44): [29, 0, 29]})
    assert rule.judge(bent).verdict == "conflicting"
    assert "there is no trend" in rule.judge(bent).reason
    lacking = evidence(ends | {("plain", 32): [2, 3, 4]})
    assert rule.judge(lacking).verdict == "not enough data"
    assert "44" in rule.judge(lacking).reason


def test_best_depth():
    errors = {("plain", depth): [loss] * 4 for depth, loss in ((4, 3.0), (7, 1.0), (10, 2.0), (13, 9.0))}
    errors["plain", 10][3] = 0.5
    rule = BestDepth("test_loss", "e", "plain", (4, 7, 10, 13), expected=7, margin=4)
    finding = rule.judge(evidence(errors))
    assert (finding.verdict, finding.effect.mean) == ("reproduced", 7.75)
    assert finding.reason == "best depth of the seeds: 7 (3), 10 (1)"
    assert BestDepth("test_loss", "e", "plain", (4, 7, 10, 13), 30, 4).judge(evidence(errors)).verdict == "contradicted"
    assert BestDepth("test_loss", "e", "plain", (4, 99), 7, 4).judge(evidence(errors)).verdict == "not enough data"


def test_layers_and_curves_become_one_number_a_network():
    layers = pd.DataFrame(
        [
            {"variant": "plain", "depth": 3, "seed": 0, "moment": moment, "layer": layer, "output_sd": 10.0**-layer,
             "gradient_norm": 10.0 ** (8 - 2 * layer), "response_sd": layer if layer < 5 else math.nan}
            for moment in ("init", "final") for layer in (1, 2, 3, 4, 5)
        ]
    )  # fmt: skip
    curves = pd.DataFrame(
        {"variant": "plain", "depth": 3, "seed": 0, "step": [0, 10, 20, 30], "batch_error": [math.nan, 50, 20, 10]}
    )
    tables = Tables(records({("plain", 3): [5.0]}), curves, layers)
    expected = {"gradient_ratio_init": 4, "signal_ratio": 3, "response": math.log10(24) / 4, "early_batch_error": 50}
    assert {name: METRICS[name].of(tables)["plain", 3, 0] for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize(("relation", "margin"), [("above", 1), ("below", 1), ("within", 1)])
def test_an_interval_on_the_margin_is_inconclusive(relation, margin):
    assert decide(Interval(1, 0, 2, 3), relation, margin) == "inconclusive"


def test_false_verdicts_under_a_flat_null_are_rare():
    rng = np.random.default_rng(0)
    rule = Difference("train_error", PLAIN56, PLAIN20, "above", 0, trend=(20, 32, 44, 56))
    verdicts = []
    for _ in range(300):
        noise = {("plain", depth): rng.normal(50, 3, 3) for depth in (20, 32, 44, 56)}
        verdicts.append(rule.judge(evidence(noise)).verdict)
    assert verdicts.count("reproduced") / len(verdicts) <= 0.05
    assert {"inconclusive", "contradicted"} <= set(verdicts)


@pytest.fixture(scope="module")
def registered():
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return claims({name: defaults_of(name).experiment.published for name in PRINTED})


PRINTED = (
    "cifar10_depth",
    "cifar10_plain110_li2018",
    "cifar10_shortcuts",
    "cifar10_orders",
    "cifar10_bottleneck",
    "cifar10_densenet",
    "cifar10_densenet_bc",
    "cifar10_resnext",
    "cifar10_stochastic",
)  # experiments whose printed errors are claims


def test_the_registry(registered):
    ids = [claim.id for claim in registered]
    assert len(set(ids)) == len(ids)
    for claim in registered:
        assert claim.id.split("/")[0] == claim.experiment
        assert claim.statement.endswith(".")
        assert claim.rule.words()


def test_claims_with_one_key_state_one_sentence(registered):
    statements = {}
    for claim in registered:
        statements.setdefault(claim.key, set()).add(claim.statement)
    assert {key: found for key, found in statements.items() if len(found) > 1} == {}


def test_what_was_known_when_a_claim_was_entered(registered):
    by_experiment = {}
    for claim in registered:
        by_experiment.setdefault(claim.experiment, {})[claim.key] = claim.known
    inside = {claim.key for claim in inside_claims() if claim.experiment == "digits_depth"}
    assert {key for key, known in by_experiment["digits_depth"].items() if not known} == inside - {
        "deleting-a-residual-block-barely-matters",
        "deleting-a-plain-block-is-fatal",
        "deleting-a-reshaping-block-matters",
        "shortcuts-widen-the-surface-at-20-layers",
    }
    for name in ("sine_depth", "sine_depth_he", "sine_depth_batchnorm", "sine_why", "sine_he_why"):
        assert all(by_experiment[name].values()), name
    for name in ("digits_budget", "digits_lr", "digits_init", "identity_learning"):  # a run or a probe
        assert all(by_experiment[name].values()), name
    for name in ("digits_budget_16x", "digits_1202", "sine_init", "cifar10_depth", "cifar10_1202",
                 "digits_shortcuts", "cifar10_shortcuts", "sine_highway", "digits_highway", "digits_orders",
                 "cifar10_orders", "sine_signal", "digits_bottleneck", "cifar10_bottleneck",
                 "digits_norm_free", "digits_stochastic", "digits_densenet", "sine_3000",
                 "digits_unet", "digits_small_branches", "identity_long"):  # fmt: skip
        assert not any(by_experiment[name].values()), name
    for name, probed in (("sine_span", "three-layers-give-a-gain"), ("digits_deepened", "a-deep-solution-exists"),
                         ("digits_dropout", "dropout-does-not-cure-plain"),
                         ("sine_shattered", "shortcuts-delay-it")):  # fmt: skip
        assert {key for key, known in by_experiment[name].items() if known} == {probed}
    small = by_experiment["cifar10_small"]
    assert {key for key, known in small.items() if not known} == {
        "residual-110-does-not-degrade",
        "plain-110-is-worst",
        "plain-training-error-rises",
        "plain-test-error-rises",
        "residual-beats-plain",
        "plain-signal-is-healthy",
        "shallow-are-close",
        "deleting-a-residual-block-barely-matters",
        "deleting-a-plain-block-costs-more",
        "error-grows-smoothly-with-deletions",
    }


def test_no_degradation_needs_quality_too(registered):
    """Networks that guess at every depth do not degrade, and earn nothing by it."""
    for name, metric, own in (("digits_depth", "train_error", 45.0), ("sine_depth", "train_loss", -0.5)):
        rule = next(claim.rule for claim in registered if claim.id == f"{name}/residual-does-not-degrade")
        assert isinstance(rule, AllOf)
        rise, quality = rule.parts
        assert (rise.metric, rise.relation, rise.left) == (metric, "below", quality.left)
        assert quality.relation == "below"
        assert quality.right + quality.margin == own


def test_printed_errors_are_claims_as_the_experiments_files_have_them(registered):
    printed = {claim.id: getattr(claim.rule, "right", None) for claim in registered}
    assert printed["cifar10_depth/resnet-110"] == 6.61
    assert printed["cifar10_plain110_li2018/plain-110-trains"] == 16.44
    assert printed["cifar10_bottleneck/full-preactivation-1001"] == 4.92
    assert printed["cifar10_densenet/concatenated-40"] == 5.24
    assert printed["cifar10_densenet_bc/concatenated-100"] == 4.51
    assert printed["cifar10_resnext/residual-29"] == 3.65
    assert printed["cifar10_stochastic/stochastic-depth-110-after-500-passes"] == 5.25
    assert sum(name.startswith("cifar10_depth/resnet-") for name in printed) == 5
    table1 = {"residual": 6.61, "half-both": 12.35, "exclusive-gate-6": 8.7, "shortcut-gate": 12.86}
    table1 |= {"shortcut-gate-6": 6.91, "conv-shortcut": 12.22}
    table2 = {"residual": 6.61, "bn-after": 8.17, "relu-before": 7.84, "relu-only-preactivation": 6.71}
    table2 |= {"full-preactivation": 6.37}
    for experiment, table in (("cifar10_shortcuts", table1), ("cifar10_orders", table2)):
        assert {name: printed[f"{experiment}/{name}-110"] for name in table} == table
    assert not [claim for claim in claims({}) if "resnet-" in claim.id]


EXPERIMENTS = sorted(path.stem for path in (ROOT / "conf" / "experiment").glob("*.yaml"))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_the_documented_command_trains_the_seeds_that_a_verdict_needs(experiment, registered):
    if experiment not in {claim.experiment for claim in registered}:
        pytest.skip("no claim is tested by it")
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        whole = compose("config", [f"experiment={experiment}"], return_hydra_config=True)
    swept = str(whole.hydra.sweeper.params.get("seeds", whole.seeds))
    assert len(whole.seeds) >= MINIMUM_N
    assert sorted(re.findall(r"\d+", swept), key=int) == [str(seed) for seed in whole.seeds]


def test_every_claim_names_an_experiment_and_depths_that_exist(registered, compose_experiment):
    for claim in registered:
        trend = getattr(claim.rule, "trend", ())
        for place, cell in enumerate(claim.rule.cells):
            swept, variants = compose_experiment(cell.experiment)
            assert {cell.depth, *(trend if place == 0 else ())} <= swept, claim.id
            assert cell.variant in variants
