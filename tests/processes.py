"""Entry points run as a user runs them: in processes of their own, and what they leave."""

import csv
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.conftest import ROOT

TRAIN, REPORT = ROOT / "experiments" / "train.py", ROOT / "experiments" / "report.py"
TABLES = ("networks.csv", "curves.csv", "layers.csv", "predictions.csv")
ALWAYS = ("networks.csv", "curves.csv")  # whatever the experiment
NOT_COMPARED = ("seconds", "commit")  # may differ between equal sweeps


def start(folder: Path, *arguments: str, script: Path = TRAIN, prefix: Sequence[str] = ()) -> subprocess.Popen[str]:
    """A process group of its own, so that signals reach the workers too; `prefix` is a command that runs another."""
    return subprocess.Popen(
        [*prefix, sys.executable, script, *arguments], cwd=folder, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored where tests run in the background
    )  # fmt: skip


def run(folder: Path, *arguments: str, script: Path = TRAIN) -> tuple[int, str, str]:
    """Returns exit code, standard output, standard error."""
    process = start(folder, *arguments, script=script)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def results(folder: Path, experiment: str = "sine_smoke") -> dict[str, list[dict[str, str]]]:
    """The rows of an experiment's tables, by table, without what differs between equal sweeps."""
    found = {}
    for path in (folder / "results" / experiment / name for name in TABLES):
        if path.exists() or path.name in ALWAYS:
            with open(path, newline="") as file:
                found[path.name] = [
                    {name: value for name, value in row.items() if name not in NOT_COMPARED}
                    for row in csv.DictReader(file)
                ]
    return found
