"""What can be said of a network of the `mlp` family without building it. Imports no torch."""

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

from degradation.checks import ConfigError, at_least, one_of, positive, require
from degradation.networks.sums import check_sum

if TYPE_CHECKING:
    from torch import nn

WIDEST = 20  # of a gate's bias: beyond it float32's sigmoid is 1, and 1 - T is 0


@dataclass
class MLPNetwork:
    """Settings of `degradation.networks.mlp.MLP`. Keys and their meaning: conf/network/mlp.yaml."""

    family: str
    width: int
    span: int
    init: str
    norm: str
    shortcut: str = field(default="identity", metadata={"absent": "identity"})
    shortcut_scale: float = field(default=1.0, metadata={"absent": 1.0})
    branch_scale: float = field(default=1.0, metadata={"absent": 1.0})
    gate_bias: float = field(default=0.0, metadata={"absent": 0.0})
    gain: float = field(default=1.0, metadata={"absent": 1.0})

    def __post_init__(self) -> None:
        at_least("network.width", self.width, 1)
        at_least("network.span", self.span, 1)
        one_of("network.init", self.init, ("default", "he", "he_default_bias", "he_zero_last", "orthogonal"))
        one_of("network.norm", self.norm, ("none", "batch", "layer"))
        one_of("network.shortcut", self.shortcut, ("none", "identity", "gate"))
        check_sum(self.shortcut, self.shortcut_scale, self.branch_scale, self.init)
        gated, bias = self.shortcut == "gate", self.gate_bias
        require(
            not gated or ((self.shortcut_scale, self.branch_scale) == (1, 1) and self.init != "he_zero_last"),
            "network.shortcut=gate mixes and has no sum to scale, nor a branch to end at zero; leave "
            "network.shortcut_scale and network.branch_scale at 1 and take another network.init than he_zero_last.",
        )
        require(
            gated or bias == 0,
            f"network.gate_bias is {bias} with network.shortcut={self.shortcut}; it is for network.shortcut=gate.",
        )
        require(
            abs(bias) <= WIDEST,
            f"network.gate_bias is {bias}; it must be between -{WIDEST} and {WIDEST}, where a gate is closed or open.",
        )
        positive("network.gain", self.gain)
        require(
            self.gain == 1 or self.init != "default",
            f"network.gain is {self.gain}; it is a factor of the weights that network.init=he and its kin draw, and "
            "network.init=default has none: use he_default_bias.",
        )

    @property
    def block_layers(self) -> int:
        return self.span

    def check_depth(self, depth: int) -> None:
        """Refuse a depth that a stem layer and blocks of `span` layers do not tile."""
        below = 1 + (depth - 1) // self.span * self.span
        if depth < 1:
            raise ConfigError(f"depth is {depth}; the smallest network has depth 1.")
        require(
            depth == below,
            f"depth is {depth}; one stem layer and blocks of network.span={self.span} layers make depths "
            f"1 + {self.span}m: the nearest are {below} and {below + self.span}.",
        )

    def check_task(self, task: str, shape: tuple[int, ...], outputs: int) -> None:
        """Examples of any shape: their numbers are inputs, one after another."""

    def check_execution(self, *, device: str, engine: str, memory_format: str, compile_blocks: bool) -> None:
        require(
            memory_format == "contiguous",
            f"runtime.memory_format is {memory_format!r}; it is for convolutions and network.family=mlp has none.",
        )
        require(not compile_blocks, "runtime.compile_blocks is for network.family=cifar and it is mlp.")

    def default_engine(self, device: str, precision: str) -> str:
        return "sequential" if precision == "bf16" else "stacked"

    def default_memory_format(self, device: str, precision: str) -> str:
        return "contiguous"

    def default_compile_blocks(self, device: str, precision: str, max_steps: int) -> bool:
        return False

    def layer_sizes(self, depth: int, shape: tuple[int, ...]) -> list[int]:
        return [self.width] * depth

    def weights(self, depth: int) -> float:
        """The weights of the layers from hidden to hidden, gates among them."""
        return depth * self._layer_weights

    def layer_multiply_adds(self, shape: tuple[int, ...]) -> int:
        return self._layer_weights

    @property
    def _layer_weights(self) -> int:
        """With a block's gate, which has as many as one of its layers."""
        gates = 1 if self.shortcut == "gate" else 0
        return self.width**2 * (self.span + gates) // self.span

    def source(self) -> None:
        """None: every network is drawn from its seed."""

    def module(self, *, shape: tuple[int, ...], outputs: int, depth: int) -> "nn.Module":
        from degradation.networks.mlp import MLP

        return MLP(self, inputs=prod(shape), outputs=outputs, depth=depth)
