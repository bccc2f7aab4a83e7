"""What the settings of several families of convolutional networks say alike. Imports no torch."""

from math import prod

from degradation.checks import require


def whole_blocks(depth: int, step: int, rest: int, networks: str) -> None:
    """Refuse a depth that is not `step` n + `rest` with an n of 1 or more, naming the nearest ones.

    Args:
        networks: which, for the sentence.
    """
    least = step + rest
    below = max(least, (depth - rest) // step * step + rest)
    nearest = f"the nearest are {below} and {below + step}" if depth > least else f"the smallest is {least}"
    require(depth == below, f"depth is {depth}; networks of the {networks} have {step}n + {rest} layers: {nearest}.")


class Convolutional:
    """Networks on images whose blocks are not compiled and which are drawn from their seeds.

    They are batch-normalised unless they say otherwise. The base of a family's settings, whose methods are those of
    `degradation.networks.family.Family`.
    """

    family: str

    norm = "batch"
    predicts_images = False  # of the shape of the input

    def check_task(self, task: str, shape: tuple[int, ...], outputs: int) -> None:
        require(len(shape) == 3, f"network.family={self.family} takes images and task.name={task} has none; use mlp.")
        require(
            not self.predicts_images or outputs == prod(shape),
            f"network.family={self.family} predicts images: {prod(shape)} numbers for those of {shape}, and the "
            f"predictions of task.name={task} are {outputs}; take another family, or a task of images to images.",
        )

    def check_execution(self, *, device: str, engine: str, memory_format: str, compile_blocks: bool) -> None:
        require(
            engine != "stacked",
            f"runtime.engine is 'stacked'; networks of the {self.family} family are not stacked, use auto, sequential "
            "or graph.",
        )
        require(not compile_blocks, f"runtime.compile_blocks is for network.family=cifar and it is {self.family}.")

    def default_engine(self, device: str, precision: str) -> str:
        return "graph" if device == "cuda" else "sequential"

    def default_memory_format(self, device: str, precision: str) -> str:
        """As in the `cifar` family, which says why."""
        return "channels_last" if device == "cpu" or precision == "bf16" else "contiguous"

    def default_compile_blocks(self, device: str, precision: str, max_steps: int) -> bool:
        return False

    def source(self) -> None:
        """None: every network is drawn from its seed."""
