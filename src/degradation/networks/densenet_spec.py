"""What can be said of a network of the `densenet` family without building it. Imports no torch."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from degradation.checks import at_least, one_of
from degradation.networks.convolutional import Convolutional, whole_blocks

if TYPE_CHECKING:
    from torch import nn

STEM = 16  # channels of the stem without bottlenecks
TYPICAL = 40  # layers of the network whose mean layer stands for a layer


class Step(NamedTuple):
    """A dense layer (with its bottleneck) or a transition: channels that it reads and that it leaves."""

    inputs: int
    outputs: int
    transition: bool


@dataclass
class DenseNetwork(Convolutional):
    """Settings of `degradation.networks.densenet.DenseNet`. Keys and their meaning: conf/network/densenet.yaml."""

    family: str
    width: int
    shortcut: str
    bottleneck: bool

    init = "he"
    block_layers = 1  # concatenated features leave every layer

    def __post_init__(self) -> None:
        at_least("network.width", self.width, 2 if self.bottleneck else 1)  # half of it must be left
        one_of("network.shortcut", self.shortcut, ("none", "concatenate"))

    @property
    def period(self) -> int:
        """By how many layers a network can be deeper."""
        return 6 if self.bottleneck else 3

    def check_depth(self, depth: int) -> None:
        """Refuse a depth that is not 3n + 4, or with bottlenecks 6n + 4."""
        which = "with" if self.bottleneck else "without"
        whole_blocks(depth, self.period, 4, f"densenet family {which} network.bottleneck")

    @property
    def stem(self) -> int:
        """Channels of the first layer (Huang et al. 2016, section 3, implementation details)."""
        return 2 * self.width if self.bottleneck else STEM

    @property
    def inner(self) -> int:
        """Channels of a bottleneck."""
        return 4 * self.width

    def steps(self, depth: int) -> Iterator[Step]:
        """Three dense blocks with two transitions between them; what a transition leaves is half with bottlenecks."""
        channels = self.stem
        for stage in range(3):
            for _ in range((depth - 4) // self.period):
                outputs = channels + self.width if self.shortcut == "concatenate" else self.width
                yield Step(channels, outputs, transition=False)
                channels = outputs
            if stage < 2:
                left = channels // 2 if self.bottleneck else channels
                yield Step(channels, left, transition=True)
                channels = left

    def _weights(self, step: Step) -> int:
        if step.transition:
            return step.inputs * step.outputs
        return self.inner * (step.inputs + 9 * self.width) if self.bottleneck else 9 * step.inputs * self.width

    def layer_sizes(self, depth: int, shape: tuple[int, ...]) -> list[int]:
        """Numbers that each layer leaves for one image: what was there before it among them."""
        pixels = shape[1] * shape[2]
        sizes = [self.stem * pixels]
        for step in self.steps(depth):
            if step.transition:
                pixels //= 4
            elif self.bottleneck:
                sizes.append(self.inner * pixels)
            sizes.append(step.outputs * pixels)
        return sizes

    def weights(self, depth: int) -> float:
        """The weights of the layers between stem and head."""
        return sum(self._weights(step) for step in self.steps(depth))

    def layer_multiply_adds(self, shape: tuple[int, ...]) -> int:
        """Mean over the layers between stem and head of a network of 40 layers; deeper ones have more a layer."""
        total, pixels = 0, shape[1] * shape[2]
        for step in self.steps(TYPICAL):
            total += self._weights(step) * pixels
            if step.transition:
                pixels //= 4
        return total // (TYPICAL - 2)

    def module(self, *, shape: tuple[int, ...], outputs: int, depth: int) -> "nn.Module":
        from degradation.networks.densenet import DenseNet

        return DenseNet(self, channels=shape[0], classes=outputs, depth=depth)
