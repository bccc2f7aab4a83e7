"""The loss around trained weights along filter-normalised random directions (Li et al. 2018, 1712.09913, section 4)."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from degradation.checks import ConfigError
from degradation.diagnostics.blocks import loss_and_error
from degradation.diagnostics.diagnostic import FINAL, Copied, rounded
from degradation.diagnostics.progress import Progress
from degradation.records.columns import Row
from degradation.streams import generator
from degradation.tasks.task import Task
from degradation.training.members import Member

SEEDS = 3  # networks a variant and depth
REACH = 1.0  # of the square to each side, in units of the filters' norms
POINTS = 21  # a side; the paper has 51
ROUNDING = 6  # digits of a coordinate


class Surface:
    """surface.csv: training loss and error on a square around the first seeds' final weights.

    x and y are the factors of two random directions. Every filter of a direction has the norm of the weights' filter;
    biases and normalisations' parameters have none, as in the paper. Batch normalisation keeps the statistics of
    training, as in the paper's code. A direction is drawn from the seed and the parameter's name, so that a pair has
    the same one but for its filters' norms. The row of y = 0 is the one-dimensional plot.
    """

    table = "surface.csv"
    moments: tuple[str, ...] = (FINAL,)
    key = ["x", "y"]  # noqa: RUF012 - a constant
    columns = ["train_loss", "train_error"]  # noqa: RUF012

    def fits(self, task: Task) -> bool:
        return task.has_errors

    @torch.no_grad()
    def measure(self, copied: Copied, task: Task, moment: str) -> Iterator[tuple[Member, Row]]:
        if copied.stacked:
            raise ConfigError("diagnostic surface takes networks one by one; set runtime.engine=sequential.")
        if copied.members[0].seed not in copied.seeds[:SEEDS]:
            return
        network, (member,) = copied.network.eval(), copied.members
        x_direction, y_direction = (direction(network, member.seed, name) for name in "xy")
        points = [point for point in grid() if (*member, *point) not in copied.done]
        progress = Progress(f"surface of {member}", len(points))
        for x, y in points:
            steps = {name: x * x_direction[name] + y * y_direction[name] for name in x_direction}
            with moved(network, steps):
                loss, error = loss_and_error(network, task.train, task)
            progress.tick()
            # the loss with all its digits: second differences are taken of it
            yield member, {"x": x, "y": y, "train_loss": loss, "train_error": rounded(error)}


DIAGNOSTIC = Surface()


def grid() -> list[tuple[float, float]]:
    """All points, row by row; the middle is the trained network."""
    line = torch.linspace(-REACH, REACH, POINTS, dtype=torch.float64).tolist()
    line = [round(value, ROUNDING) + 0.0 for value in line]
    return [(x, y) for y, x in itertools.product(line, line)]


def direction(network: nn.Module, seed: int, name: str) -> dict[str, Tensor]:
    """A random direction by parameter: normal draws, each filter scaled to the norm of the network's; zero for vectors.

    A filter is all weights of one output (a row, of a linear layer).
    """
    found = {}
    for parameter, weight in network.named_parameters():
        if weight.ndim <= 1:
            continue
        drawn = torch.randn(weight.shape, generator=generator(seed, "surface", f"{name}/{parameter}"))
        drawn = drawn.to(weight.device, weight.dtype)
        others = tuple(range(1, weight.ndim))
        norms = torch.linalg.vector_norm(weight.detach(), dim=others, keepdim=True)
        found[parameter] = drawn * norms / torch.linalg.vector_norm(drawn, dim=others, keepdim=True)
    return found


@contextmanager
def moved(network: nn.Module, steps: dict[str, Tensor]) -> Iterator[None]:
    """Run the body with `steps` added to parameters, which are bitwise what they were afterwards."""
    kept = {name: network.get_parameter(name).detach().clone() for name in steps}
    for name, step in steps.items():
        network.get_parameter(name).data.add_(step)
    try:
        yield
    finally:
        for name, tensor in kept.items():
            network.get_parameter(name).data.copy_(tensor)
