"""What can be said of a network of the `conv` family without building it. Imports no torch."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from degradation.checks import at_least, one_of, require

if TYPE_CHECKING:
    from torch import nn


@dataclass
class ConvNetwork:
    """Settings of `degradation.networks.conv.Conv`. Keys and their meaning: conf/network/conv.yaml."""

    family: str
    width: int
    shortcut: str
    init: str

    span = 2  # layers that a shortcut passes over, as in He et al. 2015; a single layer has one over itself
    norm = "none"
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

    def check_input(self, task: str, shape: tuple[int, ...]) -> None:
        require(len(shape) == 3, f"network.family=conv takes images and task.name={task} has none; use mlp.")
        require(
            shape[0] == self.width,
            f"network.width is {self.width} and an example of task.name={task} has {shape[0]} channels; the layers of "
            "the conv family put out as many channels as they take, so both must be the same.",
        )

    def check_execution(self, *, device: str, engine: str, memory_format: str, compile_blocks: bool) -> None:
        require(engine == "sequential", f"runtime.engine is {engine!r}; the conv family has sequential alone.")
        require(not compile_blocks, "runtime.compile_blocks is for network.family=cifar and it is conv.")

    def default_engine(self, device: str, precision: str) -> str:
        return "sequential"

    def default_memory_format(self, device: str, precision: str) -> str:
        return "contiguous"

    def default_compile_blocks(self, device: str, precision: str, max_steps: int) -> bool:
        return False

    def layer_sizes(self, depth: int, shape: tuple[int, ...]) -> list[int]:
        """Of the layers before the last, whose output is the prediction."""
        return [shape[0] * shape[1] * shape[2]] * (depth - 1)

    def weights(self, depth: int) -> float:
        return depth * 9 * self.width**2

    def layer_multiply_adds(self, shape: tuple[int, ...]) -> int:
        return 9 * self.width**2 * shape[1] * shape[2]

    def source(self) -> None:
        """None: every network is drawn from its seed."""

    def module(self, *, shape: tuple[int, ...], outputs: int, depth: int) -> "nn.Module":
        """Raises: ConfigError: a prediction is not an image of the inputs' shape."""
        from degradation.networks.conv import Conv

        size = shape[0] * shape[1] * shape[2]
        require(
            outputs == size, f"the conv family predicts images of {size} numbers and the task has {outputs} outputs."
        )
        return Conv(self, depth=depth)
