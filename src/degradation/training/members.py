"""The networks of a cohort, by name and as built."""

from itertools import product
from pathlib import Path
from typing import NamedTuple

from torch import nn

from degradation.checks import ConfigError
from degradation.config import Config
from degradation.config.variants import PLAIN
from degradation.networks.build import build as build_network
from degradation.networks.build import same_function, same_tensors
from degradation.tasks.task import Task


class Member(NamedTuple):
    """Which network of the cohort."""

    depth: int
    variant: str
    seed: int

    def __str__(self) -> str:
        return f"depth={self.depth:03d},{self.variant},seed={self.seed}"


def members(config: Config) -> list[Member]:
    """All networks of a cohort: depth by depth, variant by variant, seed by seed."""
    return [Member(*key) for key in product(config.depths, config.variants, config.seeds)]


def load_task(config: Config) -> Task:
    """The data that the cohort is trained on.

    Raises:
        ConfigError: files are missing or damaged.
    """
    runtime = config.runtime
    return config.task.load(Path(runtime.data_dir), runtime.download, runtime.loader_workers)


def build(member: Member, config: Config) -> nn.Module:
    """The member's network at initialisation, float32 on the CPU."""
    return build_network(
        config.variant(member.variant).network,
        input_shape=config.task.input_shape,
        outputs=config.task.outputs,
        depth=member.depth,
        seed=member.seed,
    )


def matched(member: Member, config: Config) -> bool:
    """Whether a network differs from the plain one of its depth and seed in the shortcut alone, as both are built.

    It has the same initial tensors, and so the same parameters, and the same recipe, but computes another function. (At
    depth 1 an MLP has no block, so that plain and residual are one network.) Batches are a function of the seed. The
    plain network is matched with itself. Where the experiment's settings allow no plain network (`network.init` is
    he_zero_last, say), nothing else is matched.
    """
    if member.variant == PLAIN:
        return True
    try:
        recipe_of_plain = config.variant(PLAIN).recipe
    except ConfigError:
        return False
    if config.variant(member.variant).recipe != recipe_of_plain:
        return False
    own, plain = build(member, config), build(member._replace(variant=PLAIN), config)
    return same_tensors(own, plain) and not same_function(own, plain, config.task.input_shape)
