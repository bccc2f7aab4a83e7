"""`experiments/publish.py`: an experiment's reference replaced by its records in results/."""

from dataclasses import replace

from omegaconf import DictConfig

from degradation.commands.chosen import chosen_experiment
from degradation.commands.errors import sentences
from degradation.config.composition import all_experiments


def publish_job(composed: DictConfig) -> None:
    """Replace an experiment's reference by its records in results/, and report on the reference."""
    from degradation.reports.experiment import report
    from degradation.reports.overview import overview
    from degradation.reports.publish import publish

    with sentences():
        config, defaults = chosen_experiment(composed, "publishing takes")
        runtime = config.runtime
        folder = publish(defaults, runtime)
        reference = replace(runtime, results_dir=str(folder.parent), runs_dir=str(folder))  # no runs: tables alone
        report(defaults, reference)
        print(overview(all_experiments(), reference).text([defaults.experiment.name]))
