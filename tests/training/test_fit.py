"""One job in one process: the files it leaves, skip-done, damage, failure."""

import csv
import os
from importlib.metadata import version

import pytest
import torch
from filelock import FileLock

from degradation.checks import ConfigError
from degradation.commands.train import train_watched as train
from degradation.records.run import JobFailedError, Run
from degradation.training import checkpoints, deadline
from degradation.training.callbacks import Interrupted, RunFiles
from degradation.training.cohort import Cohort


def run_files(run):
    return {path.name for path in run.path.iterdir() if path.name != ".lock"}


def rows(run, name="records.csv"):
    """Rows without what differs between equal runs."""
    with open(run.path / name, newline="") as file:
        return [{**row, "seconds": "", "commit": "", "engine": ""} for row in csv.DictReader(file)]


def stamps(run):
    return {path.name: path.stat().st_mtime_ns for path in run.path.iterdir()}


@pytest.fixture
def interrupted(compose_config, monkeypatch):
    """A run that was stopped after 20 of 40 steps, with a checkpoint at step 20."""
    config = compose_config("runtime.checkpoint_every_steps=20")
    original = RunFiles.on_train_batch_end

    def stop_at_20(self, trainer, cohort, *args):
        original(self, trainer, cohort, *args)
        if cohort.step == 20:
            raise Interrupted(143)

    with monkeypatch.context() as patch:
        patch.setattr(RunFiles, "on_train_batch_end", stop_at_20)
        with pytest.raises(SystemExit):
            train(config, config, show_progress=False)
    run = Run(config, config)
    assert run.read_status()["state"] == "interrupted"
    return run


def test_files_of_a_finished_run(config):
    run = train(config, config, show_progress=False)
    assert run_files(run) == {
        "config.yaml", "environment.json", "status.json", "curves.csv", "records.csv", "layers.csv", "predictions.csv",
        "last.ckpt",
    }  # fmt: skip
    assert len(rows(run)) == 4
    assert len(rows(run, "curves.csv")) == 4 * 5
    assert len(rows(run, "layers.csv")) == 4 * 5 * 2  # networks x weighted layers x moments
    assert len(rows(run, "predictions.csv")) == 4 * 128
    moments = {"init": [], "final": []}
    for layer in rows(run, "layers.csv"):
        moments[layer["moment"]].append(layer["output_sd"])
    assert moments["init"] != moments["final"]
    (first, *_) = rows(run)
    assert first["torch_version"] == version("torch")
    assert (first["device"], first["threads"], first["slug"]) == ("cpu", "1", "sine/mlp/depth=004")
    assert {row["train_error"] for row in rows(run)} == {""}
    status = run.read_status()
    assert (status["state"], status["step"], status["max_steps"]) == ("done", 40, 40)
    assert set(status["losses"]) == {"plain", "residual"}


def test_the_same_run_twice_gives_the_same_bytes(compose_config, tmp_path):
    first, second = (
        train(config, config, show_progress=False)
        for config in (compose_config(f"runtime.runs_dir={tmp_path}/{name}") for name in "ab")
    )
    for name in ("records.csv", "curves.csv", "layers.csv", "predictions.csv"):
        assert rows(first, name) == rows(second, name)


def test_a_done_run_is_not_touched(config):
    before = stamps(train(config, config, show_progress=False))
    assert stamps(train(config, config, show_progress=False)) == before


def test_a_damaged_run_is_trained_again(config):
    run = train(config, config, show_progress=False)
    expected = rows(run)
    (run.path / "records.csv").write_text("cut")
    assert rows(train(config, config, show_progress=False)) == expected


def test_variations_have_their_own_folders(config, compose_config):
    run = train(config, config, show_progress=False)
    expected = rows(run)
    changed = train(compose_config("recipe.lr=0.01"), config, show_progress=False)
    assert changed.path != run.path
    assert rows(run) == expected
    assert {row["digest"] for row in rows(changed)}.isdisjoint({row["digest"] for row in expected})


def test_interrupted_and_continued_is_undisturbed(interrupted, compose_config, tmp_path):
    elsewhere = compose_config(f"runtime.runs_dir={tmp_path}/elsewhere", "runtime.checkpoint_every_steps=20")
    undisturbed = train(elsewhere, elsewhere, show_progress=False)
    continued = train(interrupted.config, interrupted.config, show_progress=False)
    for name in ("records.csv", "curves.csv", "layers.csv", "predictions.csv"):
        assert rows(continued, name) == rows(undisturbed, name)


def test_when_the_time_is_up_a_run_stops_after_its_segment_and_goes_on_later(compose_config, monkeypatch, tmp_path):
    config = compose_config("runtime.segment_steps=7")
    with monkeypatch.context() as patch:
        patch.setenv(deadline.STOP_AT, "0")
        with pytest.raises(SystemExit, match="75"):
            train(config, config, show_progress=False)
    run = Run(config, config)
    assert run.read_status()["state"] == "interrupted"
    assert torch.load(run.path / "last.ckpt", weights_only=True)["step"] == 7
    elsewhere = compose_config(f"runtime.runs_dir={tmp_path}/elsewhere")
    undisturbed = train(elsewhere, elsewhere, show_progress=False)
    continued = train(config, config, show_progress=False)
    for name in ("records.csv", "curves.csv"):
        assert rows(continued, name) == rows(undisturbed, name)


def test_a_run_whose_time_is_up_at_its_last_step_is_done(compose_config, monkeypatch):
    monkeypatch.setenv(deadline.STOP_AT, "0")
    config = compose_config("recipe.max_steps=5", "recipe.evaluations=1")
    assert train(config, config, show_progress=False).is_done()


def test_it_goes_on_from_the_checkpoint_and_not_from_the_start(interrupted, monkeypatch):
    ran = []
    original = Cohort.training_step

    def noted(self, segment, index):
        ran.append(segment)
        original(self, segment, index)

    monkeypatch.setattr(Cohort, "training_step", noted)
    train(interrupted.config, interrupted.config, show_progress=False)
    assert [ran[0].start, ran[-1].stop] == [20, 40]


@pytest.mark.parametrize("damage", [lambda b: b[:1000], lambda b: b"", lambda b: b"noise" * 99])
def test_a_damaged_checkpoint_is_named_and_discarded_only_if_told_so(interrupted, compose_config, damage):
    path = interrupted.path / "last.ckpt"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(JobFailedError, match=r"last.ckpt is damaged .* runtime.restart=true"):
        train(interrupted.config, interrupted.config, show_progress=False)
    assert interrupted.read_status()["state"] == "failed"
    again = compose_config("runtime.restart=true")
    assert train(again, again, show_progress=False).is_done()


def test_a_full_disk_leaves_the_last_checkpoint(interrupted, monkeypatch):
    before = (interrupted.path / "last.ckpt").read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save", full)
        with pytest.raises(JobFailedError, match="No space left on device"):
            train(interrupted.config, interrupted.config, show_progress=False)
    assert (interrupted.path / "last.ckpt").read_bytes() == before
    assert train(interrupted.config, interrupted.config, show_progress=False).is_done()


def test_a_foreign_checkpoint_is_refused(interrupted):
    path = interrupted.path / "last.ckpt"
    content = torch.load(path, weights_only=True)
    checkpoints.save(path, {**content, "identity": content["identity"] | {"seeds": [0]}})
    with pytest.raises(JobFailedError, match="last.ckpt is not a checkpoint of this cohort"):
        train(interrupted.config, interrupted.config, show_progress=False)


def test_a_checkpoint_that_runs_code_is_not_loaded(interrupted, tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"digest": Evil()}, interrupted.path / "last.ckpt")
    with pytest.raises(JobFailedError, match="last.ckpt is damaged"):
        train(interrupted.config, interrupted.config, show_progress=False)
    assert not (tmp_path / "ran").exists()


def test_a_failure_leaves_its_traceback(config, monkeypatch):
    def fails(self, segment, index):
        raise RuntimeError("out of luck")

    with monkeypatch.context() as patch:
        patch.setattr(Cohort, "training_step", fails)
        with pytest.raises(JobFailedError, match="RuntimeError: out of luck"):
            train(config, config, show_progress=False)
    run = Run(config, config)
    assert run.read_status() == {"state": "failed", "message": "RuntimeError: out of luck"}
    assert "in fails" in (run.path / "traceback.txt").read_text()
    train(config, config, show_progress=False)
    assert "traceback.txt" not in run_files(run)


def test_a_folder_in_use_is_refused(config, monkeypatch):
    run = Run(config, config)
    monkeypatch.setattr("degradation.records.run.LOCK_SECONDS", 0)
    with FileLock(run.lock().lock_file), pytest.raises(ConfigError, match="is being written by another process"):
        train(config, config, show_progress=False)


def test_all_networks_diverged_is_a_result(compose_config):
    config = compose_config("recipe.optimizer=sgd", "recipe.lr=1e30", "recipe.schedule=constant")
    run = train(config, config, show_progress=False)
    records = rows(run)
    assert {row["status"] for row in records} == {"diverged"}
    assert {row["train_loss"] for row in records} == {""}
    assert {row["stuck"] for row in records} == {"False"}
    assert all(0 < int(row["diverged_step"]) == int(row["steps"]) < 40 for row in records)
