"""One job: train a cohort, or go on where it stopped, and leave the files of its run."""

import contextlib
import ctypes
import logging
import traceback
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.environments import LightningEnvironment

from degradation.checks import ConfigError
from degradation.config import Config
from degradation.records.columns import CONDITION, CURVES, NETWORKS
from degradation.records.environment import Called, environment
from degradation.records.identity import identity
from degradation.records.run import CHECKPOINT, TRACEBACK, DamagedRunError, JobFailedError, Run
from degradation.training import checkpoints
from degradation.training.callbacks import ProgressBar, RunFiles, progress
from degradation.training.checkpoints import BadCheckpointError
from degradation.training.cohort import Cohort, loader
from degradation.training.members import load_task

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h


Watching = Callable[[Run, Cohort], AbstractContextManager[list[pl.Callback]]]  # callbacks, for as long as a fit takes


def unwatched(run: Run, cohort: Cohort) -> AbstractContextManager[list[pl.Callback]]:
    """No callbacks."""
    return contextlib.nullcontext([])


def train(
    config: Config,
    defaults: Config,
    *,
    show_progress: bool,
    watching: Watching = unwatched,
    called: Called | None = None,
) -> Run:
    """Train the cohort that `config` describes unless its run is done.

    Args:
        config: the cohort.
        defaults: the experiment's own configuration, for the run's name.
        show_progress: draw a bar over the steps.
        watching: what looks on: diagnostics, W&B.
        called: the command, for the run's environment.json.

    Raises:
        ConfigError: the run's folder holds other results, is in use, or cannot be written.
        JobFailedError: training failed; status.json says so and traceback.txt says where.
    """
    run = Run(config, defaults)
    run.check_identity()
    try:
        held = run.lock().acquire()
    except TimeoutError as error:
        raise ConfigError(f"{run.path} is being written by another process; wait for it or stop it.") from error
    with held:
        try:
            if run.is_done():
                return run
        except DamagedRunError:  # whoever launched the job has named the file
            run.clear()
        try:
            _train(run, show_progress, watching, called)
        except BadCheckpointError as error:
            run.write_status("failed", message=str(error))
            raise JobFailedError(str(error)) from error
        except SystemExit:
            run.write_status("interrupted", **_kept(run))
            raise
        except Exception as error:
            (run.path / TRACEBACK).write_text(traceback.format_exc())
            message = f"{type(error).__name__}: {error}"
            run.write_status("failed", message=message)
            raise JobFailedError(f"{message} (traceback in {run.path / TRACEBACK})") from error
    return run


def _kept(run: Run) -> dict[str, Any]:
    status = run.read_status() or {}
    return {name: status[name] for name in ("step", "max_steps", "seconds", "losses") if name in status}


def _train(run: Run, show_progress: bool, watching: Watching, called: Called | None) -> None:
    config = run.config
    quieten()
    keep_freed_memory()
    torch.use_deterministic_algorithms(config.runtime.device == "cpu")
    # Nothing here reads memory that no kernel has written; to fill it took 3 % of a step on the digits and 8 % on the
    # sine with batch normalisation (profiled on AVX2).
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    set_threads_and_tf32(config)
    run.write_config()
    checkpoint = _checkpoint(run)
    cohort = Cohort(config, load_task(config), checkpoint)
    start = checkpoint["step"] if checkpoint else 0
    run.write_status("running", step=start, max_steps=config.recipe.max_steps, seconds=0, losses={})
    with watching(run, cohort) as watchers:
        trainer = pl.Trainer(
            accelerator="gpu" if config.runtime.device == "cuda" else "cpu",
            devices=1,
            plugins=[LightningEnvironment()],  # Lightning's for SLURM would requeue jobs, which submitit does
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=run.path,
            callbacks=[RunFiles(run), *watchers, *([ProgressBar()] if show_progress else [])],
        )
        trainer.fit(cohort, loader(config, start))
        _finish(run, cohort, called)


def _checkpoint(run: Run) -> dict[str, Any] | None:
    path = run.path / CHECKPOINT
    if run.config.runtime.restart:
        path.unlink(missing_ok=True)
    if not path.exists():
        return None
    return checkpoints.load(path, identity=identity(run.config))


def _finish(run: Run, cohort: Cohort, called: Called | None) -> None:
    device = torch.cuda.get_device_name() if run.config.runtime.device == "cuda" else "cpu"
    made_with = environment(run.config.runtime, device, called)
    shared = {"torch_version": made_with["torch"], "slug": run.slug, CONDITION: run.condition}
    shared |= {name: made_with[name] for name in ("commit", "device", "engine", "threads")}
    run.write_json("environment.json", made_with)
    run.write_rows("curves.csv", cohort.curve, CURVES)
    run.write_rows("records.csv", [row | shared for row in cohort.records()], NETWORKS)
    run.finish(**progress(cohort))


def set_threads_and_tf32(config: Config) -> None:
    """Torch's settings for the whole process. cuDNN's convolutions use TF32 unless told not to."""
    torch.set_num_threads(config.runtime.threads)
    allow_tf32 = config.recipe.precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allow_tf32


def keep_freed_memory() -> None:
    """Tell glibc to keep freed blocks instead of returning them at once: activations are such blocks, and a 56-layer
    network on the digits takes a quarter less CPU time. Elsewhere nothing happens.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        mallopt(M_MMAP_THRESHOLD, 1 << 25)
        mallopt(M_TRIM_THRESHOLD, 1 << 30)


def quieten() -> None:
    """Silence Lightning's notes on hardware and on what this project does on purpose."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    for message in (
        ".*does not have many workers.*",
        ".*LeafSpec.*",
        ".*`configure_optimizers`.*",
        ".*`srun`.*",
        ".*capturable=True.*",
    ):
        warnings.filterwarnings("ignore", message)
