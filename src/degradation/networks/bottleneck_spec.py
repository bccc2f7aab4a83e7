"""What can be said of a network of the `bottleneck` family without building it. Imports no torch."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from degradation.checks import at_least, one_of, require
from degradation.networks.convolutional import Convolutional, whole_blocks
from degradation.networks.sums import check_sum

if TYPE_CHECKING:
    from torch import nn

EXPANSION = 4  # channels that a block puts out, over those of its stage's width


class Shape(NamedTuple):
    """Of one block."""

    inputs: int
    inner: int  # channels of its first two layers
    outputs: int
    stride: int


@dataclass
class BottleneckNetwork(Convolutional):
    """Settings of `degradation.networks.bottleneck.BottleneckNet`. Keys: conf/network/bottleneck.yaml."""

    family: str
    width: int
    shortcut: str
    order: str
    init: str
    groups: int
    group_width: int | None

    block_layers = 3

    def __post_init__(self) -> None:
        at_least("network.width", self.width, 1)
        one_of("network.shortcut", self.shortcut, ("none", "A", "B"))
        one_of("network.order", self.order, ("original", "full"))
        one_of("network.init", self.init, ("he", "he_zero_last"))
        check_sum(self.shortcut, 1, 1, self.init)
        at_least("network.groups", self.groups, 1)
        at_least("network.group_width", 1 if self.group_width is None else self.group_width, 1)
        require(
            self.group_width is not None or self.width % self.groups == 0,
            f"network.width is {self.width} and network.groups {self.groups}, which does not divide it; "
            "set network.group_width, the channels of a group in the first stage.",
        )

    def check_depth(self, depth: int) -> None:
        """Refuse a depth that is not 9n + 2."""
        whole_blocks(depth, 9, 2, "bottleneck family")

    def blocks(self, depth: int) -> Iterator[Shape]:
        """The blocks' shapes, one after another."""
        inner = self.groups * (self.group_width or self.width // self.groups)
        inputs = self.width
        for stage in range(3):
            for place in range((depth - 2) // 9):
                outputs = EXPANSION * self.width * 2**stage
                yield Shape(inputs, inner * 2**stage, outputs, 2 if stage > 0 and place == 0 else 1)
                inputs = outputs

    def layer_sizes(self, depth: int, shape: tuple[int, ...]) -> list[int]:
        """Numbers that each layer puts out for one image."""
        pixels = shape[1] * shape[2]
        sizes = [self.width * pixels]
        for block in self.blocks(depth):
            before, pixels = pixels, pixels // block.stride**2
            sizes += [block.inner * (pixels if self.groups == 1 else before), block.inner * pixels]
            sizes.append(block.outputs * pixels)
        return sizes

    def weights(self, depth: int) -> float:
        """The weights of the layers within the blocks."""
        return sum(
            inner * (inputs + 9 * inner // self.groups + outputs) for inputs, inner, outputs, _ in self.blocks(depth)
        )

    def layer_multiply_adds(self, shape: tuple[int, ...]) -> int:
        """Mean over a block's three layers, the same in every stage but for each one's first block."""
        inner = next(self.blocks(11)).inner
        return inner * (2 * EXPANSION * self.width + 9 * inner // self.groups) * shape[1] * shape[2] // 3

    def module(self, *, shape: tuple[int, ...], outputs: int, depth: int) -> "nn.Module":
        from degradation.networks.bottleneck import BottleneckNet

        return BottleneckNet(self, channels=shape[0], classes=outputs, depth=depth)
