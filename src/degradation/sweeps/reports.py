"""What a sweep reports: an experiment's figure, sentence and verdicts as soon as its last cohort is done, and one
screen at the end.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from degradation.checks import ConfigError
from degradation.config import WandbLogger
from degradation.config.composition import Listed, all_experiments
from degradation.sweeps.plan import Job, Plan
from degradation.sweeps.view import POLL_SECONDS, Sweep
from degradation.tracking.report import log_report

if TYPE_CHECKING:
    from degradation.reports.overview import Overview

Say = Callable[[str], None]


class Reports:
    """The reports of a sweep's experiments.

    Attributes:
        texts: what is to be printed of each experiment; empty where the report could not be written.
    """

    def __init__(self, planned: Plan) -> None:
        self.planned = planned
        jobs = [*planned.done, *planned.todo]
        self.jobs = {name: [job for job in jobs if job.config.experiment.name == name] for name in planned.experiments}
        self.runtime, self.verbose = jobs[0].config.runtime, jobs[0].config.verbose
        self.texts: dict[str, str] = {}
        self.overview: Overview | None = None

    def early(self, sweep: Sweep) -> None:
        """Report the experiments whose last cohort is done, unless they are all of the sweep: then its end is near."""
        for name in self.jobs:
            if len(self.jobs) > 1 and name not in self.texts and sweep.is_done(name):
                self._experiment(name, sweep.say)
                self._judge()
                if self.texts[name] and self.overview is not None:
                    sweep.say(self.overview.text([name], verbose=self.verbose))

    def end(self, ended: list[Job]) -> bool:
        """Report the other experiments that have a cohort which `ended` or was done before, and print the last screen.

        Returns:
            Whether all reports of the sweep could be written.
        """
        finished = {id(job) for job in [*self.planned.done, *ended]}
        missing = [name for name in self.jobs if not self.texts.get(name)]
        for name in missing:
            if any(id(job) in finished for job in self.jobs[name]):
                self._experiment(name, print if self.verbose else silent)
        written = [name for name in self.jobs if self.texts.get(name)]
        if written and (missing or self.overview is None):
            self._judge()
        for name in written:
            print(f"\n{self.texts[name]}")
        if self.overview is not None:
            print("\n" + self.overview.text(written, verbose=self.verbose))
        return len(written) == len(self.texts) and (self.overview is not None or not written)

    def _experiment(self, name: str, say: Say) -> None:
        """Tables, figures and page of one experiment, here and in W&B."""
        from degradation.reports.experiment import report  # matplotlib and pandas, only now

        self.texts[name] = ""
        try:
            written = report(self.planned.experiments[name], self.runtime)
        except (ConfigError, OSError) as error:
            print(f"error: no report on {name}: {error}", file=sys.stderr)
            return
        trained_here = {job.run.condition for job in self.jobs[name]}
        self.texts[name] = written.brief(trained_here)
        say(written.text if self.verbose else f"\n{self.texts[name]}")
        logger = self.jobs[name][0].config.logger
        if self.planned.todo and isinstance(logger, WandbLogger):
            log_report(logger, name, Path(self.runtime.results_dir) / name, written)

    @cached_property
    def everything(self) -> list[Listed]:
        """Every experiment; to compose those that were run takes Hydra seconds, once."""
        return all_experiments()

    def _judge(self) -> None:
        """Every claim again, and the report on all experiments."""
        from degradation.reports.overview import overview

        self.overview = None
        try:
            self.overview = overview(self.everything, self.runtime)
        except (ConfigError, OSError) as error:
            print(f"error: no verdicts: {error}", file=sys.stderr)


def silent(text: str) -> None:
    """Print nothing: the last screen will say it."""


@contextmanager
def reporting(reports: Reports, sweep: Sweep) -> Iterator[None]:
    """Report while workers train. A report that is being written when they are through is waited for; when the sweep
    is stopped it is not, and the same command writes it again.
    """
    stop = threading.Event()

    def report() -> None:
        try:
            while not stop.wait(POLL_SECONDS):
                reports.early(sweep)
        except Exception as error:  # the end reports again, and fails where it is seen
            if not stop.is_set():  # a stopped sweep takes Hydra away from the report that is being written
                print(f"error: no early reports: {type(error).__name__}: {error}", file=sys.stderr)

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    except Exception:
        stop.set()
        thread.join()  # one report at a time: the end writes its own
        raise
    finally:
        stop.set()
    thread.join()
