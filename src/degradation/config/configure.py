"""Configurations for a program that has no command line: composed by Hydra from conf/, wherever that is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from degradation.checks import ConfigError, one_of, require
from degradation.config.cohort import Config, parse
from degradation.config.places import CONF


def configure(*overrides: str) -> Config:
    """The checked configuration of one cohort, as the command line would have it.

    Args:
        overrides: `experiment=digits_depth`, `depth=20`, `recipe.lr=0.03`, ...

    Raises:
        ConfigError: an override is not understood, or values do not fit together.
    """
    with _hydra():
        try:
            return parse(compose("config", list(overrides)))
        except (HydraException, OmegaConfBaseException) as error:
            raise ConfigError(str(error).splitlines()[0]) from error


def defaults(group: str, name: str) -> dict[str, Any]:
    """The keys of conf/GROUP/NAME.yaml, as plain types.

    Raises:
        ConfigError: there is no such file, or it leaves a key to be set.
    """
    with _hydra():
        one_of(group, name, GlobalHydra.instance().config_loader().get_group_options(group))
        composed = compose(f"{group}/{name}")
        missing = sorted(OmegaConf.missing_keys(composed))
        require(not missing, f"{group} is {name!r}, whose file leaves {', '.join(missing)} to be set.")
        values = OmegaConf.to_container(composed, resolve=True)
    assert isinstance(values, dict)
    return dict(values.get(group, {}))


@contextmanager
def _hydra() -> Iterator[None]:
    """Hydra on conf/ in the body, then again as it was: the caller may be a job of its own."""
    held, GlobalHydra.instance().hydra = GlobalHydra.instance().hydra, None
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            yield
    finally:
        GlobalHydra.instance().hydra = held
