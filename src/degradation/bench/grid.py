"""One way to execute the captured step, timed and profiled: what the defaults of runtime=gpu are chosen by.

python -m degradation.bench.grid --out FOLDER --cohorts 20+32+44+56+110 20 56 110 -- experiment=cifar10_depth \
    runtime=gpu recipe.precision=bf16 runtime.memory_format=channels_last runtime.compile_blocks=true

writes a row a cohort into FOLDER/<device>-grid.csv as it goes, the same as Markdown, and the kernels of a step of each.
"""

import argparse
import gc
import os
import time
from dataclasses import asdict, fields, replace
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
import torch
from hydra import compose, initialize_config_dir

from degradation.bench.engines import EFFORTS, LR, Effort, load, warmed_up
from degradation.bench.floor import timed
from degradation.bench.kernels import KINDS, by_name, kernels, shares
from degradation.bench.loop import Runner
from degradation.bench.replay import graph_engine, stepper
from degradation.bench.stages import CONNECTIONS
from degradation.bench.table import cell
from degradation.config import Config, parse
from degradation.config.places import CONF
from degradation.records.columns import Row, to_csv
from degradation.records.environment import commit
from degradation.records.files import write_text
from degradation.records.tables import read, to_text, upsert
from degradation.reports.markdown import aligned
from degradation.tasks.task import Task
from degradation.training.fit import keep_freed_memory, set_threads_and_tf32
from degradation.training.switches import Switches

USUAL = "usual"
TINY = Effort(2, 2, 1, 64, 1 << 16)

WAY = ["precision", "memory_format", "compile_blocks", "small_convolutions", "switches", "depths", "networks"]
KEY = ["device", *WAY, "width", "batch_size"]
COLUMNS = [
    *[*KEY, "ms_per_step", "ms_min", "ms_max", "n", "steps", "minutes_of_max_steps", "start_seconds", "peak_gb"],
    *["kernels", "kernel_ms", *(f"{kind}_{what}" for kind in (*KINDS, "other") for what in ("kernels", "share"))],
    *["data", "cores", "torch_version", "cuda", "commit"],
]
SHOWN = {
    "precision": "precision",
    "memory_format": "memory format",
    "compile_blocks": "compiled",
    "small_convolutions": "own 3x3",
    "switches": "switches",
    "depths": "depth",
    "networks": "networks",
    "ms_per_step": "ms a step",
    "ms_min": "min",
    "ms_max": "max",
    "n": "n",
    "minutes_of_max_steps": "minutes",
    "start_seconds": "s to start",
    "peak_gb": "GB",
    "kernels": "kernels",
    "batch_norm_share": "batch norm",
    "transpose_kernels": "transposes",
    "commit": "commit",
}


def measure(config: Config, task: Task, switches: Switches, effort: Effort, folder: Path) -> Row:
    """Time a cohort's step and profile one; the kernels by name go into a file below `folder`."""
    engines = []

    def make(config: Config, task: Task, cores: int) -> Runner:
        engines.append(graph_engine(config, task, switches))
        return stepper(engines[0])

    began = time.perf_counter()
    run, peak = warmed_up(make, config, task, 1, effort)
    start = time.perf_counter() - began
    times = [timed(lambda: run(effort.steps), config) / effort.steps for _ in range(effort.n)]
    found = kernels(lambda: run(1), config.runtime.device)
    row = described(config, switches, times, effort) | shares(found)
    name = "-".join(str(row[key]) for key in WAY)
    write_text(folder / "kernels" / f"{name}.csv", to_csv(by_name(found), ["kind", "calls", "milliseconds", "name"]))
    return row | {"start_seconds": start, "peak_gb": peak}


def described(config: Config, switches: Switches, times: list[float], effort: Effort) -> Row:
    """What was timed, and how long a step took; `times` are seconds."""
    return {
        "precision": config.recipe.precision,
        "memory_format": config.runtime.memory_format,
        "compile_blocks": config.runtime.compile_blocks,
        "small_convolutions": config.runtime.small_convolutions,
        "switches": in_words(switches),
        "depths": "+".join(map(str, config.depths)),
        "networks": config.networks,
        "width": config.network.width,
        "batch_size": config.recipe.batch_size,
        "ms_per_step": 1000 * median(times),
        "ms_min": 1000 * min(times),
        "ms_max": 1000 * max(times),
        "n": effort.n,
        "steps": effort.steps,
        "minutes_of_max_steps": config.recipe.max_steps * median(times) / 60,
    }


def in_words(switches: Switches) -> str:
    """What differs from the usual way, such as `counts=none`."""
    usual = asdict(Switches())
    parts = [f"{name}={value}" for name, value in asdict(switches).items() if value != usual[name]]
    parts += [f"connections={os.environ[CONNECTIONS]}"] if CONNECTIONS in os.environ else []
    return " ".join(parts) or USUAL


def switches_of(texts: list[str]) -> Switches:
    """The switches that `name=value` texts set.

    Raises:
        ValueError: there is no such switch or value.
    """
    allowed = {"counts": {name: name for name in ("each", "together", "none")}}
    chosen: dict[str, Any] = {}
    for text in texts:
        name, _, value = text.partition("=")
        values: dict[str, Any] = allowed.get(name, {"true": True, "false": False})
        if name not in {field.name for field in fields(Switches)} or value not in values:
            raise ValueError(f"{text} is no switch; allowed: name=value, such as counts=none or streams=false.")
        chosen[name] = values[value]
    return Switches(**chosen)


def write(folder: Path, row: Row) -> str:
    """Put a row into the device's table and draw it as Markdown; returns the Markdown."""
    name = f"{row['device'].lower().replace(' ', '-')}-grid"
    upsert(folder / f"{name}.csv", to_text(pd.DataFrame([row])[COLUMNS]), KEY, COLUMNS)
    table = read(folder / f"{name}.csv", COLUMNS)
    first = table.iloc[0]
    text = (
        f"# The captured step: {first['device']}\n\nMedians of n times {first['steps']} steps, batch "
        f"{first['batch_size']}, width {first['width']}, {first['data']} images; torch {first['torch_version']}, CUDA "
        f"{first['cuda']}. Minutes: for the recipe's steps, evaluations left out. To start: compilation of what "
        "no row before it needed. Kernels are those of one step; batch norm: its share of their time.\n\n"
        + aligned(list(SHOWN.values()), [[cell(row[name]) for name in SHOWN] for _, row in table.iterrows()])
        + "\n"
    )
    write_text(folder / f"{name}.md", text)
    return text


def parsed(overrides: list[str]) -> Config:
    """The configuration that Hydra composes of `overrides`, at a rate so small that no network diverges."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = parse(compose("config", overrides))
    return replace(config, seeds=[0], recipe=replace(config.recipe, lr=LR))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cohorts", nargs="+", required=True, help="depths of a pair each, such as 20+32")
    parser.add_argument("--switches", nargs="*", default=[], help="such as counts=none streams=false")
    parser.add_argument("--tiny", action="store_true", help="two steps, twice")
    parser.add_argument("overrides", nargs="+")
    chosen = parser.parse_args()
    config, switches = parsed(chosen.overrides), switches_of(chosen.switches)
    set_threads_and_tf32(config)
    keep_freed_memory()
    cuda = config.runtime.device == "cuda"
    task, data = load(config)
    (chosen.out / "kernels").mkdir(parents=True, exist_ok=True)
    for cohort in chosen.cohorts:
        depths = [int(depth) for depth in cohort.split("+")]
        effort = TINY if chosen.tiny else EFFORTS[config.runtime.device]
        row = measure(replace(config, depths=depths), task, switches, effort, chosen.out)
        row |= {"device": torch.cuda.get_device_name() if cuda else "cpu", "data": data, "commit": commit()}
        row |= {"cores": len(os.sched_getaffinity(0)), "torch_version": torch.__version__}
        write(chosen.out, row | {"cuda": torch.version.cuda or ""})
        summary = [f"{name} {row[name]:.3g}" for name in ("ms_per_step", "kernels", "batch_norm_share")]
        print(f"{cohort}: {', '.join(summary)}, {row['transpose_kernels']} transposes", flush=True)
        gc.collect()
        if cuda:
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
