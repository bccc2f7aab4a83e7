"""The view of a whole sweep in W&B: error against depth, the table of networks, the figures."""

import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from degradation.config import WandbLogger
from degradation.tracking.start import FAILED, FINISHED, never_failing, start

if TYPE_CHECKING:
    from degradation.reports.condition import Condition
    from degradation.reports.experiment import Report

# chart: title, columns of the summary
CHARTS = {
    "error_against_depth": (
        "error against depth: mean over seeds (%)",
        {"training": "train_error_mean", "test": "test_error_mean"},
    ),
    "loss_against_depth": (
        "loss against depth: median over seeds",
        {"training": "train_loss_median", "test": "test_loss_median"},
    ),
}
STATISTICS = ("mean", "median")


def log_report(logger: WandbLogger, experiment: str, folder: Path, report: "Report") -> None:
    """One W&B run for each condition of an experiment. What goes wrong in W&B is a warning.

    Args:
        folder: where offline files go, replacing those of the last report.
    """
    with never_failing("The report could not be logged to W&B"):
        if logger.mode == "offline":
            shutil.rmtree(folder / "wandb", ignore_errors=True)
        for condition in report.conditions:
            run = start(
                logger,
                dir=str(folder),
                name=f"{experiment} {condition.label or 'by depth'}",
                group=experiment,
                job_type="report",
                config={"experiment": experiment, "condition": condition.label},
            )
            try:
                _log(run, condition, report.figures[condition.label])
            except BaseException:
                run.finish(exit_code=FAILED)
                raise
            run.finish(exit_code=FINISHED)


def _log(run: Any, condition: "Condition", figures: list[Path]) -> None:
    import wandb

    run.define_metric("depth")
    run.define_metric("*", step_metric="depth")
    for point in points(condition.summary):
        run.log(point)
    run.log({"networks": wandb.Table(dataframe=condition.networks.astype({"diverged_step": "float"}))})
    for name, (title, columns) in CHARTS.items():
        series = dict(lines(condition.summary, columns))
        if series:
            depths = [[depth for depth, _ in line] for line in series.values()]
            values = [[value for _, value in line] for line in series.values()]
            run.log({name: wandb.plot.line_series(depths, values, list(series), title, "depth")})
    run.log({f"figures/{path.stem.split(',')[0]}": wandb.Image(str(path)) for path in figures})


def points(summary: pd.DataFrame) -> list[dict[str, float]]:
    """A point a depth: `plain/train_error_mean`, `plain/train_loss_median` and so on, rising in depth."""
    found = []
    for depth, rows in summary.groupby("depth", sort=True):
        point: dict[str, float] = {"depth": int(str(depth))}
        for _, row in rows.iterrows():
            for name in row.index:
                if name.endswith(STATISTICS) and not math.isnan(row[name]):
                    point[f"{row['variant']}/{name}"] = float(row[name])
        found.append(point)
    return found


def lines(summary: pd.DataFrame, columns: dict[str, str]) -> Iterator[tuple[str, list[tuple[int, float]]]]:
    """Name and points (depth, value) of each line, such as `plain, training`, without values that are not finite."""
    for variant, rows in summary.sort_values("depth").groupby("variant", sort=True):
        for label, column in columns.items():
            if column not in rows:
                continue
            pairs = zip(rows["depth"].tolist(), rows[column].tolist(), strict=True)
            kept = [(depth, value) for depth, value in pairs if math.isfinite(value)]
            if kept:
                yield f"{variant}, {label}", kept
