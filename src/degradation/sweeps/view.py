"""What a sweep shows while it runs, read from the runs' status files: a live table, or lines without a terminal."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from degradation.records.run import STATUS, read_status
from degradation.sweeps.plan import Job

POLL_SECONDS = 0.5
ENDED = ("done", "failed")


class Watched:
    """One job as its status file shows it; what an earlier attempt left there does not count."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.file = job.run.path / STATUS
        self.before = self._modified()
        self.status: dict[str, Any] = {"state": "waiting"}
        self.first_share: float | None = None

    def poll(self) -> bool:
        """Read the status again; whether the job has ended since the last time."""
        if self.state in ENDED or self._modified() == self.before:
            return False
        status = read_status(self.job.run.path)
        if status is not None:
            self.status = status
            if self.first_share is None:
                self.first_share = self.share
        return self.state in ENDED

    @property
    def state(self) -> str:
        return str(self.status["state"])

    @property
    def share(self) -> float:
        """Steps taken, from 0 to 1."""
        return self.status.get("step", 0) / self.status.get("max_steps", 1)

    @property
    def losses(self) -> str:
        """The last median training losses by variant."""
        losses = self.status.get("losses", {})
        return "  ".join(f"{variant} {loss:.1e}" for variant, loss in losses.items())

    def _modified(self) -> int:
        return self.file.stat().st_mtime_ns if self.file.exists() else 0


class Sweep:
    """All jobs of a sweep, watched."""

    def __init__(self, jobs: list[Job], already_done: int, console: Console) -> None:
        self.watched = [Watched(job) for job in jobs]
        self.console = console
        self.already_done = already_done
        self.began = time.monotonic()

    def poll(self) -> list[Watched]:
        """Read every status file again; the jobs that have ended since the last time."""
        return [watched for watched in self.watched if watched.poll()]

    def count(self, *states: str) -> int:
        return sum(watched.state in states for watched in self.watched)

    @property
    def done(self) -> int:
        return self.already_done + self.count("done")

    def is_done(self, experiment: str) -> bool:
        """Whether every cohort of an experiment that this attempt trains is done."""
        jobs = [watched.job for watched in self.watched if watched.job.config.experiment.name == experiment]
        return all((job.run.read_status() or {}).get("state") == "done" for job in jobs)

    def say(self, text: str) -> None:
        """Print above the live table, or between the lines."""
        if self.console.is_terminal:
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, flush=True)

    def headline(self) -> str:
        failed = f"  {self.count('failed')} failed" if self.count("failed") else ""
        return (
            f"cohorts: {self.done} done  {self.count('running')} running  {self.count('waiting', 'interrupted')} left"
            f"{failed}  {clock(time.monotonic() - self.began)} elapsed  {self.time_left()}"
        )

    def time_left(self) -> str:
        """By the share of the sweep's work (depth x networks x steps) that this attempt has done so far."""
        done = sum(w.job.config.cost * (w.share - w.first_share) for w in self.watched if w.first_share is not None)
        left = sum(w.job.config.cost * (1 - w.share) for w in self.watched if w.state not in ENDED)
        return f"about {clock((time.monotonic() - self.began) * left / done)} left" if done else "starting"

    def table(self) -> Table:
        """Running cohorts in full, above them the last three that ended."""
        table = Table(title=self.headline(), title_justify="left", box=None, pad_edge=False)
        for column in ("cohort", "state", "steps", "median training loss"):
            table.add_column(column)
        ended = [watched for watched in self.watched if watched.state in ENDED]
        for watched in [*ended[-3:], *(w for w in self.watched if w.state == "running")]:
            table.add_row(watched.job.label, watched.state, f"{watched.share:.0%}", watched.losses)
        return table


def clock(seconds: float) -> str:
    """`1m05s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


@contextmanager
def live_view(jobs: list[Job], already_done: int) -> Iterator[Sweep]:
    """Show the jobs' progress while the body runs."""
    console = Console()
    sweep = Sweep(jobs, already_done, console)
    stop = threading.Event()
    show = _live if console.is_terminal else _lines
    thread = threading.Thread(target=show, args=(sweep, stop), daemon=True)
    thread.start()
    try:
        yield sweep
    finally:
        stop.set()
        thread.join()


def _live(sweep: Sweep, stop: threading.Event) -> None:
    with Live(sweep.table(), console=sweep.console, auto_refresh=False) as live:
        while not stop.wait(POLL_SECONDS):
            sweep.poll()
            live.update(sweep.table(), refresh=True)
        sweep.poll()
        live.update(sweep.table(), refresh=True)


def _lines(sweep: Sweep, stop: threading.Event) -> None:
    print(f"cohorts: {sweep.already_done} done already, {len(sweep.watched)} to train", flush=True)
    while True:
        last = stop.wait(POLL_SECONDS)
        for watched in sweep.poll():
            whole = len(sweep.watched) + sweep.already_done
            text = watched.losses or watched.status.get("message", "")
            print(
                f"[{sweep.done:3d}/{whole}] {watched.job.label} {watched.state}: {text}; {sweep.time_left()}",
                flush=True,
            )
        if last:
            return
