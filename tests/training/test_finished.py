"""Checkpoints and finished runs, without the training between: what is loaded is what was saved, or a sentence."""

import pytest
import torch

from degradation.checks import ConfigError
from degradation.records.run import CHECKPOINT, Run
from degradation.training import checkpoints
from degradation.training.checkpoints import BadCheckpointError
from degradation.training.cohort import Cohort
from degradation.training.finished import HERE, cohort_at_start, load_cohort, load_networks
from degradation.training.members import Member, build, load_task

SMALL = ["depth=4", "network.width=3", "network.norm=batch", "task.train_points=16", "recipe.batch_size=8"]


def assert_equal(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name


def finished(config, start=0, stop=3):
    """A run that is marked as finished after some steps, and its cohort."""
    cohort, run = Cohort(config, load_task(config)), Run(config, config)
    cohort.configure_optimizers()
    cohort.engine.run(start, stop)
    cohort.step, cohort.seconds, cohort.curve = stop, 1.5, [{"step": stop}]
    run.path.mkdir(parents=True)
    run.write_config()
    checkpoints.save(run.path / CHECKPOINT, cohort.checkpoint())
    run.finish()
    return run.path, cohort


def test_what_is_loaded_of_a_finished_run(compose_config):
    folder, cohort = finished(compose_config(*SMALL))
    states = cohort.engine.member_states()
    networks = load_networks(folder)
    assert list(networks) == cohort.members
    for member, network in networks.items():
        assert not network.training
        assert_equal(network.state_dict(), states[str(member)]["network"])
    loaded = load_cohort(folder, HERE | {"engine": "sequential"})
    assert (loaded.step, loaded.seconds, loaded.curve) == (3, 1.5, [{"step": 3}])
    assert len(loaded.engine.all_groups()) == 4
    assert len(load_cohort(folder).engine.all_groups()) == 1
    for name, state in loaded.engine.member_states().items():
        assert_equal(state["network"], states[name]["network"])
        for parameter, own in state["optimizer"].items():
            assert_equal(own, states[name]["optimizer"][parameter])
    begin = cohort_at_start(folder)
    assert (begin.step, begin.curve) == (0, [])
    for name, state in begin.engine.member_states().items():
        member = next(member for member in begin.members if str(member) == name)
        assert_equal(state["network"], build(member, begin.config).state_dict())


@pytest.mark.parametrize(
    ("trained", "device", "loaded"),
    [("tf32", "cpu", "fp32"), ("fp64", "cpu", "fp64"), ("tf32", "cuda", "tf32"), ("fp32", "cpu", "fp32")],
)
def test_precision_of_a_loaded_cohort(compose_config, trained, device, loaded, monkeypatch):
    """tf32 is of GPUs; its parameters are float32. Nothing is moved to a GPU here."""
    monkeypatch.setattr(Cohort, "to", lambda self, device: self)
    folder, cohort = finished(compose_config(*SMALL, "runtime=gpu", f"recipe.precision={trained}"))
    config = cohort_at_start(folder, HERE | {"device": device}).config
    assert (config.recipe.precision, config.runtime.device) == (loaded, device)
    assert config.recipe.lr == cohort.config.recipe.lr


def test_what_cannot_be_loaded_is_said(compose_config, tmp_path):
    for read in (load_networks, load_cohort, cohort_at_start):
        with pytest.raises(ConfigError, match="holds no finished run"):
            read(tmp_path)
    folder, _ = finished(compose_config(*SMALL, "seeds=[0]"), stop=1)
    (folder / CHECKPOINT).unlink()
    with pytest.raises(ConfigError, match="last.ckpt is gone; only training that cohort again"):
        load_networks(folder)


def test_a_checkpoint_that_is_damaged_or_of_another_cohort(tmp_path):
    path, identity = tmp_path / "last.ckpt", {"seeds": [0], "depths": [4]}
    checkpoint = {"identity": identity, "step": 7, "networks": {"a": torch.arange(600.0)}}
    checkpoints.save(path, checkpoint)
    loaded = checkpoints.load(path, identity=dict(identity))
    assert (loaded["step"], loaded["identity"]) == (7, identity)
    assert torch.equal(loaded["networks"]["a"], torch.arange(600.0))
    with pytest.raises(
        BadCheckpointError, match="last.ckpt is not a checkpoint of this cohort. Delete the file or add"
    ):
        checkpoints.load(path, identity=identity | {"seeds": [1]})
    whole = path.read_bytes()
    place = whole.index(torch.arange(600.0).numpy().tobytes()[400:800])
    for content in (whole[: place + 50] + b"\x55" + whole[place + 51 :], whole[:-30], b"", b"text"):
        path.write_bytes(content)
        with pytest.raises(
            BadCheckpointError, match=r"last.ckpt is damaged \(\w+\). Delete the file or add runtime.re"
        ):
            checkpoints.load(path, identity=identity)
    checkpoints.save(path, [identity])
    with pytest.raises(BadCheckpointError, match="is not a checkpoint of this cohort"):
        checkpoints.load(path, identity=identity)
    with pytest.raises(BadCheckpointError, match="is damaged"):
        checkpoints.load(tmp_path / "none", identity=identity)
    checkpoints.save(path, {"identity": identity, "code": Member})  # whose unpickling would run code
    with pytest.raises(BadCheckpointError, match="is damaged"):
        checkpoints.load(path, identity=identity)


def test_members_by_name_and_the_data_that_they_learn(compose_config, tmp_path, monkeypatch):
    config = compose_config("depth=[1,4]", "runtime.download=true", "runtime.loader_workers=3",
                            f"runtime.data_dir={tmp_path}")  # fmt: skip
    assert str(Member(7, "plain", 12)) == "depth=007,plain,seed=12"
    asked = []
    monkeypatch.setattr(type(config.task), "load", lambda self, *given: asked.append(given))
    load_task(config)
    assert asked == [(tmp_path, True, 3)]
