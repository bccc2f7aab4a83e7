"""A cohort in W&B, read back from the offline files; nothing that fails there changes the training."""

import contextlib
import csv
import os
import signal
import subprocess
import warnings

import pytest
import wandb

from degradation.commands.train import train_watched as train
from degradation.records.identity import digest
from degradation.records.run import JobFailedError, Run
from degradation.tracking import curve
from degradation.training import fit
from degradation.training.callbacks import Interrupted
from degradation.training.cohort import Cohort
from tests.wandb_files import exit_code, history, settings, summary, wandb_records, wandb_runs

PER_NETWORK = ["logger=wandb_offline", "logger.run_per=network"]


def table(run, name):
    """Rows without what differs between equal runs."""
    with open(run.path / name, newline="") as file:
        return [{**row, "seconds": "", "commit": ""} for row in csv.DictReader(file)]


def stop_at(step, error, monkeypatch):
    original = Cohort.training_step

    def stops(self, segment, index):
        original(self, segment, index)
        if self.step == step:
            raise error

    monkeypatch.setattr(Cohort, "training_step", stops)


def test_every_row_is_shown_once_even_after_an_interruption(compose_config, monkeypatch):
    config = compose_config("logger=wandb_offline", "runtime.checkpoint_every_steps=20")
    run = Run(config, config)
    with monkeypatch.context() as patch:
        stop_at(30, RuntimeError("killed"), patch)
        with pytest.raises(JobFailedError):
            train(config, config, show_progress=False)
    failed = wandb_records(run.path)
    assert exit_code(failed) == 1
    assert [point["step"] for point in history(failed)] == [0, 10, 20]

    train(config, config, show_progress=False)
    found = wandb_records(run.path)
    points = history(found)
    assert [point["step"] for point in points] == [point["_step"] for point in points] == [0, 10, 20, 30, 40]
    assert exit_code(found) == 0
    logged = found["run"][0].run
    assert (logged.run_group, logged.job_type, logged.display_name) == ("sine_depth", "cohort", "sine/mlp/depth=004")
    assert logged.run_id == failed["run"][0].run.run_id
    assert settings(found)["recipe"]["lr"] == 0.001
    assert settings(found)["identity"]["seeds"] == [0, 1]
    last = [
        float(row["train_loss"])
        for row in table(run, "curves.csv")
        if (row["step"], row["variant"]) == ("40", "plain")
    ]  # fmt: skip
    assert points[-1]["plain/train_loss"] == pytest.approx(sum(last) / 2, rel=1e-6)  # the median of two seeds
    assert {"plain/test_loss", "residual/train_loss", "residual/batch_loss", "lr"} <= set(points[-1])
    said = summary(found)
    assert (said["plain/networks"], said["plain/diverged"], said["residual/diverged"]) == (2, 0, 0)


def test_every_network_is_a_run_of_its_own(compose_config):
    config = compose_config(*PER_NETWORK)
    run = train(config, config, show_progress=False)
    found = wandb_runs(run.path)
    assert sorted(found) == [
        f"sine/mlp/depth=004 {variant},seed={seed}" for variant in ("plain", "residual") for seed in (0, 1)
    ]
    assert len({records["run"][0].run.run_id for records in found.values()}) == 4
    for records in found.values():
        logged, own = records["run"][0].run, settings(records)
        assert (logged.run_group, logged.job_type, exit_code(records)) == ("sine_depth", "network", 0)
        assert (own["depth"], own["digest"], own["recipe"]["lr"]) == (4, digest(config, own["variant"]), 0.001)
        assert not {"seeds", "variants"} & set(own)
        curve = [
            row
            for row in table(run, "curves.csv")
            if (row["variant"], row["seed"]) == (own["variant"], str(own["seed"]))
        ]
        points = history(records)
        assert [point["step"] for point in points] == [0, 10, 20, 30, 40]
        for name in ("train_loss", "test_loss"):
            assert [point[name] for point in points] == pytest.approx([float(row[name]) for row in curve], rel=1e-8)
        assert "batch_loss" not in points[0]  # nothing ran before step 0
        assert points[-1]["batch_loss"] == pytest.approx(float(curve[-1]["batch_loss"]), rel=1e-8)
        assert not [name for name in points[-1] if "error" in name]  # regression has none
        expected = {"status": "done", "steps": 40, "matched": True, "parameters": 2881, "multiply_adds": 2760}
        assert expected.items() <= summary(records).items()
        assert summary(records)["train_loss"] == points[-1]["train_loss"]
        assert records["metric"][0].metric.name == "step"
        assert [record.metric.step_metric for record in records["metric"] if record.metric.glob_name == "*"] == ["step"]


def test_networks_of_several_depths_are_told_apart(compose_config):
    config = compose_config(*PER_NETWORK, "depth=[1,4]", "seeds=[0]", "variants=[plain]")
    found = wandb_runs(train(config, config, show_progress=False).path)
    assert {name.split(" ")[1]: settings(records)["depth"] for name, records in found.items()} == {
        "depth=001,plain,seed=0": 1,
        "depth=004,plain,seed=0": 4,
    }


def test_interrupted_networks_go_on_in_the_same_runs(compose_config, monkeypatch):
    config = compose_config(*PER_NETWORK, "runtime.checkpoint_every_steps=20", "seeds=[0]")
    run = Run(config, config)
    with monkeypatch.context() as patch:
        stop_at(30, Interrupted(143), patch)
        with pytest.raises(SystemExit):
            train(config, config, show_progress=False)
    before = wandb_runs(run.path)
    assert [exit_code(records) for records in before.values()] == [255, 255]
    train(config, config, show_progress=False)
    after = wandb_runs(run.path)
    ids = [{name: records["run"][0].run.run_id for name, records in found.items()} for found in (before, after)]
    assert ids[0] == ids[1]
    for records in after.values():
        assert [point["step"] for point in history(records)] == [0, 10, 20, 30, 40]
        assert exit_code(records) == 0


def test_a_diverged_network_says_so(compose_config):
    config = compose_config(*PER_NETWORK, "recipe.optimizer=sgd", "recipe.lr=1e30", "recipe.schedule=constant")
    run = train(config, config, show_progress=False)
    steps = {(row["variant"], int(row["seed"])): int(row["diverged_step"]) for row in table(run, "records.csv")}
    for records in wandb_runs(run.path).values():
        own, said = settings(records), summary(records)
        assert (said["status"], said["diverged_step"]) == ("diverged", steps[own["variant"], own["seed"]])
        assert said["train_loss"] is None  # W&B's form of NaN
        assert [point["step"] for point in history(records) if "train_loss" in point] == [0]  # then it ends
        assert exit_code(records) == 0  # a result, no failure


def test_a_failed_run_lets_go_of_its_folder(compose_config, monkeypatch):
    config = compose_config()
    stop_at(30, RuntimeError("killed"), monkeypatch)
    with pytest.raises(JobFailedError) as kept:  # whose traceback keeps the frames of `train` alive
        train(config, config, show_progress=False)
    with Run(config, config).lock():
        assert "killed" in str(kept.value)


def test_results_that_cannot_be_written_are_a_failure(compose_config, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    config = compose_config(*PER_NETWORK)
    monkeypatch.setattr(fit, "_finish", full)
    with pytest.raises(JobFailedError, match="No space left on device"):
        train(config, config, show_progress=False)
    assert [exit_code(records) for records in wandb_runs(Run(config, config).path).values()] == [1] * 4


@pytest.fixture
def expected(config):
    """Records and curves without W&B."""
    run = train(config, config, show_progress=False)
    rows = table(run, "records.csv"), table(run, "curves.csv")
    for path in run.path.iterdir():
        path.unlink()
    return rows


def results(run):
    assert run.read_status()["state"] == "done"
    return table(run, "records.csv"), table(run, "curves.csv")


@pytest.mark.parametrize("run_per", ["cohort", "network"])
def test_wandb_does_not_change_the_run(compose_config, expected, run_per):
    config = compose_config("logger=wandb_offline", f"logger.run_per={run_per}")
    assert results(train(config, config, show_progress=False)) == expected


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ("init", "No W&B run could be started .RuntimeError: out of order"),
        ("log", "Logging to W&B failed and was stopped .RuntimeError: out of order"),
        ("finish", "A W&B run could not be finished; `wandb sync` uploads what it left"),
    ],
)
def test_a_failure_in_wandb_is_a_warning(compose_config, expected, monkeypatch, broken, sentence):
    def fails(*args, **kwargs):
        raise RuntimeError("out of order")

    original = wandb.Run.finish
    monkeypatch.setattr(*((wandb, "init") if broken == "init" else (wandb.Run, broken)), fails)
    config = compose_config(*PER_NETWORK)
    with pytest.warns(UserWarning, match=sentence):
        run = train(config, config, show_progress=False)
    assert results(run) == expected
    monkeypatch.undo()
    assert wandb.Run.finish is original


def fresh_process():
    """End W&B's process, also one that was killed; the next run starts another."""
    with contextlib.suppress(OSError):
        wandb.teardown()


def children():
    found = subprocess.run(["pgrep", "-P", str(os.getpid())], capture_output=True, text=True, check=False)
    return {int(line) for line in found.stdout.split()}


def test_a_killed_wandb_process_is_a_warning(compose_config, expected, monkeypatch):
    original = curve.start
    fresh_process()
    before = children()

    def killed(*args, **kwargs):
        run = original(*args, **kwargs)
        for process in children() - before:
            os.kill(process, signal.SIGKILL)
        return run

    monkeypatch.setattr(curve, "start", killed)
    config = compose_config("logger=wandb_offline")
    with pytest.warns(UserWarning, match="W&B"):
        run = train(config, config, show_progress=False)
    assert results(run) == expected


def test_a_server_that_does_not_answer_is_waited_for_once(compose_config, expected, monkeypatch):
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    fresh_process()
    config = compose_config("logger=wandb_online", "logger.run_per=network", "logger.init_timeout_seconds=1")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = train(config, config, show_progress=False)
    fresh_process()
    told = [str(warning.message) for warning in caught if "W&B could not be reached" in str(warning.message)]
    assert len(told) == 1
    assert results(run) == expected
    assert [exit_code(records) for records in wandb_runs(run.path).values()] == [0] * 4
