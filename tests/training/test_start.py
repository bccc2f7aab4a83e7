"""Deep networks by construction: a trained shallower one with identity layers behind; dropout in cohorts."""

from dataclasses import replace

import pytest
import torch

from degradation.checks import ConfigError
from degradation.commands.train import train_watched as train
from degradation.training.callbacks import Interrupted, RunFiles
from degradation.training.cohort import Cohort
from degradation.training.members import Member, build, load_task, matched
from degradation.training.start import start
from tests.training.test_cohort import fit
from tests.training.test_engines import assert_same, tensors, trained

DIGITS = ["experiment=digits_depth", "recipe=digits", "task=digits", "network=cifar", "network.width=2",
          "recipe.max_steps=8", "recipe.milestones=[]", "recipe.schedule=constant", "recipe.warmup_steps=0",
          "recipe.batch_size=64", "recipe.evaluations=1", "seeds=[0]", "logger=none"]  # fmt: skip


def plain_config(compose_config, *overrides, init="deepened", source=8):
    """A configuration whose variant `plain_deepened` starts from 8 layers."""
    config = compose_config(*DIGITS, *overrides)
    config.definitions = config.definitions | {
        "plain_deepened": {"network": {"shortcut": "none", "init": init, "deepened_from": source}}
    }
    return config


def logits(network, task):
    with torch.no_grad():
        return network.eval()(task.prepare(task.test.inputs).float())


@pytest.mark.parametrize("init", ["deepened", "deepened_unit_norms"])
@pytest.mark.parametrize("depth", [8, 14, 26])
def test_it_computes_what_the_shallow_one_does(compose_config, init, depth):
    config = plain_config(compose_config, "depth=8", "variants=[plain]", init=init)
    task = load_task(config)
    (shallow,) = trained(config).all_groups()
    deep = start(Member(depth, "plain_deepened", 0), config, task, {})
    torch.testing.assert_close(logits(deep, task), logits(shallow.network, task), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(logits(deep, task), logits(build(Member(depth, "plain", 0), config), task))


def test_only_fitted_norms_are_identities_in_training_mode(compose_config):
    """The batch's statistics are near those of the training set, and far from mean 0 and variance 1."""
    away = {}
    for init in ("deepened", "deepened_unit_norms"):
        config = plain_config(compose_config, "depth=8", "variants=[plain]", init=init)
        task = load_task(config)
        block = start(Member(14, "plain_deepened", 0), config, task, {}).blocks[1]
        x = 3 * torch.rand(512, 2, 8, 8) + 1
        mean, var = (x.mean((0, 2, 3)), x.var((0, 2, 3))) if init == "deepened" else (torch.zeros(2), torch.ones(2))
        with torch.no_grad():
            block.become_identity(mean, var)
            torch.testing.assert_close(block.eval()(x)[-1], x, rtol=1e-5, atol=1e-5)
            away[init] = (block.train()(x)[-1] - x).abs().mean().item() / x.mean().item()
    assert away["deepened"] < 1e-3
    assert away["deepened_unit_norms"] > 0.3


def test_the_identity_layers_stand_behind_each_stage(compose_config):
    config = plain_config(compose_config, "depth=8", "variants=[plain]")
    task = load_task(config)
    (shallow,) = trained(config).all_groups()
    deep = start(Member(20, "plain_deepened", 0), config, task, {})
    for stage in range(3):
        held, new = deep.blocks[3 * stage].state_dict(), deep.blocks[3 * stage + 1]
        theirs = shallow.network.blocks[stage].state_dict()
        assert all(torch.equal(held[name], theirs[name]) for name in theirs)
        x = torch.rand(4, 2 * 2**stage, 4, 4)
        torch.testing.assert_close(new.eval()(x)[-1], x, rtol=1e-4, atol=1e-4)


def test_it_is_not_matched_and_trains_on_from_there(compose_config):
    config = plain_config(compose_config, "depth=14", "variants=[plain]")
    config = replace(config, variants=["plain", "plain_deepened"])
    cohort = fit(config)
    shallow = fit(plain_config(compose_config, "depth=8", "variants=[plain]")).records()[0]
    first = next(row for row in cohort.curve if row["variant"] == "plain_deepened")
    assert first["step"] == 0
    assert first["train_error"] == pytest.approx(shallow["train_error"], abs=0.1)
    assert first["train_loss"] == pytest.approx(shallow["train_loss"], rel=1e-4)
    records = {row["variant"]: row for row in cohort.records()}
    assert [records[name]["matched"] for name in ("plain", "plain_deepened")] == [True, False]
    assert records["plain"]["parameters"] == records["plain_deepened"]["parameters"]
    assert records["plain_deepened"]["steps"] == 8
    assert not matched(Member(14, "plain_deepened", 0), config)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["depth=14", "variants=[plain_deepened]"], "depth is 14; network.init=deepened needs at least the 20"),
        (
            ["depth=20", "network.init=deepened"],
            "network.deepened_from is 0 with network.init=deepened; it is the",
        ),
        (["depth=20", "network.deepened_from=8"], "network.deepened_from is 8 with network.init=he; it is the"),
        (["depth=20", "network.init=deepened", "network.deepened_from=8"], "is for networks without shortcuts"),
        (["depth=8", "network.dropout=1"], "network.dropout is 1.0; it must be at least 0 and below 1."),
        (
            ["depth=8", "network.dropout=0.5", "runtime.compile_blocks=true"],
            "network.dropout draws on the CPU",
        ),
    ],
)
def test_what_is_refused(compose_config, overrides, message):
    with pytest.raises(ConfigError, match=message):
        compose_config(*DIGITS, *overrides)


def test_a_source_has_a_depth_of_the_family(compose_config):
    config = plain_config(compose_config, "depth=8", "variants=[plain]", source=9)
    with pytest.raises(ConfigError, match="depth is 9; networks of the cifar family have 6n"):
        config.variant("plain_deepened").network.check_depth(14)


DROPOUT = ["depth=8", "variants=[plain,plain_dropout,dropout]"]


def test_dropout_changes_training_and_is_independent_of_company(compose_config):
    together = tensors(trained(compose_config(*DIGITS, *DROPOUT, "recipe.precision=fp64")))
    for name in ("plain", "plain_dropout", "dropout"):
        alone = tensors(trained(compose_config(*DIGITS, "depth=8", f"variants=[{name}]", "recipe.precision=fp64")))
        assert_same(alone, together, rtol=0, atol=0)
    plain, dropped = (together[f"depth=008,{name},seed=0/stem.weight"] for name in ("plain", "plain_dropout"))
    assert not torch.allclose(plain, dropped)


def test_noise_is_not_matched(compose_config):
    config = compose_config(*DIGITS, "depth=8", "variants=[plain,plain_dropout,dropout,stochastic_depth]")
    assert [matched(Member(8, name, 0), config) for name in config.variants] == [True, False, False, False]


def test_noise_interrupted_and_continued_is_undisturbed(compose_config, monkeypatch, tmp_path):
    noisy = "variants=[dropout,dropout_shortcut,stochastic_depth]"
    overrides = [*DIGITS, "depth=8", noisy, "runtime.checkpoint_every_steps=4"]
    whole = compose_config(*overrides, f"runtime.runs_dir={tmp_path}/whole")
    undisturbed = train(whole, whole, show_progress=False)
    original = RunFiles.on_train_batch_end

    def stop_at_4(self, trainer, cohort: Cohort, *args):
        original(self, trainer, cohort, *args)
        if cohort.step == 4:
            raise Interrupted(143)

    config = compose_config(*overrides)
    with monkeypatch.context() as patch:
        patch.setattr(RunFiles, "on_train_batch_end", stop_at_4)
        with pytest.raises(SystemExit):
            train(config, config, show_progress=False)
    continued = train(config, config, show_progress=False)
    assert (continued.path / "curves.csv").read_bytes() == (undisturbed.path / "curves.csv").read_bytes()
