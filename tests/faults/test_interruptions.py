"""Sweeps that are killed, stopped or out of time while they train, in their own process and in two workers."""

import json
import os
import signal
import subprocess

import pytest

from degradation.sweeps.workers import NICE
from tests.faults.sweeps import BASIC, JOBLIB, Folder, answer, wait_until_gone
from tests.processes import run

WAYS = [("sine_smoke", JOBLIB), ("digits_depth", BASIC)]
ONE_WORKER = "hydra.launcher.n_jobs=1"  # joblib then trains in the sweep's process


@pytest.mark.parametrize(("experiment", "launcher"), WAYS)
def test_killed_and_continued(campaign, tmp_path, experiment, launcher):
    fault, folder = f"SIGKILL after a checkpoint, {experiment}, {launcher}", Folder(tmp_path, experiment)
    sweep = folder.start(launcher=launcher)
    folder.wait_for("last.ckpt", sweep)
    os.killpg(sweep.pid, signal.SIGKILL)
    campaign.note(fault, answer(sweep.end()))
    assert not (tmp_path / "results" / experiment / "networks.csv").exists()
    folder.finish()
    campaign.compare(fault, folder)


@pytest.mark.parametrize(
    ("experiment", "launcher", "extra", "signum"),
    [
        ("sine_smoke", JOBLIB, [], signal.SIGINT),
        pytest.param("sine_smoke", JOBLIB, [ONE_WORKER], signal.SIGTERM, marks=pytest.mark.long),
        ("digits_depth", BASIC, [], signal.SIGTERM),
        pytest.param("sine_smoke", JOBLIB, [], signal.SIGTERM, marks=pytest.mark.long),
        pytest.param("sine_smoke", JOBLIB, [ONE_WORKER], signal.SIGINT, marks=pytest.mark.long),
        pytest.param("digits_depth", BASIC, [], signal.SIGINT, marks=pytest.mark.long),
    ],
)
def test_a_signal_stops_cleanly_and_says_how_to_go_on(campaign, tmp_path, experiment, launcher, extra, signum):
    how = ", ".join([experiment, launcher, *extra])
    fault, folder = f"{signum.name} after a checkpoint, {how}", Folder(tmp_path, experiment)
    sweep = folder.start(*extra, launcher=launcher)
    folder.wait_for("last.ckpt", sweep)
    os.kill(sweep.pid if extra else -sweep.pid, signum)  # the one process alone, or as Ctrl-C does the whole group
    ended = sweep.end()
    campaign.note(fault, answer(ended))
    assert ended.code == 130
    done = "0 of 2 " if extra else ""  # elsewhere a short cohort may have ended by now
    assert f"{done}cohorts are done. The same command goes on from here." in ended.err
    folder.finish()
    campaign.compare(fault, folder)


def test_workers_stop_when_only_the_sweep_is_killed(campaign, tmp_path):
    fault, folder = "SIGKILL of a sweep without its workers", Folder(tmp_path, "sine_smoke")
    sweep = folder.start(launcher=JOBLIB)
    folder.wait_for("last.ckpt", sweep)
    own, listed = os.getpriority(os.PRIO_PROCESS, sweep.pid), ["ps", "-o", "ni=", "-g", str(sweep.pid)]
    priorities = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()
    assert {own, own + NICE} == {int(value) for value in priorities}  # workers give way to the sweep
    sweep.process.kill()
    sweep.process.join()
    wait_until_gone(sweep.pid)
    campaign.note(fault, answer(sweep.end()))
    folder.finish()
    campaign.compare(fault, folder)


@pytest.mark.parametrize(("launcher", "minutes"), [(BASIC, 0.015), (JOBLIB, 0.02)])  # less than a worker's imports
def test_a_sweep_stops_when_its_time_is_up_and_goes_on_later(campaign, tmp_path, launcher, minutes):
    fault, folder = f"time up, {launcher}", Folder(tmp_path, "sine_smoke")
    ended = folder.run(f"runtime.max_minutes={minutes}", launcher=launcher)
    campaign.note(fault, answer(ended))
    assert ended.code == 75
    sentence = f"The {minutes} minutes of runtime.max_minutes are up: 0 of 2 cohorts are done."
    assert f"{sentence} The same command goes on from here." in ended.err
    if launcher == BASIC:  # the first job starts in time
        (checkpoint,) = tmp_path.glob("runs/**/last.ckpt")
        assert json.loads((checkpoint.parent / "status.json").read_text())["state"] == "interrupted"
    folder.finish()
    campaign.compare(fault, folder)


def test_a_single_run_stops_when_its_time_is_up_and_goes_on_later(tmp_path):
    command = ["experiment=sine_smoke", "logger=none", "depth=4", "runtime.segment_steps=10"]
    code, _, err = run(tmp_path, *command, "runtime.max_minutes=0.001")
    assert code == 75
    assert "The 0.001 minutes of runtime.max_minutes are up. The same command goes on from here." in err
    assert "Traceback" not in err
    code, out, err = run(tmp_path, *command)
    assert code == 0, err
    assert "done: " in out
