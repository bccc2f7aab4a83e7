"""Experiments as their files have them, composed by Hydra, which must be initialised."""

from hydra import compose
from hydra.core.global_hydra import GlobalHydra

from degradation.checks import ConfigError
from degradation.config.cohort import Config, parse


def defaults_of(experiment: str | None) -> Config:
    """The configuration of an experiment as its file has it, without overrides.

    Raises:
        ConfigError: no experiment was chosen, or its file gives it another name.
    """
    if experiment is None:
        raise ConfigError("no experiment is chosen; set experiment=NAME, a file in conf/experiment/.")
    defaults = parse(compose("config", [f"experiment={experiment}"]))
    check_name(defaults, experiment)
    return defaults


def check_name(config: Config, experiment: str | None) -> None:
    """Refuse another name than the file's, which tables and folders are found by."""
    if config.experiment.name != experiment:
        raise ConfigError(
            f"experiment.name is {config.experiment.name!r} and the experiment's file is {experiment}.yaml; they "
            "must be the same. For a new experiment copy the file."
        )


def all_experiments() -> list[Config]:
    """Every experiment as its file has it."""
    return [defaults_of(name) for name in GlobalHydra.instance().config_loader().get_group_options("experiment")]
