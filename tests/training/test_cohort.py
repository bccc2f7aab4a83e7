"""Segments, and that nothing beside training changes a run: segment length, evaluations, interruptions."""

import io
import math

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from degradation.training.cohort import Cohort, Segment, median_over_seeds, segments
from degradation.training.members import Member, load_task
from tests.training.test_engines import assert_same, tensors


def fit(config, checkpoint=None, callbacks=(), stop=None):
    """Fit a cohort in Lightning, up to step `stop` if given, and return it."""
    torch.set_num_threads(1)
    cohort = Cohort(config, load_task(config), checkpoint)
    todo = segments(config, checkpoint["step"] if checkpoint else 0)
    trainer = pl.Trainer(
        accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=list(callbacks),
    )  # fmt: skip
    chosen = [segment for segment in todo if stop is None or segment.stop <= stop]
    trainer.fit(cohort, DataLoader(chosen, batch_size=None))
    return cohort


def test_segments_end_at_evaluations_checkpoints_and_the_longest_stretch(compose_config):
    config = compose_config(
        "recipe.max_steps=20", "recipe.evaluations=[5]", "runtime.checkpoint_every_steps=8", "runtime.segment_steps=6"
    )
    assert segments(config, 0) == [
        Segment(0, 5, True, False),
        Segment(5, 6, False, False),
        Segment(6, 8, False, True),
        Segment(8, 12, False, False),
        Segment(12, 16, False, True),
        Segment(16, 18, False, False),
        Segment(18, 20, True, True),
    ]
    assert segments(config, 16) == segments(config, 0)[5:]
    assert segments(config, 20) == []


@pytest.mark.parametrize(
    "change", ["runtime.segment_steps=3", "runtime.checkpoint_every_steps=7", "recipe.evaluations=[1,2,39]"]
)
def test_what_must_not_change_a_run(compose_config, change):
    norm = "network.norm=batch"  # evaluation in train mode would move its running statistics
    assert_same(
        tensors(fit(compose_config(norm)).engine), tensors(fit(compose_config(norm, change)).engine), rtol=0, atol=0
    )


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["network.norm=batch", "runtime.engine=sequential"],
        ["recipe.optimizer=sgd", "recipe.momentum=0.9", "recipe.batch_size=48"],
        ["depth=[4,7]", "variants=[residual]"],
    ],
)
def test_resumed_is_undisturbed_bitwise(compose_config, overrides):
    config = compose_config(*overrides, "runtime.checkpoint_every_steps=5")
    undisturbed = fit(config)
    content = io.BytesIO()
    torch.save(fit(config, stop=25).checkpoint(), content)  # between two evaluations
    content.seek(0)
    checkpoint = torch.load(content, weights_only=True)
    assert checkpoint["step"] == 25
    resumed = fit(config, checkpoint)
    assert_same(tensors(undisturbed.engine), tensors(resumed.engine), rtol=0, atol=0)
    assert [repr(row) for row in resumed.curve] == [repr(row) for row in undisturbed.curve]
    assert len(undisturbed.curve) == 5 * len(undisturbed.members)
    records = [[repr({**row, "seconds": 0}) for row in cohort.records()] for cohort in (undisturbed, resumed)]
    assert records[0] == records[1]


DIGITS = ["experiment=digits_depth", "recipe=digits", "task=digits", "network=cifar", "network.width=2",
          "runtime.engine=sequential", "recipe.schedule=constant", "recipe.milestones=[]", "recipe.batch_size=16",
          "recipe.max_steps=12", "recipe.warmup_steps=8", "recipe.evaluations=2", "seeds=[0]", "depth=8"]  # fmt: skip


def test_warm_up_until_an_error_ends_after_the_first_window_below_it(compose_config):
    warmup = [*DIGITS, "variants=[residual]", "recipe.warmup=constant", "recipe.warmup_window_steps=2"]

    def ended(percent):
        cohort = fit(compose_config(*warmup, f"recipe.warmup_until_error={percent}"))
        (group,) = cohort.engine.all_groups()
        return group.warmup_ended, group.learning_rate(7), cohort.curve[-1]["batch_error"]

    assert ended(99.9)[:2] == (2, 0.1)
    never, rate, error = ended(0.001)
    assert (never, rate) == (None, pytest.approx(0.01))  # the cap: 8 steps
    assert 0 < error < 100


def test_images_resume_bitwise_and_record_errors(compose_config):
    config = compose_config(*DIGITS, "runtime.checkpoint_every_steps=5")
    undisturbed = fit(config)
    resumed = fit(config, fit(config, stop=5).checkpoint())
    assert_same(tensors(undisturbed.engine), tensors(resumed.engine), rtol=0, atol=0)
    for ours, theirs in zip(undisturbed.records(), resumed.records(), strict=True):
        assert repr({**ours, "seconds": 0}) == repr({**theirs, "seconds": 0})
        assert 0 <= ours["train_error"] <= 100
        assert ours["chance_error"] == pytest.approx(89.8, abs=0.1)
    plain, residual = undisturbed.records()
    assert (plain["shortcut"], residual["shortcut"], plain["matched"]) == ("none", "A", True)
    assert plain["parameters"] == residual["parameters"]


def test_a_pair_of_image_networks_takes_equal_batches(compose_config):
    config = compose_config(*DIGITS)
    cohort = Cohort(config, load_task(config))
    first, second = (cohort.engine.batches(group, 2, 6) for group in cohort.engine.all_groups())
    assert torch.equal(first.indices, second.indices)


def test_error_and_loss_of_a_whole_set_do_not_depend_on_the_evaluation_batch(compose_config, monkeypatch):
    config = compose_config(*DIGITS, "recipe.precision=fp64")
    cohort = fit(config)
    expected = cohort.engine.evaluate()
    monkeypatch.setattr("degradation.tasks.images.ImageTask.evaluation_batch", 7)
    for member, measured in cohort.engine.evaluate().items():
        for name in ("train_loss", "test_loss", "train_error", "test_error"):
            assert measured[name] == pytest.approx(expected[member][name], rel=1e-9)


def test_a_resumed_cohort_remembers_who_diverged(compose_config):
    config = compose_config("runtime.checkpoint_every_steps=5")
    checkpoint = fit(config, stop=10).checkpoint()
    checkpoint["networks"]["depth=004,plain,seed=1"]["network"]["head.bias"].fill_(torch.inf)
    first = fit(config, checkpoint, stop=25)
    assert first.engine.diverged_steps()[Member(4, "plain", 1)] == 10
    again = fit(config, first.checkpoint())
    assert again.engine.diverged_steps()[Member(4, "plain", 1)] == 10
    statuses = {(row["variant"], row["seed"]): (row["status"], row["steps"]) for row in again.records()}
    assert statuses[("plain", 1)] == ("diverged", 10)
    assert statuses[("plain", 0)] == ("done", 40)


def test_overflow_in_the_last_step_is_divergence(compose_config):
    config = compose_config("recipe.optimizer=sgd", "recipe.schedule=constant", "recipe.lr=1e30", "recipe.max_steps=1")
    assert {(row["status"], row["diverged_step"]) for row in fit(config).records()} == {("diverged", 1)}


def test_medians_count_diverged_networks_as_infinite():
    def rows(*losses):
        return [{"train_loss": loss} for loss in losses]

    nan = math.nan
    assert median_over_seeds(rows(1.0, nan, 3.0), "train_loss") == 3
    assert median_over_seeds(rows(nan, nan, 3.0), "train_loss") == math.inf
    assert median_over_seeds(rows(nan, nan), "train_loss") is None


def test_a_checkpoint_resumes_on_the_other_engine(compose_config):
    config = compose_config("recipe.precision=fp64", "network.norm=batch")
    sequential = compose_config("recipe.precision=fp64", "network.norm=batch", "runtime.engine=sequential")
    resumed = fit(sequential, fit(config, stop=20).checkpoint())
    assert_same(tensors(fit(config).engine), tensors(resumed.engine), rtol=1e-6, atol=1e-9)


def test_records_describe_the_networks(compose_config):
    cohort = fit(compose_config("depth=[1,10]", "seeds=[5]"))
    rows = {(row["depth"], row["variant"]): row for row in cohort.records()}
    assert len(rows) == 4
    assert rows[10, "plain"]["parameters"] == rows[10, "residual"]["parameters"] == 8461
    assert rows[10, "plain"]["multiply_adds"] == rows[10, "residual"]["multiply_adds"] == 8160
    assert {key: row["matched"] for key, row in rows.items()} == {
        (1, "plain"): True, (10, "plain"): True, (10, "residual"): True,
        (1, "residual"): False,  # the same network
    }  # fmt: skip
    assert [rows[10, "plain"]["shortcut"], rows[10, "residual"]["shortcut"]] == ["none", "identity"]
    assert {row["status"] for row in rows.values()} == {"done"}
    assert {row["steps"] for row in rows.values()} == {40}
    last = [row for row in cohort.curve if row["step"] == 40 and row["depth"] == 10 and row["variant"] == "plain"]
    assert rows[10, "plain"]["train_loss"] == last[0]["train_loss"]
    assert math.isnan(rows[10, "plain"]["train_error"])


def test_stuck_is_the_loss_of_predicting_the_mean(compose_config):
    def stuck(depth):
        rows = fit(compose_config(f"depth={depth}", "recipe.max_steps=100", "variants=[plain]")).records()
        return [row["stuck"] for row in rows]

    assert stuck(49) == [True, True]
    assert stuck(4) == [False, False]
