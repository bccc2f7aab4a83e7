"""Entry points run as a user runs them, in processes and process groups of their own, and what they leave."""

import csv
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from tests.conftest import ROOT

TRAIN, REPORT = ROOT / "experiments" / "train.py", ROOT / "experiments" / "report.py"
TABLES = ("networks.csv", "curves.csv", "layers.csv", "predictions.csv")
ALWAYS = ("networks.csv", "curves.csv")  # whatever the experiment
NOT_COMPARED = ("seconds", "commit")  # may differ between equal sweeps
PATIENCE = 300  # seconds for what takes ten
IMPORTED = [
    "degradation.training.fit",
    "degradation.diagnostics.live",
    "degradation.tasks.digits",
    "degradation.tasks.images",
    "degradation.reports.overview",
    "sklearn.datasets",
]

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(IMPORTED)


class Ended(NamedTuple):
    """How a process ended: its exit code (or minus the signal that ended it), standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


class Stream:
    """What a process says on one of its streams, read as it comes."""

    def __init__(self) -> None:
        self.source, self.sink = processes.Pipe(duplex=False)
        self.said = bytearray()
        self.thread = threading.Thread(target=self._read, daemon=True)

    def begin(self) -> None:
        self.sink.close()
        self.thread.start()

    def _read(self) -> None:
        while part := os.read(self.source.fileno(), 65536):
            self.said += part

    def text(self) -> str:
        """All of it; workers that outlive the process may add to it."""
        self.thread.join(PATIENCE)
        return self.said.decode()


class Forked:
    """An entry point in a process forked from one that has imported everything, which takes 20 seconds."""

    def __init__(
        self, folder: Path, arguments: Sequence[str], script: Path, prepare: Callable[[], None] | None
    ) -> None:
        self.streams = Stream(), Stream()
        sinks = [stream.sink for stream in self.streams]
        self.process = processes.Process(
            target=_run, args=(folder, arguments, script, prepare, dict(os.environ), sinks)
        )
        self.process.start()
        assert self.process.pid is not None
        self.pid = self.process.pid
        for stream in self.streams:
            stream.begin()

    def end(self) -> Ended:
        """Wait for its end."""
        self.process.join(PATIENCE)
        if self.process.exitcode is None:
            os.killpg(self.pid, signal.SIGKILL)
            raise AssertionError(f"still running after {PATIENCE} s: {[stream.text() for stream in self.streams]}")
        return Ended(self.process.exitcode, *(stream.text() for stream in self.streams))


def _run(
    folder: Path,
    arguments: Sequence[str],
    script: Path,
    prepare: Callable[[], None] | None,
    environment: dict[str, str],
    sinks: Sequence[Connection],
) -> None:
    os.setsid()
    multiprocessing.current_process().name = "MainProcess"  # as that of an interpreter
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
    for number, sink in enumerate(sinks, start=1):
        os.dup2(sink.fileno(), number)
        sink.close()
    if prepare is not None:
        prepare()
    sys.argv = [str(script), *arguments]
    try:
        runpy.run_path(str(script), run_name="__main__")
    finally:
        threading._shutdown()  # first, as in an interpreter: it ends joblib's workers


def fork(folder: Path, *arguments: str, script: Path = TRAIN, prepare: Callable[[], None] | None = None) -> Forked:
    """Start an entry point; `prepare` is called in its process first."""
    return Forked(folder, arguments, script, prepare)


def run(folder: Path, *arguments: str, script: Path = TRAIN) -> Ended:
    """Start an entry point and wait for its end."""
    return fork(folder, *arguments, script=script).end()


def run_anew(folder: Path, *arguments: str, prefix: Sequence[str] = ()) -> Ended:
    """Train in an interpreter of its own, which the command `prefix` starts, and wait for its end."""
    process = subprocess.Popen(
        [*prefix, sys.executable, TRAIN, *arguments], cwd=folder, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return Ended(process.returncode, out, err)


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
