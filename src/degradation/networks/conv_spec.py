"""What can be said of a network of the `conv` family without building it. Imports no torch."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from degradation.checks import at_least, one_of, require
from degradation.networks.convolutional import Convolutional

if TYPE_CHECKING:
    from torch import nn


@dataclass
class ConvNetwork(Convolutional):
    """Settings of `degradation.networks.conv.Conv`. Keys and their meaning: conf/network/conv.yaml."""

    family: str
    width: int
    shortcut: str
    init: str

    span = 2  # layers that a shortcut passes over, as in He et al. 2015; a single layer has one over itself
    norm = "none"
    predicts_images = True
    block_layers = 1  # there is no stem that blocks could be counted from, so figures by layer show every layer

    def __post_init__(self) -> None:
        at_least("network.width", self.width, 1)
        one_of("network.shortcut", self.shortcut, ("none", "identity"))
        one_of("network.init", self.init, ("default", "he"))

    def check_depth(self, depth: int) -> None:
        """Refuse a depth that is neither 1 nor even."""
        require(depth >= 1, f"depth is {depth}; the smallest network has depth 1.")
        require(
            depth == 1 or depth % self.span == 0,
            f"depth is {depth}; networks of the conv family have one layer or blocks of {self.span}: the nearest are "
            f"{depth - 1} and {depth + 1}.",
        )

    def check_task(self, task: str, shape: tuple[int, ...], outputs: int) -> None:
        super().check_task(task, shape, outputs)
        require(
            shape[0] == self.width,
            f"network.width is {self.width} and an example of task.name={task} has {shape[0]} channels; the layers of "
            "the conv family put out as many channels as they take, so both must be the same.",
        )

    def default_memory_format(self, device: str, precision: str) -> str:
        return "contiguous"

    def layer_sizes(self, depth: int, shape: tuple[int, ...]) -> list[int]:
        """Of the layers before the last, whose output is the prediction."""
        return [shape[0] * shape[1] * shape[2]] * (depth - 1)

    def weights(self, depth: int) -> float:
        return depth * 9 * self.width**2

    def layer_multiply_adds(self, shape: tuple[int, ...]) -> int:
        return 9 * self.width**2 * shape[1] * shape[2]

    def module(self, *, shape: tuple[int, ...], outputs: int, depth: int) -> "nn.Module":
        from degradation.networks.conv import Conv

        return Conv(self, depth=depth)
