"""Hydra's joblib launcher with one worker a GPU; joblib itself does not place jobs."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from hydra.core.utils import JobReturn

from degradation.checks import ConfigError
from degradation.sweeps.gpus import on_own_gpu, visible_gpus
from hydra_plugins.hydra_joblib_launcher.joblib_launcher import JoblibLauncher


class LocalGpusLauncher(JoblibLauncher):
    """Runs as many jobs at once as there are GPUs, each on its own.

    Args:
        gpus: the GPUs to use, as CUDA_VISIBLE_DEVICES names them; None for all.
    """

    def __init__(self, gpus: Sequence[int | str] | None) -> None:
        super().__init__(batch_size=1)
        self.gpus = gpus

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        gpus = visible_gpus() if self.gpus is None else [str(gpu) for gpu in self.gpus]
        if not gpus:
            raise ConfigError("CUDA shows no GPU; use another runtime, or name some with hydra.launcher.gpus=[...].")
        self.joblib["n_jobs"] = len(gpus)
        self.task_function: Any = partial(on_own_gpu, tuple(gpus), self.task_function)
        return super().launch(job_overrides, initial_job_idx)
