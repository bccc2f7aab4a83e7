"""What can be said of a network of the `unet` family without building it. Imports no torch."""

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from degradation.checks import at_least, one_of, require

if TYPE_CHECKING:
    from torch import nn

HALVINGS = 2  # of the images' sides, down to the bottom of the U


@dataclass
class UNetwork:
    """Settings of `degradation.networks.unet.UNet`. Keys and their meaning: conf/network/unet.yaml."""

    family: str
    width: int
    shortcut: str

    init, norm = "he", "batch"
    block_layers = 1  # features that are concatenated leave layers at the end of a stage; every layer is shown

    def __post_init__(self) -> None:
        at_least("network.width", self.width, 1)
        one_of("network.shortcut", self.shortcut, ("none", "concatenate"))

    def check_depth(self, depth: int) -> None:
        """Refuse a depth that is not 5n + 3."""
        below = max(8, (depth - 3) // 5 * 5 + 3)
        nearest = f"the nearest are {below} and {below + 5}" if depth > 8 else "the smallest is 8"
        require(depth == below, f"depth is {depth}; networks of the unet family have 5n + 3 layers: {nearest}.")

    def check_input(self, task: str, shape: tuple[int, ...]) -> None:
        require(len(shape) == 3, f"network.family=unet takes images and task.name={task} has none; use mlp.")
        fits = all(side % 2**HALVINGS == 0 for side in shape[1:])
        require(
            fits,
            f"network.family=unet halves the images' sides {HALVINGS} times and those of task.name={task} are "
            f"{shape[1]} and {shape[2]} pixels; multiples of {2**HALVINGS} are needed.",
        )

    def check_execution(self, *, device: str, engine: str, memory_format: str, compile_blocks: bool) -> None:
        require(
            engine != "stacked",
            "runtime.engine is 'stacked'; networks of the unet family are not stacked, use auto, sequential or graph.",
        )
        require(not compile_blocks, "runtime.compile_blocks is for network.family=cifar and it is unet.")

    def default_engine(self, device: str, precision: str) -> str:
        return "graph" if device == "cuda" else "sequential"

    def default_memory_format(self, device: str, precision: str) -> str:
        """As in the `cifar` family, which says why."""
        return "channels_last" if device == "cpu" or precision == "bf16" else "contiguous"

    def default_compile_blocks(self, device: str, precision: str, max_steps: int) -> bool:
        return False

    def stages(self) -> list[int]:
        """Times that a stage's channels are doubled and its images' sides halved, down and up again."""
        return [*range(HALVINGS + 1), *reversed(range(HALVINGS))]

    def layer_sizes(self, depth: int, shape: tuple[int, ...]) -> list[int]:
        """Numbers that each layer puts out for one image: half as many a stage down, up again with the layer before."""
        sizes = []
        for place, halved in enumerate(self.stages()):
            size = self.width * shape[1] * shape[2] // 2**halved
            sizes += [size] * ((depth - 3) // 5 + (place > HALVINGS))
        return sizes

    def weights(self, depth: int) -> float:
        """The weights of the layers between the first and the head."""
        count = 0.0
        for place, halved in enumerate(self.stages()):
            channels, up = self.width * 2**halved, place > HALVINGS
            first = 2 * channels if up else channels // 2 if place else 0  # what the stage's first 3x3 layer reads
            count += 9 * channels * (first + ((depth - 3) // 5 - 1) * channels) + up * 2 * channels**2
        return count

    def layer_multiply_adds(self, shape: tuple[int, ...]) -> int:
        """Of a 3x3 layer that does not begin a stage; the same in every one."""
        return 9 * self.width**2 * shape[1] * shape[2]

    def source(self) -> None:
        """None: every network is drawn from its seed."""

    def module(self, *, shape: tuple[int, ...], outputs: int, depth: int) -> "nn.Module":
        """Raises ConfigError where a prediction is not an image of the input's shape."""
        from degradation.networks.unet import UNet

        wanted = f"network.family=unet predicts images: {prod(shape)} numbers for those of {shape}, and not {outputs}"
        require(outputs == prod(shape), f"{wanted}; take task=digits_denoising, or another family.")
        return UNet(self, channels=shape[0], depth=depth)
