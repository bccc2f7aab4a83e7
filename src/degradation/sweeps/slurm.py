"""What a sweep needs of SLURM beyond submitit: which jobs still are in the queue, and signals that end a job well."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from submitit.core.job_environment import JobEnvironment
from submitit.core.utils import UncompletedJobError
from submitit.slurm.slurm import SlurmInfoWatcher, SlurmJob

POLL_SECONDS = 60  # the most between two questions to SLURM; sooner while a sweep is young
CANCEL_SECONDS = 60
GONE = "GONE"
ENDED = {
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "REVOKED", "TIMEOUT"),
    GONE,
}

ORDINARY = {"None", "Resources", "Priority", "JobArrayTaskLimit", "BeginTime", "Cleaning", "Dependency"}


class QueueWatcher(SlurmInfoWatcher):
    """Asks the queue instead of the accounting.

    submitit asks `sacct`, which fails where a cluster keeps no accounts; then a job that was killed, and so left no
    result, would be waited for forever. `squeue` asks the controller, which every cluster has. The controller
    forgets a job some minutes after its end, so a job that the queue does not show has ended.
    """

    def _make_command(self) -> list[str] | None:
        if not self._registered - self._finished:
            return None
        return ["squeue", "--me", "--array", "--states=all", "--noheader", "--format=%i|%T|%r"]

    def read_info(self, string: bytes | str) -> dict[str, dict[str, str]]:
        text = string if isinstance(string, str) else string.decode()
        shown = {job: (state, reason) for job, state, reason in (line.strip().split("|") for line in text.splitlines())}
        unknown = (GONE, "")
        return {
            job: dict(zip(("State", "Reason"), shown.get(job, unknown), strict=True))
            for job in self._registered - self._finished  # how a job ended is kept when SLURM has forgotten it
        }

    def is_done(self, job_id: str, mode: str = "standard") -> bool:
        return self.get_state(job_id, mode=mode) in ENDED

    def held_back(self) -> set[str]:
        """Why jobs wait, as SLURM words it, if it is not their turn alone: such as PartitionTimeLimit."""
        waiting = {info["Reason"] for info in self._info_dict.values() if info["State"] == "PENDING"}
        return waiting - ORDINARY


class QueuedJob(SlurmJob):
    """submitit's job, watched through the queue."""

    watcher = QueueWatcher(delay_s=POLL_SECONDS)


def queued_jobs() -> set[str]:
    """Ids of the user's jobs that wait or run, such as `17_3`.

    Raises:
        OSError, CalledProcessError: there is no SLURM, or it does not answer.
    """
    command = ["squeue", "--me", "--array", "--noheader", "--format=%i"]
    return set(subprocess.check_output(command, text=True).split())


class Signals:
    """What a running job was told.

    Attributes:
        requeue: submitit's handler: saves the call, asks SLURM to queue the job again, and exits.
        out_of_time: the signal that SLURM sends before the time limit, once it came.
    """

    def __init__(self) -> None:
        self.signal: int = JobEnvironment._usr_sig()
        self.requeue: Callable[[int, Any], Any] = signal.getsignal(self.signal)  # type: ignore[assignment]
        self.out_of_time = False

    def warn(self, signum: int, frame: Any) -> None:
        """Before the time limit: let training stop with a checkpoint; before it has begun there is none to write."""
        self.out_of_time = True
        if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            self.requeue(signum, frame)
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def signals() -> Iterator[Signals]:
    """Route a job's signals to the training: SIGTERM (scancel, preemption) and the warning before the time limit."""
    told = Signals()
    signal.signal(told.signal, told.warn)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # submitit ignores it; training sets its own handler
    yield told


def wait(jobs: list[Any]) -> None:
    """Until all have ended. Says so when SLURM holds one back for more than want of room."""
    told: set[str] = set()
    while not all(job.done() for job in jobs):
        new = jobs[0].watcher.held_back() - told
        if new:
            print(f"SLURM lets jobs wait: {', '.join(sorted(new))} (squeue --me shows them)", flush=True)
            told |= new
        time.sleep(1)


def outcome(job: Any) -> JobReturn:
    """What a job that has ended returned; if it left no result, how SLURM says it ended."""
    completed = job.state == "COMPLETED"  # then the result may be on its way through the file system
    if completed or job.paths.result_pickle.exists():
        with suppress(UncompletedJobError):
            returned: JobReturn = job.result()
            return returned
    failed = JobReturn(status=JobStatus.FAILED)
    failed.return_value = f"SLURM job {job.job_id} ended without a result ({job.state}); see {job.paths.stderr}"
    return failed


def cancel(job_ids: list[str]) -> None:
    """Ask the jobs to stop, and wait until they have."""
    subprocess.run(["scancel", *job_ids], check=False)
    end = time.monotonic() + CANCEL_SECONDS
    while queued_jobs() & set(job_ids) and time.monotonic() < end:
        time.sleep(0.5)
