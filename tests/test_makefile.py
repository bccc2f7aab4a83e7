"""What `make` runs, and with which environment."""

import os
import subprocess

import pytest

from tests.conftest import ROOT

FROM_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "TASK", "ARGS")  # if make runs the tests


def make(*arguments, **environment):
    return subprocess.run(
        ["make", *arguments],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in FROM_MAKE} | environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.parametrize(
    ("task", "command"),
    [
        ([], "-m experiment=sine_depth,sine_depth_he,sine_depth_batchnorm,digits_depth"),
        (["TASK=cifar10"], "-m experiment=cifar10_depth runtime=gpu"),
    ],
)
def test_the_sweep_of_a_task(task, command):
    last = make("--dry-run", "sweep-depth", *task).splitlines()[-1]
    assert last.split() == [".venv/bin/python", "experiments/train.py", *command.split()]


def test_python_keeps_what_it_compiles():
    seen = make("--eval", "seen: ; @env", "seen", PYTHONDONTWRITEBYTECODE="1")
    assert "PATH=" in seen
    assert "PYTHONDONTWRITEBYTECODE" not in seen
