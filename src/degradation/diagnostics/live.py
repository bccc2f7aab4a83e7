"""Diagnostics on a cohort while it is trained: before its first step and after its last."""

import pytorch_lightning as pl

from degradation.diagnostics.diagnostic import FINAL, INIT, Diagnostic, registry, rows
from degradation.records.columns import Row
from degradation.records.run import Run
from degradation.training.cohort import Cohort

LIVE = ("layers", "predictions")  # made in every run; the others on request


class LiveDiagnostics(pl.Callback):
    """Writes the tables of the diagnostics that fit the task.

    A resumed cohort measures `init` again: its networks are built anew from their seeds before the checkpoint is read.
    """

    def __init__(self, run: Run, cohort: Cohort) -> None:
        self.run = run
        self.found: list[tuple[Diagnostic, list[Row]]] = [
            (registry()[name], []) for name in LIVE if registry()[name].fits(cohort.engine.task)
        ]

    def on_fit_start(self, trainer: pl.Trainer, cohort: pl.LightningModule) -> None:
        self._measure(cohort, INIT)

    def on_fit_end(self, trainer: pl.Trainer, cohort: pl.LightningModule) -> None:
        self._measure(cohort, FINAL)
        for diagnostic, found in self.found:
            self.run.write_diagnostic(diagnostic.table, found, diagnostic.key, diagnostic.columns)

    def _measure(self, cohort: pl.LightningModule, moment: str) -> None:
        assert isinstance(cohort, Cohort)
        for diagnostic, found in self.found:
            if moment in diagnostic.moments:
                found += rows(diagnostic, cohort, moment)
