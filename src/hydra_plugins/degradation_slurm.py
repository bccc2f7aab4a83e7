"""Hydra's submitit launcher for SLURM, made to wait for every job, to take jobs up again and to end them well."""

import os
from collections.abc import Sequence

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn

from degradation.records.run import JobInterruptedError
from hydra_plugins.hydra_submitit_launcher import submitit_launcher

TERMINATED = 143  # exit code


class SlurmLauncher(submitit_launcher.SlurmLauncher):
    """One SLURM job for each job of a sweep; see `degradation.sweeps.submission`."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        from degradation.sweeps.submission import launch  # submitit, only where it is used

        assert self.config is not None
        return launch(self, self.params, self.config.runtime.device == "cuda", job_overrides)

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
