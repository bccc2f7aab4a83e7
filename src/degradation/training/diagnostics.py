"""Measurements on a cohort's networks before and after training, made on copies so that the run is not changed."""

import copy
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from degradation.networks.cifar import CifarNet
from degradation.networks.mlp import MLP
from degradation.records.rows import LAYERS, PREDICTIONS, Row
from degradation.records.run import Run
from degradation.tasks import Task
from degradation.tasks.base import Split
from degradation.training.cohort import Cohort
from degradation.training.group import Group

DIGITS = 4  # significant, in layers.csv and predictions.csv
PREDICTED_SEEDS = 4  # networks a variant and depth whose fitted function is kept
PREDICTED_POINTS = 128
DIAGNOSED = 256  # training examples on which layers are measured


def _beside(network: nn.Module, inputs: Tensor) -> Any:
    """A copy where the inputs are: before a fit ends Lightning moves the networks to the CPU, the data stay."""
    return copy.deepcopy(network).to(inputs.device)


def layer_statistics(network: MLP | CifarNet, split: Split, task: Task) -> dict[str, Tensor]:
    """Per weighted layer of a network or stack, over a split's first 256 examples in train mode (batch statistics).

    Returns:
        By column of layers.csv a tensor (weighted layers, ...), `...` being empty for a network and (S,) for a stack.
        output_sd: standard deviation over inputs of the output after shortcut and ReLU, root mean square over units.
        gradient_norm: Frobenius norm of the loss's gradient by the layer's weight.
        response_sd: standard deviation over everything of the output after normalisation, before shortcut and ReLU
        (He et al. 2015, Fig. 7); NaN for the head.
    """
    network = _beside(network, split.inputs).train()
    weights = network.weights()
    stacked = weights[0].ndim == 3
    responses: list[Tensor] = []
    for module in network.norms():
        module.register_forward_hook(lambda _module, _inputs, output: responses.append(output.detach()))
    inputs, targets = task.prepare(split.inputs[:DIAGNOSED]), split.targets[:DIAGNOSED]
    predictions, outputs = network.trace(inputs.expand(len(weights[0]), *inputs.shape) if stacked else inputs)
    gradients = torch.autograd.grad(task.loss(predictions, targets).sum(), weights)
    first = 1 if stacked else 0  # dimension of a single network's values
    sd = [response.flatten(first).std(dim=-1, correction=0) for response in responses]
    return {
        "output_sd": torch.stack([network.spread(output.detach()) for output in outputs]),
        "gradient_norm": torch.stack([gradient.flatten(first).norm(dim=-1) for gradient in gradients]),
        "response_sd": torch.stack([*sd, torch.full_like(sd[-1], torch.nan)]),
    }


class LayerDiagnostics(pl.Callback):
    """Writes layers.csv: output standard deviation and gradient norm of every weighted layer, `init` and `final`.

    A resumed cohort measures `init` again: its networks are built anew from their seeds before the checkpoint is read.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.rows: list[Row] = []

    def on_fit_start(self, trainer: pl.Trainer, cohort: pl.LightningModule) -> None:
        self._measure(cohort, "init")

    def on_fit_end(self, trainer: pl.Trainer, cohort: pl.LightningModule) -> None:
        self._measure(cohort, "final")
        self.run.write_rows("layers.csv", self.rows, LAYERS)

    def _measure(self, cohort: pl.LightningModule, moment: str) -> None:
        assert isinstance(cohort, Cohort)
        task = cohort.engine.task
        for group in cohort.engine.all_groups():
            assert isinstance(group.network, MLP | CifarNet)
            measured = {
                name: values.reshape(len(values), -1).T.tolist()
                for name, values in layer_statistics(group.network, task.train, task).items()
            }
            for position, member in enumerate(group.members):
                for layer in range(len(group.network.weights())):
                    own = {name: rounded(values[position][layer]) for name, values in measured.items()}
                    self.rows.append(cohort.key(member) | {"moment": moment, "layer": layer + 1} | own)


class Predictions(pl.Callback):
    """Writes predictions.csv: the functions that some of the networks have fitted, on points of the test set."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @torch.no_grad()
    def on_fit_end(self, trainer: pl.Trainer, cohort: pl.LightningModule) -> None:
        assert isinstance(cohort, Cohort)
        test = cohort.engine.task.test
        chosen = test.inputs[torch.linspace(0, len(test) - 1, min(PREDICTED_POINTS, len(test))).round().long()]
        rows: list[Row] = []
        for group in cohort.engine.all_groups():
            predicted = self._predict(group, chosen)
            for member, values in zip(group.members, predicted, strict=True):
                if member.seed in cohort.config.seeds[:PREDICTED_SEEDS]:
                    points = zip(chosen.flatten().tolist(), values.flatten().tolist(), strict=True)
                    rows.extend(cohort.key(member) | {"x": rounded(x), "prediction": rounded(y)} for x, y in points)
        self.run.write_rows("predictions.csv", rows, PREDICTIONS)

    def _predict(self, group: Group, inputs: Tensor) -> Tensor:
        network = _beside(group.network, inputs).eval()
        if group.stacked:
            return network(inputs.expand(len(group.members), *inputs.shape))
        return network(inputs).unsqueeze(0)


def rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def diagnostics(run: Run, cohort: Cohort) -> list[Any]:
    """The diagnostics that fit the task: fitted functions only for one input and one output."""
    task = cohort.engine.task
    one_to_one = task.input_shape == (1,) and task.outputs == 1
    return [LayerDiagnostics(run), *([Predictions(run)] if one_to_one else [])]
