"""LitNetwork, the conventional way, is the oracle of the cohort: the same losses from the same seed and batches."""

import csv

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import LearningRateMonitor, ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger

from degradation.checks import ConfigError
from degradation.config.configure import configure
from degradation.networks.build import same_tensors
from degradation.tasks.images import ImageTask
from degradation.tasks.task import Split
from degradation.training.cohort import Cohort
from degradation.training.fit import quieten
from degradation.training.lit import LitNetwork
from degradation.training.lit_data import LitData
from degradation.training.members import Member, build, load_task
from degradation.training.schedule import learning_rate

EXACT = {"rtol": 1e-9, "atol": 1e-12}
SINE = ["depth=7", "recipe.precision=fp64", "recipe.max_steps=200", "logger=none"]
DIGITS = [
    *("experiment=digits_depth", "depth=8", "network.width=4", "recipe.precision=fp64", "logger=none"),
    *(
        "recipe.max_steps=24",
        "recipe.milestones=[12,18]",
        "recipe.warmup_steps=6",
        "recipe.weight_decay=0.01",
        "network.dropout=0.2",
    ),
]


class Losses(pl.Callback):
    """The loss of every step."""

    def __init__(self):
        self.found = []

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        self.found.append(outputs["loss"].item())


def trainer(folder, **flags):
    quieten()
    flags = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False} | flags
    return pl.Trainer(
        accelerator="cpu", devices=1, default_root_dir=folder, enable_model_summary=False, log_every_n_steps=1, **flags
    )


def conventional(folder, config):
    """Each step's loss, what the test set says at the end, and the network, of one Lightning fit."""
    losses, module, data = Losses(), LitNetwork.of(config), LitData.of(config)
    fit = trainer(folder, max_steps=config.recipe.max_steps, callbacks=[losses], limit_val_batches=0)
    fit.fit(module, datamodule=data)
    (tested,) = fit.test(module, datamodule=data, verbose=False)
    return torch.tensor(losses.found, dtype=torch.float64), tested, module.network


def in_lockstep(config):
    """The same of a cohort, by member."""
    cohort = Cohort(config, load_task(config))
    cohort.configure_optimizers()
    losses = {member: [] for member in cohort.members}
    for step in range(config.recipe.max_steps):
        cohort.engine.run(step, step + 1)
        for group in cohort.engine.all_groups():
            for member, loss in zip(group.members, group.take_batch_means(cohort.engine.task)[0], strict=True):
                losses[member].append(loss)
    states = cohort.engine.member_states()
    return {
        member: (torch.stack(losses[member]), measured, states[str(member)]["network"])
        for member, measured in cohort.engine.evaluate().items()
    }


@pytest.fixture(scope="module")
def sine(tmp_path_factory):
    """Conventional fits of the pair of 7 layers, by variant."""
    fits = {}
    for variant in ("plain", "residual"):
        config = configure(*SINE, "seeds=[1]", f"variants=[{variant}]")
        fits[variant] = conventional(tmp_path_factory.mktemp("fit"), config)
    return fits


def assert_same(ours, theirs):
    losses, tested, network = theirs
    torch.testing.assert_close(ours[0], losses, **EXACT)
    assert ours[1]["test_loss"] == pytest.approx(tested["test_loss"], rel=1e-9)
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(ours[2][name], tensor, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("engine", ["sequential", "stacked"])
def test_a_cohort_on_the_sine_is_conventional_fits(sine, engine):
    cohort = in_lockstep(configure(*SINE, "seeds=[0,1]", f"runtime.engine={engine}"))
    for variant, theirs in sine.items():
        assert len(theirs[0]) == 200
        assert_same(cohort[Member(7, variant, 1)], theirs)
    assert not torch.allclose(cohort[Member(7, "plain", 0)][0], cohort[Member(7, "plain", 1)][0], rtol=0.01)


def test_a_cohort_on_the_digits_is_conventional_fits(tmp_path):
    cohort = in_lockstep(configure(*DIGITS, "seeds=[0,2]"))
    theirs = conventional(tmp_path, configure(*DIGITS, "seeds=[2]", "variants=[residual]"))
    ours = cohort[Member(8, "residual", 2)]
    assert_same(ours, theirs)
    assert ours[1]["test_error"] == pytest.approx(theirs[1]["test_error"])


def test_batches_and_augmentation_are_the_cohorts():
    draw = torch.Generator().manual_seed(0)
    train, test = (
        Split(torch.rand(n, 3, 8, 8, generator=draw), torch.randint(0, 4, (n,), generator=draw)) for n in (21, 9)
    )
    task = ImageTask("made up", train, test, torch.tensor(0.5), torch.tensor(2.0), classes=4, augment=True, pad=1)
    data = LitData(configure(*DIGITS).composed["task"], batch_size=4, seed=5)
    data.task = task
    loader, drawn = data.train_dataloader(), task.batches(5, batch_size=4, start=0, stop=18)
    assert len(loader) == 6  # the fewest batches of 4 that hold 21 examples
    taken = []
    for epoch in (0, 1, 2):
        loader.sampler.set_epoch(epoch)
        taken += list(loader)
    assert len(taken) == 18
    for step, (images, labels) in enumerate(taken):
        expected = task.training_batch(drawn[step])
        assert torch.equal(images, expected[0])
        assert torch.equal(labels, expected[1])
    parts = list(data.val_dataloader())
    assert torch.equal(torch.cat([inputs for inputs, _ in parts]), (test.inputs - 0.5) / 2)
    assert torch.equal(torch.cat([labels for _, labels in parts]), test.targets)


def test_any_flag_and_callback(tmp_path):
    config = configure(*DIGITS, "recipe.precision=fp32", "seeds=[0]", "variants=[plain]")
    module, data = LitNetwork.of(config), LitData.of(config)
    trainer(tmp_path, fast_dev_run=True).fit(module, datamodule=data)
    best = ModelCheckpoint(tmp_path / "best", monitor="val_error", filename="{epoch}")
    fit = trainer(
        tmp_path,
        max_steps=24,
        logger=CSVLogger(tmp_path, name="", version="logs"),
        enable_checkpointing=True,
        callbacks=[best, LearningRateMonitor("step")],
        gradient_clip_val=1000.0,
    )
    module = LitNetwork.of(config)
    fit.fit(module, datamodule=data)
    with open(tmp_path / "logs" / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    rates = {int(row["step"]): float(row["lr-SGD"]) for row in rows if row["lr-SGD"]}
    assert rates == pytest.approx({step: learning_rate(config.recipe, step, 8) for step in range(24)})
    assert len([row for row in rows if row["train_loss"] and row["train_error"]]) == 24
    errors = [float(row["val_error"]) for row in rows if row["val_error"]]
    assert len(errors) == 2  # of 11 steps each; the third is not whole
    assert best.best_model_score == pytest.approx(min(errors), rel=1e-6)
    loaded = LitNetwork.load_from_checkpoint(best.best_model_path)
    state = torch.load(best.best_model_path, weights_only=True)["state_dict"]
    assert all(torch.equal(tensor, state[name]) for name, tensor in loaded.state_dict().items())
    assert loaded.recipe == config.recipe
    assert loaded.hparams["network"] == config.composed["network"] | {"shortcut": "none"}


def test_one_network_as_configured():
    config = configure("experiment=sine_depth", "depth=4", "seeds=[7]", "variants=[plain_eps]")
    module = LitNetwork.of(config)
    assert same_tensors(module.network, build(Member(4, "plain_eps", 7), config))
    assert module.configure_optimizers()["optimizer"].defaults["eps"] == 1e-20


@pytest.mark.parametrize(
    ("make", "overrides", "sentence"),
    [
        (LitNetwork, ["seeds=[0,1]"], "LitNetwork is one network and the configuration has 4; set one depth, variant"),
        (LitData, ["seeds=[0,1]"], r"LitData is of one seed and the configuration has 2; set seeds=\[0\], say"),
        (
            LitNetwork,
            ["seeds=[0]", "variants=[plain]", "recipe.warmup=constant", "recipe.warmup_until_error=80"],
            "recipe.warmup_until_error makes the schedule depend on errors",
        ),
        (
            LitNetwork,
            ["depth=32", "seeds=[0]", "variants=[plain_deepened]"],
            "LitNetwork begins with drawn tensors, and network.init=deepened with those of a trained network",
        ),
    ],
)
def test_what_is_not_one_network_gets_a_sentence(make, overrides, sentence):
    with pytest.raises(ConfigError, match=sentence):
        make.of(configure(*DIGITS, *overrides))
