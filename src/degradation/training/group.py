"""Networks that are computed together: one, or a stack of one shape. The unit in which an engine trains."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from degradation.config import Recipe
from degradation.networks import stack
from degradation.tasks import Task
from degradation.tasks.base import Split
from degradation.training.members import Member

State = dict[str, Any]


class Group(nn.Module):
    """S networks of one shape in one batched computation, or a single network as it is.

    The losses of the networks are summed before the backward pass, and nothing else connects them. A network whose
    training loss is not finite has diverged: that step and all later ones leave its parameters as they are.

    Args:
        members: which networks, in the order of the stack.
        networks: as many, at initialisation.
    """

    diverged_step: Tensor  # (S,) the step of the first loss that was not finite, or -1
    loss_sum: Tensor  # (S,) sum of the batch losses since the last evaluation

    def __init__(self, members: list[Member], networks: list[nn.Module], recipe: Recipe, dtype: torch.dtype) -> None:
        super().__init__()
        self.members = members
        self.recipe = recipe
        self.stacked = len(networks) > 1
        self.network = (stack(networks) if self.stacked else networks[0]).to(dtype)
        self.register_buffer("diverged_step", torch.full((len(members),), -1))
        self.register_buffer("loss_sum", torch.zeros(len(members), dtype=torch.float64))
        self.steps_summed = 0
        self.any_diverged = False

    def configure_optimizer(self) -> torch.optim.Optimizer:
        """Create the recipe's optimizer over the parameters, which must be on their device by now."""
        recipe, parameters = self.recipe, list(self.network.parameters())
        if recipe.optimizer == "adam":
            self.optimizer: torch.optim.Optimizer = torch.optim.Adam(
                parameters, lr=recipe.lr, weight_decay=recipe.weight_decay, fused=True
            )
        else:
            self.optimizer = torch.optim.SGD(
                parameters, lr=recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay, fused=True
            )
        return self.optimizer

    def train_step(self, step: int, inputs: Tensor, targets: Tensor, lr: float, task: Task) -> None:
        """One step of every network: inputs (S, B, features), targets (S, B, outputs)."""
        if self.any_diverged and bool((self.diverged_step >= 0).all()):
            return
        if not self.stacked:
            inputs, targets = inputs[0], targets[0]
        self.optimizer.zero_grad()
        losses = task.loss(self.network(inputs), targets).reshape(-1)
        losses.sum().backward()
        self._note_divergence(losses.detach(), step)
        frozen = self._frozen_tensors()
        for parameter_group in self.optimizer.param_groups:
            parameter_group["lr"] = lr
        self.optimizer.step()
        self._restore(frozen)
        self.loss_sum += losses.detach()
        self.steps_summed += 1

    def _note_divergence(self, losses: Tensor, step: int) -> None:
        if not bool(losses.isfinite().all()):
            new = ~losses.isfinite() & (self.diverged_step < 0)
            self.diverged_step[new] = step
            self.any_diverged = True

    def _trained_tensors(self) -> Iterator[Tensor]:
        """Parameters and optimizer state, without counters that the whole group shares."""
        for parameter in self.network.parameters():
            yield parameter.data
            yield from (value for value in self.optimizer.state[parameter].values() if value.shape == parameter.shape)

    def _frozen_tensors(self) -> list[tuple[Tensor, Tensor]]:
        if not self.any_diverged:
            return []
        if not self.stacked:
            return [(tensor, tensor.clone()) for tensor in self._trained_tensors()]
        diverged = self.diverged_step >= 0
        return [(tensor, tensor[diverged].clone()) for tensor in self._trained_tensors()]

    def _restore(self, frozen: list[tuple[Tensor, Tensor]]) -> None:
        diverged = self.diverged_step >= 0
        for tensor, kept in frozen:
            if self.stacked:
                tensor[diverged] = kept
            else:
                tensor.copy_(kept)

    @torch.no_grad()
    def evaluate(self, split: Split, task: Task) -> Tensor:
        """Loss of each network on a whole split in eval mode: (S,); NaN for a diverged network."""
        self.network.eval()
        inputs = split.inputs.expand(len(self.members), *split.inputs.shape) if self.stacked else split.inputs
        losses = task.loss(self.network(inputs), split.targets).reshape(-1)
        self.network.train()
        return torch.where(self.diverged_step >= 0, torch.nan, losses)

    def take_batch_losses(self) -> Tensor:
        """Mean batch loss of each network since the last call: (S,); NaN where no step was taken."""
        mean = self.loss_sum / self.steps_summed if self.steps_summed else torch.full_like(self.loss_sum, torch.nan)
        self.loss_sum.zero_()
        self.steps_summed = 0
        return torch.where(self.diverged_step >= 0, torch.nan, mean)

    def member_states(self) -> dict[str, State]:
        """Each network's own tensors and counters, views where it is stacked, keyed by the member's name."""
        return {str(member): self._member_state(position) for position, member in enumerate(self.members)}

    def load_member_states(self, states: dict[str, State]) -> None:
        """Put back what `member_states` gave, in place."""
        for position, member in enumerate(self.members):
            self._load_member_state(position, states[str(member)])
        self.any_diverged = bool((self.diverged_step >= 0).any())

    def _slice(self, tensor: Tensor, position: int) -> Tensor:
        return tensor[position] if self.stacked else tensor

    def _member_state(self, position: int) -> State:
        network = {name: self._slice(tensor.detach(), position) for name, tensor in self.network.state_dict().items()}
        optimizer = {
            name: {
                key: self._slice(value, position) if value.shape == parameter.shape else value
                for key, value in self.optimizer.state[parameter].items()
            }
            for name, parameter in self.network.named_parameters()
        }
        return {
            "network": network,
            "optimizer": optimizer,
            "diverged_step": int(self.diverged_step[position]),
            "loss_sum": float(self.loss_sum[position]),
            "steps_summed": self.steps_summed,
        }

    @torch.no_grad()
    def _load_member_state(self, position: int, state: State) -> None:
        for name, tensor in self.network.state_dict().items():
            self._slice(tensor, position).copy_(state["network"][name])
        for name, parameter in self.network.named_parameters():
            own = self.optimizer.state[parameter]
            own_shape = parameter.shape[1:] if self.stacked else parameter.shape
            for key, value in state["optimizer"][name].items():
                if value.shape == own_shape:
                    self._slice(own.setdefault(key, torch.zeros_like(parameter)), position).copy_(value)
                else:
                    own[key] = value.clone()
        self.diverged_step[position] = state["diverged_step"]
        self.loss_sum[position] = state["loss_sum"]
        self.steps_summed = state["steps_summed"]
