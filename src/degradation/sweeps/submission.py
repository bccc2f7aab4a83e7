"""From a sweep's jobs to SLURM's queue and back: submitted once, found again, waited for, cancelled."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn
from submitit import AutoExecutor
from submitit.core.utils import FailedJobError, JobPaths

from degradation.checks import ConfigError
from degradation.records.files import write_text
from degradation.sweeps.slurm import QueuedJob, cancel, outcome, queued_jobs, wait
from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf

OVERRIDES = "overrides.txt"  # in a job's folder: what it trains
Jobs = Sequence[Sequence[str]]  # overrides of each job


def launch(call: Any, parameters: Mapping[str, Any], on_cuda: bool, jobs: Jobs) -> Sequence[JobReturn]:
    """Submit what is not in the queue already, and wait until every job has ended.

    Ctrl-C cancels the jobs, which leave checkpoints. If only this process ends, they go on; the same command finds
    them in the queue and waits for them.

    Args:
        call: Hydra's launcher, which is called in each job.
        parameters: the keys of `hydra.launcher`.
        on_cuda: whether a job needs a GPU, if `parameters` does not say.
        jobs: overrides of each job.

    Raises:
        ConfigError: there is no SLURM here, or it refused the jobs.
    """
    try:
        found = find(parameters["submitit_folder"], jobs)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ConfigError(f"SLURM's queue cannot be read on this machine ({error}); is it a login node?") from error
    missing = [index for index in range(len(jobs)) if index not in found]
    if found:
        print(f"{len(found)} cohorts are in the queue already, from an earlier command", flush=True)
    new = submit(call, parameters, on_cuda, [jobs[index] for index in missing]) if missing else []
    queued = found | dict(zip(missing, new, strict=True))
    try:
        wait(list(queued.values()))
    except KeyboardInterrupt:
        cancel([job.job_id for job in queued.values()])
        raise
    return [outcome(queued[index]) for index in range(len(jobs))]


def submit(call: Any, parameters: Mapping[str, Any], on_cuda: bool, jobs: Jobs) -> list[QueuedJob]:
    """One SLURM job for each of `jobs`, as an array; arguments as of `launch`."""
    options = dict(parameters)
    if options["gpus_per_node"] is None and on_cuda:
        options["gpus_per_node"] = 1
    folder = _folder(options["submitit_folder"])
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # it holds pickles, which jobs load
    executor = AutoExecutor(
        folder=options.pop("submitit_folder"),
        cluster="slurm",
        slurm_max_num_timeout=options.pop("max_num_timeout"),
    )
    shared = {field.name for field in fields(BaseQueueConf)}  # the others are SLURM's own
    executor.update_parameters(
        **{name if name in shared else f"slurm_{name}": value for name, value in options.items()}
    )
    count = len(jobs)
    try:
        submitted = executor.map_array(
            call,
            [list(overrides) for overrides in jobs],
            ["hydra.sweep.dir"] * count,
            range(count),
            [f"job_id_for_{index}" for index in range(count)],
            [Singleton.get_state()] * count,
        )
    except FailedJobError as error:
        said = str(error).strip().splitlines()[-1]
        raise ConfigError(f"SLURM refused the jobs: {said} Its options are keys of hydra.launcher.") from error
    queued = [QueuedJob(executor.folder, job.job_id) for job in submitted]
    for job, overrides in zip(queued, jobs, strict=True):
        write_text(job.paths.folder / OVERRIDES, "\n".join(overrides))
    return queued


def find(submitit_folder: str, jobs: Jobs) -> dict[int, QueuedJob]:
    """Jobs of an earlier command that still wait or run, by their place in the sweep."""
    places = {"\n".join(overrides): index for index, overrides in enumerate(jobs)}
    found = {}
    for job_id in queued_jobs():
        file = _folder(submitit_folder) / job_id / OVERRIDES
        place = places.get(file.read_text()) if file.exists() else None
        if place is not None:
            found[place] = QueuedJob(submitit_folder, job_id)
    return found


def _folder(submitit_folder: str) -> Path:
    return JobPaths.get_first_id_independent_folder(submitit_folder)
