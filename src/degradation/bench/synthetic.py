"""Run folders of networks that were never trained, to measure what records cost."""

import json
from dataclasses import replace

import numpy as np

from degradation.config import Config
from degradation.records.columns import BASE, CONDITION, CURVES, KEY, NETWORKS, Row, to_csv
from degradation.records.files import checksum
from degradation.records.identity import base_digest, digest
from degradation.records.run import CONFIG, STATUS, Run

DEPTHS = (4, 7, 10)
POINTS = 128  # of a fitted function


def write_runs(defaults: Config, networks: int) -> int:
    """Finished runs of about this many networks, in cohorts of the experiment's size; returns how many there are."""
    size = len(defaults.seeds)
    cohorts = -(-networks // (size * len(defaults.variants)))
    draw = np.random.default_rng(0)
    for place in range(cohorts):
        block = place // len(DEPTHS)
        seeds = [block * size + seed for seed in range(size)]
        write_run(replace(defaults, depths=[DEPTHS[place % len(DEPTHS)]], seeds=seeds), defaults, draw)
    return cohorts * size * len(defaults.variants)


def write_run(config: Config, defaults: Config, draw: np.random.Generator) -> None:
    """The files of one cohort, as training leaves them, without the checkpoint."""
    run = Run(config, defaults)
    run.path.mkdir(parents=True)
    records, curves, layers, predictions = [], [], [], []
    (depth,) = config.depths
    for variant in config.variants:
        for place, seed in enumerate(config.seeds):
            key: Row = {"experiment": config.experiment.name, "digest": digest(config, variant), "variant": variant}
            key |= {"depth": depth, "seed": seed}
            steps = range(0, config.recipe.max_steps + 1, config.recipe.max_steps // 10)
            losses = np.sort(draw.lognormal(-5, 1, len(steps)))[::-1]
            curves += [
                key | {"step": step, "lr": 1e-3, "batch_loss": loss, "train_loss": loss, "test_loss": loss}
                for step, loss in zip(steps, losses.tolist(), strict=True)
            ]
            records.append(key | _record(config, losses[-1].item()) | {"slug": run.slug})
            layers += [
                key | {"moment": moment, "layer": layer, "output_sd": sd, "gradient_norm": sd}
                for moment in ("init", "final")
                for layer, sd in enumerate(draw.lognormal(0, 1, depth + 1).tolist(), 1)
            ]
            if place < 4:  # as the diagnostics keep
                values = draw.normal(size=POINTS).tolist()
                predictions += [key | {"x": x / POINTS, "prediction": value} for x, value in enumerate(values)]
    tables = {"records": (records, NETWORKS), "curves": (curves, CURVES)}
    diagnostics = {"layers.csv": (["moment", "layer"], ["output_sd", "gradient_norm"])}
    diagnostics["predictions.csv"] = (["x"], ["prediction"])
    for rows, (name, (own_key, columns)) in zip((layers, predictions), diagnostics.items(), strict=True):
        tables[name.removesuffix(".csv")] = (rows, [*KEY, *own_key, *columns])
    (run.path / CONFIG).write_text("{}\n")
    for name, (rows, columns) in tables.items():
        (run.path / f"{name}.csv").write_text(to_csv(rows, columns))
    files = {file.name: checksum(file) for file in sorted(run.path.iterdir())}
    (run.path / STATUS).write_text(json.dumps({"state": "done", "diagnostics": diagnostics, "files": files}))


def _record(config: Config, loss: float) -> Row:
    return {
        BASE: base_digest(config),
        CONDITION: "",
        "task": config.task.name,
        "family": config.network.family,
        "width": config.network.width,
        "init": config.network.init,
        "norm": config.network.norm,
        "matched": True,
        "batch_size": config.recipe.batch_size,
        "lr": config.recipe.lr,
        "precision": config.recipe.precision,
        "engine": "stacked",
        "device": "cpu",
        "threads": 1,
        "torch_version": "none",
        "commit": "none",
        "parameters": 1000,
        "multiply_adds": 1000,
        "steps": config.recipe.max_steps,
        "train_loss": loss,
        "test_loss": loss,
        "mean_train_loss": 0.5,
        "mean_test_loss": 0.5,
        "status": "done",
        "stuck": False,
        "seconds": 1.0,
    }
