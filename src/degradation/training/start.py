"""The network that a member starts as: drawn from its seed, or a trained shallower one with identity layers behind.

The second is He et al.'s (2015, section 1) solution by construction: it shows that a deeper plain network exists which
is as good as the shallower one. The shallower network is trained with the member's own recipe and seed, so that it is
the one of an ordinary cohort, bitwise on the CPU; nothing has to be kept or named for it. Its training is repeated when
an interrupted run goes on.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from degradation.config import Config
from degradation.tasks.task import Task
from degradation.training.engines import Engine
from degradation.training.members import Member, build, members

FITTED = 2048  # training examples from which identity layers take their statistics, or all if there are fewer


def starts(config: Config, task: Task) -> dict[Member, nn.Module]:
    """Every network of a cohort before its first step, on the CPU; each trained one is trained once."""
    trained: dict[str, nn.Module] = {}
    return {member: start(member, config, task, trained) for member in members(config)}


def start(member: Member, config: Config, task: Task, trained: dict[str, nn.Module]) -> nn.Module:
    """The member's network before its first step, on the CPU.

    Args:
        trained: shallower networks by what they were trained with; those that are trained here are added.
    """
    network = build(member, config)
    source = config.variant(member.variant).network.source()
    if source is None:
        return network
    depth, keys = source
    alone = _source(member._replace(depth=depth), keys, config)
    name = f"{alone.of(member.variant)}/{depth}/{member.seed}"
    shallow = trained[name] = trained.get(name) or _trained(alone, task)
    examples = task.train.take(torch.arange(min(FITTED, len(task.train))))
    network.deepen(shallow, task.prepare(examples.inputs).float())  # type: ignore[operator]
    return network


def _source(member: Member, keys: dict[str, Any], config: Config) -> Config:
    """A cohort of one network, with other network keys."""
    definition = config.definitions[member.variant]
    changed = definition | {"network": definition.get("network", {}) | keys}
    return replace(
        config,
        depths=[member.depth],
        variants=[member.variant],
        seeds=[member.seed],
        runtime=replace(config.runtime, engine="sequential"),
        definitions=config.definitions | {member.variant: changed},
    )


def _trained(alone: Config, task: Task) -> nn.Module:
    """The cohort's one network after the recipe's last step, trained on the run's device, on the CPU."""
    device = torch.device(alone.runtime.device)
    engine = Engine(alone, task).to(device)
    engine.to_device(device)
    engine.configure_optimizers()
    engine.run(0, alone.recipe.max_steps)
    (group,) = engine.all_groups()
    return group.network.float().cpu()
