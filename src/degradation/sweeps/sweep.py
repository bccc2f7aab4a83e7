"""A planned sweep from its first job to its report. The launcher (joblib, basic, SLURM, ...) is Hydra's."""

import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from filelock import FileLock
from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher

from degradation.checks import ConfigError
from degradation.records.run import make_folder
from degradation.sweeps.exits import FAILED, OUT_OF_TIME, STOPPED
from degradation.sweeps.plan import Job, Plan
from degradation.sweeps.reports import Reports, reporting
from degradation.sweeps.view import live_view
from degradation.training import deadline


def run(planned: Plan, launcher: Launcher) -> Sequence[JobReturn]:
    """Train what is missing, then write tables and figures of the sweep's experiments.

    Args:
        launcher: Hydra's, which starts the jobs.
    """
    for sentence in planned.damaged:
        print(f"warning: {sentence}", flush=True)
    reports = Reports(planned)
    returned = _train(planned, launcher, reports) if planned.todo else []
    stopped = _out_of_time(planned.todo, returned)
    failed = {label: why for label, why in _failures(planned.todo, returned).items() if label not in stopped}
    reported = reports.end([job for job in planned.todo if job.label not in stopped])
    if failed:
        print(f"\n{len(failed)} of {len(planned.todo) + len(planned.done)} cohorts failed:", file=sys.stderr)
        for label, message in failed.items():
            print(f"  {label}: {message}", file=sys.stderr)
        print("The same command trains only what is missing.", file=sys.stderr)
    if stopped:
        whole = len(planned.todo) + len(planned.done)
        done = f": {whole - len(stopped) - len(failed)} of {whole} cohorts are done"
        print("\n" + deadline.sentence(planned.todo[0].config.runtime, done), file=sys.stderr)
    if failed or not reported:
        raise SystemExit(FAILED)
    if stopped:
        raise SystemExit(OUT_OF_TIME)
    return returned


def _train(planned: Plan, launcher: Launcher, reports: Reports) -> Sequence[JobReturn]:
    """Start every job. Launchers that train in this process get one experiment after another, and its report is made
    between two; others get all jobs at once, so that no worker waits, and reports are made beside them.
    """
    deadline.start(planned.todo[0].config.runtime)
    previous = signal.signal(signal.SIGTERM, _terminate)
    returned: list[JobReturn] = []
    try:
        with live_view(planned.todo, len(planned.done)) as sweep:
            if not isinstance(launcher, BasicLauncher):
                with reporting(reports, sweep):
                    return launcher.launch([job.overrides for job in planned.todo], initial_job_idx=0)
            for name in planned.experiments:
                overrides = [job.overrides for job in planned.todo if job.config.experiment.name == name]
                if overrides:
                    returned += launcher.launch(overrides, initial_job_idx=len(returned))
                reports.early(sweep)
            return returned
    except KeyboardInterrupt:
        whole = len(planned.todo) + len(planned.done)
        done = len(planned.done) + sum((job.run.read_status() or {}).get("state") == "done" for job in planned.todo)
        print(f"\nStopped: {done} of {whole} cohorts are done. The same command goes on from here.", file=sys.stderr)
        raise SystemExit(STOPPED) from None
    except ConfigError:  # the launcher cannot start anything
        raise
    except Exception as error:  # a launcher fails as a whole when a worker is killed
        print(f"\nThe launcher failed ({type(error).__name__}: {error}).", file=sys.stderr)
        return returned
    finally:
        signal.signal(signal.SIGTERM, previous)


def _terminate(signum: int, frame: Any) -> None:
    raise KeyboardInterrupt


def lock(planned: Plan, locks: ExitStack) -> None:
    """Hold each experiment's folder for the length of the sweep."""
    for job in {job.config.experiment.name: job for job in [*planned.todo, *planned.done]}.values():
        folder = Path(job.config.runtime.runs_dir) / job.config.experiment.name
        make_folder(folder, "runtime.runs_dir")
        lock = FileLock(folder / ".lock", timeout=0)
        try:
            lock.acquire()
        except TimeoutError:
            raise ConfigError(
                f"another sweep is running in {folder}; wait for it or stop it, or set runtime.runs_dir."
            ) from None
        locks.callback(lock.release)


def _out_of_time(jobs: list[Job], returned: Sequence[JobReturn]) -> set[str]:
    """Labels of the cohorts that did not fail and are not done: time ran out before or while they trained."""
    return {
        job.label
        for job, outcome in zip(jobs, returned, strict=False)
        if outcome.status == JobStatus.COMPLETED and (job.run.read_status() or {}).get("state") != "done"
    }


def _failures(jobs: list[Job], returned: Sequence[JobReturn]) -> dict[str, str]:
    """Why each cohort that is not done is not, by label."""
    raised = {
        job.label: str(outcome._return_value)
        for job, outcome in zip(jobs, returned, strict=False)
        if outcome.status != JobStatus.COMPLETED
    }
    statuses = {job.label: job.run.read_status() or {} for job in jobs}
    unfinished = [label for label, status in statuses.items() if status.get("state") != "done"]
    return {label: raised.get(label, "it was not finished") for label in unfinished}
