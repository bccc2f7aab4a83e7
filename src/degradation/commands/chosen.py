"""The experiment that a command on finished runs is about."""

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from degradation.checks import ConfigError
from degradation.config import Config, parse
from degradation.config.composition import defaults_of
from degradation.records.identity import differences


def chosen_experiment(composed: DictConfig, what: str, hint: str = "") -> tuple[Config, Config]:
    """What was composed, and the experiment as its file has it.

    Args:
        what: what the command does with everything that was run, for the sentence.
        hint: a sentence that follows it.

    Raises:
        ConfigError: the command line sets what networks are trained with, or which.
    """
    config, defaults = parse(composed), defaults_of(HydraConfig.get().runtime.choices.get("experiment"))
    cohorts = {"depth": config.depths != defaults.depths, "seeds": config.seeds != defaults.seeds}
    cohorts |= {"variants": config.variants != defaults.variants}
    changed = [*differences(config, defaults), *(key for key, differs in cohorts.items() if differs)]
    if changed:
        sentence = f"{what} everything that was run; {', '.join(changed)} cannot be set for it."
        raise ConfigError(f"{sentence} {hint}".strip())
    return config, defaults
