"""What can be said of a network of the `unet` family without building it. Imports no torch."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from degradation.checks import at_least, one_of, require
from degradation.networks.convolutional import Convolutional, whole_blocks

if TYPE_CHECKING:
    from torch import nn

HALVINGS = 2  # of the images' sides, down to the bottom of the U


@dataclass
class UNetwork(Convolutional):
    """Settings of `degradation.networks.unet.UNet`. Keys and their meaning: conf/network/unet.yaml."""

    family: str
    width: int
    shortcut: str

    init = "he"
    predicts_images = True
    block_layers = 1  # features that are concatenated leave layers at the end of a stage; every layer is shown

    def __post_init__(self) -> None:
        at_least("network.width", self.width, 1)
        one_of("network.shortcut", self.shortcut, ("none", "concatenate"))

    def check_depth(self, depth: int) -> None:
        """Refuse a depth that is not 5n + 3."""
        whole_blocks(depth, 5, 3, "unet family")

    def check_task(self, task: str, shape: tuple[int, ...], outputs: int) -> None:
        super().check_task(task, shape, outputs)
        fits = all(side % 2**HALVINGS == 0 for side in shape[1:])
        require(
            fits,
            f"network.family=unet halves the images' sides {HALVINGS} times and those of task.name={task} are "
            f"{shape[1]} and {shape[2]} pixels; multiples of {2**HALVINGS} are needed.",
        )

    @property
    def widths(self) -> list[int]:
        """Channels of the stages on the way down: each has twice as many as the one above, on half the sides."""
        return [self.width * 2**halved for halved in range(HALVINGS + 1)]

    def _stages(self) -> Iterator[tuple[int, int, int]]:
        """Of each stage, down and up again: its channels, what its first layer reads (of the first stage 0, for the
        images), and its 1x1 layers.
        """
        down, up = self.widths, self.widths[-2::-1]
        yield from ((channels, inputs, 0) for channels, inputs in zip(down, [0, *down], strict=False))
        yield from ((channels, 2 * channels, 1) for channels in up)

    def layer_sizes(self, depth: int, shape: tuple[int, ...]) -> list[int]:
        """Numbers that each layer puts out for one image: half as many a stage down, up again with the layer before."""
        sizes = []
        for channels, _, extra in self._stages():
            size = self.width**2 * shape[1] * shape[2] // channels
            sizes += [size] * ((depth - 3) // 5 + extra)
        return sizes

    def weights(self, depth: int) -> float:
        """The weights of the layers between the first and the head."""
        later = (depth - 3) // 5 - 1
        return sum(
            9 * channels * (inputs + later * channels) + extra * 2 * channels**2
            for channels, inputs, extra in self._stages()
        )

    def layer_multiply_adds(self, shape: tuple[int, ...]) -> int:
        """Of a 3x3 layer that does not begin a stage; the same in every one."""
        return 9 * self.width**2 * shape[1] * shape[2]

    def module(self, *, shape: tuple[int, ...], outputs: int, depth: int) -> "nn.Module":
        from degradation.networks.unet import UNet

        return UNet(self, channels=shape[0], depth=depth)
