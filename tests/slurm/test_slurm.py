"""Sweeps on a real SLURM: jobs that end in every way, bitwise the results of a local sweep."""

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.processes import TRAIN, results, run
from tests.slurm.cluster import cluster, missing

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")
SECRET = "a-secret-of-the-environment"
DEPTHS = (49, 46, 43)  # scancel, kill -9, out of time
SWEEP = [
    *["-m", "experiment=sine_smoke", "logger=none", f"depth={','.join(map(str, DEPTHS))}", "recipe.max_steps=1200"],
    *["recipe.evaluations=3", "runtime.checkpoint_every_steps=50", "runtime.segment_steps=10"],
]
VARIED = "evaluations=3,max_steps=1200"
SLURM = ["runtime=slurm", "hydra.launcher.mem_gb=1"]


@pytest.fixture(scope="module")
def environment():
    with ExitStack() as running:
        try:
            variables = running.enter_context(cluster())
        except RuntimeError as error:
            if os.environ.get("DEGRADATION_SLURM") == "required":
                raise
            pytest.skip(str(error))
        yield {**os.environ, **variables, "WANDB_API_KEY": SECRET}


@pytest.fixture
def start(tmp_path, environment):
    """Start a sweep in tmp_path, its output in files; whatever is left of it is killed in the end."""
    started = []

    def starter(*arguments):
        with open(tmp_path / "out.txt", "a") as out:
            process = subprocess.Popen(
                [sys.executable, TRAIN, *arguments], cwd=tmp_path, env=environment, stdout=out, stderr=out,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )  # fmt: skip
        started.append(process)
        return process

    yield starter
    for process in started:
        process.kill()
        process.wait()
    subprocess.run(["scancel", "--me"], env=environment, check=False)


def wait_for(found, what, seconds=600):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"no {what} in {seconds} seconds")


def checkpoint(folder: Path, depth: int):
    return lambda: list(folder.glob(f"runs/sine_smoke/sine/mlp/depth={depth:03d},{VARIED}/last.ckpt"))


def job_of(folder: Path, depth: int) -> str:
    """The newest SLURM job that trains a depth."""
    jobs = folder.glob("runs/.submitit/*/overrides.txt")
    (*_, newest) = sorted((file for file in jobs if f"depth={depth}\n" in file.read_text()), key=os.path.getmtime)
    return newest.parent.name


def process_of(job: str) -> int:
    """The process that trains in a job, which may be one of an array."""
    number, _, index = job.partition("_")
    names = {"SLURM_ARRAY_JOB_ID": number, "SLURM_ARRAY_TASK_ID": index} if index else {"SLURM_JOB_ID": number}
    wanted = {f"{name}={value}".encode() for name, value in names.items()}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, variables = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            continue
        if command.startswith(sys.executable.encode()) and wanted <= set(variables.split(b"\0")):
            return int(folder.name)
    raise AssertionError(f"no process of job {job}")


def hurry(job: str, environment: dict[str, str]) -> None:
    """SLURM lets a requeued job wait for two minutes."""
    update = ["scontrol", "update", f"JobId={job}", "StartTime=now"]
    subprocess.run(update, env=environment, check=False, capture_output=True)


def locally(folder: Path) -> list[str]:
    return [
        "hydra/launcher=basic",
        f"runtime.runs_dir={folder}/local/runs",
        f"runtime.results_dir={folder}/local/results",
    ]


def test_a_killed_job_is_named_and_trained_to_the_results_of_a_local_sweep(tmp_path, start, environment):
    short = [*SWEEP, "depth=49"]
    sweep = start(*short, *SLURM)
    wait_for(checkpoint(tmp_path, 49), "checkpoint")
    killed = job_of(tmp_path, 49)
    os.kill(process_of(killed), signal.SIGKILL)
    assert sweep.wait(300) == 1
    said = (tmp_path / "out.txt").read_text()
    assert f"depth=049,{VARIED}: SLURM job {killed} ended without a result (FAILED)" in said
    assert start(*short, *SLURM).wait(300) == 0
    code, _, err = run(tmp_path, *short, *locally(tmp_path))
    assert code == 0, err
    assert results(tmp_path) == results(tmp_path / "local")


@pytest.mark.long
def test_jobs_that_are_killed_requeued_and_resumed_leave_the_results_of_a_local_sweep(tmp_path, start, environment):
    folder = tmp_path
    sweep = start(*SWEEP, *SLURM)
    wait_for(checkpoint(folder, 49), "checkpoint")
    cancelled = job_of(folder, 49)
    subprocess.run(["scancel", cancelled], env=environment, check=True)
    wait_for(checkpoint(folder, 46), "checkpoint")
    killed = job_of(folder, 46)
    os.kill(process_of(killed), signal.SIGKILL)
    wait_for(checkpoint(folder, 43), "checkpoint")
    out_of_time = job_of(folder, 43)
    subprocess.run(["scancel", "--signal=USR2", out_of_time], env=environment, check=True)  # as SLURM warns
    log = folder / f"runs/.submitit/{out_of_time}/{out_of_time}_0_log.out"
    wait_for(lambda: f"Requeued job {out_of_time}" in log.read_text(), "requeueing")
    time.sleep(5)  # what begins again in the second of its killing is taken for the killed job
    begun_again = lambda: hurry(out_of_time, environment) or log.read_text().count("Loading pickle") == 2  # noqa: E731
    wait_for(begun_again, "second beginning")

    assert sweep.wait(900) == 1
    said = (folder / "out.txt").read_text()
    assert "2 of 3 cohorts failed" in said
    assert f"depth=049,{VARIED}: SLURM job {cancelled} ended without a result (CANCELLED)" in said
    assert f"depth=046,{VARIED}: SLURM job {killed} ended without a result (FAILED)" in said

    assert start(*SWEEP, *SLURM).wait(900) == 0
    assert "cohorts: 1 done already, 2 to train" in (folder / "out.txt").read_text()
    on_slurm = results(folder)

    assert start(*SWEEP, *locally(folder)).wait(900) == 0
    assert on_slurm == results(folder / "local")
    assert len({row["depth"] for row in on_slurm["networks.csv"]}) == len(DEPTHS)

    assert (folder / "runs/.submitit").stat().st_mode & 0o777 == 0o700
    assert not [file for file in folder.rglob("*") if file.is_file() and SECRET.encode() in file.read_bytes()]


@pytest.mark.long
def test_a_sweep_finds_the_jobs_of_one_that_was_lost_and_cancels_them_when_stopped(tmp_path, start, environment):
    short = [*SWEEP, *SLURM, "depth=49"]
    lost = start(*short)
    wait_for(checkpoint(tmp_path, 49), "checkpoint")
    lost.kill()
    again = start(*short)
    wait_for(lambda: "1 cohorts are in the queue already" in (tmp_path / "out.txt").read_text(), "sentence")
    again.send_signal(signal.SIGINT)
    assert again.wait(60) == 130
    assert "0 of 1 cohorts are done. The same command goes on from here." in (tmp_path / "out.txt").read_text()
    queue = subprocess.run(["squeue", "-h"], env=environment, capture_output=True, text=True, check=True)
    assert queue.stdout == ""
    assert '"state": "interrupted"' in next(tmp_path.glob("runs/**/status.json")).read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hydra.launcher.partition=nowhere"], "SLURM refused the jobs: sbatch: error: "),
        (["hydra.launcher.mem=1"], "hydra.launcher.mem"),
        (["depth=8"], "the nearest are 7 and 10"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_is_queued(tmp_path, start, arguments, message):
    assert start(*SWEEP, *SLURM, *arguments).wait(60) in (1, 2)
    said = (tmp_path / "out.txt").read_text()
    assert message in said
    assert "Traceback" not in said
    assert not list(tmp_path.glob("runs/.submitit/*/*.pkl"))
