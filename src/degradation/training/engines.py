"""Engines: how the networks of a cohort are executed. What they compute does not depend on the engine.

`sequential` trains one network after another within every step; `stacked` puts all networks of one shape and recipe
(all seeds and most variants of a depth) into one batched computation; `graph` is in `degradation.training.graph`.
"""

from collections.abc import Mapping

import torch
from torch import nn

from degradation.config import Config
from degradation.networks.stack import layout
from degradation.tasks.task import Batch, Task, joined
from degradation.training.group import Group, evaluate
from degradation.training.members import Member, build, members

# parameters and losses; tf32 and bf16 are formats of the products alone
DTYPES = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.float32, "fp64": torch.float64}


class Engine(nn.Module):
    """The groups of a cohort and the loop that trains them.

    Args:
        networks: the cohort's before the first step; None: drawn from their seeds.
    """

    group_class: type[Group] = Group

    def __init__(self, config: Config, task: Task, networks: "Networks | None" = None) -> None:
        super().__init__()
        if networks is None:
            networks = {member: build(member, config) for member in members(config)}
        self.recipe = config.recipe
        self.dtype = DTYPES[config.recipe.precision]
        self.task = task
        self.groups = nn.ModuleList(
            self.group_class(group, [networks[member] for member in group], config, self.dtype)
            for group in GROUPINGS[config.runtime.engine](config, networks)
        )

    def to_device(self, device: torch.device) -> None:
        """Put the data where the networks are; Lightning moves the networks."""
        self.task = self.task.to(device, self.dtype)

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        return [group.configure_optimizer() for group in self.all_groups()]

    def run(self, start: int, stop: int) -> None:
        """Train every network for steps `start` to `stop` (excluded)."""
        for groups in self.rounds():
            batches = joined([self.batches(group, start, stop) for group in groups]).to(groups[0].loss_sum.device)
            for step, (batch, task) in enumerate(self.task.steps(batches), start):
                first = 0
                for group in groups:
                    last = first + len(group.members)
                    group.train_step(step, batch[first:last], task)
                    first = last

    def rounds(self) -> list[list[Group]]:
        """The groups that go through the examples together: each by itself where they are on the device, for the
        caches' sake; all at once where they are read from files, so that each is read once.
        """
        groups = self.all_groups()
        return [[group] for group in groups] if self.task.train.on_device else [groups]

    def batches(self, group: Group, start: int, stop: int) -> Batch:
        """What the group's networks take, with leading dimensions (S, stop - start): equal for equal seeds."""
        of_seed = {
            seed: self.task.batches(seed, batch_size=self.recipe.batch_size, start=start, stop=stop)
            for seed in {member.seed for member in group.members}
        }
        return joined([of_seed[member.seed][None] for member in group.members])

    def evaluate(self) -> dict[Member, dict[str, float]]:
        """Loss and error of every network: running (`batch_`), and on the whole training and test set in eval mode."""
        measured: dict[Member, dict[str, float]] = {
            member: {} for group in self.all_groups() for member in group.members
        }
        for groups in self.rounds():
            pairs = {
                "batch": [group.take_batch_means(self.task) for group in groups],
                "train": evaluate(groups, self.task.train, self.task),
                "test": evaluate(groups, self.task.test, self.task),
            }
            for name, of_groups in pairs.items():
                for group, (losses, errors) in zip(groups, of_groups, strict=True):
                    for member, loss, error in zip(group.members, losses.tolist(), errors.tolist(), strict=True):
                        measured[member] |= {f"{name}_loss": loss, f"{name}_error": error}
        return measured

    def learning_rates(self, step: int) -> dict[Member, float]:
        """The learning rate with which each network takes step `step`."""
        return {member: group.learning_rate(step) for group in self.all_groups() for member in group.members}

    def diverged_steps(self) -> dict[Member, int | None]:
        """The step of each network's first loss that was not finite, or None."""
        steps = {}
        for group in self.all_groups():
            for member, step in zip(group.members, group.diverged_step.tolist(), strict=True):
                steps[member] = None if step < 0 else step
        return steps

    def member_states(self) -> dict[str, dict]:
        return {name: state for group in self.all_groups() for name, state in group.member_states().items()}

    def load_member_states(self, states: dict[str, dict]) -> None:
        for group in self.all_groups():
            group.load_member_states(states)

    def all_groups(self) -> list[Group]:
        """The groups, typed."""
        return list(self.groups)  # type: ignore[arg-type]


Networks = Mapping[Member, nn.Module]


def one_by_one(config: Config, networks: Networks) -> list[list[Member]]:
    """Every network by itself."""
    return [[member] for member in networks]


def by_shape(config: Config, networks: Networks) -> list[list[Member]]:
    """All networks of one depth together whose shapes and recipe are the same; plain and residual ones are."""
    groups: dict[tuple, list[Member]] = {}
    for member, network in networks.items():
        recipe = repr(config.of(member.variant).recipe)
        groups.setdefault((member.depth, recipe, layout(network)), []).append(member)
    return list(groups.values())


GROUPINGS = {"sequential": one_by_one, "stacked": by_shape, "graph": one_by_one}
