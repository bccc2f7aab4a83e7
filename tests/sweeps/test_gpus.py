"""One worker a GPU, with a faked list of GPUs."""

import os
import time
from functools import partial

import pytest
from filelock import FileLock
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from joblib import Parallel, delayed

from degradation.checks import ConfigError
from degradation.records.run import JobFailedError
from degradation.sweeps import gpus
from degradation.sweeps.gpus import claim, on_own_gpu, visible_gpus
from tests.processes import run

FAKE = ("0", "GPU-5b2e", "7")


def seen(_):
    time.sleep(0.2)  # long enough for every worker to get a job
    return os.getpid(), os.environ["CUDA_VISIBLE_DEVICES"]


@pytest.fixture
def own_locks(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    claim.cache_clear()
    yield
    claim.cache_clear()


def test_every_worker_has_a_gpu_of_its_own(own_locks):
    found = Parallel(n_jobs=len(FAKE), backend="loky", batch_size=1)(
        delayed(partial(on_own_gpu, FAKE, seen))(None) for _ in range(12)
    )
    by_process = {}
    for process, gpu in found:
        by_process.setdefault(process, set()).add(gpu)
    assert all(len(shown) == 1 for shown in by_process.values())
    assert sorted(gpu for shown in by_process.values() for gpu in shown) == sorted(FAKE)


def test_a_gpu_that_another_sweep_holds_is_left_to_it(own_locks, tmp_path, monkeypatch):
    monkeypatch.setattr(gpus, "CLAIM_SECONDS", 0)
    path = tmp_path / f"degradation-{os.getuid()}-gpu-0.lock"
    with FileLock(path):
        assert claim(("0", "1"))[0] == "1"
        with pytest.raises(JobFailedError, match="the GPUs 0 are in use by other jobs"):
            claim(("0",))
    assert claim(("0",))[0] == "0"


@pytest.mark.parametrize(("named", "expected"), [("0,1", ["0", "1"]), ("GPU-5b2e", ["GPU-5b2e"]), ("", [])])
def test_visible_gpus_are_those_that_the_environment_names(monkeypatch, named, expected):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert visible_gpus() == expected


@pytest.mark.parametrize(("chosen", "expected"), [(None, ("3", "4")), ([5], ("5",))])
def test_the_launcher_runs_as_many_jobs_as_there_are_gpus(monkeypatch, chosen, expected):
    Plugins.instance()
    from hydra_plugins.degradation_local_gpus import JoblibLauncher, LocalGpusLauncher

    launched = {}

    def launch(self, job_overrides, initial_job_idx):
        launched.update(task=self.task_function, **self.joblib)
        return [JobReturn() for _ in job_overrides]

    monkeypatch.setattr(JoblibLauncher, "launch", launch)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,4")
    launcher = LocalGpusLauncher(chosen)
    launcher.task_function = seen
    assert len(launcher.launch([["depth=4"], ["depth=7"]], 0)) == 2
    assert (launched["n_jobs"], launched["batch_size"]) == (len(expected), 1)
    assert launched["task"].args == (expected, seen)

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(ConfigError, match="CUDA shows no GPU"):
        LocalGpusLauncher(None).launch([["depth=4"]], 0)


def test_a_sweep_through_the_launcher(tmp_path):
    """On the CPU, with made-up GPUs, which the jobs do not use."""
    arguments = ["-m", "experiment=sine_smoke", "logger=none", "depth=4,10", "seeds=[0]"]
    code, out, err = run(tmp_path, *arguments, "runtime=local_gpus", "runtime.device=cpu", "hydra.launcher.gpus=[0,1]")
    assert code == 0, err
    assert "cohorts: 0 done already, 2 to train" in out
    assert len(list(tmp_path.glob("runs/**/records.csv"))) == 2


def test_no_gpu_is_said_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    code, _, err = run(tmp_path, "-m", "experiment=sine_smoke", "logger=none", "depth=4", "runtime=local_gpus")
    assert code == 2
    assert "torch finds no CUDA device" in err
    assert "Traceback" not in err
