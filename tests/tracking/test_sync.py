"""Uploading offline runs, to a stand-in for W&B's server."""

import pytest
import wandb

from degradation.checks import ConfigError
from degradation.commands.train import train_watched as train
from degradation.tracking.sync import offline_files, sync
from tests.wandb_files import wandb_runs
from tests.wandb_server import wandb_server

OFFLINE = ["logger=wandb_offline", "logger.run_per=network", "seeds=[0]"]


@pytest.fixture
def server(monkeypatch):
    with wandb_server() as running:
        monkeypatch.setenv("WANDB_BASE_URL", running.address)
        monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
        yield running


@pytest.fixture
def trained(compose_config):
    """A finished cohort of two networks with a W&B run each, and its configuration."""
    config = compose_config(*OFFLINE)
    run = train(config, config, show_progress=False)
    wandb_runs(run.path)  # waits until the files are whole
    return run


def test_everything_is_uploaded_once(trained, server):
    runtime = trained.config.runtime
    assert sync(runtime) == ("2 offline runs were uploaded.", True)
    assert sorted(run["displayName"] for run in server.runs.values()) == [
        "sine/mlp/depth=004 plain,seed=0",
        "sine/mlp/depth=004 residual,seed=0",
    ]
    for name, run in server.runs.items():
        assert (run["groupName"], run["jobType"], run["exit_code"]) == ("sine_depth", "network", 0)
        assert [point["step"] for point in server.history(name)] == [0, 10, 20, 30, 40]
    before = {name: server.history(name) for name in server.runs}
    sentence, whole = sync(runtime)
    assert whole
    assert sentence.endswith("all 2 offline runs are uploaded.")
    for marker in trained.path.glob("wandb/*/*.synced"):  # uploaded again all the same, nothing is there twice
        marker.unlink()
    assert sync(runtime)[1]
    assert {name: server.history(name) for name in server.runs} == before


def test_a_cohort_that_is_not_finished_waits(trained, server):
    trained.write_status("running")
    files, unfinished = offline_files(trained.config.runtime)
    assert (files, unfinished) == ([], 1)
    sentence, whole = sync(trained.config.runtime)
    assert whole
    assert "there are no offline runs. 1 cohorts are not finished" in sentence
    assert server.runs == {}
    trained.write_status("failed")
    assert len(offline_files(trained.config.runtime)[0]) == 2


def test_without_a_key_it_says_what_to_do(trained, monkeypatch, tmp_path):
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    with pytest.raises(
        ConfigError, match="2 offline runs are to be uploaded and no W&B key was found; run `wandb login`"
    ):
        sync(trained.config.runtime)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "no address"])
def test_a_server_that_does_not_answer_is_not_waited_for(trained, monkeypatch, address):
    monkeypatch.setenv("WANDB_BASE_URL", address)
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    with pytest.raises(ConfigError, match="does not answer .*; nothing was uploaded, and nothing is lost"):
        sync(trained.config.runtime)


def test_nothing_to_upload_needs_no_key(config, monkeypatch):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    sentence, whole = sync(config.runtime)
    assert whole
    assert sentence.endswith("there are no offline runs.")


def test_what_was_not_uploaded_is_said(trained, server):
    (file, other) = sorted(trained.path.glob("wandb/offline-run-*/*.wandb"))
    file.write_bytes(b"noise")
    sentence, whole = sync(trained.config.runtime)
    assert not whole
    assert sentence.startswith(f"1 of 2 offline runs were uploaded; {file.parent} was not.")
    assert other.with_suffix(".wandb.synced").exists()


def test_online_runs_arrive_while_training(compose_config, server):
    wandb.teardown()  # the settings of W&B's process name the server
    config = compose_config(*OFFLINE, "logger.mode=online")
    run = train(config, config, show_progress=False)
    wandb.teardown()
    assert run.is_done()
    assert len(server.runs) == 2
    for name, sent in server.runs.items():
        assert sent["exit_code"] == 0
        assert [point["step"] for point in server.history(name)] == [0, 10, 20, 30, 40]
        assert server.history(name)[-1]["train_loss"] > 0
    assert offline_files(config.runtime) == ([], 0)


def test_a_trial_of_a_wandb_sweep_is_one_run_under_the_agents_id(compose_config, server, monkeypatch):
    wandb.teardown()
    monkeypatch.setenv("WANDB_SWEEP_ID", "sweep")
    monkeypatch.setenv("WANDB_RUN_ID", "chosen")
    config = compose_config("logger=wandb_online", "logger.run_per=network", "seeds=[0]")
    run = train(config, config, show_progress=False)
    wandb.teardown()
    assert run.is_done()
    assert list(server.runs) == ["chosen"]
    assert server.runs["chosen"]["exit_code"] == 0
    history = server.history("chosen")
    assert [point["step"] for point in history] == [0, 10, 20, 30, 40]
    assert all(history[-1][f"{variant}/train_loss"] > 0 for variant in ("plain", "residual"))
