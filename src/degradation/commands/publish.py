"""`experiments/publish.py`: an experiment's reference replaced by its records in results/."""

from dataclasses import replace

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from degradation.commands.errors import sentences
from degradation.config import parse
from degradation.config.composition import all_experiments, defaults_of


def publish_job(composed: DictConfig) -> None:
    """Replace an experiment's reference by its records in results/, and report on the reference."""
    from degradation.reports.experiment import report
    from degradation.reports.overview import overview
    from degradation.reports.publish import publish

    with sentences():
        runtime, defaults = parse(composed).runtime, defaults_of(HydraConfig.get().runtime.choices.get("experiment"))
        folder = publish(defaults, runtime)
        reference = replace(runtime, results_dir=str(folder.parent), runs_dir=str(folder))  # no runs: tables alone
        report(defaults, reference)
        print(overview(all_experiments(), reference).text([defaults.experiment.name]))
