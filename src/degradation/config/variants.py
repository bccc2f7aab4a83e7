"""Variants: named differences from an experiment's settings, each a file in conf/variant/.

`plain` has no shortcut and `residual` the family's own, so it sets nothing. A variant means the same in every
experiment: its file says which `network` and `recipe` keys it sets, and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from hydra._internal.config_repository import IConfigRepository
from hydra.core.object_type import ObjectType
from omegaconf import DictConfig, OmegaConf

from degradation.checks import require
from degradation.config.recipe import Recipe
from degradation.config.searchpath import config_loader
from degradation.networks.family import Family

PLAIN = "plain"  # what every variant is matched with
GROUPS = ("network", "recipe")
COMMON = ("batch_size", "max_steps", "evaluations", "precision")  # of all members of a cohort, which share batches
Definition = dict[str, dict[str, Any]]  # group: key: value


@dataclass
class Settings:
    """What a variant's networks are built and trained with."""

    network: Family
    recipe: Recipe


def definitions() -> dict[str, Definition]:
    """Every variant that Hydra's search path has, by name. Needs an initialised Hydra.

    Raises:
        ConfigError: a file sets something that a variant cannot.
    """
    return _read(config_loader().repository)  # type: ignore[attr-defined]


@cache  # once a Hydra; jobs of one process compose many configurations
def _read(repository: IConfigRepository) -> dict[str, Definition]:
    found = {}
    for name in repository.get_group_options("variant", ObjectType.CONFIG):
        loaded = repository.load_config(f"variant/{name}")
        assert loaded is not None
        found[name] = checked(name, loaded.config)
    return found


def checked(name: str, content: Any) -> Definition:
    """The definition that a variant's file holds.

    Raises:
        ConfigError: it sets something other than network and recipe keys, or a key that all of a cohort share.
    """
    values: Any = OmegaConf.to_container(content) if isinstance(content, DictConfig) else content
    require(isinstance(values, dict), f"variant {name} is {values!r}; groups of keys are expected.")
    for group, keys in values.items():
        require(group in GROUPS, f"variant {name} sets {group!r}; a variant sets keys of {' and '.join(GROUPS)}.")
        require(isinstance(keys, dict), f"variant {name}: {group} is {keys!r}; a group of keys is expected.")
        for key in keys:
            common = group == "recipe" and key in COMMON
            require(not common, f"variant {name} sets recipe.{key}, which all networks of a cohort share.")
            selector = (group, key) == ("network", "family")
            require(not selector, f"variant {name} sets network.family; a variant is of every family.")
    return {group: dict(keys) for group, keys in values.items()}


def chosen(names: list[str], known: Mapping[str, Definition]) -> dict[str, Definition]:
    """The definitions of the named variants.

    Raises:
        ConfigError: none is named, one is named twice, or one does not exist.
    """
    require(bool(names), f"variants is empty; choose from {', '.join(known)}.")
    for name in names:
        allowed = f"allowed: {', '.join(known)} (the files of conf/variant/)."
        require(name in known, f"variants is {name!r}; {allowed}")
    require(len(set(names)) == len(names), f"variants is {names}; one is named twice.")
    return {name: known[name] for name in names}
