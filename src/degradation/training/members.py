"""The networks of a cohort, by name and as built."""

from itertools import product
from typing import NamedTuple

from torch import nn

from degradation import networks
from degradation.config import Config
from degradation.tasks import Task


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


def build(member: Member, config: Config, task: Task) -> nn.Module:
    """The member's network at initialisation, float32 on the CPU."""
    return networks.build(
        config.network,
        input_shape=task.input_shape,
        outputs=task.outputs,
        depth=member.depth,
        variant=member.variant,
        seed=member.seed,
    )
