"""Networks that are computed together: one, or a stack of one shape. The unit in which an engine trains."""

from typing import Any

import torch
from torch import Tensor, nn

from degradation.config import Config
from degradation.networks.blocks import use_small_convolutions
from degradation.networks.noise import set_step
from degradation.networks.stack import stack
from degradation.tasks.task import Batch, Examples, Split, Task
from degradation.training.members import Member
from degradation.training.schedule import learning_rate

State = dict[str, Any]
MEMORY_FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


class Group(nn.Module):
    """S networks of one shape and recipe in one batched computation, or a single network as it is.

    The losses of the networks are summed before the backward pass, and nothing else connects them. A network whose
    training loss is not finite has diverged: that step and all later ones leave its parameters as they are.

    Args:
        members: which networks, in the order of the stack.
        networks: as many, at initialisation.
    """

    diverged_step: Tensor  # (S,) the step of the first loss that was not finite, or -1
    loss_sum: Tensor  # (S,) sum of the batch losses since the last evaluation
    error_sum: Tensor  # (S,) likewise of the batch errors in percent
    window_error_sum: Tensor  # () sum of the batch errors in the current window of the warm-up

    def __init__(self, members: list[Member], networks: list[nn.Module], config: Config, dtype: torch.dtype) -> None:
        super().__init__()
        self.members = members
        self.recipe = config.of(members[0].variant).recipe
        self.dtype = dtype
        self.stacked = len(networks) > 1
        self.memory_format = MEMORY_FORMATS[config.runtime.memory_format]
        self.network = (stack(networks) if self.stacked else networks[0]).to(dtype)
        self.network.to(memory_format=self.memory_format)
        if config.runtime.compile_blocks:
            self.network.compiled = True  # type: ignore[assignment]
        if config.runtime.small_convolutions:
            use_small_convolutions(self.network)
        self.register_buffer("diverged_step", torch.full((len(members),), -1))
        self.register_buffer("loss_sum", torch.zeros(len(members), dtype=torch.float64))
        self.register_buffer("error_sum", torch.zeros(len(members), dtype=torch.float64))
        self.register_buffer("window_error_sum", torch.zeros((), dtype=torch.float64))
        self.steps_summed = 0
        self.warmup_ended: int | None = None  # the step before which the error fell below recipe.warmup_until_error
        self.any_diverged = False

    def configure_optimizer(self) -> torch.optim.Optimizer:
        """Create the recipe's optimizer over the parameters, which must be on their device by now."""
        recipe, parameters = self.recipe, list(self.network.parameters())
        if recipe.optimizer == "adam":
            self.optimizer: torch.optim.Optimizer = torch.optim.Adam(
                parameters, lr=recipe.lr, eps=recipe.eps, weight_decay=recipe.weight_decay, fused=True
            )
        else:
            self.optimizer = torch.optim.SGD(
                parameters, lr=recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay, fused=True
            )
        return self.optimizer

    def learning_rate(self, step: int) -> float:
        """The recipe's learning rate for this group's networks, which are all of one depth."""
        return learning_rate(self.recipe, step, self.members[0].depth, self.warmup_ended)

    def train_step(self, step: int, batch: Batch, task: Task) -> None:
        """One step of every network on a batch with leading dimension S."""
        if self.any_diverged and bool((self.diverged_step >= 0).all()):
            return
        lr = self.learning_rate(step)
        inputs, targets = task.training_batch(batch if self.stacked else batch[0])
        set_step(self.network, step)
        predictions, losses = self.backward(inputs, targets, task)
        self._note_divergence(losses, step)
        frozen = self._frozen_tensors()
        for parameter_group in self.optimizer.param_groups:
            parameter_group["lr"] = lr
        self.optimizer.step()
        self._restore(frozen)
        self.steps_summed += 1
        errors = self.add_to_sums(predictions, losses, targets, task)
        if errors is not None and self.recipe.warmup_until_error is not None:
            self._watch_warmup(step, errors[0])

    def backward(self, inputs: Tensor, targets: Tensor, task: Task) -> tuple[Tensor, Tensor]:
        """Set the gradients of one batch.

        Returns:
            Predictions (..., B, outputs) and each network's loss (S,).
        """
        self.optimizer.zero_grad()
        with self._precision():
            predictions = self.network(inputs.contiguous(memory_format=self.memory_format))
        losses = task.loss(predictions.to(self.dtype), targets).reshape(-1)
        losses.sum().backward()
        return predictions.detach(), losses.detach()

    def add_to_sums(self, predictions: Tensor, losses: Tensor, targets: Tensor, task: Task) -> Tensor | None:
        """Add a step's losses and errors to the running sums; the errors in percent (S,), if the task has any."""
        self.loss_sum += losses
        if not task.has_errors:
            return None
        errors = task.error(predictions, targets).reshape(-1)
        self.error_sum += errors
        return errors

    def _watch_warmup(self, step: int, error: Tensor) -> None:
        """End the warm-up after the first window whose mean batch error is below `warmup_until_error`."""
        recipe = self.recipe
        if self.warmup_ended is not None or step >= recipe.warmup_steps:
            return
        self.window_error_sum += error
        if (step + 1) % recipe.warmup_window_steps == 0:
            assert recipe.warmup_until_error is not None
            if self.window_error_sum.item() / recipe.warmup_window_steps < recipe.warmup_until_error:
                self.warmup_ended = step + 1
            self.window_error_sum.zero_()

    def _precision(self) -> torch.autocast:
        """bf16 computes matrix products and convolutions in bfloat16; other precisions change nothing here."""
        enabled = self.recipe.precision == "bf16"
        # Every weight is used once a pass, and a cache of its casts must not outlive the capture of a CUDA graph.
        return torch.autocast(self.loss_sum.device.type, torch.bfloat16, enabled=enabled, cache_enabled=False)

    def _note_divergence(self, losses: Tensor, step: int) -> None:
        if not bool(losses.isfinite().all()):
            new = ~losses.isfinite() & (self.diverged_step < 0)
            self.diverged_step[new] = step
            self.any_diverged = True

    def _frozen_tensors(self) -> list[tuple[Tensor, Tensor]]:
        """Parameters, and what the diverged networks' are: their optimizer state may be NaN, as they stay."""
        if not self.any_diverged:
            return []
        tensors = [parameter.data for parameter in self.network.parameters()]
        if not self.stacked:
            return [(tensor, tensor.clone()) for tensor in tensors]
        diverged = self.diverged_step >= 0
        return [(tensor, tensor[diverged].clone()) for tensor in tensors]

    def _restore(self, frozen: list[tuple[Tensor, Tensor]]) -> None:
        diverged = self.diverged_step >= 0
        for tensor, kept in frozen:
            if self.stacked:
                tensor[diverged] = kept
            else:
                tensor.copy_(kept)

    def part_sums(self, part: Split, task: Task) -> Tensor:
        """Sums over some examples of each network's loss and error: (2, S), float64."""
        inputs = task.prepare(part.inputs).contiguous(memory_format=self.memory_format)
        with self._precision():
            predictions = self.network(inputs.expand(len(self.members), *inputs.shape) if self.stacked else inputs)
        predictions = predictions.to(self.dtype)
        losses, errors = task.loss(predictions, part.targets), task.error(predictions, part.targets)
        return torch.stack([(len(part) * means).reshape(-1).double() for means in (losses, errors)])

    def take_batch_means(self, task: Task) -> tuple[Tensor, Tensor]:
        """Mean batch loss and error of each network since the last call: (S,) each; NaN where there are none."""
        steps = self.steps_summed or torch.nan
        losses, errors = self.loss_sum / steps, self.error_sum / (steps if task.has_errors else torch.nan)
        self.loss_sum.zero_()
        self.error_sum.zero_()
        self.steps_summed = 0
        return self.without_diverged(losses), self.without_diverged(errors)

    def without_diverged(self, values: Tensor) -> Tensor:
        """Values (..., S) with NaN for the networks that have diverged."""
        return torch.where(self.diverged_step >= 0, torch.nan, values)

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
            "error_sum": float(self.error_sum[position]),
            "window_error_sum": float(self.window_error_sum),
            "warmup_ended": self.warmup_ended,
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
                    # A count of steps. A diverged network that was trained alone has fewer, and moves no more.
                    count = own.setdefault(key, torch.zeros_like(value, device=parameter.device))
                    count.copy_(torch.maximum(count, value.to(count.device)))
        self.diverged_step[position] = state["diverged_step"]
        self.loss_sum[position] = state["loss_sum"]
        self.error_sum[position] = state["error_sum"]
        self.window_error_sum.fill_(state["window_error_sum"])
        self.warmup_ended = state["warmup_ended"]
        self.steps_summed = max(self.steps_summed, state["steps_summed"])


@torch.no_grad()
def evaluate(groups: list[Group], examples: Examples, task: Task) -> list[tuple[Tensor, Tensor]]:
    """Loss and error of each group's networks on all examples in eval mode: (S,) each; NaN for a diverged network.

    The examples are taken once for all groups.
    """
    for group in groups:
        group.network.eval()
    sums = [torch.zeros(2, len(group.members), dtype=torch.float64, device=group.loss_sum.device) for group in groups]
    for part in examples.parts(task.evaluation_batch):
        for group, total in zip(groups, sums, strict=True):
            total += group.part_sums(part, task)
    for group in groups:
        group.network.train()
    means = [group.without_diverged(total / len(examples)) for group, total in zip(groups, sums, strict=True)]
    return [(losses, errors) for losses, errors in means]
