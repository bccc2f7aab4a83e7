"""Sweeps that can be started hundreds of times: processes forked from one that has imported everything."""

import multiprocessing
import os
import random
import runpy
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.processes import TRAIN, results

# experiment and what makes it short; together all engines of the CPU, both families, two tasks
SWEEPS = {
    "sine_smoke": ["seeds=[0,1]", "recipe.max_steps=600", "recipe.evaluations=3", "depth=4,31",
                   "runtime.checkpoint_every_steps=50", "runtime.segment_steps=25"],
    "digits_depth": ["seeds=[0]", "recipe.max_steps=60", "recipe.milestones=[30,45]", "recipe.evaluations=2",
                     "depth=8,14", "runtime.checkpoint_every_steps=6", "runtime.segment_steps=3"],
}  # fmt: skip
IMPORTED = ["degradation.training.fit", "degradation.tasks.digits", "degradation.overview", "sklearn.datasets"]
PATIENCE = 120  # seconds for a sweep that takes ten

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(IMPORTED)


def command(experiment: str) -> list[str]:
    return ["-m", f"experiment={experiment}", "logger=none", "hydra/launcher=basic", *SWEEPS[experiment]]


@dataclass
class Ended:
    """How a sweep ended: its exit code (minus the signal that ended it) and everything it printed."""

    code: int
    said: str

    @property
    def answer(self) -> str:
        """The outcome in words. A traceback is none."""
        assert "Traceback" not in self.said, self.said
        if self.code == -signal.SIGKILL:
            return "killed"
        if self.code == -signal.SIGTERM:
            return "ended at once"  # before the training or after it
        assert self.code in (0, 1, 2, 130), f"exit code {self.code}: {self.said}"
        return "finished" if self.code == 0 else "stopped with a sentence"


class Sweep:
    """A sweep that runs in a process group of its own."""

    def __init__(self, folder: Path, arguments: list[str], prepare: Callable[[], None] | None) -> None:
        self.output, output = processes.Pipe(duplex=False)
        self.said = bytearray()
        self.process = processes.Process(target=_run, args=(folder, arguments, output, prepare))
        self.process.start()
        output.close()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        while part := os.read(self.output.fileno(), 65536):
            self.said += part

    def end(self) -> Ended:
        """Wait for its end."""
        self.process.join(PATIENCE)
        if self.process.exitcode is None:
            self.process.kill()
            raise AssertionError(f"still running after {PATIENCE} s: {self.said.decode()}")
        self.reader.join(PATIENCE)
        return Ended(self.process.exitcode, self.said.decode())


@dataclass
class Folder:
    """A user's folder with one experiment in it."""

    path: Path
    experiment: str

    @property
    def run_files(self) -> list[Path]:
        """Files of run folders, locks and unfinished writes left out."""
        found = (self.path / "runs").glob("*/*/*/*/*")
        return sorted(path for path in found if path.is_file() and not path.name.startswith("."))

    def start(self, *extra: str, prepare: Callable[[], None] | None = None) -> "Sweep":
        """The experiment's sweep; `prepare` is called in its process first."""
        self.path.mkdir(parents=True, exist_ok=True)
        return Sweep(self.path, [*command(self.experiment), *extra], prepare)

    def run(self, *extra: str, prepare: Callable[[], None] | None = None) -> Ended:
        return self.start(*extra, prepare=prepare).end()

    def results(self) -> dict[str, Any]:
        return results(self.path, self.experiment)

    def copy(self, path: Path) -> "Folder":
        shutil.copytree(self.path, path)
        return Folder(path, self.experiment)


def _run(folder: Path, arguments: list[str], output: Connection, prepare: Callable[[], None] | None) -> None:
    os.setsid()
    os.chdir(folder)
    for stream in (1, 2):
        os.dup2(output.fileno(), stream)
    output.close()
    if prepare is not None:
        prepare()
    sys.argv = [str(TRAIN), *arguments]
    runpy.run_path(str(TRAIN), run_name="__main__")


def damaged(content: bytes, how: str, chance: random.Random) -> bytes:
    """A file's content cut at a random place, with noise in a random place, or with one bit flipped."""
    place = chance.randrange(len(content))
    if how == "cut":
        return content[:place]
    if how == "bit":
        return content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1 :]
    noise = chance.randbytes(min(64, len(content) - place))
    return content[:place] + noise + content[place + len(noise) :]
