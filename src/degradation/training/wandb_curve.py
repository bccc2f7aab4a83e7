"""The view of a cohort in W&B, fed from the rows of its curve."""

import shutil

import pytorch_lightning as pl

from degradation.config import WandbLogger
from degradation.records.identity import identity, short_hash
from degradation.records.rows import Row
from degradation.records.run import Run
from degradation.training.cohort import Cohort, median_over_seeds
from degradation.wandb_view import start

MEASURES = ("batch_loss", "train_loss", "test_loss", "batch_error", "train_error", "test_error")


class WandbCurve(pl.Callback):
    """Logs each variant's losses by step: the median over seeds, and every row once, also after an interruption.

    An interrupted offline run is replaced: its rows so far are logged again from the checkpoint. An interrupted online
    run is resumed under the same id, and W&B drops rows of steps that it has.
    """

    def __init__(self, run: Run, logger: WandbLogger) -> None:
        self.folder = run
        self.logger = logger
        self.rows_logged = 0

    def on_fit_start(self, trainer: pl.Trainer, cohort: pl.LightningModule) -> None:
        config, slug = self.folder.config, self.folder.slug
        if self.logger.mode == "offline":
            shutil.rmtree(self.folder.path / "wandb", ignore_errors=True)
        self.wandb = start(
            self.logger,
            dir=str(self.folder.path),
            resume="allow" if self.logger.mode == "online" else None,
            id=short_hash([config.experiment.name, slug, identity(config)]),
            name=slug,
            group=config.experiment.name,
            job_type="cohort",
            config=config.composed | {"identity": identity(config)},
        )
        self.wandb.define_metric("step")
        self.wandb.define_metric("*", step_metric="step")

    def on_train_start(self, trainer: pl.Trainer, cohort: pl.LightningModule) -> None:
        self._log(cohort)

    def on_train_batch_end(self, trainer: pl.Trainer, cohort: pl.LightningModule, *args: object) -> None:
        self._log(cohort)

    def _log(self, cohort: pl.LightningModule) -> None:
        assert isinstance(cohort, Cohort)
        new = cohort.curve[self.rows_logged :]
        self.rows_logged = len(cohort.curve)
        for step in sorted({row["step"] for row in new}):
            rows = [row for row in new if row["step"] == step]
            self.wandb.log({"step": step, "lr": rows[0]["lr"]} | medians(rows), step=step)

    def on_fit_end(self, trainer: pl.Trainer, cohort: pl.LightningModule) -> None:
        self._log(cohort)  # a run that was stopped after its last step has nothing left to train
        self.wandb.finish(exit_code=0)

    def on_exception(self, trainer: pl.Trainer, cohort: pl.LightningModule, exception: BaseException) -> None:
        if hasattr(self, "wandb"):
            self.wandb.finish(exit_code=1)


def medians(rows: list[Row]) -> dict[str, float]:
    """`plain/train_loss` and so on, the median over seeds; `plain/depth=020/train_loss` if there are several depths."""
    several = len({row["depth"] for row in rows}) > 1
    groups: dict[str, list[Row]] = {}
    for row in rows:
        prefix = f"{row['variant']}/depth={row['depth']:03d}" if several else row["variant"]
        groups.setdefault(prefix, []).append(row)
    values = {
        f"{prefix}/{name}": median_over_seeds(group, name) for prefix, group in groups.items() for name in MEASURES
    }
    return {name: value for name, value in values.items() if value is not None}
