"""The end of training on a GPU, without one: Lightning's teardown takes the networks from the device, the data stay."""

import pytest
import torch
from torch import nn

from degradation import tasks
from degradation.records.run import Run
from degradation.training.callbacks import Interrupted, RunFiles
from degradation.training.cohort import Cohort, Segment
from degradation.training.fit import train
from tests.training.test_fit import rows

FILES = ("records.csv", "curves.csv", "layers.csv", "predictions.csv")
DIGITS = [
    *["experiment=digits_depth", "recipe=digits", "task=digits", "network=cifar", "network.width=2", "depth=8"],
    *["recipe.batch_size=16", "recipe.max_steps=4", "recipe.milestones=[2]", "recipe.evaluations=1", "seeds=[3]"],
    "recipe.warmup_steps=0",
]


def tensors(module):
    return [*module.parameters(), *module.buffers()]


@pytest.fixture
def taken_away(monkeypatch):
    """`Cohort.cpu` leaves networks without data on another device than the training set; `to` brings the data back.

    The copies that a diagnostic makes carry the values along, so that what it measures can be compared.
    """
    plain_to = nn.Module.to

    def cpu(cohort):
        for group in cohort.engine.all_groups():
            group.network.held = [tensor.detach().clone() for tensor in tensors(group.network)]
            plain_to(group.network, "meta")
        return cohort

    def to(module, *args, **kwargs):
        if not any(parameter.is_meta for parameter in module.parameters()):
            return plain_to(module, *args, **kwargs)
        module.to_empty(device=args[0])
        for tensor, value in zip(tensors(module), module.held, strict=True):
            tensor.data.copy_(value)
        return module

    def begin():
        monkeypatch.setattr(Cohort, "cpu", cpu)
        monkeypatch.setattr(nn.Module, "to", to)

    return begin


@pytest.mark.parametrize("overrides", [[], ["runtime.engine=sequential"], DIGITS])
def test_networks_are_measured_where_the_data_are(compose_config, tmp_path, taken_away, overrides):
    config = compose_config(*overrides)
    elsewhere = compose_config(*overrides, f"runtime.runs_dir={tmp_path}/elsewhere")
    undisturbed = train(elsewhere, elsewhere, show_progress=False)
    taken_away()
    run = train(config, config, show_progress=False)
    assert run.is_done()
    for name in FILES:
        if (undisturbed.path / name).exists():
            assert rows(run, name) == rows(undisturbed, name)


@pytest.mark.parametrize("stop", [20, 40])
def test_a_resumed_run_too_even_if_nothing_is_left_to_train(compose_config, monkeypatch, tmp_path, taken_away, stop):
    config = compose_config("runtime.checkpoint_every_steps=20")
    elsewhere = compose_config("runtime.checkpoint_every_steps=20", f"runtime.runs_dir={tmp_path}/elsewhere")
    undisturbed = train(elsewhere, elsewhere, show_progress=False)
    original = RunFiles.on_train_batch_end

    def stop_there(self, trainer, cohort, *args):
        original(self, trainer, cohort, *args)
        if cohort.step == stop:
            raise Interrupted(143)

    with monkeypatch.context() as patch:
        patch.setattr(RunFiles, "on_train_batch_end", stop_there)
        with pytest.raises(SystemExit):
            train(config, config, show_progress=False)
    assert torch.load(Run(config, config).path / "last.ckpt", weights_only=True)["step"] == stop
    taken_away()
    run = train(config, config, show_progress=False)
    for name in FILES:
        assert rows(run, name) == rows(undisturbed, name)


def test_on_a_gpu_the_clock_stops_after_the_queue_is_empty(compose_config, monkeypatch):
    config, happened = compose_config(), []
    cohort = Cohort(config, tasks.load(config.task, config.runtime))
    cohort._device = torch.device("cuda", 0)
    monkeypatch.setattr(cohort.engine, "run", lambda start, stop: happened.append("steps"))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: happened.append(str(device)))
    monkeypatch.setattr("time.perf_counter", lambda: happened.append("clock") or 0.0)
    cohort.training_step(Segment(0, 5, evaluate=False, checkpoint=False), 0)
    assert happened == ["clock", "steps", "cuda:0", "clock"]
