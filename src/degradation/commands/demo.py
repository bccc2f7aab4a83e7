"""`experiments/demo.py`: a pair of networks trained before one's eyes, and what became of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich.console import Console

from degradation.checks import require
from degradation.commands.errors import sentences
from degradation.commands.train import train_alone
from degradation.config import parse
from degradation.config.composition import check_name, defaults_of
from degradation.records.run import Run
from degradation.sweeps.preflight import preflight
from degradation.training import deadline

if TYPE_CHECKING:
    import pytorch_lightning as pl

    from degradation.training.cohort import Cohort


def demo_job(composed: DictConfig) -> None:
    """Train the cohort of conf/demo.yaml with a bar a variant, then draw its errors here and into a file."""
    experiment = HydraConfig.get().runtime.choices.get("experiment")
    with sentences():
        defaults, config = defaults_of(experiment), parse(composed)
        check_name(config, experiment)
        has_none = f"the demo draws errors in percent and task.name={config.task.name} has none."
        require(config.task.classification, has_none)
        preflight([config])
        deadline.start(config.runtime)
        run = Run(config, defaults)
        if (run.read_status() or {}).get("state") == "done":
            print(f"trained before; delete {run.path} to see it again")
        print(f"{config.depths[0]} layers, {' and '.join(config.variants)}: {defaults.experiment.title}", flush=True)
        train_alone(config, defaults, show_progress=False, watching=bars)
        from degradation.figures.terminal import error_against_steps
        from degradation.records.columns import CURVES
        from degradation.records.tables import read
        from degradation.reports.experiment import report

        console = Console()
        console.print(error_against_steps(read(run.path / "curves.csv", CURVES), width=min(console.width, 100)))
        print(report(defaults, config.runtime).brief())


@contextmanager
def bars(run: Run, cohort: "Cohort") -> "Iterator[list[pl.Callback]]":
    """A bar a variant where there is a terminal."""
    from degradation.training.callbacks import VariantBars

    yield [VariantBars()] if Console().is_terminal else []
