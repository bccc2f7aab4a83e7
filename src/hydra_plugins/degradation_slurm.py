"""Hydra's submitit launcher for SLURM, made to wait for every job, to take jobs up again and to end them well."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn

from degradation.checks import ConfigError
from degradation.records.files import write_text
from degradation.records.run import JobInterruptedError
from hydra_plugins.hydra_submitit_launcher import submitit_launcher
from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf

OVERRIDES = "overrides.txt"  # in a job's folder: what it trains
TERMINATED = 143  # exit code


class SlurmLauncher(submitit_launcher.SlurmLauncher):
    """One SLURM job for each job of a sweep."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Submit what is not in the queue already, and wait until every job has ended.

        Ctrl-C cancels the jobs, which leave checkpoints. If only this process ends, they go on; the same command finds
        them in the queue and waits for them.

        Raises:
            ConfigError: there is no SLURM here, or it refused the jobs.
        """
        from degradation.sweeps.slurm import cancel, outcome, wait

        try:
            found = self._find(job_overrides)
        except (OSError, subprocess.CalledProcessError) as error:
            raise ConfigError(f"SLURM's queue cannot be read on this machine ({error}); is it a login node?") from error
        missing = [index for index in range(len(job_overrides)) if index not in found]
        if found:
            print(f"{len(found)} cohorts are in the queue already, from an earlier command", flush=True)
        jobs = found | dict(zip(missing, self._submit([job_overrides[index] for index in missing]), strict=True))
        try:
            wait(list(jobs.values()))
        except KeyboardInterrupt:
            cancel([job.job_id for job in jobs.values()])
            raise
        return [outcome(jobs[index]) for index in range(len(job_overrides))]

    def __call__(
        self,
        sweep_overrides: list[str],
        job_dir_key: str,
        job_num: int,
        job_id: str,
        singleton_state: dict[type, Singleton],
    ) -> JobReturn:
        """In the job: train. When told to stop, exit without a result; SLURM decides what runs next."""
        from degradation.sweeps.slurm import signals

        if int(os.environ.get("SLURM_RESTART_COUNT", 0)):
            sweep_overrides = [*sweep_overrides, "runtime.restart=false"]  # it was, at the first attempt
        with signals() as told:
            returned = super().__call__(sweep_overrides, job_dir_key, job_num, job_id, singleton_state)
            if isinstance(returned._return_value, JobInterruptedError):
                if told.out_of_time:
                    told.requeue(told.signal, None)
                raise SystemExit(TERMINATED)
        return returned

    def _submit(self, job_overrides: Sequence[Sequence[str]]) -> list[Any]:
        if not job_overrides:
            return []
        from submitit import AutoExecutor
        from submitit.core.utils import FailedJobError

        from degradation.sweeps.slurm import QueuedJob

        assert self.config is not None
        parameters = dict(self.params)
        if parameters["gpus_per_node"] is None and self.config.runtime.device == "cuda":
            parameters["gpus_per_node"] = 1
        self._folder().mkdir(parents=True, exist_ok=True)
        self._folder().chmod(0o700)  # it holds pickles, which jobs load
        executor = AutoExecutor(
            folder=parameters.pop("submitit_folder"),
            cluster="slurm",
            slurm_max_num_timeout=parameters.pop("max_num_timeout"),
        )
        shared = {field.name for field in fields(BaseQueueConf)}  # the others are SLURM's own
        executor.update_parameters(
            **{name if name in shared else f"slurm_{name}": value for name, value in parameters.items()}
        )
        count = len(job_overrides)
        try:
            submitted = executor.map_array(
                self,
                [list(overrides) for overrides in job_overrides],
                ["hydra.sweep.dir"] * count,
                range(count),
                [f"job_id_for_{index}" for index in range(count)],
                [Singleton.get_state()] * count,
            )
        except FailedJobError as error:
            said = str(error).strip().splitlines()[-1]
            raise ConfigError(f"SLURM refused the jobs: {said} Its options are keys of hydra.launcher.") from error
        jobs = [QueuedJob(executor.folder, job.job_id) for job in submitted]
        for job, overrides in zip(jobs, job_overrides, strict=True):
            write_text(job.paths.folder / OVERRIDES, "\n".join(overrides))
        return jobs

    def _find(self, job_overrides: Sequence[Sequence[str]]) -> dict[int, Any]:
        """Jobs of an earlier command that still wait or run, by their place in the sweep."""
        from degradation.sweeps.slurm import QueuedJob, queued_jobs

        places = {"\n".join(overrides): index for index, overrides in enumerate(job_overrides)}
        found = {}
        for job_id in queued_jobs():
            file = self._folder() / job_id / OVERRIDES
            place = places.get(file.read_text()) if file.exists() else None
            if place is not None:
                found[place] = QueuedJob(self.params["submitit_folder"], job_id)
        return found

    def _folder(self) -> Path:
        from submitit.core.utils import JobPaths

        return JobPaths.get_first_id_independent_folder(self.params["submitit_folder"])
