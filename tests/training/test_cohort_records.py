"""Rows of a cohort, written out by hand."""

import math

import pytest

from degradation.networks.build import count_multiply_adds, count_parameters
from degradation.records.identity import base_digest, digest
from degradation.training import cohort as cohort_module
from degradation.training.cohort import Cohort
from degradation.training.members import Member, build, load_task
from tests.training.test_oracles import CPU, DIGITS, ONE_LAYER


@pytest.mark.parametrize(
    ("of_chance", "of_entropy", "stuck"),
    [(0.949, 0.949, False), (0.951, 0.5, True), (0.95, 0.5, True), (0.5, 0.951, True), (0.5, 0.95, True)],
)
def test_stuck_at_chance_or_at_the_loss_of_the_mean(compose_config, of_chance, of_entropy, stuck):
    config = compose_config(*DIGITS, "depth=8", "variants=[plain]")
    cohort = Cohort(config, load_task(config))
    chance, entropy = cohort.engine.task.chance_error, cohort.engine.task.mean_loss(cohort.engine.task.train)
    assert (chance, entropy) == pytest.approx((89.8, math.log(10)), abs=0.05)
    assert cohort._is_stuck({"train_error": of_chance * chance, "train_loss": of_entropy * entropy}) is stuck


def test_records_of_a_cohort_written_by_hand(compose_config, monkeypatch):
    config = compose_config(*DIGITS, "depth=8", "variants=[plain,residual]")
    cohort = Cohort(config, load_task(config))
    task = cohort.engine.task
    assert (cohort.step, cohort.seconds) == (0, 0)
    nothing = {"lr": 0.1, "batch_loss": math.nan, "batch_error": math.nan}
    for step, factor in ((0, 1.0), (150, 0.5)):
        for member in cohort.members:
            values = {
                "train_loss": 2 * factor,
                "test_loss": 4 * factor,
                "train_error": 8 * factor,
                "test_error": factor,
            }
            cohort.curve.append(cohort.key(member) | nothing | values | {"step": step})
    cohort.step, cohort.seconds = 150, 3.0
    cohort.engine.all_groups()[1].diverged_step.fill_(70)
    plain, residual = cohort.records()
    assert [plain["digest"], residual["digest"]] == [digest(config, name) for name in ("plain", "residual")]
    last = [plain[name] for name in ("train_loss", "test_loss", "train_error", "test_error")]
    assert last == [1, 2, 4, 0.5]
    assert (plain["seconds"], plain["steps"], plain["status"], plain["diverged_step"]) == (1.5, 150, "done", None)
    assert (residual["steps"], residual["status"], residual["diverged_step"]) == (70, "diverged", 70)
    assert plain["mean_train_loss"] == task.mean_loss(task.train)
    assert plain["mean_test_loss"] == task.mean_loss(task.test)
    for row in cohort.curve:
        row["train_loss"] = 100.0
    assert [row["stuck"] for row in cohort.records()] == [True, False]

    clock = iter([10.0, 12.5, 20.0, 20.25])
    monkeypatch.setattr(cohort_module.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(cohort.engine, "run", lambda start, stop: None)
    for start in (0, 5):
        cohort.training_step(cohort_module.Segment(start, start + 5, False, False), 0)
    assert (cohort.seconds, cohort.step) == (3 + 2.75, 10)


def test_networks_are_evaluated_before_their_first_step_alone(compose_config):
    config = compose_config(*ONE_LAYER)
    fresh, begun = (Cohort(config, load_task(config)) for _ in range(2))
    begun.step = 3
    for cohort in (fresh, begun):
        cohort.engine.to_device(CPU)
        cohort.on_fit_start()
    assert [(row["step"], row["seed"], row["lr"]) for row in fresh.curve] == [(0, 0, 0.001), (0, 3, 0.001)]
    assert begun.curve == []


def test_what_a_record_says_of_a_network(compose_config):
    """A cohort at its start, whose second network has lost its last weights in the last step."""
    config = compose_config(*ONE_LAYER, "depth=4", "variants=[plain,scaled]", "seeds=[3]", "network.norm=batch")
    cohort = Cohort(config, load_task(config))
    cohort.configure_optimizers()
    cohort.on_fit_start()
    cohort.step = 12
    cohort.curve[1]["train_loss"] = math.inf
    plain, scaled = cohort.records()
    settings = {"task": "sine", "family": "mlp", "width": 5, "init": "default", "norm": "batch", "batch_size": 8,
                "lr": 0.001, "precision": "fp64", "depth": 4, "seed": 3, "experiment": "sine_depth",
                "base_digest": base_digest(config), "chance_error": None, "matched": True, "seconds": 0.0}  # fmt: skip
    for row, variant in ((plain, "plain"), (scaled, "scaled")):
        assert {name: row[name] for name in settings} == settings
        network = build(Member(4, variant, 3), config)
        sizes = (count_parameters(network), count_multiply_adds(network, (1,)))
        assert (row["parameters"], row["multiply_adds"], row["variant"]) == (*sizes, variant)
    assert (plain["shortcut"], scaled["shortcut"]) == ("none", "identity")
    assert (plain["status"], plain["steps"], plain["diverged_step"]) == ("done", 12, None)
    assert (scaled["status"], scaled["steps"], scaled["diverged_step"]) == ("diverged", 12, 12)
    assert (plain["stuck"], scaled["stuck"]) == (plain["train_loss"] >= 0.95 * plain["mean_train_loss"], False)
    checkpoint = cohort.checkpoint()
    assert checkpoint["members"] == [[4, "plain", 3], [4, "scaled", 3]]
    assert (checkpoint["step"], checkpoint["seconds"], checkpoint["curve"]) == (12, 0.0, cohort.curve)
    resumed = Cohort(config, load_task(config), {**checkpoint, "seconds": 2.5, "networks": {}})
    loaded = []
    resumed.engine.load_member_states = loaded.append
    resumed.on_fit_start()
    assert (resumed.step, resumed.seconds, resumed.curve, loaded) == (12, 2.5, cohort.curve, [{}])
    assert resumed.automatic_optimization is False
