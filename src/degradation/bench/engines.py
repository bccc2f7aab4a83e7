"""What an engine gains on CIFAR-10 over the loop that reproductions use, and how far it is from the machine's floor.

Ways that are timed, in turns within one process, each after a warm-up that is not timed:

- loop: one network, eager, contiguous, torch.optim.SGD, torchvision's transforms in DataLoader workers on all cores
  but one, whatever the configuration.
- sequential: this suite's engine of that name, one network (on the CPU) and a pair.
- graph: on CUDA; one network, a pair, and all ten networks of Fig. 6 of He et al. 2015.

The floor of a step (`bench.floor`) is the larger of two times: its multiply-adds at the rate of a large matrix
product, and its bytes, were nothing fused, at the bandwidth of a large copy, both measured in the same process.
"""

import gc
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import torch

from degradation.bench.floor import bandwidth, matrix_rate, step_bytes, step_multiply_adds, timed
from degradation.bench.loop import Runner, loop
from degradation.bench.replay import stepper
from degradation.bench.table import write
from degradation.checks import ConfigError
from degradation.config import Config
from degradation.records.columns import Row
from degradation.records.environment import commit
from degradation.tasks.images import ImageTask
from degradation.tasks.task import Split, Task
from degradation.training.cohort import ENGINES
from degradation.training.fit import keep_freed_memory, set_threads_and_tf32
from degradation.training.members import load_task
from degradation.training.memory import training_bytes

FIG_6 = [20, 32, 44, 56, 110]
LR = 1e-3  # so small that no network diverges, which would make its steps cheaper


@dataclass(frozen=True)
class Effort:
    """How long is measured: `n` times `steps` steps after `warm_up` steps; sides of matrices and bytes of copies."""

    n: int
    steps: int
    warm_up: int
    matrix: int
    copy: int


EFFORTS = {"cuda": Effort(5, 50, 20, 8192, 1 << 30), "cpu": Effort(5, 4, 2, 1024, 1 << 27)}


def cohort(config: Config, task: Task, cores: int) -> Runner:
    """The configured engine over the whole cohort."""
    device = torch.device(config.runtime.device)
    engine = ENGINES[config.runtime.engine](config, task).to(device)
    engine.to_device(device)
    engine.configure_optimizers()
    return stepper(engine)


def cases(config: Config) -> list[list[tuple[str, Config]]]:
    """What is timed, as (way, cohort); the cases of one list are timed in turns."""

    def chosen(engine: str, depths: list[int], variants: list[str]) -> tuple[str, Config]:
        runtime = replace(config.runtime, engine="sequential" if engine == "loop" else engine)
        return engine, replace(config, depths=depths, variants=variants, seeds=[0], runtime=runtime)

    one, pair = ["residual"], ["plain", "residual"]
    together = []
    for depth in config.depths:
        ways = [chosen("loop", [depth], one), chosen("sequential", [depth], pair)]
        if config.runtime.device == "cuda":
            ways += [chosen("graph", [depth], one), chosen("graph", [depth], pair)]
        else:
            ways.append(chosen("sequential", [depth], one))
        together.append(ways)
    if config.runtime.device == "cuda":
        together.append([chosen("graph", FIG_6, pair)])
    return together


def bench_engines(config: Config) -> str:
    """Time all cases at the configured precision, writing the tables after every depth; returns the Markdown table."""
    set_threads_and_tf32(config)
    keep_freed_memory()
    config = replace(config, recipe=replace(config.recipe, lr=LR))
    task, data = load(config)
    cuda = config.runtime.device == "cuda"
    cores = len(os.sched_getaffinity(0))
    effort = EFFORTS[config.runtime.device]
    shared: Row = {
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "precision": config.recipe.precision,
        "memory_format": config.runtime.memory_format,
        "compile_blocks": config.runtime.compile_blocks,
        "small_convolutions": config.runtime.small_convolutions,
        "multiply_adds_per_second": matrix_rate(config, effort.matrix),
        "bytes_per_second": bandwidth(config, effort.copy),
        "data": data,
        "cores": cores,
        "torch_version": torch.__version__,
        "cuda": torch.version.cuda or "",
        "commit": commit(),
    }
    folder = Path(config.runtime.results_dir) / "reference" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    text = ""
    for ways in cases(config):
        text = write(folder, [with_floor(shared | row) for row in time_together(ways, task, cores, effort)])
        gc.collect()
        if cuda:
            torch.cuda.empty_cache()
    return text


def load(config: Config) -> tuple[Task, str]:
    """CIFAR-10 where its files are, else as many random images; also says which of the two."""
    try:
        return load_task(replace(config, runtime=replace(config.runtime, download=False))), "cifar10"
    except ConfigError:
        return random_images(), "random"


def random_images() -> ImageTask:
    """50,000 training and 10,000 test images of noise in CIFAR-10's format."""
    draw = torch.Generator().manual_seed(0)

    def split(count: int) -> Split:
        images = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=draw)
        return Split(images, torch.randint(0, 10, (count,), generator=draw))

    mean, scale = torch.full((3, 32, 32), 127.5, dtype=torch.float64), torch.tensor(255.0, dtype=torch.float64)
    return ImageTask("random", split(50_000), split(10_000), mean, scale, classes=10, augment=True)


def time_together(ways: list[tuple[str, Config]], task: Task, cores: int, effort: Effort) -> list[Row]:
    """A row a case: set up and warm up all, then time them in turns."""
    runners, starts, peaks = [], [], []
    for way, config in ways:
        began = time.perf_counter()
        runner, peak = warmed_up(loop if way == "loop" else cohort, config, task, cores, effort)
        runners.append(runner)
        starts.append(time.perf_counter() - began)
        peaks.append(peak)
    seconds: list[list[float]] = [[] for _ in ways]
    for _ in range(effort.n):
        for times, runner, (_, config) in zip(seconds, runners, ways, strict=True):
            times.append(timed(lambda runner=runner: runner(effort.steps), config) / effort.steps)  # type: ignore[misc]
    rows = [
        described(way, config, task, times, effort) | {"start_seconds": start, "peak_gb": peak}
        for (way, config), times, start, peak in zip(ways, seconds, starts, peaks, strict=True)
    ]
    loops = [row["network_steps_per_second"] for row in rows if row["way"] == "loop"]
    for row in rows:
        row["times_loop"] = row["network_steps_per_second"] / loops[0] if loops else None
    return rows


def warmed_up(
    make: Callable[[Config, Task, int], Runner], config: Config, task: Task, cores: int, effort: Effort
) -> tuple[Runner, float | None]:
    """A runner after its first steps, and the GPU memory in GB that it has taken from the device at most."""
    if config.runtime.device == "cpu":
        runner = make(config, task, cores)
        runner(effort.warm_up)
        return runner, None
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_reserved()
    runner = make(config, task, cores)
    runner(effort.warm_up)
    torch.cuda.synchronize()
    return runner, (torch.cuda.max_memory_reserved() - before) / 1e9


def described(way: str, config: Config, task: Task, times: list[float], effort: Effort) -> Row:
    """The columns of one case except those that all share; `times` are seconds a step of the whole cohort."""
    batch, seconds = config.recipe.batch_size, median(times)
    return {
        "way": way,
        "networks": config.networks,
        "depths": "+".join(map(str, config.depths)),
        "width": config.network.width,
        "batch_size": batch,
        "ms_per_step": 1000 * seconds,
        "ms_min": 1000 * min(times),
        "ms_max": 1000 * max(times),
        "n": effort.n,
        "steps": effort.steps,
        "steps_per_second": 1 / seconds,
        "images_per_second": batch / seconds,
        "network_steps_per_second": config.networks / seconds,
        "minutes_of_max_steps": config.recipe.max_steps * seconds / 60,
        "estimated_gb": training_bytes(config) / 1e9,
        "multiply_adds": step_multiply_adds(config, task),
        "bytes": step_bytes(config),
    }


def with_floor(row: Row) -> Row:
    """A row with the floor of its step, and the share of the measured time that the floor is."""
    matrix, memory = row["multiply_adds"] / row["multiply_adds_per_second"], row["bytes"] / row["bytes_per_second"]
    floor = 1000 * max(matrix, memory)
    return row | {"floor_ms": floor, "floor_share": floor / row["ms_per_step"]}
