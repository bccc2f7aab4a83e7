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
from degradation.training.members import Member, build

FITTED = 2048  # training examples from which identity layers take their statistics, or all if there are fewer


def start(member: Member, config: Config, task: Task) -> nn.Module:
    """The member's network before its first step, on the CPU."""
    network = build(member, config)
    source = config.variant(member.variant).network.source()
    if source is None:
        return network
    depth, keys = source
    shallow = _trained(member._replace(depth=depth), keys, config, task)
    examples = task.train.take(torch.arange(min(FITTED, len(task.train))))
    network.deepen(shallow, task.prepare(examples.inputs).float())  # type: ignore[operator]
    return network


def _trained(member: Member, keys: dict[str, Any], config: Config, task: Task) -> nn.Module:
    """The network with other network keys after the recipe's last step, trained by itself on the run's device."""
    definition = config.definitions[member.variant]
    changed = definition | {"network": definition.get("network", {}) | keys}
    alone = replace(
        config,
        depths=[member.depth],
        variants=[member.variant],
        seeds=[member.seed],
        network=replace(config.network, **keys),  # type: ignore[type-var]
        runtime=replace(config.runtime, engine="sequential"),
        definitions=config.definitions | {member.variant: changed},
    )
    device = torch.device(config.runtime.device)
    engine = Engine(alone, task).to(device)
    engine.to_device(device)
    engine.configure_optimizers()
    engine.run(0, config.recipe.max_steps)
    (group,) = engine.all_groups()
    return group.network.float().cpu()
