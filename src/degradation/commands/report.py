"""`experiments/report.py`: tables and figures of one experiment, or of all that were run; then the whole report."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from degradation.commands.chosen import chosen_experiment
from degradation.commands.errors import sentences
from degradation.config import Runtime
from degradation.config.composition import Listed, all_experiments


def report_job(composed: DictConfig) -> None:
    """Write tables and figures of one experiment, or of all that were run if none is named; then the whole report."""
    from degradation.reports.experiment import report
    from degradation.reports.overview import overview

    named = any(override.startswith("experiment=") for override in HydraConfig.get().overrides.task)
    with sentences():
        config, defaults = chosen_experiment(composed, "a report draws")
        everything = all_experiments()
        reported = (
            [defaults] if named else [listed.defaults for listed in everything if was_run(listed, config.runtime)]
        )
        for experiment in reported:
            written = report(experiment, config.runtime)
            print(written.text if config.verbose else written.brief())
        names = [experiment.experiment.name for experiment in reported]
        print(overview(everything, config.runtime).text(names, verbose=config.verbose))


def was_run(listed: Listed, runtime: Runtime) -> bool:
    """Whether an experiment has finished runs or tables of its own."""
    name = listed.experiment.name
    tables = Path(runtime.results_dir) / name / "networks.csv"
    return tables.exists() or any((Path(runtime.runs_dir) / name).glob("**/records.csv"))
