"""Sweeps that can be started hundreds of times."""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.processes import Ended, Forked, fork, results

# experiment and what makes it short; together all engines of the CPU, both families, two tasks
SWEEPS = {
    "sine_smoke": ["seeds=[0,1]", "recipe.max_steps=600", "recipe.evaluations=3", "depth=4,31",
                   "runtime.checkpoint_every_steps=50", "runtime.segment_steps=25"],
    "digits_depth": ["seeds=[0]", "recipe.max_steps=60", "recipe.milestones=[30,45]", "recipe.evaluations=2",
                     "depth=8,14", "runtime.checkpoint_every_steps=6", "runtime.segment_steps=3"],
}  # fmt: skip
BASIC, JOBLIB = "hydra/launcher=basic", "hydra/launcher=joblib"  # in the sweep's process; in two workers


def command(experiment: str, launcher: str = BASIC) -> list[str]:
    return ["-m", f"experiment={experiment}", "logger=none", launcher, *SWEEPS[experiment]]


def answer(ended: Ended) -> str:
    """The outcome in words. A traceback is none."""
    assert "Traceback" not in ended.said, ended.said
    if ended.code == -signal.SIGKILL:
        return "killed"
    if ended.code == -signal.SIGTERM:
        return "ended at once"  # before the training or after it
    assert ended.code in (0, 1, 2, 75, 130), f"exit code {ended.code}: {ended.said}"
    return "finished" if ended.code == 0 else "stopped with a sentence"


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

    def start(self, *extra: str, launcher: str = BASIC, prepare: Callable[[], None] | None = None) -> Forked:
        """The experiment's sweep; `prepare` is called in its process first."""
        self.path.mkdir(parents=True, exist_ok=True)
        return fork(self.path, *command(self.experiment, launcher), *extra, prepare=prepare)

    def run(self, *extra: str, launcher: str = BASIC, prepare: Callable[[], None] | None = None) -> Ended:
        return self.start(*extra, launcher=launcher, prepare=prepare).end()

    def finish(self) -> None:
        """Call the same command again, which must succeed."""
        ended = self.run()
        assert answer(ended) == "finished", ended.said

    def wait_for(self, name: str, sweep: Forked) -> None:
        """Wait until a file of that name is in one of the run folders."""
        while not any(file.name == name for file in self.run_files):
            assert sweep.process.is_alive(), sweep.end().said
            time.sleep(0.01)

    def results(self) -> dict[str, Any]:
        return results(self.path, self.experiment)

    def copy(self, path: Path) -> "Folder":
        shutil.copytree(self.path, path)
        return Folder(path, self.experiment)


def wait_until_gone(group: int) -> None:
    """Wait for the end of all processes of a group."""
    for _ in range(200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("workers outlived their sweep by ten seconds")


def damaged(content: bytes, how: str, chance: random.Random) -> bytes:
    """A file's content cut at a random place, with noise in a random place, or with one bit flipped."""
    place = chance.randrange(len(content))
    if how == "cut":
        return content[:place]
    if how == "bit":
        return content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1 :]
    noise = chance.randbytes(min(64, len(content) - place))
    return content[:place] + noise + content[place + len(noise) :]
