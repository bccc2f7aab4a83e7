"""Conditions overlaid: lines, seeds and the best of them; and what of an experiment's tables gets there."""

import math
from dataclasses import replace

import pandas as pd
import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from matplotlib.figure import Figure

from degradation.config.composition import defaults_of
from degradation.figures.conditions import (
    BEST,
    against_depth,
    against_value,
    condition_looks,
    draw,
    fill,
    positions,
    scale,
)
from degradation.figures.kind import Overlaid
from degradation.figures.style import looks
from degradation.records.columns import CONDITION, NETWORKS
from degradation.records.identity import own_conditions
from degradation.reports.condition import read_conditions
from degradation.reports.drawings import draw_overlays, in_overview, overlaid, words
from degradation.reports.experiment import readme
from tests.analysis.test_statistics import table
from tests.conftest import ROOT

LR = {"lr=0.01": 0.01, "lr=0.03": 0.03, "lr=0.3": 0.3}


@pytest.fixture
def axes():
    return Figure().subplots()


def of_classification(errors, values=LR, key="learning rate"):
    """Training errors of two seeds, one point above and below, by (condition, variant, depth)."""
    parts = [
        table([1.0] * 2, variant, depth, condition=condition, chance_error=90.0, train_error=[e - 1, e + 1],
              test_error=50.0, mean_test_loss=2.3)
        for (condition, variant, depth), e in errors.items()
    ]  # fmt: skip
    return Overlaid("digits", pd.concat(parts, ignore_index=True), key, values, True)


def drawn(axes):
    """Lines by colour, the best, and the seeds' dots."""
    lines = {line.get_color(): line.get_xydata().tolist() for line in axes.get_lines() if line.get_linestyle() == "-"}
    rings = [line for line in axes.get_lines() if line.get_markeredgecolor() == BEST["mec"]]
    dots = [line for line in axes.get_lines() if line.get_marker() == "."]
    best, seeds = ([point for line in found for point in line.get_xydata().tolist()] for found in (rings, dots))
    return lines, sorted(best), sorted(seeds)


@pytest.mark.parametrize(("number", "shape"), [(1, (1, 1)), (4, (1, 4)), (5, (2, 3)), (9, (3, 3))])
def test_many_variants_stand_in_rows(number, shape):
    names = ["plain", "residual", *(f"variant_{place}" for place in range(number - 2))][:number]
    found = of_classification({(lr, name, depth): 5 for lr in LR for name in names for depth in (20, 56, 110)})
    page = Figure(layout="constrained")
    fill(page, found)
    assert [axes.get_title() for axes in page.axes] == list(looks(names))
    assert page.axes[0].get_gridspec().get_geometry() == shape
    labelled = [bool(axes.get_ylabel()) for axes in page.axes]
    assert labelled == [place % shape[1] == 0 for place in range(number)]
    above = number - shape[1]
    assert [axes.get_xlabel() for axes in page.axes] == [""] * above + ["depth (layers)"] * shape[1]
    assert all(axes.xaxis.get_tick_params()["labelbottom"] for axes in page.axes[above:])


def test_against_depth_a_line_a_condition_and_the_best_at_each_depth(axes):
    means = {"lr=0.01": [5, 20, 60], "lr=0.03": [4, 30, 70], "lr=0.3": [4, 40, 50]}
    found = of_classification(
        {(name, "plain", depth): e for name, es in means.items() for depth, e in zip((20, 32, 56), es, strict=True)}
    )
    against_depth(axes, found, "plain")
    lines, best, seeds = drawn(axes)
    colours = {name: look.colour for name, look in condition_looks(found).items()}
    assert lines == {
        colours[name]: [list(point) for point in zip((20, 32, 56), es, strict=True)] for name, es in means.items()
    }
    assert best == [[20, 4], [20, 4], [32, 20], [56, 50]]  # equal ones both
    assert seeds == sorted(
        [depth, e + off] for es in means.values() for depth, e in zip((20, 32, 56), es, strict=True) for off in (-1, 1)
    )
    assert axes.get_xlabel() == "depth (layers)"


def test_of_few_depths_against_the_value_a_line_a_variant(axes):
    means = {"plain": [9, 5, 7], "residual": [3, 2, 1]}
    found = of_classification(
        {(name, variant, 20): e for variant, es in means.items() for name, e in zip(LR, es, strict=True)}
    )
    against_value(axes, found, 20)
    lines, best, _ = drawn(axes)
    for variant, es in means.items():
        expected = [list(point) for point in zip(LR.values(), es, strict=True)]
        assert lines[looks([variant])[variant].colour] == expected
    assert best == [[0.03, 5], [0.3, 1]]
    assert axes.get_xscale() == "log"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0.01", "0.03", "0.3"]
    assert axes.get_xlabel() == "learning rate"


def test_what_is_no_number_stands_in_its_order_and_less_than_a_decade_evenly(axes):
    words_ = {"init=he": "he", "init=default": "default"}
    assert positions(of_classification({("init=he", "plain", 20): 1}, words_)) == {"init=he": 0, "init=default": 1}
    spans = {"span=1": 1, "span=6": 6}
    against_value(axes, of_classification({(name, "plain", 20): 1 for name in spans}, spans), 20)
    assert axes.get_xscale() == "linear"


def test_losses_that_diverged_leave_a_gap_and_are_never_best(axes):
    parts = [table([0.1], depth=depth, condition="span=1", mean_test_loss=0.5) for depth in (7, 13, 19)]
    diverged = {"condition": "span=2", "mean_test_loss": 0.5, "status": "diverged"}
    parts += [table([math.nan], depth=13, **diverged), table([0.01], depth=19, condition="span=2", mean_test_loss=0.5)]
    found = Overlaid("sine", pd.concat(parts, ignore_index=True), "span", {"span=1": 1, "span=2": 2}, False)
    against_depth(axes, found, "plain")
    scale(axes, found)
    lines, best, seeds = drawn(axes)
    second = lines[condition_looks(found)["span=2"].colour]
    assert second[0] == [13, pytest.approx(math.nan, nan_ok=True)]
    assert second[1] == [19, 0.02]
    assert best == [[7, 0.2], [13, 0.2], [19, 0.02]]
    assert all(math.isfinite(y) for _, y in seeds)
    assert axes.get_yscale() == "log"
    assert axes.get_ylabel() == "test loss after the last step"


def test_the_scale_is_shared_and_ends_where_errors_end(tmp_path):
    near = {("lr=0.01", "plain", 20): 60, ("lr=0.01", "residual", 20): 1, ("lr=0.01", "plain", 56): 80}
    found = of_classification(near, {"lr=0.01": 0.01})
    panels = Figure().subplots(1, 2, sharey=True)
    for axes, depth in zip(panels, (20, 56), strict=True):
        against_value(axes, found, depth)
    scale(panels[0], found)
    assert panels[1].get_ylim() == panels[0].get_ylim()
    assert panels[0].get_ylim()[0] == 0
    assert panels[0].get_ylim()[1] <= 100
    assert panels[0].get_yscale() == "symlog"
    assert [text.get_text() for text in panels[0].texts] == ["guessing"]
    draw(tmp_path / "a", found)
    draw(tmp_path / "b", found)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    text = (tmp_path / "a.svg").read_text()
    assert all(words in text for words in ("digits: error against learning rate", "20 layers", "each variant's best"))


@pytest.fixture(scope="module")
def experiments():
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return {name: defaults_of(name) for name in ("digits_lr", "digits_budget", "sine_depth")}


@pytest.fixture
def swept(experiments, tmp_path):
    """digits_lr as its file has it, with a table of every condition and one variation of it."""
    defaults = experiments["digits_lr"]
    parts = []
    for label, own in own_conditions(defaults).items():
        for variant in ("plain", "residual"):
            columns = {"condition": label, "base_digest": own.base, "lr": own.changed["recipe.lr"]}
            found = table([1.0], variant, 20, own.digests[variant], chance_error=90.0, train_error=5.0, test_error=6.0)
            parts.append(found.assign(**columns))
    parts.append(parts[0].assign(condition="width=4", base_digest="other", digest="other"))
    table_ = pd.concat(parts).assign(experiment="digits_lr", mean_test_loss=2.3)
    table_.reindex(columns=NETWORKS).to_csv(tmp_path / "networks.csv", index=False)
    return defaults


def test_the_own_conditions_of_an_experiment_are_overlaid_in_the_order_of_their_values(swept, tmp_path):
    conditions = read_conditions(tmp_path, swept)
    found = overlaid(conditions, swept.experiment)
    assert list(found.values.items()) == [(f"lr={lr}", lr) for lr in (0.003, 0.01, 0.03, 0.1, 0.3)]
    assert (found.key, found.classification) == ("learning rate", True)
    rates = found.networks.groupby(CONDITION)["lr"].unique()
    assert {name: rates[name].tolist() for name in found.values} == {name: [lr] for name, lr in found.values.items()}
    assert len(found.networks) == 10  # without the variation
    assert [condition.words for condition in conditions][:2] == ["learning rate 0.1", "learning rate 0.003"]
    assert conditions[-1].words == "width=4"
    (file,) = draw_overlays(tmp_path, conditions, swept.experiment)
    assert file == tmp_path / "conditions.png"
    assert file.exists()
    assert words(file).startswith("the conditions of the sweep overlaid")
    always, headline = (in_overview(replace(swept.experiment, headline=rank)) for rank in (None, 1))
    assert {"conditions", "signal", "depth", "variants"} <= set(always)
    assert set(headline) - set(always) == {"steps", "responses"}


def test_the_page_shows_the_conditions_together_before_each_alone(swept, tmp_path):
    conditions = read_conditions(tmp_path, swept)
    alone = {condition.label: [tmp_path / f"{condition.file('depth')}.png"] for condition in conditions}
    page = readme(swept, conditions, alone, [tmp_path / "conditions.png"])
    together, first, second = (page.index(f"]({name}.png)") for name in ("conditions", "depth", "depth,lr=0.003"))
    assert page.index("**Statement.**") < together < first < page.index("## lr=0.003") < second


def test_one_condition_alone_has_no_overlay(swept, tmp_path):
    conditions = [one for one in read_conditions(tmp_path, swept) if one.label in ("", "width=4")]
    assert draw_overlays(tmp_path, conditions, swept.experiment) == []


def test_a_change_of_several_keys_goes_by_its_names(swept, tmp_path):
    conditions = read_conditions(tmp_path, swept)
    for one in conditions[:-1]:
        one.own.changed["network.width"] = 8
    found = overlaid(conditions, swept.experiment)
    assert found.key == "condition"
    assert all(name == value for name, value in found.values.items())


def test_settings_of_every_own_condition_are_known(experiments):
    own = own_conditions(experiments["digits_lr"])
    assert {settings.settings["plain"].recipe.lr for settings in own.values()} == {0.003, 0.01, 0.03, 0.1, 0.3}
    budget = own_conditions(experiments["digits_budget"])
    assert sorted(one.changed["recipe.max_steps"] for one in budget.values()) == [150, 600]
    assert own_conditions(experiments["sine_depth"])[""].changed == {}
