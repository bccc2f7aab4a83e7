"""The view of a cohort in W&B, fed from the rows of its curve: one run a cohort or one run a network."""

import contextlib
import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytorch_lightning as pl

from degradation.config import WandbLogger
from degradation.records.columns import MEASURES, Row
from degradation.records.identity import digest, identity, short_hash
from degradation.records.run import Run
from degradation.tracking.start import FAILED, FINISHED, KILLED, in_wandb_sweep, never_failing, start
from degradation.training.cohort import Cohort, median_over_seeds
from degradation.training.members import Member, members

RESULTS = ("status", "diverged_step", "stuck", "steps", "parameters", "multiply_adds", "matched")  # of a network


@contextlib.contextmanager
def wandb_curve(run: Run) -> Iterator[list[pl.Callback]]:
    """The callbacks that show a run in W&B, none with logger=none; the W&B runs end as the block does.

    Exit code 0 if it ends without an exception, 255 if it was asked to stop, 1 if it failed.
    """
    if not isinstance(run.config.logger, WandbLogger):
        yield []
        return
    curve = WandbCurve(run, run.config.logger)
    try:
        yield [curve]
    except (SystemExit, KeyboardInterrupt):
        curve.finish(KILLED)
        raise
    except BaseException:
        curve.finish(FAILED)
        raise
    curve.finish(FINISHED)


@dataclass
class Shown:
    """What one W&B run shows: the cohort, or one network of it."""

    name: str
    job_type: str  # cohort | network
    config: dict[str, Any]
    members: list[Member]

    def point(self, rows: list[Row]) -> dict[str, float]:
        """What is logged of one evaluation's rows."""
        own = [row for row in rows if Member(row["depth"], row["variant"], row["seed"]) in self.members]
        values = medians(own) if self.job_type == "cohort" else measures(own[0])
        return {"step": own[0]["step"], "lr": own[0]["lr"]} | values

    def results(self, records: list[Row]) -> dict[str, Any]:
        """What the run's summary says beside the last point."""
        own = [row for row in records if Member(row["depth"], row["variant"], row["seed"]) in self.members]
        if self.job_type == "cohort":
            return counts(own)
        (record,) = own
        names = (*RESULTS, *(name for name in MEASURES if record["status"] == "diverged"))
        return {name: record[name] for name in names if record.get(name) is not None}


def shown(run: Run, run_per: str) -> list[Shown]:
    """The W&B runs of a cohort."""
    config = run.config
    if run_per == "cohort":
        return [Shown(run.slug, "cohort", config.composed | {"identity": identity(config)}, members(config))]
    shared = {
        name: value for name, value in config.composed.items() if name not in ("depth", "variants", "variant", "seeds")
    }
    return [
        Shown(
            f"{run.slug} {member}" if len(config.depths) > 1 else f"{run.slug} {member.variant},seed={member.seed}",
            "network",
            shared | member._asdict() | {"digest": digest(config, member.variant)},
            [member],
        )
        for member in members(config)
    ]


class WandbCurve(pl.Callback):
    """Logs every row once, also after an interruption; whatever fails in W&B is a warning and ends the view alone.

    Interrupted offline runs are replaced: their rows so far are logged again from the checkpoint. Interrupted online
    runs are resumed under the same ids, and W&B drops rows of steps that it has.
    """

    def __init__(self, run: Run, logger: WandbLogger) -> None:
        self.folder = run
        self.logger = logger
        self.rows_logged = 0
        self.runs: list[tuple[Shown, Any]] = []
        self.broken = False

    def on_fit_start(self, trainer: pl.Trainer, cohort: pl.LightningModule) -> None:
        with self._guard("No W&B run could be started"):
            if self.logger.mode == "offline":
                shutil.rmtree(self.folder.path / "wandb", ignore_errors=True)
            run_per = "cohort" if in_wandb_sweep() else self.logger.run_per
            for what in shown(self.folder, run_per):
                run = self._start(what)
                self.runs.append((what, run))
                if run.offline:  # a server that did not answer once is not waited for again
                    self.logger = replace(self.logger, mode="offline")

    def _start(self, what: Shown) -> Any:
        config, slug = self.folder.config, self.folder.slug
        parts = [config.experiment.name, slug, identity(config)]
        run = start(
            self.logger,
            dir=str(self.folder.path),
            resume="allow" if self.logger.mode == "online" else None,
            id=short_hash(parts if what.job_type == "cohort" else [*parts, *what.members]),
            name=what.name,
            group=config.experiment.name,
            job_type=what.job_type,
            config=what.config,
        )
        run.define_metric("step")
        run.define_metric("*", step_metric="step")
        return run

    def on_train_start(self, trainer: pl.Trainer, cohort: pl.LightningModule) -> None:
        self._log(cohort)

    def on_train_batch_end(self, trainer: pl.Trainer, cohort: pl.LightningModule, *args: object) -> None:
        self._log(cohort)

    def on_fit_end(self, trainer: pl.Trainer, cohort: pl.LightningModule) -> None:
        assert isinstance(cohort, Cohort)
        self._log(cohort)  # a run that was stopped after its last step has nothing left to train
        if self.broken:
            return
        records = cohort.records()
        with self._guard("W&B's summary could not be written"):
            for what, run in self.runs:
                run.summary.update(what.results(records))

    def _log(self, cohort: pl.LightningModule) -> None:
        assert isinstance(cohort, Cohort)
        new = cohort.curve[self.rows_logged :]
        self.rows_logged = len(cohort.curve)
        if self.broken:
            return
        with self._guard("Logging to W&B failed and was stopped"):
            for step in sorted({row["step"] for row in new}):
                rows = [row for row in new if row["step"] == step]
                for what, run in self.runs:
                    run.log(what.point(rows), step=step)

    def finish(self, exit_code: int) -> None:
        """End the W&B runs."""
        for _, run in self.runs:
            with self._guard("A W&B run could not be finished; `wandb sync` uploads what it left in the run's folder"):
                run.finish(exit_code=exit_code)

    @contextlib.contextmanager
    def _guard(self, what: str) -> Iterator[None]:
        with never_failing(what):
            try:
                yield
            except Exception:
                self.broken = True
                raise


def measures(row: Row) -> dict[str, float]:
    """A network's losses and errors without those that it lacks: the lines of a diverged network end."""
    return {name: row[name] for name in MEASURES if not math.isnan(row[name])}


def medians(rows: list[Row]) -> dict[str, float]:
    """`plain/train_loss` and so on, the median over seeds; `plain/depth=020/train_loss` if there are several depths."""
    values = {
        f"{prefix}/{name}": median_over_seeds(group, name)
        for prefix, group in by_prefix(rows).items()
        for name in MEASURES
    }
    return {name: value for name, value in values.items() if value is not None}


def counts(records: list[Row]) -> dict[str, int]:
    """`plain/networks`, `plain/diverged` and `plain/stuck`, prefixed as `medians` has it."""
    values = {}
    for prefix, group in by_prefix(records).items():
        values[f"{prefix}/networks"] = len(group)
        values[f"{prefix}/diverged"] = sum(row["status"] == "diverged" for row in group)
        values[f"{prefix}/stuck"] = sum(row["stuck"] for row in group)
    return values


def by_prefix(rows: list[Row]) -> dict[str, list[Row]]:
    """Rows by variant, or by variant and depth if there are several depths."""
    several = len({row["depth"] for row in rows}) > 1
    groups: dict[str, list[Row]] = {}
    for row in rows:
        prefix = f"{row['variant']}/depth={row['depth']:03d}" if several else row["variant"]
        groups.setdefault(prefix, []).append(row)
    return groups
