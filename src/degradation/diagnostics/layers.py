"""Signal, gradient and response of every weighted layer, before and after training."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from degradation.diagnostics.diagnostic import FINAL, INIT, Copied, rounded
from degradation.records.columns import Row
from degradation.tasks.task import Examples, Task
from degradation.training.members import Member

DIAGNOSED = 256  # training examples on which layers are measured


class Layers:
    """layers.csv: a row a network, moment and weighted layer; see `layer_statistics`."""

    table = "layers.csv"
    moments: tuple[str, ...] = (INIT, FINAL)
    key = ["moment", "layer"]  # noqa: RUF012 - a constant
    columns = ["output_sd", "gradient_norm", "response_sd"]  # noqa: RUF012

    def fits(self, task: Task) -> bool:
        return True

    def measure(self, copied: Copied, task: Task, moment: str) -> Iterator[tuple[Member, Row]]:
        measured = {
            name: values.reshape(len(values), -1).T.tolist()
            for name, values in layer_statistics(copied.network, task.train, task).items()
        }
        for position, member in enumerate(copied.members):
            for layer in range(len(measured["output_sd"][position])):
                own = {name: rounded(values[position][layer]) for name, values in measured.items()}
                yield member, {"moment": moment, "layer": layer + 1} | own


DIAGNOSTIC = Layers()


def layer_statistics(network: Any, examples: Examples, task: Task) -> dict[str, Tensor]:
    """Per weighted layer of a network or stack, over the first 256 examples in train mode (batch statistics).

    Args:
        network: keeps the contract `degradation.networks.family.Network`.

    Returns:
        By column of layers.csv a tensor (weighted layers, ...), `...` being empty for a network and (S,) for a stack.
        output_sd: standard deviation over inputs of the output after shortcut and ReLU, root mean square over units.
        gradient_norm: Frobenius norm of the loss's gradient by the layer's weight.
        response_sd: standard deviation over everything of the output after normalisation, before shortcut and ReLU
        (He et al. 2015, Fig. 7); NaN for the head.
    """
    network.train()
    weights = network.weights()
    stacked = weights[0].ndim == 3
    responses: list[Tensor] = []
    hooks = [
        module.register_forward_hook(lambda _module, _inputs, output: responses.append(output.detach()))
        for module in network.norms()
    ]
    first_ones = examples.take(torch.arange(min(DIAGNOSED, len(examples))))
    inputs, targets = task.prepare(first_ones.inputs), first_ones.targets
    predictions, outputs = network.trace(inputs.expand(len(weights[0]), *inputs.shape) if stacked else inputs)
    for hook in hooks:
        hook.remove()
    gradients = torch.autograd.grad(task.loss(predictions, targets).sum(), weights)
    first = 1 if stacked else 0  # dimension of a single network's values
    spreads = [network.spread(output.detach()) for output in outputs]
    sd = [response.flatten(first).std(dim=-1, correction=0) for response in responses]
    return {
        "output_sd": torch.stack(spreads),
        "gradient_norm": torch.stack([gradient.flatten(first).norm(dim=-1) for gradient in gradients]),
        "response_sd": torch.stack([*sd, torch.full_like(spreads[-1], torch.nan)]),
    }
