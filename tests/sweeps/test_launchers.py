"""Which launcher a runtime chooses, and what is read from SLURM's queue; tests/slurm has the real one."""

import os
import signal

import pytest
from hydra import compose

from degradation.checks import ConfigError
from degradation.sweeps.slurm import QueueWatcher, signals
from tests.processes import run


@pytest.mark.parametrize(
    ("overrides", "launcher", "device"),
    [
        ([], "joblib", "cpu"),
        (["runtime=gpu"], "basic", "cuda"),
        (["runtime=local_gpus"], "local_gpus", "cuda"),
        (["runtime=slurm"], "slurm", "cpu"),
        (["runtime=slurm", "runtime.device=cuda"], "slurm", "cuda"),
        (["runtime=slurm", "hydra/launcher=basic"], "basic", "cpu"),
    ],
)
def test_a_runtime_brings_its_launcher(compose_config, overrides, launcher, device):
    composed = compose("config", overrides, return_hydra_config=True)
    assert composed.hydra.runtime.choices["hydra/launcher"] == launcher
    assert composed.runtime.device == device
    assert compose_config(*overrides).runtime.segment_steps == 100  # a whole runtime, whichever


QUEUE = (
    "17_0|RUNNING|None\n17_1|PENDING|PartitionTimeLimit\n17_2|CANCELLED|None\n17_3|PENDING|Priority\n9|RUNNING|None\n"
)


def test_a_job_has_ended_when_the_queue_says_so_or_has_forgotten_it(monkeypatch):
    asked = []
    monkeypatch.setattr("subprocess.check_output", lambda command, **_: asked.append(command) or QUEUE.encode())
    watcher = QueueWatcher()
    for index in range(5):
        watcher.register_job(f"17_{index}")
    ended = [watcher.is_done(f"17_{index}") for index in range(5)]
    assert ended == [False, False, True, False, True]
    assert [watcher.get_state(f"17_{index}") for index in range(5)] == [
        "RUNNING", "PENDING", "CANCELLED", "PENDING", "GONE",
    ]  # fmt: skip
    assert watcher.held_back() == {"PartitionTimeLimit"}
    assert len(asked) == 1  # not once a job
    assert asked[0][0] == "squeue"
    monkeypatch.setattr("subprocess.check_output", lambda command, **_: b"")
    watcher.update()
    assert [watcher.get_state(job, mode="cache") for job in ("17_0", "17_2")] == ["GONE", "CANCELLED"]


def test_a_queue_that_does_not_answer_leaves_jobs_as_they_were(monkeypatch):
    watcher = QueueWatcher()
    watcher.register_job("17_0")

    def fails(command, **_):
        raise OSError("slurmctld is away")

    monkeypatch.setattr("subprocess.check_output", fails)
    assert not watcher.is_done("17_0")


@pytest.fixture
def handlers():
    kept = {signum: signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGUSR2)}
    yield
    for signum, handler in kept.items():
        signal.signal(signum, handler)


def test_out_of_time_while_training_stops_training_first(handlers):
    calls = []
    signal.signal(signal.SIGUSR2, lambda *_: calls.append("requeue"))
    with signals() as told:
        signal.signal(signal.SIGTERM, lambda *_: calls.append("terminate"))  # as the trainer does
        os.kill(os.getpid(), signal.SIGUSR2)
        assert calls == ["terminate"]
        assert told.out_of_time
        told.requeue(told.signal, None)
    assert calls == ["terminate", "requeue"]


def test_out_of_time_before_training_requeues_at_once(handlers):
    def requeue(signum, frame):
        raise SystemExit

    signal.signal(signal.SIGUSR2, requeue)
    with signals(), pytest.raises(SystemExit):
        os.kill(os.getpid(), signal.SIGUSR2)


def test_without_slurm_a_sentence_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))  # no squeue
    code, _, err = run(tmp_path, "-m", "experiment=sine_smoke", "logger=none", "depth=4", "runtime=slurm")
    assert code == 2
    assert "SLURM's queue cannot be read on this machine" in err
    assert "Traceback" not in err
    assert not list(tmp_path.glob("**/status.json"))


def test_other_machines_devices_are_not_looked_for(compose_config, monkeypatch):
    from degradation.sweeps.preflight import preflight

    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    config = compose_config("runtime.device=cuda")
    preflight([config], here=False)
    with pytest.raises(ConfigError, match="torch finds no CUDA device"):
        preflight([config])
