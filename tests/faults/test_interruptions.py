"""Whole sweeps that are killed, stopped or out of time, and what the same command makes of them."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.faults.sweeps import SWEEPS
from tests.processes import results, run, start


def sweep(experiment):
    return ["-m", f"experiment={experiment}", "logger=none", *SWEEPS[experiment]]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Results of undisturbed sweeps, by experiment."""
    found = {}
    for experiment in SWEEPS:
        folder = tmp_path_factory.mktemp("undisturbed")
        code, _, err = run(folder, *sweep(experiment))
        assert code == 0, err
        found[experiment] = results(folder, experiment)
    return found


def wait_for_checkpoint(folder: Path):
    for _ in range(3600):
        if list(folder.glob("runs/**/last.ckpt")):
            return
        time.sleep(0.05)
    raise AssertionError("no checkpoint in three minutes")


def wait_until_gone(group: int):
    for _ in range(200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("workers outlived their sweep by ten seconds")


@pytest.mark.parametrize("experiment", SWEEPS)
def test_killed_and_continued_is_undisturbed_bitwise(tmp_path, undisturbed, experiment):
    process = start(tmp_path, *sweep(experiment))
    wait_for_checkpoint(tmp_path)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "results" / experiment / "networks.csv").exists()
    code, _, err = run(tmp_path, *sweep(experiment))
    assert code == 0, err
    assert results(tmp_path, experiment) == undisturbed[experiment]


@pytest.mark.parametrize(("experiment", "signum"), [("sine_smoke", signal.SIGINT), ("digits_depth", signal.SIGTERM)])
def test_a_signal_stops_cleanly_and_says_how_to_go_on(tmp_path, undisturbed, experiment, signum):
    process = start(tmp_path, *sweep(experiment))
    wait_for_checkpoint(tmp_path)
    os.killpg(process.pid, signum)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "cohorts are done. The same command goes on from here." in err
    assert "Traceback" not in err
    code, _, err = run(tmp_path, *sweep(experiment))
    assert code == 0, err
    assert results(tmp_path, experiment) == undisturbed[experiment]


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_a_sweep_stops_when_its_time_is_up_and_goes_on_later(tmp_path, undisturbed, launcher):
    command = [*sweep("sine_smoke"), f"hydra/launcher={launcher}"]
    code, _, err = run(tmp_path, *command, "runtime.max_minutes=0.02")  # shorter than a worker's imports
    assert code == 75
    sentence = "The 0.02 minutes of runtime.max_minutes are up: 0 of 2 cohorts are done."
    assert f"{sentence} The same command goes on from here." in err
    assert "Traceback" not in err
    if launcher == "basic":  # the first job starts in time and takes one segment
        (checkpoint,) = tmp_path.glob("runs/**/last.ckpt")
        assert json.loads((checkpoint.parent / "status.json").read_text())["state"] == "interrupted"
    code, _, err = run(tmp_path, *command)
    assert code == 0, err
    assert results(tmp_path) == undisturbed["sine_smoke"]


def test_a_single_run_stops_when_its_time_is_up_and_goes_on_later(tmp_path):
    command = ["experiment=sine_smoke", "logger=none", "depth=4", "runtime.segment_steps=10"]
    code, _, err = run(tmp_path, *command, "runtime.max_minutes=0.001")
    assert code == 75
    assert "The 0.001 minutes of runtime.max_minutes are up. The same command goes on from here." in err
    assert "Traceback" not in err
    code, out, err = run(tmp_path, *command)
    assert code == 0, err
    assert "done: " in out


def test_workers_stop_when_only_the_sweep_is_killed(tmp_path, undisturbed):
    process = start(tmp_path, *sweep("sine_smoke"))
    wait_for_checkpoint(tmp_path)
    process.kill()
    process.communicate()
    wait_until_gone(process.pid)
    code, _, err = run(tmp_path, *sweep("sine_smoke"))
    assert code == 0, err
    assert results(tmp_path) == undisturbed["sine_smoke"]
