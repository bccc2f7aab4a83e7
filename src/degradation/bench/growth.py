"""How time and memory grow on this machine's CPU: of training with depth, seeds and cohorts, of a sweep with workers,
and of tables and report with the number of networks.
"""

import multiprocessing
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from scipy.stats import linregress

from degradation.bench.synthetic import write_runs
from degradation.bench.table import cell
from degradation.config import Config
from degradation.config.composition import Listed
from degradation.records.collect import collect
from degradation.records.environment import commit
from degradation.records.files import write_text
from degradation.reports.markdown import aligned

IMPORTED = ["degradation.training.fit", "degradation.reports.overview"]  # before any clock starts
COLUMNS = ["what", "n", "seconds", "megabytes", "torch_version", "cores", "commit"]
MEGABYTE = 1024  # of kilobytes, in which Linux counts


@dataclass
class Sizes:
    """How large each series is; `repeats` is how often a point is measured, of which the quickest counts."""

    depths: tuple[int, ...] = (7, 16, 31, 61)
    seeds: tuple[int, ...] = (4, 8, 16, 32)
    cohorts: tuple[int, ...] = (1, 2, 4, 8)
    steps: int = 300
    networks: tuple[int, ...] = (1_000, 10_000, 100_000)
    repeats: int = 3


def bench_growth(defaults: Config, experiments: list[Listed], train: list[str], sizes: Sizes | None = None) -> str:
    """Measure every series, write growth.csv and growth.md into `<results_dir>/reference/bench/`, return the latter.

    Args:
        defaults: a sine experiment as its file has it.
        experiments: every experiment, for the report.
        train: the command that trains a sweep of `defaults`, without its overrides.
        sizes: smaller ones for tests.
    """
    sizes = sizes or Sizes()
    made_with = {"torch_version": torch.__version__, "cores": os.cpu_count(), "commit": commit()}
    points = [*_training(defaults, sizes), *_workers(defaults, train, sizes), *_records(defaults, experiments, sizes)]
    table = pd.DataFrame([point | made_with for point in points], columns=COLUMNS)
    folder = Path(defaults.runtime.results_dir) / "reference" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "growth.csv", table.to_csv(index=False, float_format="%.6g"))
    text = markdown(table)
    write_text(folder / "growth.md", text)
    return text


def measured(function: Callable[..., Any], *arguments: Any) -> tuple[float, float]:
    """Seconds and additional peak memory in MB of a call in a process of its own, in which everything is imported.

    Raises:
        RuntimeError: the call failed; its traceback was printed.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(sender, function, arguments))
    process.start()
    sender.close()
    try:
        seconds, megabytes = receiver.recv()
    except EOFError:
        raise RuntimeError(f"{function.__name__} failed.") from None
    finally:
        process.join()
    return seconds, megabytes


def _measure(sender: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    before, began = _peak(), time.perf_counter()
    function(*arguments)
    sender.send((time.perf_counter() - began, _peak() - before))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE


def _training(defaults: Config, sizes: Sizes) -> Iterator[dict[str, Any]]:
    """Cohorts that differ in depth, or in the number of seeds; then several cohorts, one after another."""
    seeds, depth = list(range(sizes.seeds[1])), sizes.depths[1]
    series: dict[str, list[tuple[int, list[tuple[int, list[int]]]]]] = {
        f"layers, {2 * len(seeds)} networks": [(n, [(n, seeds)]) for n in sizes.depths],
        f"networks of {depth} layers": [(2 * n, [(depth, list(range(n)))]) for n in sizes.seeds],
        f"cohorts of {2 * len(seeds)} networks of {depth} layers": [
            (n, [(depth, [seed + 100 * place for seed in seeds]) for place in range(n)]) for n in sizes.cohorts
        ],
    }
    for what, points in series.items():
        for n, cohorts in points:
            found = []
            for _ in range(sizes.repeats):
                with tempfile.TemporaryDirectory() as folder:
                    configs = [_cohort(defaults, sizes, folder, *cohort) for cohort in cohorts]
                    found.append(measured(_train, configs, defaults))
            yield {"what": what, "n": n, "seconds": min(found)[0], "megabytes": min(found)[1]}


def _cohort(defaults: Config, sizes: Sizes, folder: str, depth: int, seeds: list[int]) -> Config:
    recipe = replace(defaults.recipe, max_steps=sizes.steps, evaluations=3)
    return replace(
        defaults, depths=[depth], seeds=seeds, recipe=recipe, runtime=replace(defaults.runtime, runs_dir=folder)
    )


def _train(cohorts: list[Config], defaults: Config) -> None:
    from degradation.training.fit import train

    for config in cohorts:
        train(config, defaults, show_progress=False)


def _workers(defaults: Config, train: list[str], sizes: Sizes) -> Iterator[dict[str, Any]]:
    """A sweep as a user starts it, imports and report included, by the number of its processes."""
    cores = os.cpu_count() or 1
    depths = [1 + 3 * place for place in range(1, 1 + 2 * max(sizes.cohorts))]
    for workers in sorted({1, *(2**power for power in range(1, 7) if 2**power < cores), cores}):
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            subprocess.run(
                [
                    *[*train, "-m", f"experiment={defaults.experiment.name}", "logger=none", "runtime=cpu"],
                    *[f"depth={','.join(map(str, depths))}", f"recipe.max_steps={sizes.steps}", "recipe.evaluations=3"],
                    f"hydra.launcher.n_jobs={workers}",
                ],
                cwd=folder,
                check=True,
                stdout=subprocess.DEVNULL,
            )
            seconds = time.perf_counter() - began
        yield {"what": f"workers, a sweep of {len(depths)} cohorts", "n": workers, "seconds": seconds}


def _records(defaults: Config, experiments: list[Listed], sizes: Sizes) -> Iterator[dict[str, Any]]:
    """Tables from the folders of made-up networks, and the reports on them."""
    others = [listed for listed in experiments if listed.experiment.name != defaults.experiment.name]
    for n in sizes.networks:
        with tempfile.TemporaryDirectory() as folder:
            runtime = replace(defaults.runtime, runs_dir=f"{folder}/runs", results_dir=f"{folder}/results")
            written = write_runs(replace(defaults, runtime=runtime), n)
            name = defaults.experiment.name
            steps: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
                "collect": (collect, (Path(runtime.runs_dir) / name, Path(runtime.results_dir) / name)),
                "report, collect included": (_report, (defaults, runtime)),
                "verdicts": (_overview, ([Listed.of(defaults), *others], runtime)),
            }
            for what, (function, arguments) in steps.items():
                seconds, megabytes = measured(function, *arguments)
                yield {"what": f"networks, {what}", "n": written, "seconds": seconds, "megabytes": megabytes}


def _report(*arguments: Any) -> None:
    from degradation.reports.experiment import report

    report(*arguments)


def _overview(*arguments: Any) -> None:
    from degradation.reports.overview import overview

    overview(*arguments)


def markdown(table: pd.DataFrame) -> str:
    """A section a series, with the straight line through it where one is expected."""
    first, commits = table.iloc[0], ", ".join(table["commit"].unique())
    parts = [
        "# Growth",
        f"`python experiments/growth.py`, commit {commits}, torch {first['torch_version']}, {first['cores']} cores. "
        "Seconds: of training the quickest of several times, of all else once. Megabytes: peak memory beyond that of "
        "the process when everything was imported.",
    ]
    for what, rows in table.groupby("what", sort=False):
        parts.append(f"## {what}")
        shown = ["n", "seconds", "megabytes"]
        parts.append(aligned(shown, [[cell(row[name]) for name in shown] for _, row in rows.iterrows()]))
        if len(rows) > 2 and rows["megabytes"].notna().all():  # the sweeps of the workers fall, and in a curve
            parts.append(" ".join(straight(rows["n"], rows[name], name) for name in ("seconds", "megabytes")))
    return "\n\n".join(parts) + "\n"


def straight(x: pd.Series, y: pd.Series, unit: str) -> str:
    """The straight line through points in words, and how far they are from it."""
    line = linregress(x, y)
    off = (y - line.intercept - line.slope * x).abs().max() / y.max()
    return (
        f"Line: {line.intercept:.3g} + {line.slope:.3g} n {unit}; R2 {line.rvalue**2:.3f}, "
        f"the farthest point off by {off:.0%} of the largest."
    )
