"""What this machine cannot do, reported before anything is trained. Imports no torch unless CUDA is asked for."""

from pathlib import Path

from degradation.checks import ConfigError
from degradation.config import Config
from degradation.networks.compiler import missing_for_compilation, missing_for_kernels
from degradation.tracking.start import check_key
from degradation.training.memory import check_memory

CPU_MULTIPLY_ADDS_PER_SECOND = 40e9
SLOW_DAYS = 1
PLACING = ("slurm", "local_gpus")  # launchers that choose where a job runs


def check_launcher(launcher: str | None) -> None:
    """Refuse to train a single cohort here if it was meant to be sent elsewhere."""
    if launcher in PLACING:
        raise ConfigError(f"hydra/launcher={launcher} is for sweeps; add -m, for a single cohort too.")


def preflight(configs: list[Config], *, here: bool = True) -> None:
    """Refuse what this machine cannot do, before anything is trained.

    Args:
        configs: cohorts of one task.
        here: whether they are trained on this machine; the devices of others cannot be seen.

    Raises:
        ConfigError: CUDA is asked for and there is none, a cohort does not fit into its memory, data are missing or
            damaged, training would take days, blocks or kernels cannot be compiled, or W&B is asked to go online
            without a key.
    """
    first = configs[0]
    if first.runtime.device == "cuda" and here:
        check_cuda(configs)
    elif first.runtime.device == "cpu" and not first.runtime.allow_slow and cpu_days(configs) > SLOW_DAYS:
        raise ConfigError(f"runtime.device is cpu: {_on_the_cpu(configs)} With a GPU use runtime=gpu.")
    if here:
        check_compilers(first)
    first.task.prepare(Path(first.runtime.data_dir), first.runtime.download)
    check_key(first)


def check_compilers(config: Config) -> None:
    """Refuse to compile without the compiler that torch calls, for the CPU's loops or by Triton, and without Triton."""
    runtime = config.runtime
    missing = missing_for_compilation(runtime.device) if runtime.compile_blocks else None
    missing = missing or (missing_for_kernels() if runtime.small_convolutions else None)
    if missing:
        raise ConfigError(missing)


def check_cuda(configs: list[Config]) -> None:
    import torch

    if not torch.cuda.is_available():
        raise ConfigError(f"runtime.device is cuda and torch finds no CUDA device; {_on_the_cpu(configs)}")
    free, _ = torch.cuda.mem_get_info()
    for config in configs:
        check_memory(config, free)


def cpu_days(configs: list[Config]) -> float:
    """A rough estimate of the days that these cohorts take on one CPU core."""
    return sum(config.cost for config in configs) / CPU_MULTIPLY_ADDS_PER_SECOND / 86_400


def _on_the_cpu(configs: list[Config]) -> str:
    days = cpu_days(configs)
    if days < SLOW_DAYS:
        return "use runtime=cpu."
    return (
        f"on the CPU this takes about {days:.0f} days of one core (allowed with runtime=cpu runtime.allow_slow=true)."
    )
