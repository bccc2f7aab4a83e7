"""`experiments/bench.py` and `experiments/growth.py`: what engines gain, and how time and memory grow."""

import sys

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from degradation.checks import ConfigError
from degradation.commands.errors import sentences
from degradation.config import Config, parse
from degradation.config.composition import all_experiments, defaults_of
from degradation.records.identity import differences
from degradation.sweeps.preflight import check_compilers, check_cuda


def bench_job(composed: DictConfig) -> None:
    """Time engines against plain loops: on images as `bench.engines` says, on the sine as `bench.stacked`."""
    with sentences():
        config = parse(composed)
        if config.task.name == "cifar10":
            if config.runtime.device == "cuda":
                check_cuda([config])
            check_compilers(config)
            from degradation.bench.engines import bench_engines

            print(bench_engines(config))
            return
        _check_one_sine_cohort(config)
    from degradation.bench.stacked import bench_stacked

    print(bench_stacked(config))


def _check_one_sine_cohort(config: Config) -> None:
    adam = (config.recipe.optimizer, config.recipe.schedule, config.task.name) == ("adam", "linear", "sine")
    if not adam or len(config.depths) + len(config.variants) != 2:
        raise ConfigError(
            "the bench takes experiment=cifar10_depth, or one depth and one variant of a sine experiment with "
            "Adam, linearly to zero."
        )


def growth_job(composed: DictConfig) -> None:
    """Measure how time and memory grow, on short sweeps and made-up records of a sine experiment."""
    with sentences():
        config, defaults = parse(composed), defaults_of(HydraConfig.get().runtime.choices.get("experiment"))
        changed = differences(config, defaults)
        if changed or config.task.name != "sine" or config.runtime.device != "cpu":
            raise ConfigError("growth is measured on a sine experiment as its file has it, with runtime=cpu.")
        experiments = all_experiments()
    from degradation.bench.growth import bench_growth

    print(bench_growth(config, experiments, [sys.executable, "-m", "degradation", "train"]))
