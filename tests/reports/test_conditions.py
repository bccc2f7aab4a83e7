"""Conditions of an experiment's own sweep: their names, their order, what is published and what is judged of them."""

import pandas as pd
import pytest

from degradation.analysis.metrics import METRICS, Tables
from degradation.analysis.rules import BEST, Cell, Difference
from degradation.checks import ConfigError
from degradation.config.composition import Listed, defaults_of
from degradation.records.columns import KEY
from degradation.records.identity import own_conditions
from degradation.reports.condition import is_own, labelled, read_conditions
from degradation.reports.experiment import report
from degradation.reports.overview import _section
from degradation.reports.publish import publish
from tests.conftest import ROOT

EMPTY = pd.DataFrame()


@pytest.fixture
def defaults(compose_config):
    return defaults_of("digits_lr")


@pytest.fixture
def networks(defaults):
    """Made-up records of every condition, plain-20 and plain-56 with two seeds; the errors tell the rates apart."""
    source = pd.read_csv(ROOT / "results" / "reference" / "digits_depth" / "networks.csv", keep_default_na=False)
    of_plain = source[(source["variant"] == "plain") & source["depth"].isin([20, 56]) & (source["seed"] < 2)]
    parts = []
    for place, (label, own) in enumerate(own_conditions(defaults).items()):
        changed = {"experiment": "digits_lr", "condition": label, "base_digest": own.base,
                   "digest": own.digests["plain"]}  # fmt: skip
        parts.append(of_plain.assign(**changed, train_error=10.0 * place + of_plain["seed"]))
    return pd.concat(parts, ignore_index=True)


def test_names_are_the_fewest_keys_that_tell_conditions_apart(compose_config):
    def names(experiment):
        return {label: own.name for label, own in own_conditions(defaults_of(experiment)).items()}

    assert names("sine_depth") == {"": ""}
    assert names("digits_lr") == {"lr=0.003": "lr=0.003", "lr=0.01": "lr=0.01", "lr=0.03": "lr=0.03", "": "lr=0.1",
                                  "lr=0.3": "lr=0.3"}  # fmt: skip
    four = "max_steps=150,milestones=75+112,warmup_steps=30"
    assert names("digits_budget") == {four: "max_steps=150", "": "max_steps=600"}
    assert names("sine_span") == {"span=1": "span=1", "span=2": "span=2", "": "span=3", "span=6": "span=6"}


def test_a_condition_has_the_digests_of_what_it_trains(defaults, compose_config):
    """At lr 0.1 the networks are those of digits_depth; at another rate they are others."""
    own, same = own_conditions(defaults), own_conditions(defaults_of("digits_depth"))[""]
    assert own[""].digests["plain"] == same.digests["plain"]
    assert own[""].base == same.base
    assert len({now.digests["residual"] for now in own.values()}) == 5


def test_own_conditions_come_in_the_sweeps_order_and_others_behind(defaults, networks, tmp_path):
    other = networks.iloc[:1].assign(condition="width=3", base_digest="b", digest="d", seed=5)
    stale = networks.iloc[:1].assign(condition="lr=0.003", base_digest="old", digest="e", seed=6)
    pd.concat([other, stale, networks]).to_csv(tmp_path / "networks.csv", index=False)
    found = [(each.label, each.own and each.own.name) for each in read_conditions(tmp_path, defaults)]
    own = [("", "lr=0.1"), *((f"lr={lr}", f"lr={lr}") for lr in ("0.003", "0.01", "0.03", "0.3"))]
    assert found == [*own, ("lr=0.003,digest=old", None), ("width=3", None)]


def test_a_variants_file_that_has_changed_since_is_told_apart(defaults, networks):
    own = own_conditions(defaults)
    changed = networks.assign(digest=networks["digest"].where(networks["condition"] != "lr=0.3", "then"))
    assert is_own(networks, own).all()
    assert set(changed["condition"][~is_own(changed, own)]) == {"lr=0.3"}
    assert set(labelled(changed, own)) == {"lr=0.003", "lr=0.01", "lr=0.03", "", "lr=0.3,digest=then"}


def test_all_own_conditions_are_published_and_no_others(config, defaults, networks, tmp_path):
    results = tmp_path / "results" / "digits_lr"
    results.mkdir(parents=True)
    other = networks.iloc[:1].assign(condition="width=3", base_digest="b", digest="d")
    pd.concat([other, networks]).to_csv(results / "networks.csv", index=False)
    curves = pd.concat([other, networks])[KEY].assign(step=0)
    curves.to_csv(results / "curves.csv", index=False)
    folder = publish(defaults, config.runtime)
    for file in ("networks.csv", "curves.csv"):
        published = pd.read_csv(folder / file)
        assert len(published) == len(networks)
        assert set(published["digest"]) == {own.digests["plain"] for own in own_conditions(defaults).values()}


def test_an_incomplete_sweep_is_not_published(config, defaults, networks, tmp_path):
    results = tmp_path / "results" / "digits_lr"
    results.mkdir(parents=True)
    networks[networks["condition"] != "lr=0.01"].to_csv(results / "networks.csv", index=False)
    with pytest.raises(ConfigError, match=r"lacks lr=0.01 of the sweep of digits_lr; nothing was published"):
        publish(defaults, config.runtime)


def test_the_report_needs_the_experiment_as_its_file_has_it(defaults, networks, tmp_path):
    """Another condition of the sweep alone has a page, and for the report the experiment was not run."""
    results = tmp_path / "results" / "digits_lr"
    results.mkdir(parents=True)
    networks[networks["condition"] == "lr=0.01"].to_csv(results / "networks.csv", index=False)
    assert _section(Listed.of(defaults), results.parent) is None
    networks.to_csv(results / "networks.csv", index=False)
    assert _section(Listed.of(defaults), results.parent).condition.summary["train_error_mean"].tolist() == [30.5, 30.5]


def test_a_cell_of_a_condition_and_the_best_of_all(defaults, networks):
    names = {label: own.name if label else "" for label, own in own_conditions(defaults).items()}
    of_all = {"conditions": tuple(names.values())}
    tables = Tables(networks.assign(condition=networks["condition"].map(names)), EMPTY, EMPTY, **of_all)
    plain = Cell("digits_lr", "plain", 56)
    assert str(plain._replace(condition="lr=0.3")) == "plain-56 at lr=0.3"

    def values(condition):
        rule = Difference("train_error", plain._replace(condition=condition), 0, "above", 0)
        return rule._values({"digits_lr": tables}, rule.left).to_dict()

    assert values("") == {0: 30, 1: 31}  # the fourth rate
    assert values("lr=0.003") == {0: 0, 1: 1}
    assert values("lr=0.3") == {0: 40, 1: 41}
    lower = tables.networks["train_error"].where(
        (tables.networks["seed"] == 0) | (tables.networks["condition"] != "lr=0.3"), -5.0
    )
    tables = Tables(tables.networks.assign(train_error=lower), EMPTY, EMPTY, **of_all)
    assert values(BEST) == {0: 0, 1: 1}  # the rate of the lowest mean, whatever one seed does at another
    some = tables.networks[(tables.networks["seed"] == 0) | (tables.networks["condition"] != "lr=0.01")]
    tables = Tables(some, EMPTY, EMPTY, **of_all)
    assert values(BEST) == {0: 0}  # the other seed lacks a rate


def test_the_error_before_the_first_step():
    curves = pd.DataFrame({"variant": "plain", "depth": 8, "seed": [0, 0, 1, 1], "step": [0, 5, 0, 5],
                           "train_error": [70.0, 10.0, float("nan"), 20.0]})  # fmt: skip
    networks = pd.DataFrame({"variant": "plain", "depth": 8, "seed": [0, 1], "chance_error": 90.0})
    found = METRICS["start_error"].of(Tables(networks, curves, EMPTY))
    assert found.tolist() == [70, 90]  # a diverged network's is that of guessing


@pytest.mark.parametrize("most", [5, 4])
def test_of_many_conditions_each_but_the_first_has_one_figure(config, networks, tmp_path, monkeypatch, most):
    monkeypatch.setattr("degradation.reports.experiment.MANY_CONDITIONS", most)
    config.runtime.results_dir, config.runtime.runs_dir = str(tmp_path / "results"), str(tmp_path / "runs")
    folder = tmp_path / "results" / "digits_lr"
    folder.mkdir(parents=True)
    networks.to_csv(folder / "networks.csv", index=False)
    layers = pd.read_csv(ROOT / "results" / "reference" / "digits_depth" / "layers.csv")
    layers = layers[(layers["variant"] == "plain") & (layers["depth"] == 20) & (layers["seed"] == 0)]
    digests = networks["digest"].unique()
    pd.concat([layers.assign(experiment="digits_lr", digest=digest) for digest in digests]).to_csv(
        folder / "layers.csv", index=False
    )
    written = report(defaults_of("digits_lr"), config.runtime)
    several = [label for label, files in written.figures.items() if len(files) > 1]
    assert several == (["", "lr=0.003", "lr=0.01", "lr=0.03", "lr=0.3"] if most == 5 else [""])
    assert all(files[0].name.startswith("depth") for files in written.figures.values())
