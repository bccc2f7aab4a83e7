"""The jobs of a sweep: from the command line to checked cohorts, before any of them is started."""

from dataclasses import dataclass
from pathlib import Path

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from degradation.checks import ConfigError, require
from degradation.config import Config, parse
from degradation.config.composition import check_name, defaults_of
from degradation.config.searchpath import extend
from degradation.records.run import DamagedRunError, Run, make_folder
from degradation.sweeps.overrides import answer, as_meant
from degradation.sweeps.preflight import preflight

CLUSTERS = ("slurm", "submitit_slurm")  # launchers whose jobs run on other machines


@dataclass
class Job:
    """One cohort of a sweep and where its results go."""

    overrides: list[str]
    config: Config
    run: Run

    @property
    def label(self) -> str:
        return f"{self.config.experiment.name} {self.run.path.name}"


@dataclass
class Plan:
    """A sweep's experiments and jobs, one experiment after another and the deepest first within one; `done` need no
    training, `damaged` are trained again.
    """

    experiments: dict[str, Config]
    todo: list[Job]
    done: list[Job]
    damaged: list[str]


def plan(loader: ConfigLoader, master: DictConfig, arguments: list[str]) -> Plan:
    """Compose and check every job of a sweep.

    A comma list of experiments runs the sweep of each experiment's own file.

    Args:
        loader: Hydra's.
        master: what Hydra composed from the arguments that are no sweeps.
        arguments: the command line's overrides.

    Raises:
        ConfigError: a job is wrong; every wrong one is named.
    """
    extend(loader, master.hydra.searchpath)
    parsed = OverridesParser.create(config_loader=loader).parse_overrides(arguments)
    names = _experiments(parsed, master)
    others = [as_meant(override) for override in parsed if override.get_key_element() != "experiment"]
    experiments = {name: defaults_of(name) for name in names}
    jobs: list[Job] = []
    errors: dict[str, list[str]] = {}  # what is wrong, and with which jobs
    for name in names:
        for overrides in _combinations(loader, master, name, others):
            try:
                config = parse(_compose(loader, master, overrides))
                check_name(config, name)
                run = Run(config, experiments[name])
                run.check_identity()
                jobs.append(Job(overrides, config, run))
            except (ConfigError, HydraException, OmegaConfBaseException) as error:
                sentence = answer(str(error), loader, master.hydra.job.config_name, overrides)
                errors.setdefault(sentence, []).append(" ".join(overrides))
    if errors:
        lines = [f"{wrong[0]}{_and_others(len(wrong) - 1)}: {error}" for error, wrong in errors.items()]
        raise ConfigError("no job was started.\n" + "\n".join(lines))
    _check_together(jobs, here=master.hydra.runtime.choices["hydra/launcher"] not in CLUSTERS)
    return _sorted_plan(experiments, jobs)


def _and_others(count: int) -> str:
    return f" (and {count} more)" if count else ""


def _experiments(parsed: list[Override], master: DictConfig) -> list[str]:
    chosen = [override for override in parsed if override.get_key_element() == "experiment"]
    if not chosen:
        return [str(master.hydra.runtime.choices["experiment"])]
    if chosen[-1].is_delete() or not isinstance(chosen[-1].value(), str | ChoiceSweep | Glob):
        raise ConfigError("a sweep takes experiment=NAME or experiment=NAME,NAME or experiment='glob(NA*)'.")
    if chosen[-1].is_sweep_override():
        names = list(dict.fromkeys(str(value) for value in chosen[-1].sweep_string_iterator()))
        require(bool(names), f"{chosen[-1].input_line} matches no experiment.")
        return names
    return [str(chosen[-1].value())]


def _combinations(loader: ConfigLoader, master: DictConfig, experiment: str, others: list[Override]) -> list[list[str]]:
    """Overrides of every job of one experiment: its file's sweep, replaced key by key by the command line's."""
    hydra_overrides = OmegaConf.to_container(master.hydra.overrides.hydra)
    assert isinstance(hydra_overrides, list)
    runtime = master.hydra.runtime.choices["runtime"]  # it chooses the launcher, whose keys may be set
    chosen = [f"experiment={experiment}", f"runtime={runtime}", *hydra_overrides]
    composed = loader.load_configuration(master.hydra.job.config_name, chosen, run_mode=RunMode.MULTIRUN)
    own = [f"{key}={value}" for key, value in (composed.hydra.sweeper.params or {}).items()]
    overrides = OverridesParser.create(config_loader=loader).parse_overrides([f"experiment={experiment}", *own])
    return list(BasicSweeper.split_arguments([*map(as_meant, overrides), *others], None)[0])


def _compose(loader: ConfigLoader, master: DictConfig, overrides: list[str]) -> DictConfig:
    composed = loader.load_sweep_config(master, overrides)
    with open_dict(composed):
        del composed["hydra"]
    OmegaConf.resolve(composed)
    return composed


def _check_together(jobs: list[Job], *, here: bool) -> None:
    """Checks that concern the machine or several jobs at once."""
    folders: dict[Path, Job] = {}
    for job in jobs:
        if job.run.path in folders:
            raise ConfigError(
                f"two jobs of this sweep are the same run {job.run.path}: {' '.join(folders[job.run.path].overrides)} "
                f"and {' '.join(job.overrides)}."
            )
        folders[job.run.path] = job
    for task in dict.fromkeys(job.config.task.name for job in jobs):
        preflight([job.config for job in jobs if job.config.task.name == task], here=here)
    make_folder(Path(jobs[0].config.runtime.runs_dir), "runtime.runs_dir")
    make_folder(Path(jobs[0].config.runtime.results_dir), "runtime.results_dir")


def _sorted_plan(experiments: dict[str, Config], jobs: list[Job]) -> Plan:
    todo: list[Job] = []
    done: list[Job] = []
    damaged: list[str] = []
    order = list(experiments)
    for job in sorted(jobs, key=lambda job: (order.index(job.config.experiment.name), -job.config.cost)):
        try:
            (done if job.run.is_done() else todo).append(job)
        except DamagedRunError as error:
            damaged.append(f"{error} This cohort is trained again; all others are kept.")
            todo.append(job)
    return Plan(experiments, todo, done, damaged)
