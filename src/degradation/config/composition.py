"""Experiments as their files have them, composed by Hydra, which must be initialised."""

from dataclasses import dataclass
from functools import cached_property

from hydra import compose
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.default_element import GroupDefault
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from degradation.checks import ConfigError
from degradation.config.cohort import Config, parse
from degradation.config.experiment import Experiment
from degradation.config.parsing import group
from degradation.config.searchpath import config_loader

COHORTS = ("depth", "seeds", "variants")  # what a sweep varies without making another condition


def defaults_of(experiment: str | None) -> Config:
    """The configuration of an experiment as its file has it, without overrides, and of each condition of its sweep.

    Raises:
        ConfigError: no experiment was chosen, or its file gives it another name.
    """
    if experiment is None:
        raise ConfigError("no experiment is chosen; set experiment=NAME, a file in conf/experiment/.")
    config_loader()  # with the files of hydra.searchpath
    composed = compose("config", [f"experiment={experiment}"], return_hydra_config=True)
    swept = {str(key): value for key, value in (composed.hydra.sweeper.params or {}).items() if key not in COHORTS}
    with open_dict(composed):
        del composed["hydra"]
    defaults = parse(composed)
    check_name(defaults, experiment)
    if swept:
        parser = OverridesParser.create()
        parsed = parser.parse_overrides([f"{key}={value}" for key, value in swept.items()])
        jobs = BasicSweeper.split_arguments(parsed, None)[0]
        try:
            defaults.conditions = [parse(_varied(composed, parser.parse_overrides(list(job)))) for job in jobs]
        except (OmegaConfBaseException, HydraException) as error:
            sweep = f"the sweep of conf/experiment/{experiment}.yaml"
            raise ConfigError(f"{sweep}: {str(error).splitlines()[0]}") from error
    return defaults


def _varied(composed: DictConfig, overrides: list[Override]) -> DictConfig:
    """An experiment's composed configuration with single keys set; composed anew only where a group is chosen."""
    if not all("." in override.key_or_group for override in overrides):
        lines = [override.input_line or "" for override in overrides]
        return compose("config", [f"experiment={composed.experiment.name}", *lines])
    varied = composed.copy()
    for override in overrides:
        OmegaConf.update(varied, override.key_or_group, override.value())
    return varied


def check_name(config: Config, experiment: str | None) -> None:
    """Refuse another name than the file's, which tables and folders are found by."""
    if config.experiment.name != experiment:
        raise ConfigError(
            f"experiment.name is {config.experiment.name!r} and the experiment's file is {experiment}.yaml; they "
            "must be the same. For a new experiment copy the file."
        )


@dataclass
class Listed:
    """An experiment on Hydra's search path: what it is called and says, and its configuration when that is asked for.

    Hydra takes a tenth of a second to compose one, and a report needs those of experiments that were run.
    """

    experiment: Experiment

    @classmethod
    def of(cls, defaults: Config) -> "Listed":
        """An experiment that is composed."""
        listed = cls(defaults.experiment)
        listed.defaults = defaults
        return listed

    @cached_property
    def defaults(self) -> Config:
        """As its file has it; Hydra must be initialised when it is first asked for."""
        return defaults_of(self.experiment.name)


def all_experiments() -> list[Listed]:
    """Every experiment of Hydra's search path.

    Raises:
        ConfigError: a file does not say what an experiment is, or gives it another name.
    """
    return [_listed(name) for name in config_loader().get_group_options("experiment")]


def _listed(name: str) -> Listed:
    experiment = _written(name)
    if experiment is not None and experiment.name == name:
        return Listed(experiment)
    return Listed.of(defaults_of(name))


def _written(name: str) -> Experiment | None:
    """The `experiment` keys of a file that builds on no other file's; None where only Hydra can tell."""
    repository = config_loader().repository  # type: ignore[attr-defined]
    common, file = repository.load_config("config"), repository.load_config(f"experiment/{name}")
    builds_on = [default for default in file.defaults_list if not default.is_self()]
    if not all(isinstance(default, GroupDefault) and default.override for default in builds_on):
        return None
    try:
        keys = OmegaConf.merge(common.config.experiment, file.config.experiment)
        found: Experiment = group(Experiment, OmegaConf.to_container(keys, resolve=True), "experiment")
    except (OmegaConfBaseException, ConfigError):
        return None  # composing it says what is wrong
    return found
