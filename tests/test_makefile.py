"""What `make` runs, and with which environment."""

import os
import re
import subprocess

import pytest
import yaml

from tests.conftest import ROOT

FROM_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "TASK", "ARGS", "TORCH")  # if make runs the tests


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
        ([], "-m experiment=sine_why,digits_depth"),
        (["TASK=cifar10"], "-m experiment=cifar10_depth runtime=gpu"),
    ],
)
def test_the_sweep_of_a_task(task, command):
    last = make("--dry-run", "sweep-depth", *task).splitlines()[-1]
    assert last.split() == [".venv/bin/python", "experiments/train.py", *command.split()]


def experiments_of(target):
    words = make("--dry-run", target).splitlines()[-1].split()
    return next(word for word in words if word.startswith("experiment=")).removeprefix("experiment=").split(",")


def test_every_experiment_that_a_cpu_can_is_in_a_sweep():
    files = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / "conf/experiment").glob("*.yaml")}
    for_cpu = {name for name, content in files.items() if content["experiment"].get("device", "cpu") == "cpu"}
    smoke = {name for name in for_cpu if name.endswith("_smoke")}
    whole = experiments_of("sweep-all")
    assert sorted(whole) == sorted(for_cpu - smoke)
    assert whole[:2] == ["sine_why", "digits_depth"]
    small = ["cifar10_small", "cifar10_small_warmup"]
    assert whole[-2:] == small
    long = {"sine_3000", "digits_2000", "digits_2000_full", "digits_budget_16x", "digits_1202", *small}
    why, architectures = set(experiments_of("sweep-why")), set(experiments_of("sweep-architectures"))
    assert why | architectures == set(whole) - {"sine_why", "digits_depth", "sine_depth"} - long
    assert not why & architectures
    assert {"sine_init", "digits_lr", "sine_signal", "identity_learning"} <= why
    assert {"digits_shortcuts", "digits_bottleneck"} <= architectures


def test_inside_trains_what_is_missing_and_makes_diagnostics():
    train, loop, diagnose = make("--dry-run", "inside").splitlines()[-3:]
    assert train.split()[1:] == ["experiments/train.py", "-m", "experiment=digits_depth", "depth=20,56"]
    names = re.search(r"for name in (.*); do", loop)[1].split()
    assert names == ["lesion", "surface", "paths", "maps"]
    assert all((ROOT / "src/degradation/diagnostics" / f"{name}.py").exists() for name in names)
    assert "experiments/diagnose.py experiment=digits_depth diagnostic=$name 'depths=[20,56]'" in diagnose


def test_an_install_says_how_much_it_downloads_and_shows_progress():
    said = make("--dry-run", "--always-make", "install")
    assert "6 GB on disk" in said
    assert not [line for line in said.splitlines() if "uv pip install" in line and "--quiet" in line]
    assert "--require-hashes -r requirements.lock" in said


def test_an_install_without_cuda_checks_the_hashes_of_all_but_torch():
    lines = make("--dry-run", "--always-make", "install", "TORCH=cpu").splitlines()
    (filtering,) = [line for line in lines if line.startswith("awk ")]
    kept = subprocess.run(
        filtering.split(" > ")[0], shell=True, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    names = re.findall(r"^([a-z0-9_.-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    cuda = [name for name in names if re.match(r"(torch|torchvision|triton|nvidia-.*|cuda-.*)$", name)]
    assert {"torch", "torchvision", "nvidia-cublas"} <= set(cuda)
    assert re.findall(r"^([a-z0-9_.-]+)==", kept, re.MULTILINE) == [name for name in names if name not in cuda]
    assert kept.count("--hash") > len(names) - len(cuda)
    assert "--torch-backend cpu" in "\n".join(lines)


def test_python_keeps_what_it_compiles():
    seen = make("--eval", "seen: ; @env", "seen", PYTHONDONTWRITEBYTECODE="1")
    assert "PATH=" in seen
    assert "PYTHONDONTWRITEBYTECODE" not in seen


def test_the_choice_of_torch_is_kept_until_another_is_made(tmp_path):
    venv = f"VENV={tmp_path}"
    (tmp_path / ".torch").write_text("cpu\n")
    kept = make("--dry-run", "install", venv)
    assert "--torch-backend cpu" in kept
    assert f"touch {tmp_path}/.installed-cpu" in kept
    other = make("--dry-run", "install", venv, "TORCH=")
    assert "--torch-backend" not in other
    assert f"touch {tmp_path}/.installed\n" in other
    (tmp_path / ".torch").unlink()
    assert make("--dry-run", "install", venv) == other
