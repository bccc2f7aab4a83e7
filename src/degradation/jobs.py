"""From Hydra's configuration to checked jobs. Used by every entry point; imports no torch."""

import multiprocessing
import os
import sys
import threading
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NoReturn

from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from degradation import deadline
from degradation.cifar10_files import ensure
from degradation.compiler import missing_for_compilation
from degradation.config import Cifar10Task, Config, ConfigError, Runtime, parse
from degradation.records.identity import differences
from degradation.records.run import JobFailedError, JobInterruptedError
from degradation.training.memory import check_memory
from degradation.wandb_view import check_key

WRONG_CONFIGURATION = 2  # exit codes
STOPPED = 130
PLACING = ("slurm", "local_gpus")  # launchers that choose where a job runs
CPU_MULTIPLY_ADDS_PER_SECOND = 40e9
SLOW_DAYS = 1


def defaults_of(experiment: str | None) -> Config:
    """The configuration of an experiment as its file has it, without overrides. Needs an initialised Hydra.

    Raises:
        ConfigError: no experiment was chosen, or its file gives it another name.
    """
    if experiment is None:
        raise ConfigError("no experiment is chosen; set experiment=NAME, a file in conf/experiment/.")
    defaults = parse(compose("config", [f"experiment={experiment}"]))
    check_name(defaults, experiment)
    return defaults


def check_name(config: Config, experiment: str | None) -> None:
    """Refuse another name than the file's, which tables and folders are found by."""
    if config.experiment.name != experiment:
        raise ConfigError(
            f"experiment.name is {config.experiment.name!r} and the experiment's file is {experiment}.yaml; they "
            "must be the same. For a new experiment copy the file."
        )


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
            damaged, training would take days, blocks cannot be compiled, or W&B is asked to go online without a key.
    """
    first = configs[0]
    if first.runtime.device == "cuda" and here:
        _check_cuda(configs)
    elif first.runtime.device == "cpu" and not first.runtime.allow_slow and cpu_days(configs) > SLOW_DAYS:
        raise ConfigError(f"runtime.device is cpu: {_on_the_cpu(configs)} With a GPU use runtime=gpu.")
    if first.runtime.compile_blocks and here:
        _check_compiler(first.runtime.device)
    if isinstance(first.task, Cifar10Task):
        ensure(Path(first.runtime.data_dir), first.runtime.download)
    check_key(first)


def _check_compiler(device: str) -> None:
    """Refuse to compile without the compiler that torch calls: for the CPU's loops, or by Triton."""
    missing = missing_for_compilation(device)
    if missing:
        raise ConfigError(missing)


def _check_cuda(configs: list[Config]) -> None:
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


def fail(message: str, code: int) -> NoReturn:
    """End an entry point with a sentence and no traceback."""
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(code) from None


def train_job(composed: DictConfig) -> None:
    """Hydra's task function: one cohort. In a sweep whatever goes wrong is raised, for the sweep to report."""
    chosen = HydraConfig.get()
    experiment = chosen.runtime.choices.get("experiment")
    launcher = chosen.runtime.choices.get("hydra/launcher")
    if not OmegaConf.is_missing(chosen.job, "num"):
        _train_in_sweep(parse(composed), experiment, launcher)
        return
    try:
        defaults, config = defaults_of(experiment), parse(composed)
        check_name(config, experiment)
        check_launcher(launcher)
        preflight([config])
        deadline.start(config.runtime)
        from degradation.training.fit import train  # ten seconds of imports, after all checks

        run = train(config, defaults, show_progress=sys.stdout.isatty())
    except ConfigError as error:
        fail(str(error), WRONG_CONFIGURATION)
    except JobFailedError as error:
        fail(str(error), 1)
    except (SystemExit, KeyboardInterrupt) as stopped:
        if isinstance(stopped, SystemExit) and stopped.code == deadline.EXIT_CODE:
            print(deadline.sentence(config.runtime, ""), file=sys.stderr)
            raise
        print("Stopped; the same command goes on from the last checkpoint.", file=sys.stderr)
        raise SystemExit(STOPPED) from None
    print(f"done: {run.path}")
    print(f"tables and figures: python experiments/report.py experiment={experiment}")


def _train_in_sweep(config: Config, experiment: str | None, launcher: str | None) -> None:
    if deadline.passed():
        return  # the next call of the sweep starts it
    in_worker = multiprocessing.current_process().name != "MainProcess"
    if in_worker:
        exit_with_parent()
    from degradation.training.fit import train

    try:
        train(config, defaults_of(experiment), show_progress=False)
    except SystemExit as error:
        if error.code == deadline.EXIT_CODE:
            return
        if not in_worker and launcher != "slurm":  # the sweep's own process was asked to stop
            raise KeyboardInterrupt from error
        # this worker or SLURM job alone was; the others go on
        raise JobInterruptedError("interrupted; its checkpoint is kept") from error


@cache  # once a process
def exit_with_parent() -> None:
    """End this worker when the sweep that started it is gone; its runs are safe at any moment."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def all_experiments() -> list[Config]:
    """Every experiment as its file has it. Needs an initialised Hydra."""
    return [defaults_of(name) for name in GlobalHydra.instance().config_loader().get_group_options("experiment")]


def report_job(composed: DictConfig) -> None:
    """Write tables and figures of one experiment, or of all that were run if none is named; then the whole report."""
    from degradation.overview import overview
    from degradation.report import report

    chosen = HydraConfig.get()
    named = any(override.startswith("experiment=") for override in chosen.overrides.task)
    try:
        config, defaults = parse(composed), defaults_of(chosen.runtime.choices.get("experiment"))
        changed = differences(config, defaults)
        if changed:
            raise ConfigError(f"a report draws everything that was run; {', '.join(changed)} cannot be set for it.")
        everything = all_experiments()
        reported = [defaults] if named else [other for other in everything if was_run(other, config.runtime)]
        for experiment in reported:
            print(report(experiment, config.runtime).text)
        print(overview(everything, config.runtime).text([experiment.experiment.name for experiment in reported]))
    except ConfigError as error:
        fail(str(error), WRONG_CONFIGURATION)
    except OSError as error:  # a full disk, say
        fail(str(error), 1)


def publish_job(composed: DictConfig) -> None:
    """Replace an experiment's reference by its records in results/, and report on the reference."""
    from degradation.overview import overview
    from degradation.publish import publish
    from degradation.report import report

    try:
        runtime, defaults = parse(composed).runtime, defaults_of(HydraConfig.get().runtime.choices.get("experiment"))
        folder = publish(defaults, runtime)
        reference = replace(runtime, results_dir=str(folder.parent), runs_dir=str(folder))  # no runs: tables alone
        report(defaults, reference)
        print(overview(all_experiments(), reference).text([defaults.experiment.name]))
    except ConfigError as error:
        fail(str(error), WRONG_CONFIGURATION)


def was_run(defaults: Config, runtime: Runtime) -> bool:
    """Whether an experiment has finished runs or tables of its own."""
    name = defaults.experiment.name
    tables = Path(runtime.results_dir) / name / "networks.csv"
    return tables.exists() or any((Path(runtime.runs_dir) / name).glob("**/records.csv"))


def bench_job(composed: DictConfig) -> None:
    """Time engines against plain loops: on CIFAR-10 as `bench.engines` says, on the sine as `bench.stacked`."""
    try:
        config = parse(composed)
        if isinstance(config.task, Cifar10Task):
            if config.runtime.device == "cuda":
                _check_cuda([config])
            if config.runtime.compile_blocks:
                _check_compiler(config.runtime.device)
            from degradation.bench.engines import bench as bench_engines

            print(bench_engines(config))
            return
        adam = (config.recipe.optimizer, config.recipe.schedule, config.task.name) == ("adam", "linear", "sine")
        if not adam or len(config.depths) + len(config.variants) != 2:
            raise ConfigError(
                "the bench takes experiment=cifar10_depth, or one depth and one variant of a sine experiment with "
                "Adam, linearly to zero."
            )
    except ConfigError as error:
        fail(str(error), WRONG_CONFIGURATION)
    from degradation.bench.stacked import bench

    print(bench(config))


def growth_job(composed: DictConfig) -> None:
    """Measure how time and memory grow, on short sweeps and made-up records of a sine experiment."""
    try:
        config, defaults = parse(composed), defaults_of(HydraConfig.get().runtime.choices.get("experiment"))
        changed = differences(config, defaults)
        if changed or config.task.name != "sine" or config.runtime.device != "cpu":
            raise ConfigError("growth is measured on a sine experiment as its file has it, with runtime=cpu.")
        experiments = all_experiments()
    except ConfigError as error:
        fail(str(error), WRONG_CONFIGURATION)
    from degradation.bench.growth import bench

    train = Path(__file__).parents[2] / "experiments" / "train.py"
    print(bench(config, experiments, [sys.executable, str(train)]))


def wandb_sync_job(composed: DictConfig) -> None:
    """Upload what W&B logged offline."""
    from degradation.wandb_sync import sync

    try:
        sentence, whole = sync(parse(composed).runtime)
    except ConfigError as error:
        fail(str(error), WRONG_CONFIGURATION)
    print(sentence)
    if not whole:
        raise SystemExit(1)


def compare_job(composed: DictConfig) -> None:
    """Print what differs between two folders of tables; exit code 1 if something does beyond seed noise."""
    from degradation.comparison.job import compare_folders, parse_comparison  # scipy, a second

    try:
        text, different = compare_folders(**parse_comparison(composed))
    except ConfigError as error:
        fail(str(error), WRONG_CONFIGURATION)
    print(text)
    if different:
        raise SystemExit(1)
